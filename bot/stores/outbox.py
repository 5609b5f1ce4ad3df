"""Parts of replies on their way out: in order within a conversation, and each known for what became of it.

    pending -> sending -> sent
                       -> pending   it was refused for now
                       -> failed    it was refused for good
                       -> unknown   nobody can tell whether it arrived
               sent    -> failed    the platform says later that it did not arrive
    pending -> expired              it is too late for it

A part that is `unknown` may be on the customer's screen: it is held for a person, or sent again if the channel's owner
says so.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, exists, or_, select, update

from bot.stores.tables import EARLIER_IS_UNFINISHED, IS_UNFINISHED, addresses, outbox
from configs.settings import UnknownParts

_earlier = outbox.alias("earlier")
_BEHIND = exists().where(
    _earlier.c.conversation_id == outbox.c.conversation_id,
    _earlier.c.channel == outbox.c.channel,  # one that nobody serves any more must not hold up the others
    _earlier.c.id < outbox.c.id,
    EARLIER_IS_UNFINISHED,
)
_ADDRESS = (
    select(addresses.c.address)
    .where(addresses.c.conversation_id == outbox.c.conversation_id, addresses.c.channel == outbox.c.channel)
    .scalar_subquery()
    .label("address")
)
_IS_PENDING = and_(IS_UNFINISHED, outbox.c.state == "pending")
_EXPIRE = (
    update(outbox)
    .where(_IS_PENDING, outbox.c.expires_at <= bindparam("now"))
    .values(state="expired", finished_at=bindparam("now"), reason="it was too late to send it")
)
_NEXT = (
    select(outbox, _ADDRESS)
    .where(_IS_PENDING, outbox.c.channel == bindparam("on"), outbox.c.not_before <= bindparam("now"), ~_BEHIND)
    .order_by(outbox.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_TAKEN = (
    select(outbox, _ADDRESS)
    .where(IS_UNFINISHED, outbox.c.state == "sending", outbox.c.taken_by == bindparam("holder"))
    .order_by(outbox.c.id)
)
_TAKE = (
    update(outbox)
    .where(outbox.c.id == bindparam("one"))
    .values(
        state="sending",
        attempts=outbox.c.attempts + 1,
        taken_by=bindparam("holder"),
        sending_until=bindparam("until"),
    )
)
_HURRY = (
    update(outbox)
    .where(_IS_PENDING, outbox.c.conversation_id == bindparam("conversation"), outbox.c.channel == bindparam("on"))
    .values(not_before=0.0)
)
_LEFT = update(outbox).where(
    IS_UNFINISHED,
    outbox.c.state == "sending",
    or_(bindparam("all_of_them") == 1, outbox.c.sending_until <= bindparam("now")),
)
_HOLD = _LEFT.values(state="unknown", reason="the sender ended while it was sent", finished_at=bindparam("now"))
_RESEND = _LEFT.values(state="pending", reason="the sender ended while it was sent")
_RESEND_SAFELY = _RESEND.where(outbox.c.channel.in_(bindparam("channels", expanding=True)))
_THIS_TRY = and_(
    outbox.c.id == bindparam("one"),
    outbox.c.attempts == bindparam("this_try"),
    or_(outbox.c.state == "sending", outbox.c.state == "unknown"),
)
_END = (
    update(outbox)
    .where(_THIS_TRY)
    .values(state=bindparam("end"), finished_at=bindparam("at"), reason=bindparam("why"), not_before=bindparam("wait"))
)
_NOT_DELIVERED = (
    update(outbox)
    .where(
        outbox.c.key == bindparam("its_key"),
        outbox.c.channel == bindparam("on"),
        outbox.c.state.in_(("sending", "sent", "unknown")),
    )
    .values(state="failed", reason=bindparam("why"), finished_at=bindparam("at"))
)
_THEIRS = select(outbox, _ADDRESS).where(outbox.c.conversation_id == bindparam("conversation")).order_by(outbox.c.id)


class SendState(StrEnum):
    """What became of a part."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    RETURNED = "returned"  # given as the response to the request that brought the message
    UNKNOWN = "unknown"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a reply.

    Attributes:
        key: The same however often it is sent; a UUID.
        attempts: How often it was taken to be sent; tells one try from another.
        address: The way back to the customer, as the channel was told; empty where it needs none.
    """

    id: int
    key: str
    inbox_id: int | None
    conversation_id: str
    part_no: int
    channel: str
    account: str
    payload: Mapping[str, Any]
    state: SendState
    attempts: int
    created_at: float
    expires_at: float | None
    reason: str | None
    address: Mapping[str, Any] = field(default_factory=dict)


def take_parts(
    connection: Connection, holder: str, budgets: Mapping[str, int], now: float, sending_s: float
) -> list[Part]:
    """The parts to send next: of each conversation only the first, of each channel at most as many as `budgets` says.

    Args:
        holder: A name for this one taking.
        sending_s: After how long without news nobody can tell what became of them.
    """
    connection.execute(_EXPIRE, {"now": now})
    rows = [
        row
        for channel, most in budgets.items()
        for row in connection.execute(_NEXT, {"on": channel, "now": now, "most": most}).all()
    ]
    for row in rows:
        connection.execute(_TAKE, {"one": row.id, "holder": holder, "until": now + sending_s})
    return [_part(row, state="sending", attempts=row.attempts + 1) for row in rows]


def taken_before(connection: Connection, holder: str) -> list[Part]:
    """The parts that were taken under this name, where nobody heard of it."""
    return [_part(row) for row in connection.execute(_TAKEN, {"holder": holder})]


def finish_part(
    connection: Connection, part: Part, state: SendState, now: float, *, reason: str | None = None, wait_s: float = 0.0
) -> bool:
    """Keeps what became of a part that was taken; False where another try of it has begun, or it was erased.

    Args:
        wait_s: Of a part that is pending again: how long to leave it.
    """
    end = {"end": state.value, "at": None if state is SendState.PENDING else now, "why": reason, "wait": now + wait_s}
    return connection.execute(_END, {"one": part.id, "this_try": part.attempts, **end}).rowcount == 1


def hurry(connection: Connection, conversation_id: str, channel: str) -> bool:
    """Makes what waits for another try due now; False where nothing waits."""
    return connection.execute(_HURRY, {"conversation": conversation_id, "on": channel}).rowcount > 0


def not_delivered(connection: Connection, channel: str, key: str, reason: str, now: float) -> bool:
    """Keeps what the platform said after it had taken a part: that it did not arrive. False where there is none."""
    told = {"its_key": key, "on": channel, "why": reason, "at": now}
    return connection.execute(_NOT_DELIVERED, told).rowcount == 1


def give_up_on_senders(
    connection: Connection, now: float, unknown: UnknownParts, *, everyone: bool, resends: Collection[str] = ()
) -> int:
    """Deals with what was being sent by a process that has ended, or gives no news; returns how many parts.

    Args:
        everyone: No other process sends, so whatever is being sent is meant.
        resends: Channels whose parts are sent again in any case.
    """
    left = {"now": now, "all_of_them": int(everyone)}
    again = connection.execute(_RESEND_SAFELY, {**left, "channels": list(resends)}).rowcount if resends else 0
    statement = _HOLD if unknown is UnknownParts.HOLD else _RESEND
    return again + connection.execute(statement, left).rowcount


def parts_of(connection: Connection, conversation_id: str) -> list[Part]:
    """All parts of a conversation, in order."""
    return [_part(row) for row in connection.execute(_THEIRS, {"conversation": conversation_id})]


def _part(row: Row[Any], **changed: Any) -> Part:
    values = {name: row._mapping[name] for name in Part.__slots__} | changed
    read = {"payload": json.loads(row.payload), "address": json.loads(row.address or "{}")}
    return Part(**{**values, **read, "state": SendState(values["state"])})
