"""The gate's report: one page that needs nothing else, with the verdict, what changed, and what it did."""

import base64
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader

from nlu.masking import Regions, mask, regions_of
from training.gate.changes import Changes
from training.gate.comparing_rules import Both
from training.gate.measured import Asked, Measured, intent_certainty, intent_ece
from training.gate.verdict import Verdict
from training.metrics import RiskPoint, reliability_bins, risk_coverage
from training.pictures import draw_reliabilities, draw_risk_coverages

TEMPLATE = "report.html.jinja"
SHOWN_FLIPS, SHOWN_CONFUSIONS, SHOWN_CHARS = 40, 15, 200
NOW, BEFORE = "candidate", "current"

_PAGES = Environment(
    autoescape=True, trim_blocks=True, lstrip_blocks=True, loader=FileSystemLoader(Path(__file__).parent / "templates")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentRow:
    """One intent's questions that are understood."""

    name: str
    count: int
    before: int
    after: int

    @property
    def points(self) -> float:
        """What it has gained, in points."""
        return 100 * (self.after - self.before) / self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusionRow:
    """How often questions of one intent were taken for another."""

    meant: str
    taken_for: str
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A question that came out right before or now, and not in both; its text is masked."""

    text: str
    meant: str
    before: str
    after: str
    lost: bool


def write_gate_report(
    path: Path,
    verdict: Verdict,
    candidate: Measured,
    current: Measured | None,
    changes: Changes | None = None,
    *,
    language: str = "en",
) -> None:
    """Writes the page to `path`.

    Args:
        changes: What differs between the releases, where both are at hand.
        language: Of the assistant; texts are masked by its forms of phone numbers.
    """
    both = Both.of(current, candidate) if current else None
    releases = {BEFORE: current, NOW: candidate} if current else {NOW: candidate}
    page = _PAGES.get_template(TEMPLATE).render(
        verdict=verdict,
        changes=changes,
        figures=_figures(candidate, current),
        intents=intent_rows(both) if both else [],
        confusions=confusion_rows(both)[:SHOWN_CONFUSIONS] if both else [],
        flips=flips(both, regions_of(language))[:SHOWN_FLIPS] if both else [],
        risk=_risk_picture(releases),
        reliability=_reliability_picture(releases),
    )
    path.write_text(page, "utf-8")


def intent_rows(both: Both) -> list[IntentRow]:
    """By intent, those that lost most first."""
    count, was, now = (Counter[str]() for _ in range(3))
    for old, new in zip(both.before, both.after, strict=True):
        if new.name:
            count[new.name] += 1
            was[new.name] += old.understood
            now[new.name] += new.understood
    rows = [IntentRow(name=name, count=count[name], before=was[name], after=now[name]) for name in sorted(count)]
    return sorted(rows, key=lambda row: row.points)


def confusion_rows(both: Both) -> list[ConfusionRow]:
    """What is mixed up more or less often than before, the greatest change first, new confusions before old ones."""
    was, now = (_confused(part) for part in (both.before, both.after))
    rows = [
        ConfusionRow(meant=pair[0], taken_for=pair[1], before=was[pair], after=now[pair])
        for pair in sorted({*was, *now})
        if was[pair] != now[pair]
    ]
    return sorted(rows, key=lambda row: (-abs(row.after - row.before), row.before - row.after))


def flips(both: Both, regions: Regions) -> list[Flip]:
    """Questions that came out otherwise, the lost ones first."""
    found = [
        Flip(
            text=_cut(mask(new.text, regions)),
            meant=_meant(new),
            before=_came_out(old),
            after=_came_out(new),
            lost=old.understood,
        )
        for old, new in zip(both.before, both.after, strict=True)
        if old.understood is not new.understood
    ]
    return sorted(found, key=lambda flip: not flip.lost)


def _figures(candidate: Measured, current: Measured | None) -> list[tuple[str, str, str]]:
    was, now = current.figures() if current else {}, candidate.figures()
    return [
        (title, _shown(was.get(name), form), _shown(now.get(name), form))
        for name, (title, form) in _TITLES.items()
        if name in now or name in was
    ]


def _confused(questions: Iterable[Asked]) -> Counter[tuple[str, str]]:
    return Counter((asked.name, asked.said) for asked in questions if asked.name and asked.said not in asked.intents)


def _meant(asked: Asked) -> str:
    return asked.name or ("nothing" if asked.out_of_scope else f"past answer {asked.pairs[0]}")


def _came_out(asked: Asked) -> str:
    given = f", answers {asked.best.split(' ', 1)[-1]}" if asked.given else ", no answer"
    return f"{asked.said} ({asked.said_sure:.0%}){given}"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_CHARS else f"{line[:SHOWN_CHARS]}..."


def _risk_picture(releases: dict[str, Measured]) -> str:
    curves = {name: _curve(measured.questions) for name, measured in releases.items()}
    here = {name: _here(measured.questions) for name, measured in releases.items()}
    picture = BytesIO()
    draw_risk_coverages(curves, here, releases[NOW].promised.rate, picture)
    return _inline(picture)


def _reliability_picture(releases: dict[str, Measured]) -> str:
    bins = {}
    for name, measured in releases.items():
        sure, right = intent_certainty(measured.questions)
        bins[f"{name}, error {intent_ece(measured.questions):.3f}"] = reliability_bins(sure, right)
    picture = BytesIO()
    draw_reliabilities(bins, picture)
    return _inline(picture)


def _curve(questions: Sequence[Asked]) -> list[RiskPoint]:
    return risk_coverage(np.array([a.sure for a in questions]), np.array([a.right for a in questions], bool))


def _here(questions: Sequence[Asked]) -> RiskPoint:
    given = [asked for asked in questions if asked.given]
    wrong = sum(not asked.right for asked in given)
    return RiskPoint(
        threshold=0.0, answered=len(given) / max(1, len(questions)), wrong=wrong / len(given) if given else 0.0
    )


def _inline(picture: BytesIO) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture.getvalue()).decode('ascii')}"


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


_TITLES: dict[str, tuple[str, str]] = {
    "questions": ("questions asked", "{:,.0f}"),
    "understood": ("understood", "{:.1%}"),
    "answered": ("answered, of those in scope", "{:.1%}"),
    "answered_right": ("answered right, of those in scope", "{:.1%}"),
    "wrong": ("wrong among given answers", "{:.1%}"),
    "out_of_scope_refused": ("left without an answer, of those out of scope", "{:.1%}"),
    "scope_auroc": ("AUROC of the scope", "{:.3f}"),
    "ece": ("calibration error of the intents", "{:.3f}"),
    "golden_right": ("golden questions right", "{:.0%}"),
    "p50_ms": ("median time of a message, ms", "{:.1f}"),
    "p95_ms": ("95 % of messages within, ms", "{:.1f}"),
    "size_mb": ("size, MB", "{:.1f}"),
}


def shown_value(value: Any) -> str:
    """A setting's value, as the page shows it."""
    return "not set" if value is None else str(value)


_PAGES.filters["shown_value"] = shown_value
