"""Whatever comes, crashes, is swapped, sent and erased in whatever order, a bot does what a simple model of it does."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select
from stub_engine import StubEngine, words_of, write_stub_release

import bot.stores.erasure
import bot.stores.inbox
import bot.stores.outbox
import bot.stores.sqlite
from bot.abilities import EVERYTHING
from bot.delivery import NotSent, Rejected, Uncertain
from bot.dialogue import DialogueManager
from bot.inbox_worker import InboxWorker
from bot.messages import UserMessage
from bot.outbox_sender import FIRST_WAIT_S, LONGEST_WAIT_S, OutboxSender
from bot.stores.inbox_store import MAX_ATTEMPTS
from bot.stores.outbox import Part
from bot.stores.sqlite import SqliteConnector
from bot.stores.store import ConversationStore
from bot.turn_record import inbox_message

PEOPLE = ("ann", "ben", "cem")
people = st.sampled_from(PEOPLE)
numbers = st.integers(0, 6)


@dataclass
class Message:
    """A message of the model's inbox."""

    who: str
    external_id: str
    text: str
    state: str = "waiting"
    attempts: int = 0


@dataclass
class Piece:
    """A part of a reply in the model."""

    who: str
    text: str
    state: str = "pending"
    attempts: int = 0
    not_before: float = 0.0


@dataclass
class Model:
    """What a bot should have done, in plain lists in the order of arrival."""

    inbox: list[Message] = field(default_factory=list)
    outbox: list[Piece] = field(default_factory=list)
    heard: dict[str, list[str]] = field(default_factory=dict)
    arrived: list[tuple[str, str]] = field(default_factory=list)
    replies: dict[str, list[str]] = field(default_factory=dict)  # of the REST channel, by id
    known: set[str] = field(default_factory=set)

    def claim(self) -> Message | None:
        """The message whose turn is next; those that were begun too often are given up."""
        while (first := next((one for one in self.inbox if one.state == "waiting"), None)) is not None:
            for message in self.inbox:
                if message.who == first.who and message.state == "waiting":
                    if message.attempts < MAX_ATTEMPTS:
                        message.attempts += 1
                        return message
                    message.state = "failed"
        return None

    def answer(self, message: Message, release: str) -> None:
        message.state = "done"
        self.heard.setdefault(message.who, []).append(message.text)
        self.outbox += [Piece(message.who, text) for text in reply_to(message.text, release)]

    def send(self, now: float, end: str) -> None:
        """Every part that is due is tried, and ends so."""
        for who in PEOPLE:
            for piece in [one for one in self.outbox if one.who == who and one.state == "pending"]:
                if piece.not_before > now:
                    break
                piece.attempts += 1
                if end == "again":
                    piece.not_before = now + min(FIRST_WAIT_S * 2.0 ** (piece.attempts - 1), LONGEST_WAIT_S)
                    break
                piece.state = end
                if end == "sent":
                    self.arrived.append((who, piece.text))

    def heads(self, now: float) -> list[Piece]:
        """The parts that are sent next."""
        first: dict[str, Piece] = {}
        for piece in self.outbox:
            if piece.state == "pending":
                first.setdefault(piece.who, piece)
        return [piece for piece in first.values() if piece.not_before <= now]

    def erase(self, who: str) -> bool:
        known = who in self.known
        self.inbox = [one for one in self.inbox if one.who != who]
        self.outbox = [one for one in self.outbox if one.who != who]
        self.heard.pop(who, None)
        self.replies = {key: reply for key, reply in self.replies.items() if not key.startswith(who)}
        self.known.discard(who)
        return known


class Inference:
    """Reads with the engine in use, on the event loop."""

    def __init__(self, host: Any) -> None:
        self.host = host

    async def read(self, text: str, engine: Any = None) -> Any:
        return (engine or self.host.engine).read([text])[0]


class TurnMachine(RuleBasedStateMachine):
    """Does to a bot and to the model the same.

    Args:
        path: A database that is empty at first.
        engines: The releases that are swapped.
    """

    def __init__(self, path: Path, engines: Sequence[StubEngine]) -> None:
        super().__init__()
        self.path, self.engines, self.model = path, engines, Model()
        self.now = 1_700_000_000.0
        self.runner = asyncio.Runner()
        self.host: Any = SimpleNamespace(engine=engines[0])
        self.arrived: list[tuple[str, str]] = []
        self.fails_with: Exception | None = None
        self.start()

    def start(self) -> None:
        clock = lambda: self.now  # noqa: E731
        self.store = ConversationStore(SqliteConnector(self.path), now=clock)
        self.do(self.store.open())
        inference: Any = Inference(self.host)
        self.dialogue = DialogueManager(inference, self.store, sends_to={"callback": EVERYTHING}, now=clock)
        self.worker = InboxWorker(self.store, self.dialogue)
        longest: Any = SimpleNamespace(uniform=lambda _, longest: longest)
        self.sender = OutboxSender(self.store.outbox, {"callback": self.deliver_part}, now=clock, choose=longest)

    async def deliver_part(self, part: Part) -> None:
        await asyncio.sleep(0)
        if self.fails_with is not None:
            raise self.fails_with
        self.arrived.append((part.conversation_id, part.payload["text"]))

    def do(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(coroutine)

    def teardown(self) -> None:
        self.do(self.store.close())
        self.runner.close()

    # What comes in

    @rule(who=people, number=numbers, changed=st.booleans())
    def deliver(self, who: str, number: int, changed: bool) -> None:
        external_id, text = f"{who}-{number}", f"{who} says {number}{' again' if changed else ''}"
        before = next((one for one in self.model.inbox if one.external_id == external_id), None)

        accepted = self.do(self.store.inbox.accept(inbox_message(self.message(who, external_id, text), self.now)))

        assert accepted.is_new is (before is None)
        assert accepted.is_changed is (before is not None and before.text != text)
        if before is None:
            self.model.inbox.append(Message(who, external_id, text))
            self.model.known.add(who)

    @precondition(lambda self: self.model.inbox)
    @rule(pick=st.integers(0, 100))
    def redeliver(self, pick: int) -> None:
        one = self.model.inbox[pick % len(self.model.inbox)]
        message = self.message(one.who, one.external_id, one.text)

        accepted = self.do(self.store.inbox.accept(inbox_message(message, self.now)))

        assert (accepted.is_new, accepted.is_changed) == (False, False)

    @rule(who=people, number=numbers)
    def talk(self, who: str, number: int) -> None:
        """A message of the REST channel: its reply is the response, the same one however often it comes."""
        external_id, text = f"{who}/{number}", f"{who} asks {number}"

        turn = self.do(self.dialogue.handle(self.message(who, external_id, text, channel="rest")))

        if external_id not in self.model.replies:
            self.model.replies[external_id] = reply_to(text, self.host.engine.id)
            self.model.heard.setdefault(who, []).append(text)
            self.model.known.add(who)
        said = [line for message in turn.messages for line in message.text.split("\n\n")]
        assert said == self.model.replies[external_id]

    # What is done about it

    @rule()
    def take_turns(self) -> None:
        while (message := self.model.claim()) is not None:
            self.model.answer(message, self.host.engine.id)
        self.do(self.worker.drain())

    @rule(end=st.sampled_from(["sent", "unknown", "again", "failed"]))
    def send(self, end: str) -> None:
        errors = {"sent": None, "unknown": Uncertain("?"), "again": NotSent("not now"), "failed": Rejected("no")}
        self.fails_with = errors[end]
        self.model.send(self.now, end)
        self.do(self.sender.drain())
        self.fails_with = None

    # What happens

    @rule(seconds=st.sampled_from([0.5, 2.0, 30.0]))
    def tick(self, seconds: float) -> None:
        self.now += seconds

    @rule(number=st.integers(0, 100))
    def swap(self, number: int) -> None:
        self.host.engine = self.engines[number % len(self.engines)]

    @rule(who=people)
    def erase(self, who: str) -> None:
        assert self.do(self.dialogue.erase(who)) is self.model.erase(who)

    @rule()
    def crash(self) -> None:
        self.restart()

    @rule()
    def crash_in_a_turn(self) -> None:
        expected = self.model.claim()
        claimed = self.do(self.store.inbox.claim())
        assert (claimed and claimed.message.external_id) == (expected and expected.external_id)
        self.restart()

    @rule()
    def crash_in_a_send(self) -> None:
        for piece in self.model.heads(self.now):
            piece.state = "unknown"
        self.do(self.store.outbox.take({"callback": 100}))
        self.restart()

    def restart(self) -> None:
        """Nothing is finished: every commit that was made has been made, and nothing else."""
        self.do(self.store.close())
        self.start()

    @invariant()
    def the_bot_is_as_the_model(self) -> None:
        assert sorted(self.arrived) == sorted(self.model.arrived)
        for who in PEOPLE:
            self.conversation_is_as_in_the_model(who)

    def conversation_is_as_in_the_model(self, who: str) -> None:
        assert [text for one, text in self.arrived if one == who] == [
            text for one, text in self.model.arrived if one == who
        ]
        parts = self.do(self.store.outbox.parts_of(who))
        sent = [(part.payload["text"], part.state.value) for part in parts if part.channel == "callback"]
        assert sent == [(piece.text, piece.state) for piece in self.model.outbox if piece.who == who]
        heard = self.model.heard.get(who, [])
        events = self.do(self.store.events(who))
        assert [event["text"] for event in events if event["event"] == "user"] == heard
        assert self.do(self.store.load(who)).slots.get("said") == (heard[-1] if heard else None)

    @staticmethod
    def message(who: str, external_id: str, text: str, channel: str = "callback") -> UserMessage:
        return UserMessage(conversation_id=who, text=text, channel=channel, account=who, external_id=external_id)


def reply_to(text: str, release: str) -> list[str]:
    return [f"You said {text}.", words_of(release)]


def run(machine: Callable[[], TurnMachine], *, examples: int, phases: tuple[Phase, ...] = tuple(Phase)) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            database=None,
            phases=phases,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], TurnMachine]:
    """Makes machines, each with a database of its own."""
    # A crash is played, no power is cut: nothing has to reach the disk.
    monkeypatch.setattr(bot.stores.sqlite, "_PRAGMAS", (*bot.stores.sqlite._PRAGMAS, "synchronous=OFF"))
    engines = [StubEngine(write_stub_release(tmp_path / "data", f"rel{number:04}")) for number in range(3)]
    fresh, path = tmp_path / "fresh.db", tmp_path / "conversations.db"
    asyncio.run(make_database(fresh))

    def make() -> TurnMachine:
        shutil.copyfile(fresh, path)
        return TurnMachine(path, engines)

    return make


async def make_database(path: Path) -> None:
    store = ConversationStore(SqliteConnector(path))
    await store.open()
    await store.close()


def test_a_bot_does_what_the_model_does(machine: Callable[[], TurnMachine]) -> None:
    run(machine, examples=60)


def count_no_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.stores.inbox, "_COUNT_TRY", select(1))


def send_again_what_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.stores.outbox, "_HOLD", bot.stores.outbox._RESEND)


def keep_what_is_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.stores.erasure, "WHOSE", bot.stores.erasure.WHOSE[:-1])


@pytest.mark.parametrize("plant", [count_no_tries, send_again_what_is_unknown, keep_what_is_erased])
def test_a_defect_is_found(
    plant: Callable[[pytest.MonkeyPatch], None], machine: Callable[[], TurnMachine], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)

    with pytest.raises(AssertionError):
        run(machine, examples=200, phases=(Phase.generate,))
