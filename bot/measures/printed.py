"""Figures in a terminal."""

from collections.abc import Sequence
from io import StringIO
from itertools import pairwise

from rich.console import Console
from rich.table import Table

from bot.measures.headlines import headlines
from bot.measures.measures import Measures
from bot.measures.parts import Part
from bot.measures.share import Share, percent
from bot.outcome import Outcome
from bot.terminal_text import harmless, one_line

BLOCKS = "▁▂▃▄▅▆▇█"
LISTED = 10
SPARK_CHARS = 20
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def print_measures(measures: Measures, console: Console) -> None:
    """All of it: what is told in one line first, what is listed below."""
    period = measures.period
    since, until = (period.local(at).strftime("%Y-%m-%d %H:%M") for at in (period.since, period.until))
    only = [f"{name} {value}" for name in ("channel", "intent") if (value := getattr(measures.only, name))]
    which = f", only {harmless(' and '.join(only))}" if only else ""
    console.print(f"[bold]{since} to {until}[/bold] {harmless(str(period.zone))}{which}", soft_wrap=True)
    console.print(_headline_table(measures))
    console.print(harmless(measures.judged.sentence), soft_wrap=True)
    for title, parts in (("Channel", measures.channels), ("Intent", measures.intents)):
        if parts:
            console.print(_part_table(title, parts))
    if measures.pairs:
        console.print(_pair_table(measures))
    _print_rising(measures, console)
    if measures.hours:
        console.print(_hour_table(measures))


def text_of(measures: Measures, columns: int) -> str:
    """The same, in plain text."""
    page = StringIO()
    print_measures(measures, Console(file=page, highlight=False, width=columns, color_system=None))
    return page.getvalue()


def sparkline(series: Sequence[float | None], most_chars: int = SPARK_CHARS) -> str:
    """A series as a line of blocks, from nothing up to its highest; a gap where nothing is known."""
    shown = series if len(series) <= most_chars else _thinned(series, most_chars)
    top = max((value for value in shown if value is not None), default=0.0)
    return "".join(" " if value is None else _block(value, top) for value in shown)


def _thinned(series: Sequence[float | None], count: int) -> list[float | None]:
    """Means of about equally many values one after another."""
    edges = [len(series) * place // count for place in range(count + 1)]
    pieces = ([v for v in series[begin:end] if v is not None] for begin, end in pairwise(edges))
    return [sum(known) / len(known) if known else None for known in pieces]


def _block(value: float, top: float) -> str:
    return BLOCKS[round((len(BLOCKS) - 1) * value / top)] if top else BLOCKS[0]


def _headline_table(measures: Measures) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right", style="bold")
    table.add_column(style="dim")
    table.add_column(no_wrap=True, style="cyan")
    for line in headlines(measures):
        table.add_row(line.title, line.value, line.of, sparkline(line.series))
    return table


def _part_table(title: str, parts: Sequence[Part]) -> Table:
    more = f"; {len(parts) - LISTED:,} more" if len(parts) > LISTED else ""
    table = Table(title=f"{title}s by messages{more}", title_justify="left")
    table.add_column(title)
    for name in ("messages", "answered", "asked back", "not known", "handed over", "wrong, of judged"):
        table.add_column(name, justify="right")
    for part in parts[:LISTED]:
        wrong = part.wrong
        shares = [percent(part.outcomes.share(outcome).value) for outcome in list(Outcome)[:4]]
        judged = f"{wrong.count:,} of {wrong.of:,}" if wrong.of else "–"
        table.add_row(harmless(one_line(part.name or "(none)")), f"{part.outcomes.messages:,}", *shares, judged)
    return table


def _pair_table(measures: Measures) -> Table:
    more = f"; {len(measures.pairs) - LISTED:,} more" if len(measures.pairs) > LISTED else ""
    table = Table("Past answer", "question", title=f"Past answers that were given most{more}", title_justify="left")
    table.add_column("times", justify="right")
    for pair in measures.pairs[:LISTED]:
        table.add_row(harmless(one_line(pair.id)), harmless(one_line(pair.question or "–", 60)), f"{pair.count:,}")
    return table


def _print_rising(measures: Measures, console: Console) -> None:
    if measures.rising is None:
        console.print("Rising: there is too little from before to compare with.")
        return
    if not measures.rising:
        console.print("Rising: no topic beyond what chance explains.")
        return
    table = Table("Rising intent", title="More frequent than before, beyond chance", title_justify="left")
    for name in ("share of conversations", "before", "conversations"):
        table.add_column(name, justify="right")
    for one in measures.rising[:LISTED]:
        shares = (percent(one.share_now), percent(one.share_before))
        table.add_row(harmless(one_line(one.topic)), *shares, f"{one.now:,}")
    console.print(table)


def _hour_table(measures: Measures) -> Table:
    most = max(measures.hours.values())
    table = Table(box=None, pad_edge=False, title=f"Messages by hour; █ is {most:,}", title_justify="left")
    table.add_column("")
    table.add_column("0     6     12    18    ", no_wrap=True)
    table.add_column("share", justify="right")
    total = sum(measures.hours.values())
    for weekday, name in enumerate(WEEKDAYS):
        counts = [measures.hours.get((weekday, hour), 0) for hour in range(24)]
        blocks = sparkline([count / most if count else None for count in counts] + [1.0])[:24]
        table.add_row(name, blocks, percent(Share(count=sum(counts), of=total).value))
    return table
