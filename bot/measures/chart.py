"""What a chart is, and the drawing of its shapes as SVG. Pure.

A chart's shapes fill whatever room they get; its words stand beside them as HTML, and keep their size on a phone.
Whoever does not see it has its title, its description and its table.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor, log10

from markupsafe import Markup

STEPS = (1, 2, 5, 10)
MOST_TICKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A series with the name of its colour."""

    title: str
    colour: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart.

    Attributes:
        id: Unique on its page.
        description: What it shows, for whoever does not see it.
        shapes: Inside of an SVG of 100 by 100.
        top: What stands at its top, and `middle` half way up; 0 is at the bottom.
        ticks: What stands below, evenly spaced from the first to the last.
        legend: Titles and colours; none where there is one line only.
        columns: Of the table.
        rows: Of the table.
    """

    id: str
    title: str
    description: str
    shapes: Markup
    top: str
    middle: str
    ticks: tuple[str, ...]
    legend: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def top_of(values: Iterable[float | None]) -> float:
    """The least round number that is not below any of these; 1 of none."""
    most = max((value for value in values if value), default=0.0)
    if most <= 0:
        return 1.0
    size = 10.0 ** floor(log10(most))
    return next(step * size for step in STEPS if step * size >= most * (1 - 1e-9))


def ticks_of(names: Sequence[str]) -> tuple[str, ...]:
    """A few of these, evenly spaced, with the first and the last."""
    if len(names) <= MOST_TICKS:
        return tuple(names)
    return tuple(names[round(place * (len(names) - 1) / (MOST_TICKS - 1))] for place in range(MOST_TICKS))


def bars(lines: Sequence[Line], top: float) -> Markup:
    """For each place the values of all lines, one on the other."""
    count = max((len(line.values) for line in lines), default=0)
    width = 100 / max(count, 1)
    shapes = []
    for place in range(count):
        floor_at = 100.0
        for line in lines:
            height = 100 * (line.values[place] or 0.0) / top
            floor_at -= height
            if height:
                shapes.append(_rect(line.colour, (place + 0.1) * width, floor_at, 0.8 * width, height))
    return Markup("").join(shapes)


def curves(lines: Sequence[Line], top: float) -> Markup:
    """Each line from value to value, with a gap where one is not known."""
    return Markup("").join(
        Markup('<path class="line {}" d="{}"/>').format(line.colour, path)
        for line in lines
        if (path := _path(line, top))
    )


def band(low: Line, high: Line, top: float) -> Markup:
    """The room between two lines, cut at the top; it begins where the lines do, and has no gaps from there."""
    count = len(low.values)
    ends = [
        (100 * (place + 0.5) / count, a, b)
        for place, (a, b) in enumerate(zip(low.values, high.values, strict=True))
        if a is not None and b is not None
    ]
    above = [f"{x:.2f} {100 - 100 * min(b, top) / top:.2f}" for x, _, b in ends]
    below = [f"{x:.2f} {100 - 100 * min(a, top) / top:.2f}" for x, a, _ in reversed(ends)]
    path = Markup('<path class="band" d="M{}Z"/>')
    return path.format("L".join([*above, *below])) if ends else Markup("")


def level(value: float | None, top: float) -> Markup:
    """A line across."""
    y = 100 - 100 * min(value or 0.0, top) / top
    return Markup('<path class="promise" d="M0 {0:.2f}H100"/>').format(y)


def spark(values: Sequence[float | None]) -> Markup:
    """A small line, for a figure that is told beside it."""
    line = Line(title="", colour="spark", values=tuple(values))
    return curves([line], 1.15 * top_of(values))


def _rect(colour: str, x: float, y: float, width: float, height: float) -> Markup:
    form = Markup('<rect class="{}" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"/>')
    return form.format(colour, x, y, width, height)


def _path(line: Line, top: float) -> str:
    """Of SVG; a value that stands alone is a dash."""
    count, pieces, is_drawing = len(line.values), list[str](), False
    for place, value in enumerate(line.values):
        if value is None:
            is_drawing = False
            continue
        x, y = 100 * (place + 0.5) / count, 100 - 100 * value / top
        alone = not is_drawing and (place + 1 == count or line.values[place + 1] is None)
        pieces.append(f"{'L' if is_drawing else 'M'}{x:.2f} {y:.2f}{'h1' if alone else ''}")
        is_drawing = True
    return "".join(pieces)
