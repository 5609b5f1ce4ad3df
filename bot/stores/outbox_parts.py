"""The parts of a reply: written with the turn, found again when its message is sent once more."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Connection, bindparam, select

from bot.stores.tables import inbox, outbox
from bot.stores.turn import Notice, TurnWrite

Reply: TypeAlias = tuple[Mapping[str, Any], ...]
_NAMESPACE = uuid.UUID("6f1d3c1e-52a5-4c0b-9f0e-7c3b8f6f2a11")
_INSERT = outbox.insert()
_STATE = select(inbox.c.id, inbox.c.state).where(
    *(inbox.c[name] == bindparam(name) for name in ("channel", "account", "external_id"))
)
_PARTS = select(outbox.c.payload).where(outbox.c.inbox_id == bindparam("one")).order_by(outbox.c.part_no)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a turn answers: a message of the inbox, or, where it has no id, nothing that came in."""

    conversation_id: str
    channel: str
    account: str
    inbox_id: int | None = None
    external_id: str | None = None


def write_parts(connection: Connection, answered: Answered, turn: TurnWrite, version: int, now: float) -> None:
    """Puts a reply into the outbox, to be sent or as one that is given already."""
    rows = [
        {
            "key": idempotency_key(answered, version, number),
            "inbox_id": answered.inbox_id,
            "conversation_id": answered.conversation_id,
            "part_no": number,
            "channel": answered.channel,
            "account": answered.account,
            "payload": json.dumps(part, ensure_ascii=False),
            "state": "pending" if turn.deliver else "returned",
            "attempts": 0,
            "not_before": 0.0,
            "created_at": now,
            "expires_at": turn.reply_expires_at,
            "finished_at": None if turn.deliver else now,
        }
        for number, part in enumerate(turn.parts)
    ]
    connection.execute(_INSERT, rows)


def write_notices(
    connection: Connection, conversation_id: str, turn: TurnWrite, version: int, now: float, *, first: bool
) -> None:
    """Puts what channels are told into the outbox; it is no part of a reply, so it answers no message.

    Args:
        first: Which of them: those that go before what the turn says, or the others.
    """
    rows = [
        {
            "key": _notice_key(conversation_id, notice, version, number),
            "inbox_id": None,
            "conversation_id": conversation_id,
            "part_no": number,
            "channel": notice.channel,
            "account": "",
            "payload": json.dumps(notice.payload, ensure_ascii=False),
            "state": "pending",
            "attempts": 0,
            "not_before": 0.0,
            "created_at": now,
            "expires_at": None,
            "finished_at": None,
        }
        for number, notice in enumerate(turn.notices)
        if notice.goes_first is first
    ]
    if rows:
        connection.execute(_INSERT, rows)


def reply_of(connection: Connection, channel: str, account: str, external_id: str) -> Reply | None:
    """The reply to a message that was answered; None where it was not, or is not known."""
    named = {"channel": channel, "account": account, "external_id": external_id}
    found = connection.execute(_STATE, named).one_or_none()
    if found is None or found.state != "done":
        return None
    return tuple(json.loads(payload) for payload in connection.scalars(_PARTS, {"one": found.id}))


def idempotency_key(answered: Answered, version: int, part_no: int) -> str:
    """What a platform knows a part by, however often it is sent.

    It is made of the platform's own id of the message: a number of ours comes again in another database.
    """
    if answered.external_id is None:
        named = ["turn", answered.conversation_id, version]
    else:
        named = ["message", answered.channel, answered.account, answered.external_id]
    return str(uuid.uuid5(_NAMESPACE, json.dumps([*named, part_no])))


def _notice_key(conversation_id: str, notice: Notice, version: int, number: int) -> str:
    """The time tells it from one of a conversation of the same name that was erased."""
    named = ["notice", notice.channel, conversation_id, version, number, notice.at]
    return str(uuid.uuid5(_NAMESPACE, json.dumps(named)))
