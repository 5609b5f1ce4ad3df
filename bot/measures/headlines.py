"""The figures that stand at the top of a report, each with what it is a share of, in words. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from bot.measures.figures import Bucket
from bot.measures.measures import Measures
from bot.measures.share import Share, percent
from bot.outcome import Outcome

Series: TypeAlias = tuple[float | None, ...]
"""A figure of each day or hour of the period; None where there was nothing to tell it from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """A figure.

    Attributes:
        value: As it is read; a dash where there is nothing to tell.
        of: What it is a share of, and what else belongs to it.
        series: How it went.
    """

    title: str
    value: str
    of: str
    series: Series = ()


def headlines(measures: Measures) -> list[Headline]:
    """The figures of a period, the most asked for first."""
    return [_conversations(measures), _self_service(measures), *_outcomes(measures), *_opinions(measures)]


def _conversations(measures: Measures) -> Headline:
    return Headline(
        title="Conversations",
        value=f"{measures.conversations.count:,}",
        of=f"with {measures.outcomes.messages:,} messages",
        series=_series(measures, lambda part: float(part.conversations.count)),
    )


def _self_service(measures: Measures) -> Headline:
    seen = measures.conversations
    left = percent(Share(count=seen.left, of=seen.asked).value)
    return Headline(
        title="Without a person",
        value=percent(Share(count=seen.self_served, of=seen.asked).value),
        of=f"of {seen.asked:,} conversations with a question; {left} had neither a person nor an answer",
        series=_series(
            measures, lambda part: Share(count=part.conversations.self_served, of=part.conversations.asked).value
        ),
    )


def _outcomes(measures: Measures) -> list[Headline]:
    titles = {
        Outcome.ANSWERED: "Answered",
        Outcome.ASKED_BACK: "Asked back",
        Outcome.FELL_BACK: "Not known",
        Outcome.HANDED_OVER: "Handed over",
    }
    return [
        Headline(
            title=title,
            value=percent(measures.outcomes.share(outcome).value),
            of=f"of {measures.outcomes.questions:,} questions",
            series=tuple(part.outcomes.share(outcome).value for part in measures.parts),
        )
        for outcome, title in titles.items()
    ]


def _opinions(measures: Measures) -> list[Headline]:
    said, thumbs, moods, time = measures.satisfaction, measures.thumbs, measures.moods, measures.time
    pressed = thumbs.up + thumbs.down
    mean = "" if said.mean is None else f", {said.mean:.1f} of 5 on average"
    return [
        _wrong(measures),
        Headline(
            title="Satisfied",
            value=percent(said.satisfied.value),
            of=f"of {said.satisfied.of:,} customers who gave a score: 4 or 5{mean}",
        ),
        Headline(
            title="Thumbs up",
            value=percent(Share(count=thumbs.up, of=pressed).value),
            of=f"of {pressed:,} thumbs that customers pressed",
        ),
        Headline(
            title="Negative",
            value=percent(Share(count=moods.negative, of=moods.read).value),
            of=f"of {moods.read:,} messages whose mood was read",
            series=_series(measures, lambda part: Share(count=part.moods.negative, of=part.moods.read).value),
        ),
        Headline(
            title="Response time",
            value="–" if time.p50_ms is None else f"{time.p50_ms:,} ms",
            of=f"or less for half of {time.turns:,} messages; {_within(time.p99_ms)} for 99 of 100",
            series=_series(measures, lambda part: None if part.time.p50_ms is None else float(part.time.p50_ms)),
        ),
    ]


def _wrong(measures: Measures) -> Headline:
    wrong, given = measures.judged.wrong, measures.judged.given
    low, high = wrong.interval or (0.0, 1.0)
    between = f", {100 * low:.1f} to {percent(high)} as chance goes" if wrong.of else ""
    return Headline(
        title="Wrong",
        value=percent(wrong.value),
        of=f"of {wrong.of:,} answers that somebody judged{between}; {given:,} were given",
    )


def _within(time_ms: int | None) -> str:
    return "nothing is known" if time_ms is None else f"{time_ms:,} ms"


def _series(measures: Measures, figure: Callable[[Bucket], float | None]) -> Series:
    return tuple(figure(part) for part in measures.parts)
