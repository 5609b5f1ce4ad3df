"""Messages that were taken in and wait for their turn: each once, in order, and none for ever."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, func, literal, select, update

from bot.stores.dialects import Upsert, one_at_a_time
from bot.stores.errors import AlreadyAnswered, LeaseLost
from bot.stores.leases import Lease, extend_lease, lease_of, release_lease, take_lease
from bot.stores.outbox_parts import Answered
from bot.stores.tables import EARLIER_IS_WAITING, IS_WAITING, addresses, inbox, leases
from bot.stores.turn import InboxMessage

_KEY = ("channel", "account", "external_id")
_THEIRS = inbox.c.conversation_id == bindparam("conversation_id")
_SAME = select(inbox.c.id, inbox.c.payload).where(*(inbox.c[name] == bindparam(name) for name in _KEY))
_NEXT_SEQ = select(func.coalesce(func.max(inbox.c.conv_seq), 0) + 1).where(_THEIRS).scalar_subquery()
_COLUMNS = (*_KEY, "conversation_id", "kind", "payload", "received_at", "state", "attempts", "finished_at")
_ADD = Upsert(
    inbox,
    lambda insert: (
        insert.values(**{name: bindparam(name) for name in _COLUMNS}, conv_seq=_NEXT_SEQ)
        .on_conflict_do_nothing(index_elements=list(_KEY))
        .returning(inbox.c.id)
    ),
)
_ADDRESS = Upsert(
    addresses,
    lambda insert: insert.values(
        **{name: bindparam(name) for name in ("conversation_id", "channel", "address")}
    ).on_conflict_do_update(index_elements=["conversation_id", "channel"], set_={"address": insert.excluded.address}),
)
_HELD = exists().where(leases.c.conversation_id == inbox.c.conversation_id, leases.c.expires_at > bindparam("now"))
_earlier = inbox.alias("earlier")
_BEHIND = exists().where(
    EARLIER_IS_WAITING,
    _earlier.c.conversation_id == inbox.c.conversation_id,
    _earlier.c.conv_seq < inbox.c.conv_seq,
)
_FREE = (  # a head only: behind one that another is just claiming, this one would wait for that other
    select(inbox.c.conversation_id)
    .where(IS_WAITING, ~_HELD, ~_BEHIND)
    .order_by(inbox.c.id)
    .limit(1)
    .with_for_update(skip_locked=True, of=inbox)
)
_HEAD = select(inbox).where(IS_WAITING, _THEIRS).order_by(inbox.c.conv_seq).limit(1)
_COUNT_TRY = update(inbox).where(inbox.c.id == bindparam("one")).values(attempts=inbox.c.attempts + 1)
_UNCOUNT_TRY = update(inbox).where(inbox.c.id == bindparam("one"), IS_WAITING).values(attempts=bindparam("before"))
_FINISH = (
    update(inbox)
    .where(inbox.c.id == bindparam("one"), IS_WAITING)
    .values(state=bindparam("end"), finished_at=bindparam("at"), reason=bindparam("why"))
    .returning(*(inbox.c[name] for name in (*_KEY, "conversation_id")))
)
_WAITING = select(func.count()).select_from(
    select(literal(1)).select_from(inbox).where(IS_WAITING).limit(bindparam("most")).subquery()
)
MAX_PASSED_OVER = 8  # conversations that another takes in the very moment in which they are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A message that is in the inbox for good.

    Attributes:
        is_new: Not so where the platform has delivered it before.
        is_changed: It was delivered before with another content; the first one counts.
    """

    inbox_id: int
    is_new: bool
    is_changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A message whose turn it is.

    Attributes:
        attempts: How often its turn was begun, this time included.
    """

    inbox_id: int
    message: InboxMessage
    conv_seq: int
    attempts: int
    lease: Lease


def accept(connection: Connection, message: InboxMessage) -> Accepted:
    """Takes a message in; one that was taken in before is no error."""
    row = inbox_row(message)
    if (same := connection.execute(_SAME, row).one_or_none()) is None:
        one_at_a_time(connection, message.conversation_id)
        added = connection.scalar(_ADD.on(connection), row)
        if added is not None:
            _keep_address(connection, message)
            return Accepted(inbox_id=added, is_new=True)
        same = connection.execute(_SAME, row).one()  # another process took it in, in this very moment
    return Accepted(inbox_id=same.id, is_new=False, is_changed=same.payload != row["payload"])


def claim(connection: Connection, holder: str, now: float, lease_s: float, max_attempts: int) -> Claimed | None:
    """The message that has waited longest among those whose turn it is; None where there is none.

    A message whose turn was begun `max_attempts` times and never ended is given up, so that the conversation goes on.
    """
    for _ in range(MAX_PASSED_OVER):
        conversation_id = connection.scalar(_FREE, {"now": now})
        if conversation_id is None:
            return None
        lease = take_lease(connection, conversation_id, holder, now, lease_s)
        if lease is None:
            continue
        head = _head(connection, lease, now, max_attempts)
        if head is not None:
            connection.execute(_COUNT_TRY, {"one": head.id})
            return _claimed(head, lease, head.attempts + 1)
        release_lease(connection, lease)
    return None


def claimed_before(connection: Connection, holder: str) -> Claimed | None:
    """What was claimed under this name, where nobody heard of it."""
    lease = lease_of(connection, holder)
    if lease is None:
        return None
    head = connection.execute(_HEAD, {"conversation_id": lease.conversation_id}).one()
    return _claimed(head, lease, head.attempts)


def finish_claimed(connection: Connection, inbox_id: int, now: float) -> Answered:
    """Marks a message as answered.

    Raises:
        LeaseLost: It is there no more, or no longer waits.
    """
    row = _finished(connection, inbox_id, "done", None, now)
    if row is None:
        lost = f"Message {inbox_id} was erased, given up or answered while this turn was under way."
        raise LeaseLost(lost, undoes=True)
    return Answered(inbox_id=inbox_id, **row._mapping)


def answer_now(connection: Connection, message: InboxMessage, now: float) -> Answered:
    """Puts a message in as one that is answered already.

    Raises:
        AlreadyAnswered: There is one with this id.
    """
    one_at_a_time(connection, message.conversation_id)
    row = {**inbox_row(message), "state": "done", "attempts": 1, "finished_at": now}
    added = connection.scalar(_ADD.on(connection), row)
    if added is None:
        raise AlreadyAnswered("A message with this id was answered before.", undoes=True)
    return Answered(inbox_id=added, **{name: row[name] for name in (*_KEY, "conversation_id")})


def put_back(connection: Connection, claimed: Claimed, until: float, *, counts: bool = True) -> bool:
    """Leaves a message for another try, and its conversation alone, until then; False where the lease was lost.

    Args:
        counts: This try counts among those after which a message is given up.
    """
    if not extend_lease(connection, claimed.lease, until):
        return False
    if not counts:
        connection.execute(_UNCOUNT_TRY, {"one": claimed.inbox_id, "before": claimed.attempts - 1})
    return True


def give_up(connection: Connection, claimed: Claimed, state: str, reason: str, now: float) -> bool:
    """Ends a message without an answer, so that its conversation goes on; False where the lease was lost."""
    if not extend_lease(connection, claimed.lease, now):
        return False
    _finished(connection, claimed.inbox_id, state, reason, now)
    release_lease(connection, claimed.lease)
    return True


def count_waiting(connection: Connection, most: int) -> int:
    """How many messages wait, counted up to `most`."""
    return connection.execute(_WAITING, {"most": most}).scalar_one()


def inbox_row(message: InboxMessage) -> dict[str, Any]:
    """A message as the table holds it while it waits."""
    return {
        "conversation_id": message.conversation_id,
        "channel": message.channel,
        "account": message.account,
        "external_id": message.external_id,
        "kind": message.kind,
        "payload": json.dumps(message.payload, ensure_ascii=False, sort_keys=True),
        "received_at": message.received_at,
        "state": "waiting",
        "attempts": 0,
        "finished_at": None,
    }


def _keep_address(connection: Connection, message: InboxMessage) -> None:
    if message.address is not None:
        to = {"conversation_id": message.conversation_id, "channel": message.channel}
        connection.execute(_ADDRESS.on(connection), {**to, "address": json.dumps(message.address, ensure_ascii=False)})


def _head(connection: Connection, lease: Lease, now: float, max_attempts: int) -> Row[Any] | None:
    while (head := connection.execute(_HEAD, {"conversation_id": lease.conversation_id}).one_or_none()) is not None:
        if head.attempts < max_attempts:
            return head
        _finished(connection, head.id, "failed", f"its turn was begun {head.attempts} times and never ended", now)
    return None


def _finished(connection: Connection, inbox_id: int, state: str, reason: str | None, now: float) -> Row[Any] | None:
    return connection.execute(_FINISH, {"one": inbox_id, "end": state, "at": now, "why": reason}).one_or_none()


def _claimed(row: Row[Any], lease: Lease, attempts: int) -> Claimed:
    payload: Mapping[str, Any] = json.loads(row.payload)
    message = InboxMessage(
        conversation_id=row.conversation_id,
        channel=row.channel,
        account=row.account,
        external_id=row.external_id,
        kind=row.kind,
        payload=payload,
        received_at=row.received_at,
    )
    return Claimed(inbox_id=row.id, message=message, conv_seq=row.conv_seq, attempts=attempts, lease=lease)
