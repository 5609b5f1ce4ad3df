"""What people say that customers' messages mean.

Nothing is deleted but with its conversation: what is undone is marked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from bot.stores.tables import labels, turns


class LabelKind(StrEnum):
    """What a person says of a message."""

    RIGHT = "right"  # what the bot did was right; the value says what it took the message for
    INTENT = "intent"  # it means another intent, the value
    NEW_INTENT = "new_intent"  # it means an intent that there is not yet, the value
    PAIR = "pair"  # the past answer with this id answers it
    ANSWER = "answer"  # the value answers it, Markdown; beside a NEW_INTENT it is what that intent says
    IGNORE = "ignore"  # nothing is to be learned from it


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One person's word on the message of one turn.

    Attributes:
        text: The message with personal data masked; what is learned from.
        value: See `LabelKind`; of `RIGHT` it is `intent:NAME` or `pair:ID`, of `IGNORE` empty.
        shown_for: Why the message was shown to the person.
        id: Rises; 0 where it is not stored yet.
    """

    conversation_id: str
    turn_seq: int
    text: str
    kind: LabelKind
    value: str
    who: str
    at: float
    shown_for: str = ""
    undone_at: float | None = None
    undone_by: str | None = None
    id: int = 0

    @property
    def meaning(self) -> tuple[LabelKind, str]:
        """By which two labels agree: that the bot was right with an intent is the same as to name that intent."""
        if self.kind is LabelKind.RIGHT and ":" in self.value:
            kind, _, value = self.value.partition(":")
            return (LabelKind(kind), value)
        return (LabelKind.INTENT if self.kind is LabelKind.NEW_INTENT else self.kind, self.value)


_GIVEN = tuple(field.name for field in fields(Label) if field.name not in ("id", "undone_at", "undone_by"))
_TURN = (labels.c.conversation_id == bindparam("conversation")) & (labels.c.turn_seq == bindparam("turn"))
_STANDS = labels.c.undone_at.is_(None)
_IS_TURN = select(func.count()).where(
    turns.c.conversation_id == bindparam("conversation"), turns.c.seq == bindparam("turn")
)
_WITHDRAW_OWN = (
    labels.update()
    .where(_TURN, _STANDS, labels.c.who == bindparam("person"), labels.c.kind != bindparam("kept"))
    .values(undone_at=bindparam("now"), undone_by=bindparam("person"))
)
_UNDO = (
    labels.update()
    .where(labels.c.id == bindparam("label"), _STANDS)
    .values(undone_at=bindparam("now"), undone_by=bindparam("person"))
)
_OF_TURN = select(labels).where(_TURN).order_by(labels.c.id)
_STANDING = select(labels).where(_STANDS, labels.c.id > bindparam("after")).order_by(labels.c.id)


def give_label(connection: Connection, given: Label) -> int | None:
    """Keeps a label in the place of what the same person said of the turn; its id, None where there is no such turn.

    An answer stands beside the new intent that the person has named.
    """
    named = {"conversation": given.conversation_id, "turn": given.turn_seq}
    if not connection.scalar(_IS_TURN, named):
        return None
    kept = LabelKind.NEW_INTENT if given.kind is LabelKind.ANSWER else ""
    connection.execute(_WITHDRAW_OWN, {**named, "person": given.who, "now": given.at, "kept": kept})
    row = {name: getattr(given, name) for name in _GIVEN}
    return int(connection.scalar(labels.insert().returning(labels.c.id), row) or 0)


def undo_label(connection: Connection, label_id: int, who: str, now: float) -> bool:
    """Takes a label back; False where there is none, or it was undone before."""
    return bool(connection.execute(_UNDO, {"label": label_id, "person": who, "now": now}).rowcount)


def labels_of(connection: Connection, conversation_id: str, turn_seq: int) -> list[Label]:
    """All that was ever said of a turn, in order."""
    return _labels(connection.execute(_OF_TURN, {"conversation": conversation_id, "turn": turn_seq}).mappings())


def standing_labels(connection: Connection, after_id: int = 0, limit: int | None = None) -> list[Label]:
    """Labels that were not undone, of all conversations, in the order in which they were given.

    Args:
        after_id: Only those with a higher id.
        limit: At most so many.
    """
    return _labels(connection.execute(_STANDING.limit(limit), {"after": after_id}).mappings())


def _labels(rows: Any) -> list[Label]:
    return [Label(**{**row, "kind": LabelKind(row["kind"])}) for row in rows]


def disagreements(given: Sequence[Label]) -> list[tuple[Label, ...]]:
    """The standing labels of each turn of which two people say different things."""
    by_turn: dict[tuple[str, int], list[Label]] = {}
    for label in given:
        if label.undone_at is None:
            by_turn.setdefault((label.conversation_id, label.turn_seq), []).append(label)
    return [tuple(said) for said in by_turn.values() if disagree(said)]


def disagree(said: Sequence[Label]) -> bool:
    """Whether the standing labels of one turn say different things."""
    named = {label.who for label in said if label.kind is LabelKind.NEW_INTENT}
    return len({label.meaning for label in said if label.kind is not LabelKind.ANSWER or label.who not in named}) > 1
