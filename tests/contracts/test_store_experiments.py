"""What every conversation store keeps of a release that is tried: in memory, in a SQLite file and in PostgreSQL."""

from dataclasses import replace
from functools import partial
from typing import Any

from bot.conversation import Conversation
from bot.stores.arm_turns import ArmTurn, Thumb, arm_turns, thumbs
from bot.stores.evidence import Feedback
from bot.stores.shadows import Shadow, count_read, shadows_beside, write_shadow
from bot.stores.store import ConversationStore
from bot.stores.turn import Evidence, TurnWrite

SHADOW = Shadow(
    conversation_id="ann",
    seq=1,
    release_id="cand",
    at=5.0,
    outcome="answered",
    answer="intent:a",
    confidence=0.5,
    agrees=False,
)


async def taken(store: ConversationStore, conversation_id: str = "ann", at: float = 5.0, **changed: Any) -> None:
    """A turn of the release `base`."""
    values = {
        "at": at,
        "release_id": "base",
        "reason": "sure_intent",
        "confidence": 0.9,
        "outcome": "answered",
        **changed,
    }
    why = Evidence(evidence=values.pop("evidence", {"intents": [["a", 0.9]]}), message=f"at {at:g}", **values)
    said = [{"event": "user", "timestamp": at, "text": "x", "parse_data": {}}]
    await store.append(Conversation(id=conversation_id, last_event_at=at), said, turn=TurnWrite(evidence=why))


async def write(store: ConversationStore, shadow: Shadow) -> bool:
    return await store.write(partial(write_shadow, shadow=shadow))


async def test_a_shadow_is_kept_beside_its_turn_and_the_last_word_stands(store: ConversationStore) -> None:
    await taken(store)
    assert await write(store, SHADOW) is True
    assert await write(store, replace(SHADOW, outcome="fell_back", answer="", agrees=True)) is True

    (found,) = await store.read(lambda connection: shadows_beside(connection, "cand", 5.0))

    assert (found.conversation_id, found.seq, found.was, found.message) == ("ann", 1, "answered", "at 5")
    assert (found.outcome, found.answer, found.confidence, found.agrees) == ("fell_back", "", 0.5, True)
    assert dict(found.evidence) == {"intents": [["a", 0.9]]}
    assert await store.read(lambda connection: shadows_beside(connection, "cand", 5.1)) == []
    assert await store.read(lambda connection: shadows_beside(connection, "other", 0.0)) == []


async def test_a_shadow_of_a_turn_that_is_not_there_is_not_kept(store: ConversationStore) -> None:
    await taken(store)
    assert await write(store, replace(SHADOW, seq=2)) is False
    await store.erase("ann")
    assert await write(store, SHADOW) is False


async def test_a_shadow_is_erased_with_its_conversation(store: ConversationStore) -> None:
    await taken(store)
    await write(store, SHADOW)
    await store.erase("ann")
    await taken(store)

    assert await store.read(lambda connection: shadows_beside(connection, "cand", 0.0)) == []


async def test_only_messages_that_were_read_could_have_been_read_by_another(store: ConversationStore) -> None:
    await taken(store, "ann", 1.0)
    await taken(store, "ann", 2.0)
    await taken(store, "ann", 3.0, evidence={})  # a button
    await taken(store, "ann", 4.0, outcome="person")
    await taken(store, "ann", 5.0, release_id="other")

    assert await store.read(lambda connection: count_read(connection, "base", 2.0, 9.0)) == 1
    assert await store.read(lambda connection: count_read(connection, "base", 0.0, 2.0)) == 1


async def test_the_turns_of_a_comparison_come_in_the_order_of_time(store: ConversationStore) -> None:
    await taken(store, "bob", 2.0, release_id="cand")
    await taken(store, "ann", 1.0)
    await taken(store, "ann", 3.0, confidence=None, outcome="handed_over")
    await taken(store, "ann", 4.0)

    found = await store.read(lambda connection: list(arm_turns(connection, 1.5, 4.0)))

    assert found == [
        ArmTurn(
            conversation_id="bob",
            seq=1,
            at=2.0,
            release_id="cand",
            outcome="answered",
            reason="sure_intent",
            confidence=0.9,
        ),
        ArmTurn(
            conversation_id="ann",
            seq=2,
            at=3.0,
            release_id="base",
            outcome="handed_over",
            reason="sure_intent",
            confidence=None,
        ),
    ]


async def test_thumbs_come_in_the_order_in_which_they_were_given(store: ConversationStore) -> None:
    await taken(store, "ann")
    await taken(store, "bob")
    for who, verdict, at in (("bob", "wrong", 6.0), ("ann", "right", 7.0), ("ann", "right", 1.0)):
        given = Feedback(conversation_id=who, turn_seq=1, who=f"{verdict}{at}", verdict=verdict, comment=None, at=at)
        assert await store.give_feedback(given)

    found = await store.read(lambda connection: thumbs(connection, 5.0))

    assert found == [
        Thumb(conversation_id="bob", turn_seq=1, verdict="wrong"),
        Thumb(conversation_id="ann", turn_seq=1, verdict="right"),
    ]
