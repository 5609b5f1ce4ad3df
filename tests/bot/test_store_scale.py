"""What a turn costs does not grow with its conversation: counted in the steps that the database takes, not in time."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from bot.conversation import Conversation, Moment
from bot.stores import conversations, inbox, outbox
from bot.stores.events import event_row, read_events, read_last_events
from bot.stores.evidence import explained
from bot.stores.outbox_parts import reply_of
from bot.stores.sqlite import SqliteStore
from bot.stores.tables import events, turns
from bot.stores.tables import inbox as inbox_table
from bot.stores.tables import outbox as outbox_table
from bot.stores.turn import Evidence, InboxMessage, TurnWrite
from configs.settings import UnknownParts

LONG, SHORT, TURNS = "long", "short", 3_000
EVENT = {"event": "user", "timestamp": 1.0, "text": "hi", "parse_data": {}}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A store with a conversation of many turns and one of two."""
    store = SqliteStore(tmp_path / "conversations.db")
    await store.open()
    for who, count in ((LONG, TURNS), (SHORT, 2)):
        await store.append(Conversation(id=who, now=Moment(slots={"a": 1})), [EVENT])
        await store._connector.write(lambda connection, who=who, count=count: fill(connection, who, count))
    yield store
    await store.close()


def fill(connection: Connection, who: str, count: int) -> None:
    """Writes the turns that were answered long ago."""
    connection.execute(events.insert(), [event_row(who, EVENT) for _ in range(4 * count)])
    done = {"channel": "chat", "account": "", "kind": "message", "payload": "{}", "received_at": 1.0}
    rows = [
        {**done, "external_id": f"{who}{n}", "conversation_id": who, "conv_seq": n + 1, "state": "done", "attempts": 1}
        for n in range(count)
    ]
    connection.execute(inbox_table.insert(), rows)
    first = connection.exec_driver_sql("SELECT max(id) FROM inbox").scalar_one() - count + 1
    sent = {"channel": "chat", "account": "", "payload": "{}", "state": "sent", "not_before": 0.0, "created_at": 1.0}
    parts = [
        {**sent, "key": f"{who}{n}", "inbox_id": first + n, "conversation_id": who, "part_no": 0, "attempts": 1}
        for n in range(count)
    ]
    connection.execute(outbox_table.insert(), parts)
    why = {"at": 1.0, "release_id": "r", "reason": "x", "evidence": "{}"}
    connection.execute(turns.insert(), [{**why, "conversation_id": who, "seq": -n} for n in range(count)])


def message(who: str, external_id: str) -> InboxMessage:
    return InboxMessage(conversation_id=who, channel="chat", external_id=external_id, payload={}, received_at=1.0)


def take_in_and_answer(connection: Connection, who: str) -> None:
    accepted = inbox.accept(connection, message(who, f"{who}-new"))
    claimed = inbox.claim(connection, "w", 1.0, 60.0, 3)
    assert claimed is not None
    assert claimed.inbox_id == accepted.inbox_id
    loaded = conversations.load(connection, who)
    turn = TurnWrite(
        lease=claimed.lease,
        version=loaded.version,
        inbox_id=claimed.inbox_id,
        parts=({"text": "a"}, {"text": "b"}),
        deliver=True,
        evidence=Evidence(at=1.0, release_id="r", reason="x"),
    )
    state = {"sender_id": who, "state": json.dumps({"id": who}), "updated_at": 1.0, "version": 1}
    row = {**state, "last_commit": "x", "handoff": None}
    conversations.write_turn(connection, row, [event_row(who, EVENT)], turn, 1.0)


def send(connection: Connection, who: str) -> None:
    turn = TurnWrite(parts=({"text": "a"},), deliver=True, channel="chat")
    state = {"sender_id": who, "state": json.dumps({"id": who}), "updated_at": 1.0, "version": 1}
    conversations.write_turn(connection, {**state, "last_commit": "y", "handoff": None}, [], turn, 1.0)
    (part,) = outbox.take_parts(connection, "s", {"chat": 9}, 2.0, 60.0)
    assert outbox.finish_part(connection, part, outbox.SendState.SENT, 2.0)
    assert outbox.give_up_on_senders(connection, 2.0, UnknownParts.HOLD, everyone=True) == 0


@pytest.mark.parametrize(
    "work",
    [
        pytest.param(take_in_and_answer, id="a turn through the inbox"),
        pytest.param(send, id="a part that is sent"),
        pytest.param(conversations.load, id="the state"),
        pytest.param(lambda connection, who: read_last_events(connection, who, 4), id="the last events"),
        pytest.param(lambda connection, who: read_events(connection, who, None, 4), id="the first events"),
        pytest.param(lambda connection, who: explained(connection, who, 2), id="the last reasons"),
        pytest.param(lambda connection, who: reply_of(connection, "chat", "", f"{who}1"), id="a stored reply"),
        pytest.param(lambda connection, who: outbox.take_parts(connection, who, {"chat": 9}, 1.0, 9.0), id="no part"),
        pytest.param(lambda connection, who: inbox.claim(connection, who, 1.0, 9.0, 3), id="no message"),
        pytest.param(lambda connection, _: inbox.count_waiting(connection, 99), id="what waits"),
    ],
)
async def test_a_conversation_of_many_turns_costs_what_one_of_two_costs(
    store: SqliteStore, work: Callable[[Connection, str], Any]
) -> None:
    def steps(connection: Connection, who: str) -> int:
        count = 0

        def one_more() -> int:
            nonlocal count
            count += 1
            return 0

        driver: Any = connection.connection.dbapi_connection
        driver.set_progress_handler(one_more, 1)
        try:
            work(connection, who)
        finally:
            driver.set_progress_handler(None, 1)
        return count

    short = await store._connector.write(lambda connection: steps(connection, SHORT))
    long = await store._connector.write(lambda connection: steps(connection, LONG))

    assert short > 0
    assert long <= 2 * short + 50
    assert max(short, long) < TURNS, "something goes over all that there is"
