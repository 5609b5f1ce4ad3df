"""`kefu export`: what is held of a customer, as files that the customer can be given."""

import asyncio
import json
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from bot.data_folder import AssistantOption, DataOption, data_dir
from bot.erase_command import PrefixOption
from configs.assistant import STARTER, read_assistant
from configs.errors import SettingsError
from configs.settings import Settings, load_settings

if TYPE_CHECKING:
    from sqlalchemy import Connection

JSON_FILE, UPLOADS_FOLDER = "sender.json", "uploads"
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700  # a customer's words are nobody else's
out = Console(highlight=False)


def export(
    sender: Annotated[
        str | None, typer.Option("--sender", metavar="ID", help="Whose conversations: the id, exactly.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", help="A new folder, or a file that ends in .json and then goes without the files sent."
        ),
    ] = None,
    prefix: PrefixOption = False,
    for_training: Annotated[
        Path | None,
        typer.Option("--for-training", metavar="FILE", help="Instead: what another machine needs to refresh."),
    ] = None,
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """Write down all that is held of a customer: conversations, turns with their reasons, labels, feedback, files.

    [dim]Examples:[/dim]  kefu export --sender ann --output ann    kefu export --sender ann --output ann.json
    """
    if for_training is not None:
        if sender is not None:
            raise SettingsError("--for-training goes without --sender. Leave one out.")
        _for_training(for_training, assistant or STARTER, data)
        return
    if sender is None:
        raise SettingsError("Name whose conversations are wanted: --sender ID.")
    from bot.erasure.files import EXPORTS  # noqa: PLC0415 - other commands do without
    from bot.erasure.traces import hidden  # noqa: PLC0415

    root = assistant or STARTER
    folder = data_dir(root, data)
    held = _held(sender, load_settings(data_dir=data), folder, read_assistant(root).language, prefix=prefix)
    target = output or folder / EXPORTS / hidden(sender)  # where an erasure finds it
    if target.exists():
        raise SettingsError(f"--output is {target}, which exists. Name a new one.")
    if target.suffix == ".json":
        _write(target, held)
    else:
        _write_folder(target, held, folder)
    count = len(held["conversations"])
    _say(f"Wrote {count} conversation{'' if count == 1 else 's'} of {sender} to {target}.")


def _for_training(target: Path, root: Path, data: Path | None) -> None:
    from bot.refresh.taught import taught_of  # noqa: PLC0415
    from bot.refresh.training_export import export_for_training  # noqa: PLC0415
    from training.releases import Releases  # noqa: PLC0415

    folder = data_dir(root, data)
    collected = taught_of(read_assistant(root), folder, data)
    export_for_training(target, root, Releases(folder), collected.rows)
    _say(f"Wrote what a training needs to {target}: {len(collected.rows)} rows of what was said of messages.")


def _held(sender: str, settings: Settings, folder: Path, language: str, *, prefix: bool) -> dict[str, Any]:
    """What is held; a server may be running."""
    from bot.erasure.export import held_of  # noqa: PLC0415
    from bot.stores.location import connector_of, database_of  # noqa: PLC0415
    from bot.stores.sqlite_file import reading  # noqa: PLC0415
    from nlu.masking import regions_of  # noqa: PLC0415

    def work(connection: "Connection") -> dict[str, Any]:
        return held_of(connection, sender, folder, regions_of(language), prefix=prefix, now=time.time())

    database = database_of(settings, folder)
    if isinstance(database, Path):
        with reading(database) as connection:
            return work(connection)

    async def read() -> dict[str, Any]:
        connector = connector_of(settings, folder)
        try:
            return await connector.read(work)
        finally:
            await connector.close()

    return asyncio.run(read())


def _write_folder(target: Path, held: dict[str, Any], data: Path) -> None:
    from bot.erasure.export import uploads_of  # noqa: PLC0415
    from bot.erasure.traces import traces_of_ids  # noqa: PLC0415

    target.mkdir(parents=True, mode=PRIVATE_FOLDER)
    _write(target / JSON_FILE, held)
    for path, _ in uploads_of(data, traces_of_ids(one["id"] for one in held["conversations"])):
        (target / UPLOADS_FOLDER).mkdir(exist_ok=True, mode=PRIVATE_FOLDER)
        shutil.copyfile(path, target / UPLOADS_FOLDER / path.name)


def _write(target: Path, held: dict[str, Any]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(held, file, ensure_ascii=False, indent=1)


def _say(text: str) -> None:
    out.print(escape(text), soft_wrap=True)
