"""`kefu groups`: what kinds of customers there are, by what they ask, how they sound and how often they come."""

import asyncio
import json
import time
from collections.abc import Iterable
from dataclasses import asdict
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection

from bot.data_folder import AssistantOption, DataOption, data_dir
from bot.measures import parse_period
from bot.stores.customers import TopicOfCustomer, customers_days, customers_topics
from bot.stores.location import connector_of, database_of
from bot.stores.moods import NO_INTENT, UNANSWERED
from bot.stores.read_beside import read_beside
from bot.terminal_text import one_line
from configs.assistant import STARTER
from configs.errors import SettingsError
from configs.settings import load_settings

if TYPE_CHECKING:
    from training.groups import Customer, Group, Grouping

NAMES = {UNANSWERED: "no sure answer", NO_INTENT: "past answers"}


def groups(
    since: Annotated[str, typer.Option("--since", help="30d, 24h, 2w, or a date; where the messages begin.")] = "90d",
    most: Annotated[int, typer.Option("--most", min=2, max=20, help="Groups at most.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    ids: Annotated[bool, typer.Option("--ids", help="With --json: also say who is in each group.")] = False,
    assistant: AssistantOption = None,
    data: DataOption = None,
) -> None:
    """Show what kinds of customers there are.

    [dim]Examples:[/dim]  kefu groups    kefu groups --since 30d --json
    """
    if find_spec("sklearn") is None:
        raise SettingsError("Groups need the extra train. Install it with `pip install 'kefu[train]'`.")
    from training.groups import group  # noqa: PLC0415 - scikit-learn is heavy, and kefu run does without it

    if ids and not as_json:
        raise typer.BadParameter("goes with --json.", param_hint="--ids")
    period = parse_period(since, None, ZoneInfo("UTC"), time.time())
    folder = data_dir(assistant or STARTER, data)
    settings = load_settings(data_dir=data)

    def read(connection: Connection) -> tuple[list[TopicOfCustomer], dict[str, int]]:
        bounds = (period.since, period.until)
        return customers_topics(connection, *bounds), customers_days(connection, *bounds)

    topics, days = asyncio.run(read_beside(database_of(settings, folder), connector_of(settings, folder), read))
    found = group(customers_of(topics, days), most=most)
    if as_json:
        typer.echo(json.dumps(grouping_json(found, ids=ids), ensure_ascii=False, indent=1))
    else:
        _print(found, Console(highlight=False))


def customers_of(topics: Iterable[TopicOfCustomer], days: dict[str, int]) -> "list[Customer]":
    """The customers in numbers."""
    from training.groups import Customer  # noqa: PLC0415 - as above

    rows: dict[str, list[TopicOfCustomer]] = {}
    for one in topics:
        rows.setdefault(one.conversation_id, []).append(one)
    return [
        Customer(
            id=who,
            topics={one.topic: one.messages for one in theirs},
            negative=sum(one.negative for one in theirs),
            moods=sum(one.moods for one in theirs),
            days=days.get(who, 1),
        )
        for who, theirs in rows.items()
    ]


def grouping_json(found: "Grouping", *, ids: bool) -> dict[str, Any]:
    """The groups as JSON; who is in them only where that is wanted."""
    kept = [asdict(one) for one in (*found.groups, found.everybody)]
    for one in kept:
        if not ids:
            del one["ids"]
    everybody = kept.pop()
    return {"groups": kept, "everybody": everybody, "silhouette": found.silhouette}


def _print(found: "Grouping", out: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("group", "customers", "share", "negative", "messages", "days", "comes with"):
        is_last = column == "comes with"
        table.add_column(
            column, justify="left" if column == "group" or is_last else "right", no_wrap=not is_last, overflow="fold"
        )
    for number, one in enumerate(found.groups, 1):
        table.add_row(str(number), *_cells(one, found.everybody))
    table.add_row("all", *_cells(found.everybody, found.everybody))
    out.print(table)
    if found.silhouette is None:
        out.print("No groups stand apart: the customers are all much alike.")
    else:
        out.print(f"They stand apart with a silhouette of {found.silhouette:.2f}; 1 would be wholly, 0 not at all.")


def _cells(one: "Group", everybody: "Group") -> tuple[str, ...]:
    typical = ", ".join(
        f"{one_line(NAMES.get(topic.topic, topic.topic))} {topic.share:.0%}"
        for topic in one.topics
        if topic.share >= topic.of_all
    )
    return (
        f"{one.size:,}",
        f"{one.size / everybody.size:.0%}",
        "-" if one.negative is None else f"{one.negative:.0%}",
        f"{one.messages:g}",
        f"{one.days:g}",
        typical,
    )
