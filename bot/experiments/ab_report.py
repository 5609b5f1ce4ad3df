"""How a candidate does beside the release in use, by what became of the conversations of either. Pure.

A conversation counts once, by its first sitting in the experiment: its turns until an hour passes without one. What
comes later changes nothing any more, so that a test that is looked at again and again stays valid.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.experiments.equality_test import Compared, compare_arms
from bot.experiments.experiment import Experiment
from bot.outcome import Outcome
from bot.promise_watch import GIVEN
from bot.stores.arm_turns import ArmTurn, Thumb

SITTING_S = 3_600.0
ALPHA = 0.05  # that any of the measures ever differs where none does
MARGIN = 0.05  # a smaller difference does not matter
NOT_THE_BOTS = (Outcome.PERSON, Outcome.EXTERNAL)
MEASURES = {
    "thumbs": "thumbs up",
    "contained": "without a person",
    "p_right": "own P(right)",
}


@dataclass(slots=True)
class _Sitting:
    """The first sitting of one conversation."""

    turns: list[ArmTurn] = field(default_factory=list)

    def add(self, turn: ArmTurn) -> None:
        """Adds a turn, unless the sitting had ended by then."""
        if not self.turns or turn.at - self.turns[-1].at <= SITTING_S:
            self.turns.append(turn)

    @property
    def ended_at(self) -> float:
        """Since when nothing can be added."""
        return self.turns[-1].at + SITTING_S


@dataclass(frozen=True, slots=True, kw_only=True)
class ABReport:
    """How two arms compare.

    Attributes:
        conversations: Whose first sitting has ended, by arm.
        under_way: Others.
        mixed: Left out, since another release than their arm's took a turn of them.
        compared: By measure.
        advice: Whether to go on, in sentences.
        stop: Whether to stop.
    """

    conversations: tuple[int, int]
    under_way: int
    mixed: int
    compared: Mapping[str, Compared]
    advice: tuple[str, ...]
    stop: bool


def report_ab(
    experiment: Experiment, turns: Iterable[ArmTurn], given: Sequence[Thumb], now: float, *, margin: float = MARGIN
) -> ABReport:
    """Sums it up.

    Args:
        turns: Since the experiment began, the oldest first.
        given: In the order in which they were given.
        margin: A difference below it does not matter.
    """
    sittings: dict[str, _Sitting] = {}
    for turn in (one for one in turns if one.outcome not in NOT_THE_BOTS):
        sittings.setdefault(turn.conversation_id, _Sitting()).add(turn)
    ended = {one: sitting for one, sitting in sittings.items() if sitting.ended_at <= now}
    releases = (experiment.base, experiment.release)
    arms = {one: int(experiment.takes(one)) for one in sittings}
    pure = {
        one: sitting
        for one, sitting in ended.items()
        if all(turn.release_id == releases[arms[one]] for turn in sitting.turns)
    }
    in_order = sorted(pure, key=lambda one: (pure[one].ended_at, one))
    streams = {
        "thumbs": _thumbs(given, sittings, arms, releases),
        "contained": [(arms[one], _contained(pure[one])) for one in in_order],
        "p_right": [(arms[one], sure) for one in in_order if (sure := _p_right(pure[one])) is not None],
    }
    compared = {
        name: compare_arms(stream, alpha=ALPHA / len(MEASURES), share=experiment.share)
        for name, stream in streams.items()
    }
    stop, advice = _advice(compared, margin)
    candidates = sum(arms[one] for one in pure)
    return ABReport(
        conversations=(len(pure) - candidates, candidates),
        under_way=len(sittings) - len(ended),
        mixed=len(ended) - len(pure),
        compared=compared,
        advice=advice,
        stop=stop,
    )


def _contained(sitting: _Sitting) -> float:
    return float(all(turn.outcome != Outcome.HANDED_OVER for turn in sitting.turns))


def _p_right(sitting: _Sitting) -> float | None:
    sure = [turn.confidence for turn in sitting.turns if turn.reason in GIVEN and turn.confidence is not None]
    return min(max(sum(sure) / len(sure), 0.0), 1.0) if sure else None


def _thumbs(
    given: Sequence[Thumb], sittings: Mapping[str, _Sitting], arms: Mapping[str, int], releases: tuple[str, str]
) -> list[tuple[int, float]]:
    """The first thumb of each conversation on a turn of its arm's release."""
    found: dict[str, float] = {}
    by = {(one, turn.seq): turn.release_id for one, sitting in sittings.items() for turn in sitting.turns}
    for thumb in given:
        one = thumb.conversation_id
        if one not in found and by.get((one, thumb.turn_seq)) == releases[arms.get(one, 0)]:
            found[one] = float(thumb.verdict == "right")
    return [(arms[one], value) for one, value in found.items()]


def _advice(compared: Mapping[str, Compared], margin: float) -> tuple[bool, tuple[str, ...]]:
    found = [
        f"Stop: the candidate is {'better' if one.means[1] > one.means[0] else 'worse'} in {name}, "
        f"{one.means[1]:.1%} against {one.means[0]:.1%}."
        for name, one in compared.items()
        if one.differs
    ]
    if found:
        return True, tuple(found)
    if all(-margin <= one.difference[0] and one.difference[1] <= margin for one in compared.values() if any(one.seen)):
        if any(any(one.seen) for one in compared.values()):
            return True, (f"Stop: whatever differs, differs by less than {margin:.0%}.",)
        return False, ("Go on: nothing is known yet.",)
    return False, ("Go on: no difference is shown yet, nor that there is none that matters.",)
