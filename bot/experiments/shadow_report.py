"""What a candidate would have done otherwise, in figures. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.experiments.decided import logged_answer
from bot.outcome import Outcome
from bot.stores.shadows import Beside

NOT_ANSWERED = frozenset({Outcome.ASKED_BACK, Outcome.FELL_BACK, Outcome.HANDED_OVER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A turn in which the candidate would have done something else.

    Attributes:
        was: What was done: outcome, intent or pair.
        would_be: What the candidate would have done.
        text: The customer's words, where they are wanted.
    """

    conversation_id: str
    turn: int
    was: str
    would_be: str
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowReport:
    """How a candidate compares with what was done.

    Attributes:
        read: Turns whose message it has read.
        agrees: Those of them in which it would have done the same.
        answers_more: Those that it would have answered, and were not.
        answers_less: Those that were answered, and it would not have.
        answers_otherwise: Those that both answer, each in its way.
        was: Turns by what was done.
        would_be: Turns by what it would have done.
        differences: The latest first.
    """

    read: int
    agrees: int
    answers_more: int
    answers_less: int
    answers_otherwise: int
    was: dict[str, int]
    would_be: dict[str, int]
    differences: tuple[Difference, ...]


def report_shadow(turns: Sequence[Beside], *, with_texts: bool = False, most: int = 20) -> ShadowReport:
    """Sums it up.

    Args:
        most: How many differences are listed.
    """
    differing = [one for one in turns if not one.agrees]
    pairs = Counter((one.was, one.outcome) for one in differing)
    answered = Outcome.ANSWERED
    return ShadowReport(
        read=len(turns),
        agrees=len(turns) - len(differing),
        answers_more=sum(count for (was, now), count in pairs.items() if was in NOT_ANSWERED and now == answered),
        answers_less=sum(count for (was, now), count in pairs.items() if was == answered and now in NOT_ANSWERED),
        answers_otherwise=pairs[(answered, answered)],
        was=dict(Counter(one.was or "unknown" for one in turns).most_common()),
        would_be=dict(Counter(one.outcome for one in turns).most_common()),
        differences=tuple(_difference(one, with_texts=with_texts) for one in differing[: -most - 1 : -1]),
    )


def _difference(one: Beside, *, with_texts: bool) -> Difference:
    return Difference(
        conversation_id=one.conversation_id,
        turn=one.seq,
        was=f"{one.was} {logged_answer(one.evidence)}".strip(),
        would_be=f"{one.outcome} {one.answer}".strip(),
        text=one.message if with_texts else None,
    )
