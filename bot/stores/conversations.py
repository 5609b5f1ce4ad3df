"""A conversation's state is read, and a turn written: all of it or nothing, and only by who may."""

from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from bot.conversation import Conversation
from bot.stores.dialects import Upsert
from bot.stores.errors import LeaseLost
from bot.stores.events import delete_events, write_events
from bot.stores.evidence import write_evidence
from bot.stores.inbox import answer_now, finish_claimed
from bot.stores.leases import check_lease, release_lease, take_lease
from bot.stores.outbox_parts import Answered, write_notices, write_parts
from bot.stores.reminders import change_reminders
from bot.stores.suggestions import write_suggested
from bot.stores.tables import IS_HANDED_OVER
from bot.stores.tables import conversations as table
from bot.stores.turn import Committed, Held, Loaded, TurnWrite

_THEIRS = table.c.sender_id == bindparam("conversation")
_STATE = select(table.c.state, table.c.version).where(_THEIRS)
_LAST_COMMIT = select(table.c.version).where(_THEIRS, table.c.last_commit == bindparam("this"))
_VALUES = ("state", "updated_at", "last_commit", "handoff")
_WRITE = Upsert(
    table,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["sender_id"],
        set_={**{name: insert.excluded[name] for name in _VALUES}, "version": table.c.version + 1},
    ).returning(table.c.version),
)
_WRITE_FIRST = Upsert(table, lambda insert: insert.on_conflict_do_nothing(index_elements=["sender_id"]))
_WRITE_NEXT = (
    update(table)
    .where(_THEIRS, table.c.version == bindparam("expected"))
    .values(**{name: bindparam(name) for name in _VALUES}, version=table.c.version + 1)
)
_HANDED_OVER = select(table.c.state).where(IS_HANDED_OVER)
_NOTHING = TurnWrite()


def load(connection: Connection, conversation_id: str) -> Loaded:
    """The conversation's state; a fresh one where nothing is stored."""
    row = connection.execute(_STATE, {"conversation": conversation_id}).one_or_none()
    if row is None:
        return Loaded(conversation=Conversation(id=conversation_id), version=0)
    return Loaded(conversation=Conversation.from_json(row.state), version=row.version)


def handed_over(connection: Connection) -> list[Conversation]:
    """Every conversation that waits for a person or is served by one."""
    return [Conversation.from_json(state) for state in connection.scalars(_HANDED_OVER)]


def hold(connection: Connection, conversation_id: str, holder: str, now: float, lease_s: float) -> Held | None:
    """The conversation under a lease; None while another holds it."""
    lease = take_lease(connection, conversation_id, holder, now, lease_s)
    if lease is None:
        return None
    loaded = load(connection, conversation_id)
    return Held(conversation=loaded.conversation, version=loaded.version, lease=lease)


def committed_before(connection: Connection, state: dict[str, Any], turn: TurnWrite | None) -> Committed | None:
    """What `write_turn` made of `state` in an earlier try; None where that did not come to a commit."""
    named = {"conversation": state["sender_id"], "this": state["last_commit"]}
    version = connection.scalar(_LAST_COMMIT, named)
    return None if version is None else Committed(version=version, inbox_id=turn.inbox_id if turn else None)


def write_turn(
    connection: Connection, state: dict[str, Any], events: list[dict[str, Any]], turn: TurnWrite | None, now: float
) -> Committed:
    """Writes a turn.

    Args:
        state: The row that the conversation's table is to hold, with the commit's own name.
        events: Rows of the events' table.

    Raises:
        LeaseLost: Another has come to hold the conversation, has changed or erased it.
        AlreadyAnswered: A message with the id of `turn.message` was.
    """
    conversation_id, turn = state["sender_id"], turn or _NOTHING
    if turn.lease is not None:
        check_lease(connection, turn.lease)
    version = _write_state(connection, state, turn.version)
    answered = _answered(connection, conversation_id, turn, now)
    if turn.replaces_events:
        delete_events(connection, conversation_id)
    write_events(connection, events)
    write_notices(connection, conversation_id, turn, version, now, first=True)
    if turn.parts:
        write_parts(connection, answered, turn, version, now)
    write_notices(connection, conversation_id, turn, version, now, first=False)
    if turn.reminders or turn.cancelled:
        change_reminders(connection, conversation_id, turn)
    if turn.evidence is not None:
        write_evidence(connection, conversation_id, version, turn.evidence)
        if turn.suggested or turn.taken:
            write_suggested(connection, conversation_id, version, turn.suggested, turn.taken, turn.evidence.at)
    if turn.lease is not None:
        release_lease(connection, turn.lease)
    return Committed(version=version, inbox_id=answered.inbox_id)


def _write_state(connection: Connection, state: dict[str, Any], expected: int | None) -> int:
    """Writes the state over that of version `expected`, 0 being none, or over any; gives the version that it makes."""
    if expected is None:
        return int(connection.execute(_WRITE.on(connection), state).scalar_one())
    if expected == 0:
        written = connection.execute(_WRITE_FIRST.on(connection), state)
    else:
        values = {name: state[name] for name in _VALUES}
        written = connection.execute(_WRITE_NEXT, {"conversation": state["sender_id"], "expected": expected, **values})
    if written.rowcount != 1:
        raise LeaseLost(f"The conversation is not at version {expected} any more: it was changed or erased meanwhile.")
    return expected + 1


def _answered(connection: Connection, conversation_id: str, turn: TurnWrite, now: float) -> Answered:
    """What the turn answers, marked as answered."""
    if turn.inbox_id is not None:
        return finish_claimed(connection, turn.inbox_id, now)
    if turn.message is not None:
        return answer_now(connection, turn.message, now)
    return Answered(conversation_id=conversation_id, channel=turn.channel, account=turn.account)
