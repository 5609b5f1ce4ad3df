"""The commands under `kefu db`: the database of the conversations is brought up to date, copied and checked."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from sqlalchemy import URL

from bot.data_folder import AssistantOption, DataOption, data_dir
from configs.assistant import STARTER
from configs.errors import AssistantError
from configs.settings import load_settings

db_app = typer.Typer(
    help="Look after the database of the conversations.", no_args_is_help=True, rich_markup_mode="rich"
)
out = Console(highlight=False)


@db_app.callback()
def db() -> None:
    """Look after the database of the conversations."""


@db_app.command()
def migrate(assistant: AssistantOption = None, data: DataOption = None) -> None:
    """Bring the database to what this version of Kefu needs, as `kefu run` does when it starts.

    [dim]Examples:[/dim]  kefu db migrate    kefu db migrate --assistant mybot
    """
    from bot.stores.location import connector_of  # noqa: PLC0415 - other commands do without
    from bot.stores.maintenance import migrate as bring_up_to_date  # noqa: PLC0415
    from bot.stores.schema import HEAD  # noqa: PLC0415

    connector = connector_of(load_settings(data_dir=data), _folder(assistant, data))
    made = asyncio.run(bring_up_to_date(connector))
    what = f"migrated by {', '.join(made)}" if made else "nothing to migrate"
    _say(f"{connector.name}: {what}; its schema is {HEAD}.")


@db_app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="File to write; must not exist.")],
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """Copy the conversations as they are now; the server may go on.

    [dim]Example:[/dim]  kefu db backup conversations-monday.db
    """
    from bot.stores.maintenance import back_up  # noqa: PLC0415

    database = _database(assistant, data)
    back_up(database, target)
    _say(f"Copied {database} to {target}, and checked the copy.")


@db_app.command()
def check(assistant: AssistantOption = None, data: DataOption = None) -> None:
    """Look for damage in the database; the server may go on.

    [dim]Examples:[/dim]  kefu db check    kefu db check --assistant mybot
    """
    from bot.stores.location import connector_of  # noqa: PLC0415
    from bot.stores.maintenance import check as look_for_damage  # noqa: PLC0415

    database = _database(assistant, data)
    connector = connector_of(load_settings(data_dir=data), _folder(assistant, data))
    found = asyncio.run(look_for_damage(database, connector))
    for problem in found:
        _say(f"{connector.name}: {problem}")
    if found:
        raise typer.Exit(1)
    _say(f"{connector.name}: nothing is wrong.")


def _database(assistant: Path | None, data: Path | None) -> "Path | URL":
    from bot.stores.location import database_of  # noqa: PLC0415

    return database_of(load_settings(data_dir=data), _folder(assistant, data))


def _folder(assistant: Path | None, data: Path | None) -> Path:
    root = assistant or STARTER
    if not root.is_dir():
        raise AssistantError(root, None, "there is no such folder", "Make one with `kefu init DIR`.")
    return data_dir(root, data)


def _say(text: str) -> None:
    out.print(escape(text), soft_wrap=True)
