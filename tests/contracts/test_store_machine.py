"""Whatever comes, crashes, runs out and is erased in whatever order, a store does what a simple model of it does."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from contract_clock import Clock
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from postgres_server import PostgresServer
from sqlalchemy import text

import bot.stores.sqlite
from bot.conversation import Conversation, Moment
from bot.errors import Overloaded
from bot.stores.connector import Connector
from bot.stores.errors import LeaseLost
from bot.stores.inbox import Claimed
from bot.stores.outbox import Part
from bot.stores.postgres import PostgresConnector
from bot.stores.sqlite import SqliteConnector
from bot.stores.store import ConversationStore
from bot.stores.tables import lasting_tables
from bot.stores.turn import Held, InboxMessage, TurnWrite

LEASE_S = 10.0
MAX_ATTEMPTS = 2
names = st.sampled_from(["ann", "ben"])
numbers = st.integers(0, 5)
picks = st.integers(0, 100)


@dataclass
class Message:
    """A message of the model's inbox."""

    who: str
    external_id: str
    state: str = "waiting"
    attempts: int = 0


@dataclass
class Sent:
    """A part of the model's outbox."""

    who: str
    words: str
    state: str = "pending"
    attempts: int = 0
    until: float = 0.0


@dataclass
class Model:
    """What a store should hold, in plain lists in the order of arrival."""

    inbox: list[Message] = field(default_factory=list)
    outbox: list[Sent] = field(default_factory=list)
    events: dict[str, list[str]] = field(default_factory=dict)
    leases: dict[str, tuple[int, float]] = field(default_factory=dict)  # by conversation: fence, and when it runs out

    def waiting(self, who: str) -> list[Message]:
        return [message for message in self.inbox if message.who == who and message.state == "waiting"]

    def is_free(self, who: str, now: float) -> bool:
        return who not in self.leases or self.leases[who][1] <= now

    def claim(self, now: float) -> Message | None:
        for message in self.inbox:
            if message.state == "waiting" and self.is_free(message.who, now):
                if message.attempts < MAX_ATTEMPTS:
                    message.attempts += 1
                    return message
                message.state = "failed"
        return None

    def next_parts(self) -> list[Sent]:
        heads: dict[str, Sent] = {}
        for part in self.outbox:
            if part.state in ("pending", "sending"):
                heads.setdefault(part.who, part)
        return [part for part in self.outbox if heads.get(part.who) is part and part.state == "pending"]

    def erase(self, who: str) -> bool:
        known = who in self.events or any(one.who == who for one in self.inbox) or who in self.leases
        self.inbox = [message for message in self.inbox if message.who != who]
        self.outbox = [part for part in self.outbox if part.who != who]
        self.events.pop(who, None)
        self.leases.pop(who, None)
        return known


class StoreMachine(RuleBasedStateMachine):
    """Does to a store and to the model the same.

    Args:
        connect: The way to a database that is empty at first.
    """

    def __init__(self, connect: Callable[[], Connector], empty: Callable[[], None]) -> None:
        super().__init__()
        empty()
        self.connect, self.clock, self.model = connect, Clock(), Model()
        self.runner = asyncio.Runner()
        self.claims: list[tuple[Claimed, Message]] = []
        self.holds: list[Held] = []
        self.sending: list[tuple[Part, Sent]] = []
        self.turns = 0
        self.start()

    def start(self) -> None:
        self.store = ConversationStore(self.connect(), now=self.clock)
        self.do(self.store.open())

    def do(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(coroutine)

    def teardown(self) -> None:
        self.do(self.store.close())
        self.runner.close()

    # What comes in

    @rule(who=names, number=numbers)
    def deliver(self, who: str, number: int) -> None:
        external_id = f"{who}-{number}"
        message = InboxMessage(
            conversation_id=who, channel="chat", external_id=external_id, payload={"n": number}, received_at=1.0
        )
        known = any(one.external_id == external_id for one in self.model.inbox)

        assert self.do(self.store.inbox.accept(message)).is_new is not known

        if not known:
            self.model.inbox.append(Message(who, external_id))

    @rule()
    def claim(self) -> None:
        expected = self.model.claim(self.clock.seconds)
        claimed = self.do(self.store.inbox.claim(lease_s=LEASE_S, max_attempts=MAX_ATTEMPTS))
        if expected is None:
            assert claimed is None
            return
        assert (claimed.message.external_id, claimed.attempts) == (expected.external_id, expected.attempts)
        self.take(claimed.lease.conversation_id, claimed.lease.fence)
        self.claims.append((claimed, expected))

    @rule(who=names)
    def hold(self, who: str) -> None:
        if not self.model.is_free(who, self.clock.seconds):
            with pytest.raises(Overloaded):
                self.do(self.store.hold(who, lease_s=LEASE_S, wait_s=0))
            return
        held = self.do(self.store.hold(who, lease_s=LEASE_S, wait_s=0))
        assert held.version == len(self.model.events.get(who, []))
        self.take(who, held.lease.fence)
        self.holds.append(held)

    def take(self, who: str, fence: int) -> None:
        earlier = self.model.leases.get(who, (0, 0.0))[0]
        assert fence > earlier, "fences rise"
        self.model.leases[who] = (fence, self.clock.seconds + LEASE_S)

    # How turns end

    @precondition(lambda self: self.claims)
    @rule(pick=picks, parts=st.integers(0, 2))
    def answer(self, pick: int, parts: int) -> None:
        claimed, message = self.claims.pop(pick % len(self.claims))
        turn = TurnWrite(
            lease=claimed.lease,
            inbox_id=claimed.inbox_id,
            parts=tuple({"text": f"{self.turns}/{n}"} for n in range(parts)),
            deliver=True,
        )
        if self.commit(message.who, claimed.lease.fence, turn):
            message.state = "done"
            self.model.outbox += [Sent(message.who, f"{self.turns}/{n}") for n in range(parts)]
        self.turns += 1

    @precondition(lambda self: self.holds)
    @rule(pick=picks)
    def answer_at_once(self, pick: int) -> None:
        held = self.holds.pop(pick % len(self.holds))
        turn = TurnWrite(lease=held.lease, version=held.version)
        self.commit(held.conversation.id, held.lease.fence, turn)
        self.turns += 1

    def commit(self, who: str, fence: int, turn: TurnWrite) -> bool:
        words = f"turn {self.turns}"
        event = {"event": "user", "timestamp": 1.0, "text": words, "parse_data": {}}
        state = Conversation(id=who, now=Moment(slots={"last": words}))
        if self.model.leases.get(who, (0, 0.0))[0] != fence:
            with pytest.raises(LeaseLost):
                self.do(self.store.append(state, [event], turn=turn))
            return False
        del self.model.leases[who]
        self.model.events.setdefault(who, []).append(words)
        assert self.do(self.store.append(state, [event], turn=turn)).version == len(self.model.events[who])
        return True

    @precondition(lambda self: self.claims)
    @rule(pick=picks, wait_s=st.sampled_from([0.0, 5.0]))
    def put_back(self, pick: int, wait_s: float) -> None:
        claimed, message = self.claims.pop(pick % len(self.claims))
        is_ours = self.model.leases.get(message.who, (0, 0.0))[0] == claimed.lease.fence

        assert self.do(self.store.inbox.put_back(claimed, wait_s)) is is_ours

        if is_ours:
            self.model.leases[message.who] = (claimed.lease.fence, self.clock.seconds + wait_s)

    @precondition(lambda self: self.claims)
    @rule(pick=picks)
    def give_up(self, pick: int) -> None:
        claimed, message = self.claims.pop(pick % len(self.claims))
        is_ours = self.model.leases.get(message.who, (0, 0.0))[0] == claimed.lease.fence

        assert self.do(self.store.inbox.give_up(claimed, "planned")) is is_ours

        if is_ours:
            message.state = "failed"
            del self.model.leases[message.who]

    # What goes out

    @rule(budget=st.integers(1, 3))
    def take_parts(self, budget: int) -> None:
        expected = self.model.next_parts()[:budget]
        taken = self.do(self.store.outbox.take({"chat": budget}, sending_s=LEASE_S))
        assert [part.payload["text"] for part in taken] == [one.words for one in expected]
        for part, one in zip(taken, expected, strict=True):
            one.state, one.attempts, one.until = "sending", one.attempts + 1, self.clock.seconds + LEASE_S
            self.sending.append((part, one))

    @precondition(lambda self: self.sending)
    @rule(pick=picks, end=st.sampled_from(["sent", "failed", "unknown", "pending"]))
    def finish_part(self, pick: int, end: str) -> None:
        part, one = self.sending.pop(pick % len(self.sending))
        outbox = self.store.outbox
        ways = {
            "sent": lambda: outbox.sent(part),
            "failed": lambda: outbox.failed(part, "planned"),
            "unknown": lambda: outbox.unknown(part, "planned"),
            "pending": lambda: outbox.again(part, 0.0, "planned"),
        }
        counts = one in self.model.outbox and one.attempts == part.attempts and one.state in ("sending", "unknown")
        assert self.do(ways[end]()) is counts
        if counts:
            one.state = end

    @rule()
    def give_up_on_senders(self) -> None:
        self.lose([one for one in self.model.outbox if one.state == "sending" and one.until <= self.clock.seconds])

    def lose(self, parts: list[Sent]) -> None:
        assert self.do(self.store.outbox.give_up_on_senders()) == len(parts)
        for one in parts:
            one.state = "unknown"

    # What happens

    @rule(seconds=st.sampled_from([1.0, 5.0, LEASE_S]))
    def wait(self, seconds: float) -> None:
        self.clock.seconds += seconds

    @rule(who=names)
    def erase(self, who: str) -> None:
        assert self.do(self.store.erase(who)) is self.model.erase(who)

    @rule()
    def restart(self) -> None:
        self.do(self.store.close())
        is_shared = self.store._connector.is_shared
        self.start()
        if not is_shared:  # what the one process held and sent ended with it
            self.claims, self.holds, self.sending = [], [], []
            self.model.leases = {}
            for one in self.model.outbox:
                one.state = "unknown" if one.state == "sending" else one.state
            return
        for one in self.model.outbox:
            if one.state == "sending" and one.until <= self.clock.seconds:
                one.state = "unknown"

    @invariant()
    def the_store_is_as_the_model(self) -> None:
        for who in ("ann", "ben"):
            events = self.model.events.get(who, [])
            loaded = self.do(self.store.load_versioned(who))
            assert loaded.version == len(events)
            assert loaded.conversation.slots == ({"last": events[-1]} if events else {})
            assert [event["text"] for event in self.do(self.store.events(who))] == events
            parts = self.do(self.store.outbox.parts_of(who))
            expected = [(one.words, one.state) for one in self.model.outbox if one.who == who]
            assert [(part.payload["text"], part.state.value) for part in parts] == expected
        waiting = sum(message.state == "waiting" for message in self.model.inbox)
        assert self.do(self.store.inbox.count_waiting()) == waiting


def run(connect: Callable[[], Connector], empty: Callable[[], None], *, examples: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: StoreMachine(connect, empty),
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_sqlite_store_does_what_the_model_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A restart is played, no power is cut: nothing has to reach the disk.
    monkeypatch.setattr(bot.stores.sqlite, "_PRAGMAS", (*bot.stores.sqlite._PRAGMAS, "synchronous=OFF"))
    path = tmp_path / "conversations.db"
    run(lambda: SqliteConnector(path), lambda: path.unlink(missing_ok=True), examples=100)


def test_a_postgresql_store_does_what_the_model_does(postgres: PostgresServer) -> None:
    url = postgres.new_database()

    async def empty() -> None:
        connector = PostgresConnector(url)
        await connector.open()
        tables = ", ".join(table.name for table in lasting_tables("postgresql"))
        await connector.write(lambda connection: connection.execute(text(f"TRUNCATE {tables}")))
        await connector.close()

    run(lambda: PostgresConnector(url, pool_size=2), lambda: asyncio.run(empty()), examples=20)
