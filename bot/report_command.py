"""`kefu report`: the figures of a period, on the screen or in a file."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from bot.data_folder import AssistantOption, DataOption, data_dir
from configs.assistant import STARTER
from configs.errors import AssistantError
from configs.settings import load_settings

if TYPE_CHECKING:
    from bot.measures import Measures

TEXT_COLUMNS = 120
out = Console(highlight=False)


class Format(StrEnum):
    """How figures are written."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    HTML = "html"


def report(  # noqa: PLR0913 - one option each
    *,
    since: Annotated[str, typer.Option("--since", help="30d, 24h, 2w, a date or a time: the beginning.")] = "30d",
    until: Annotated[str | None, typer.Option("--until", help="A date or a time: the end; now if left out.")] = None,
    channel: Annotated[str | None, typer.Option("--channel", help="Only messages of this channel.")] = None,
    intent: Annotated[str | None, typer.Option("--intent", help="Only messages with this intent.")] = None,
    format_: Annotated[Format, typer.Option("--format", help="text, json, csv or html.")] = Format.TEXT,
    output: Annotated[Path | None, typer.Option("--output", help="File to write, instead of the screen.")] = None,
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """Show how often the bot helped, how often it was wrong, and what customers came for.

    [dim]Examples:[/dim]  kefu report    kefu report --since 24h --channel widget    kefu report --format csv
    """
    from bot.measures.reading import read_report  # noqa: PLC0415 - other commands do without
    from bot.stores.turn_counting import Only  # noqa: PLC0415

    root = assistant or STARTER
    if not root.is_dir():
        raise AssistantError(root, None, "there is no such folder", "Make one with `kefu init DIR`.")
    only = Only(channel=channel, intent=intent)
    asked = read_report(root, data_dir(root, data), load_settings(data_dir=data), since=since, until=until, only=only)
    _show(asyncio.run(asked), format_, output)


def _show(measures: "Measures", format_: Format, output: Path | None) -> None:
    if output is not None:
        output.write_text(_written(measures, format_), "utf-8", newline="")
        out.print(f"Wrote {escape(str(output))}.", soft_wrap=True)
    elif format_ is Format.TEXT:
        from bot.measures.printed import print_measures  # noqa: PLC0415

        print_measures(measures, out)
    else:
        typer.echo(_written(measures, format_), nl=False)


def _written(measures: "Measures", format_: Format) -> str:
    match format_:
        case Format.JSON:
            from bot.measures.written import json_text  # noqa: PLC0415

            return json_text(measures)
        case Format.CSV:
            from bot.measures.rows import measures_csv  # noqa: PLC0415

            return measures_csv(measures)
        case Format.HTML:
            from bot.measures.page import standalone_page  # noqa: PLC0415

            return standalone_page(measures)
        case Format.TEXT:
            from bot.measures.printed import text_of  # noqa: PLC0415

            return text_of(measures, TEXT_COLUMNS)
