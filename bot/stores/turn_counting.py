"""The queries that count the turns of a stretch of time, each turn read once."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    case,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    union_all,
)

from bot.outcome import Outcome
from bot.policy import Reason
from bot.stores.sql_functions import given_pair, whole
from bot.stores.tables import turns

HOUR_S = 3_600.0
QUESTIONS = (Outcome.ANSWERED, Outcome.ASKED_BACK, Outcome.FELL_BACK, Outcome.HANDED_OVER)
BY_PERSON = (Outcome.HANDED_OVER, Outcome.PERSON)
PAST_ANSWERS = (Reason.SAME_QUESTION, Reason.NEAR_QUESTION)
GIVEN = (Reason.SURE_INTENT, *PAST_ANSWERS)  # answers that a promised error rate speaks of
FINE_MS, MIDDLE_MS, COARSE_MS = 100, 1_000, 10_000  # up to where times are told to 1, 5 and 50 ms
STEPS_MS = (1, 5, 50, 500)
MESSAGE, QUESTION, ANSWER, PERSON = 1, 2, 4, 8
"""What a conversation had in a stretch, added up: a message, a question, an answer, a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Only:
    """Which turns are counted; None takes all."""

    channel: str | None = None
    intent: str | None = None


ALL = Only()


def counting(since: float, until: float, only: Only, hour_began: float) -> Select[Any]:
    """Rows of `part`, `k`, `a`, `b` and `n`: one for everything that is counted, and one for each conversation."""
    turn = stretch(since, until, only, hour_began)
    fits = turn.c.fits == 1
    parts = [
        _part("message", turn, turn.c.hour, turn.c.outcome, turn.c.sentiment).where(fits),
        _part("channel", turn, _ZERO, turn.c.channel, turn.c.outcome).where(fits),
        _part("intent", turn, _ZERO, turn.c.intent, turn.c.outcome).where(fits),
        _part("time", turn, turn.c.took, _NONE, _NONE).where(fits, turn.c.took.is_not(None)),
        _part("given", turn, turn.c.given, _NONE, _NONE).where(fits),
        _part("pair", turn, _ZERO, turn.c.pair, _NONE).where(fits, turn.c.pair.is_not(None)),
        topics(turn),
        _conversations(turn),
    ]
    return select(union_all(*parts).subquery())


def topics(turn: CTE) -> Select[Any]:
    """In how many conversations each intent came up, in rows as `counting` gives them."""
    conversations = func.count(func.distinct(turn.c.conversation_id))
    return _row("topic", _ZERO, turn.c.intent, _NONE, conversations).group_by(turn.c.intent)


def stretch(since: float, until: float, only: Only, hour_began: float | None = None) -> CTE:
    """The messages of a stretch, each with what it is counted by; only those of the channel.

    Args:
        hour_began: What hours are counted from; without it there is only what `topics` needs.
    """
    columns: list[ColumnElement[Any]] = [turns.c.conversation_id, turns.c.channel, turns.c.intent, turns.c.outcome]
    if hour_began is not None:
        gave = and_(turns.c.outcome == Outcome.ANSWERED, turns.c.reason.in_(PAST_ANSWERS))
        columns += [
            turns.c.sentiment,
            whole((turns.c.at - hour_began) / HOUR_S).label("hour"),
            case((turns.c.took_ms.is_(None), null()), else_=_rounded(turns.c.took_ms)).label("took"),
            case((turns.c.reason.in_(GIVEN), 1), else_=0).label("given"),
            case((gave, given_pair(turns.c.evidence)), else_=null()).label("pair"),
            case((_fits(only), 1), else_=0).label("fits"),
        ]
    is_message = or_(turns.c.outcome.is_(None), turns.c.outcome != Outcome.EXTERNAL)
    query = select(*columns).where(turns.c.at >= since, turns.c.at < until, is_message)
    if only.channel is not None:
        query = query.where(turns.c.channel == only.channel)
    return query.cte("turn")


_ZERO: ColumnElement[int] = literal_column("0", Integer)
_NONE: ColumnElement[Any] = func.nullif(literal_column("''", Text), literal_column("''", Text))
"""NULL that is a text in both databases."""


def _fits(only: Only) -> ColumnElement[bool]:
    return true() if only.intent is None else func.coalesce(turns.c.intent, "") == only.intent


def _row(
    part: str,
    number: ColumnElement[int],
    a: ColumnElement[Any],
    b: ColumnElement[Any],
    count: ColumnElement[int],
) -> Select[Any]:
    named = literal_column(f"'{part}'", Text).label("part")
    return select(named, number.label("k"), a.label("a"), b.label("b"), count.label("n"))


def _part(
    part: str, turn: CTE, number: ColumnElement[int], a: ColumnElement[Any], b: ColumnElement[Any]
) -> Select[Any]:
    """How many turns have each `number`, `a` and `b`."""
    keys = [column for column in (number, a, b) if column is not _ZERO and column is not _NONE]
    return _row(part, number, a, b, func.count()).select_from(turn).group_by(*keys)


def _conversations(turn: CTE) -> Select[Any]:
    fits = turn.c.fits == 1
    had = (
        _any(fits, MESSAGE)
        + _any(and_(fits, turn.c.outcome.in_(QUESTIONS)), QUESTION)
        + _any(and_(fits, turn.c.outcome == Outcome.ANSWERED), ANSWER)
        + _any(turn.c.outcome.in_(BY_PERSON), PERSON)
    )
    row = _row("conversation", had, turn.c.conversation_id, turn.c.channel, _ZERO)
    return row.group_by(turn.c.conversation_id, turn.c.channel)


def _any(is_so: ColumnElement[bool], worth: int) -> ColumnElement[int]:
    """`worth` where one of the turns is so."""
    return func.max(case((is_so, worth), else_=0))


def _rounded(took_ms: ColumnElement[Any]) -> ColumnElement[int]:
    """Milliseconds, rounded down to a step that is small beside them."""
    _, middle, coarse, rough = STEPS_MS
    return case(
        (took_ms < FINE_MS, whole(took_ms)),
        (took_ms < MIDDLE_MS, whole(took_ms / middle) * middle),
        (took_ms < COARSE_MS, whole(took_ms / coarse) * coarse),
        else_=whole(took_ms / rough) * rough,
    )
