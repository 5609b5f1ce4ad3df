"""Reads the plain format: a turn an object, or a conversation an object.

    {"conversation": "c1", "role": "customer", "text": "Do you deliver abroad?", "time": "2026-03-31T10:02:00Z"}
    {"conversation": "c1", "turns": [{"role": "customer", "text": "..."}, {"role": "agent", "text": "..."}]}

The turns of one conversation may stand between those of others, as in a log, as long as no more than 10,000
conversations have begun in between.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from configs.yaml_file import nearest
from training.mining.conversation import (
    BadRecord,
    Conversation,
    Read,
    RecordError,
    Role,
    Turn,
    checked_id,
    checked_list,
    checked_text,
)
from training.mining.json_records import Record
from training.mining.open_conversations import OpenConversations

# What others call the three.
_ROLES = {
    **{role.value: role for role in Role},
    "user": Role.CUSTOMER,
    "client": Role.CUSTOMER,
    "visitor": Role.CUSTOMER,
    "human_agent": Role.AGENT,
    "operator": Role.AGENT,
    "assistant": Role.BOT,
}
_KEYS = ("conversation", "role", "text", "time", "turns")


def read_turns(records: Iterable[Record]) -> Iterator[Read]:
    """The conversations in `records`, each as soon as it is known to be complete."""
    still_open = OpenConversations()
    for record in records:
        if isinstance(record, BadRecord):
            yield record
            continue
        number, value = record
        try:
            id_, turns = _turns(value)
        except RecordError as error:
            yield BadRecord(number=number, message=str(error))
            continue
        if "turns" in value:
            yield Conversation(id=id_, turns=tuple(turns))
        else:
            yield from still_open.add(id_, turns)
    yield from still_open.close()


def _turns(value: Any) -> tuple[str, list[Turn]]:
    if not isinstance(value, dict):
        raise RecordError('is no object. Write {"conversation": ..., "role": ..., "text": ...}')
    if unknown := [key for key in value if key not in _KEYS]:
        raise RecordError(f"unknown key {unknown[0]!r}. Remove it.{nearest(unknown[0], _KEYS)}")
    id_ = checked_id(value.get("conversation"), "conversation")
    if "turns" not in value:
        return id_, _turn(value, "")
    turns = checked_list(value["turns"], "turns")
    return id_, [turn for place, one in enumerate(turns, start=1) for turn in _turn(one, f", turn {place}")]


def _turn(value: dict[str, Any], place: str) -> list[Turn]:
    role = value.get("role")
    if not isinstance(role, str) or role.lower() not in _ROLES:
        raise RecordError(f"role is {role!r}{place}. Write customer, agent or bot")
    text = checked_text(value.get("text"), f"text{place}")
    return [Turn(role=_ROLES[role.lower()], text=text)] if text else []
