"""What people think of answers reaches the owner where it speaks against the promise."""

from types import SimpleNamespace
from typing import Any

import structlog

from bot.conversation import Conversation
from bot.promise_watch import PromiseWatch
from bot.stores.evidence import Feedback
from bot.stores.sqlite import SqliteStore
from bot.stores.turn import Evidence, TurnWrite
from retrieval.promise import Kind, Promise, RightModel

MODELS = {kind: RightModel.believing(kind) for kind in Kind}
PROMISE = Promise(max_wrong_rate=0.05, confidence=0.95, threshold=0.5, models=MODELS)
FINDING = SimpleNamespace(sentence="At most 5 % are wrong.")


def watch_of(store: SqliteStore, promise: Promise | None) -> PromiseWatch:
    engine = SimpleNamespace(id="r1", promise=promise, promised=SimpleNamespace(finding=FINDING))
    inference: Any = SimpleNamespace(host=SimpleNamespace(engine=engine))
    return PromiseWatch(inference, store)


async def answered(
    store: SqliteStore, number: int, verdict: str, *, reason: str = "sure_intent", by: str = "r1"
) -> None:
    """A turn, and what a person thinks of it."""
    name, why = f"c{number}", Evidence(at=1.0, release_id=by, reason=reason)
    events = [{"event": "slot", "name": "x", "value": 1, "timestamp": 1.0}]
    await store.append(Conversation(id=name), events, turn=TurnWrite(evidence=why))
    given = Feedback(conversation_id=name, turn_seq=1, who="ann", verdict=verdict, comment=None, at=2.0)
    assert await store.give_feedback(given)


async def test_only_verdicts_on_answers_that_this_release_gave_count(store: SqliteStore) -> None:
    watch = watch_of(store, PROMISE)
    for number, (verdict, reason, release) in enumerate(
        [
            ("right", "sure_intent", "r1"),
            ("wrong", "near_question", "r1"),
            ("corrected", "same_question", "r1"),
            ("wrong", "nothing_near", "r1"),
            ("wrong", "form", "r1"),
            ("wrong", "sure_intent", "r0"),
        ]
    ):
        await answered(store, number, verdict, reason=reason, by=release)

    assert await watch.shown() == {
        "max_wrong_rate": 0.05,
        "confidence": 0.95,
        "finding": "At most 5 % are wrong.",
        "verdicts": 3,
        "wrong": 2,
        "warning": None,
    }


async def test_a_broken_promise_is_said_once_in_the_log(store: SqliteStore) -> None:
    watch = watch_of(store, PROMISE)

    with structlog.testing.capture_logs() as logs:
        for number in range(12):
            await answered(store, number, "wrong")
            await watch.look()

    (line,) = [line for line in logs if line["event"] == "promise_broken"]
    assert (line["log_level"], line["release"]) == ("warning", "r1")
    assert "being broken" in line["reason"]
    assert (await watch.shown())["warning"] is not None


async def test_where_nothing_is_promised_nothing_is_watched(store: SqliteStore) -> None:
    watch = watch_of(store, None)
    await answered(store, 1, "wrong")
    await watch.look()

    assert await watch.shown() == {"max_wrong_rate": None, "finding": "At most 5 % are wrong."}
