"""How messages and clusters look in the terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.pages.words import KINDS, Titles, done, meaning, percent
from bot.review import Candidate, Cluster, Item
from bot.stores.labels import LabelKind
from bot.terminal_text import harmless, one_line

SHOWN_CANDIDATES = 9
SHOWN_MEMBERS = 5
_WORDS = {LabelKind.INTENT: "intent", LabelKind.PAIR: "past answer"}


def show_item(item: Item, console: Console) -> None:
    """A message with what the bot did, what it may mean, and what people say of it."""
    times = "" if item.count == 1 else f", {item.count:,} times"
    console.print(f"\n[bold]{KINDS[item.why]}[/bold][dim]{times}, {item.score:.2f}[/dim]")
    table = _grid()
    table.add_row("Message", harmless(item.text))
    title = _titles(item.candidates)
    table.add_row("The bot", harmless(done(item.turn, title)))
    for label in item.labels:
        table.add_row(harmless(label.who), harmless(one_line(meaning(label, title))))
    console.print(table)
    show_choices(item.candidates[:SHOWN_CANDIDATES], console)


def show_cluster(cluster: Cluster, console: Console, *, whole: bool = False) -> None:
    """A cluster by its typical messages.

    Args:
        whole: Show every one.
    """
    table = _grid()
    if not whole:
        console.print(f"\n[bold]Asked by several[/bold][dim], {cluster.size:,} messages[/dim]")
    most = len(cluster.texts) if whole else SHOWN_MEMBERS
    for place, text in enumerate(cluster.texts[:most]):
        table.add_row("Typical" if place == 0 else "", harmless(one_line(text)))
    if len(cluster.texts) > most:
        table.add_row("", f"[dim]and {len(cluster.texts) - most:,} more[/dim]")
    console.print(table)
    if not whole:
        show_choices(cluster.nearest[:SHOWN_CANDIDATES], console)


def show_choices(found: Sequence[Candidate], console: Console) -> None:
    """What there is to choose from, numbered."""
    table = Table.grid(padding=(0, 2))
    for place, one in enumerate(found, start=1):
        name = one.title if one.title == one.value or one.kind is LabelKind.PAIR else f"{one.value}: {one.title}"
        table.add_row(f"[bold]{place}[/bold]", _WORDS[one.kind], harmless(one_line(name)), percent(one.probability))
    console.print(table)


def complain(error: Exception, console: Console) -> None:
    """Says what is wrong."""
    console.print(f"[yellow]{escape(str(error))}[/yellow]", soft_wrap=True)


def _titles(candidates: Iterable[Candidate]) -> Titles:
    """What intents and past answers are called, where they are among the candidates."""
    called = {(one.kind, one.value): one.title for one in candidates}
    return lambda kind, value: called.get((kind, value), value)


def _grid() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    return table
