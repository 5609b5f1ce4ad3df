"""What review reads of the store: turns that may be worth a look, as little of each as that takes, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, and_, bindparam, or_, select

from bot.outcome import Outcome
from bot.stores.labels import Label, LabelKind
from bot.stores.tables import feedback, labels, turns
from bot.stores.turn_log import LoggedTurn, logged_turn

Place: TypeAlias = tuple[float, str, int]

UNANSWERED = (Outcome.ASKED_BACK, Outcome.FELL_BACK, Outcome.HANDED_OVER)
WRONG = ("wrong", "corrected")
PAGE = 1_000

_LIGHT = (
    turns.c.conversation_id,
    turns.c.seq,
    turns.c.at,
    turns.c.outcome,
    turns.c.confidence,
    turns.c.message,
)
_ORDER = (turns.c.at, turns.c.conversation_id, turns.c.seq)
_WORTH_IT = and_(
    turns.c.message.is_not(None),
    or_(
        turns.c.outcome.in_(UNANSWERED),
        and_(turns.c.outcome == Outcome.ANSWERED, turns.c.confidence < bindparam("sure")),
    ),
)
_PLACES = select(*_ORDER)
_CALLED_WRONG = (
    select(*_LIGHT)
    .join(feedback, and_(turns.c.conversation_id == feedback.c.conversation_id, turns.c.seq == feedback.c.turn_seq))
    .where(feedback.c.at >= bindparam("since"), feedback.c.verdict.in_(WRONG), turns.c.message.is_not(None))
    .order_by(feedback.c.id.desc())
    .limit(bindparam("most"))
)
_GIVEN = select(labels).where(labels.c.undone_at.is_(None), labels.c.id > bindparam("after")).order_by(labels.c.id)
_UNDONE = select(labels.c.id).where(labels.c.undone_at >= bindparam("since"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTurn:
    """A turn, as much of it as says whether it is worth a look."""

    conversation_id: str
    seq: int
    at: float
    outcome: str | None
    confidence: float | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some turns.

    Attributes:
        seen: Those that may be worth a look, the oldest first.
        place: Of the turn to go on from; None where there was none.
        is_last: Whether there are no more.
    """

    seen: tuple[SeenTurn, ...]
    place: Place | None
    is_last: bool


def page_after(connection: Connection, place: Place, sure: float, count: int = PAGE) -> Page:
    """The next `count` turns after `place`.

    Args:
        sure: Answers given with this confidence or more are not looked at.
    """
    passed = connection.execute(_PLACES.where(_after(place)).order_by(*_ORDER).limit(count)).all()
    return _page(connection, passed, sure, count)


def page_before(connection: Connection, place: Place, sure: float, count: int = PAGE) -> Page:
    """The `count` turns before `place`; `sure` as in `page_after`."""
    backwards = [column.desc() for column in _ORDER]
    passed = connection.execute(_PLACES.where(_before(place)).order_by(*backwards).limit(count)).all()
    page = _page(connection, passed[::-1], sure, count)
    return replace(page, place=tuple(passed[-1]) if passed else None)


def _page(connection: Connection, passed: Sequence[Any], sure: float, count: int) -> Page:
    if not passed:
        return Page(seen=(), place=None, is_last=True)
    first, last = tuple(passed[0]), tuple(passed[-1])
    between = and_(or_(_after(first), _is(first)), or_(_before(last), _is(last)))
    rows = connection.execute(select(*_LIGHT).where(between, _WORTH_IT).order_by(*_ORDER), {"sure": sure})
    return Page(seen=tuple(_seen(row) for row in rows), place=last, is_last=len(passed) < count)


def called_wrong(connection: Connection, since: float, most: int) -> list[SeenTurn]:
    """Turns that somebody has called wrong since then, what was said last first."""
    return [_seen(row) for row in connection.execute(_CALLED_WRONG, {"since": since, "most": most})]


def given_labels(connection: Connection, after_id: int, most: int) -> list[Label]:
    """At most `most` labels that stand, with a higher id, in their order."""
    rows = connection.execute(_GIVEN.limit(most), {"after": after_id}).mappings()
    return [Label(**{**row, "kind": LabelKind(row["kind"])}) for row in rows]


def undone_labels(connection: Connection, since: float) -> list[int]:
    """The ids of labels that were taken back since then."""
    return list(connection.scalars(_UNDONE, {"since": since}))


def turns_of(connection: Connection, keys: Sequence[tuple[str, int]]) -> list[LoggedTurn | None]:
    """The turns with these keys, in their order; None for those that are gone."""
    return [logged_turn(connection, conversation_id, seq) for conversation_id, seq in keys]


def _after(place: Place) -> ColumnElement[bool]:
    at, conversation, seq = place
    return and_(
        turns.c.at >= at,
        or_(
            turns.c.at > at,
            turns.c.conversation_id > conversation,
            and_(turns.c.conversation_id == conversation, turns.c.seq > seq),
        ),
    )


def _before(place: Place) -> ColumnElement[bool]:
    at, conversation, seq = place
    return and_(
        turns.c.at <= at,
        or_(
            turns.c.at < at,
            turns.c.conversation_id < conversation,
            and_(turns.c.conversation_id == conversation, turns.c.seq < seq),
        ),
    )


def _is(place: Place) -> ColumnElement[bool]:
    at, conversation, seq = place
    return and_(turns.c.at == at, turns.c.conversation_id == conversation, turns.c.seq == seq)


def _seen(row: Any) -> SeenTurn:
    return SeenTurn(
        conversation_id=row.conversation_id,
        seq=row.seq,
        at=row.at,
        outcome=row.outcome,
        confidence=row.confidence,
        message=row.message,
    )
