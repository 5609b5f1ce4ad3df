"""The review desk over a real store: what is shown, in which order, and what is kept of what people say."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from review_world import World, texts
from structlog.testing import capture_logs

from bot.errors import Refused
from bot.review import ShownFor
from bot.stores.labels import LabelKind, labels_of
from bot.stores.sqlite import SqliteStore
from retrieval.knowledge_store import Put
from retrieval.pair import Pair


@pytest.fixture
async def world(store: SqliteStore, tmp_path: Path) -> AsyncIterator[World]:
    world = World(store, tmp_path)
    yield world
    await world.knowledge.close()


async def test_what_had_no_sure_answer_is_shown_with_the_reason_and_sure_answers_are_not(world: World) -> None:
    await world.said("where is my parcel", "asked_back", 0.5)
    await world.said("i want a refund for this", "fell_back", 0.3)
    await world.said("a person please", "handed_over", 0.4)
    await world.said("open on sundays?", "answered", 0.99)
    await world.said("do you deliver abroad?", "answered", 0.75)
    await world.said("", "media", None)

    items = await world.desk.queue()

    assert {item.text: item.why for item in items} == {
        "where is my parcel": ShownFor.UNCERTAIN,
        "i want a refund for this": ShownFor.OUT_OF_SCOPE,
        "a person please": ShownFor.HANDED_OVER,
        "do you deliver abroad?": ShownFor.UNCERTAIN,
    }
    assert all(0 <= item.score <= 1 for item in items)


async def test_a_sure_answer_that_was_called_wrong_is_shown(world: World) -> None:
    key = await world.said("open on sundays?", "answered", 0.99)
    await world.thumbs_down(key)

    (item,) = await world.desk.queue(ShownFor.THUMBS_DOWN)

    assert (item.key, item.why) == (key, ShownFor.THUMBS_DOWN)
    assert await world.desk.queue(ShownFor.HANDED_OVER) == []


async def test_messages_with_the_same_words_are_one_with_a_count(world: World) -> None:
    for message in ("Where is my parcel", "where is my  parcel?", "WHERE IS MY PARCEL!"):
        newest = await world.said(message, "asked_back", 0.5)

    (item,) = await world.desk.queue()

    assert (item.key, item.count) == (newest, 3)
    (again,) = await world.desk.queue()
    assert again.count == 3


async def test_personal_data_is_masked_in_what_is_shown_and_in_what_is_kept(world: World) -> None:
    key = await world.said("my mail is ann.lee@gmail.com", "fell_back")

    (item,) = await world.desk.queue()
    await world.desk.label(key, LabelKind.INTENT, "order", "anna")

    assert item.text == item.turn.message == "my mail is [email]"
    (label,) = await world.store.read(lambda connection: labels_of(connection, *key))
    assert label.text == "my mail is [email]"


async def test_what_a_person_has_labelled_is_gone_for_him_and_last_for_others(world: World) -> None:
    key = await world.said("where is my parcel", "asked_back", 0.5)
    await world.said("open on sundays?", "answered", 0.71)
    await world.desk.label(key, LabelKind.INTENT, "order", "anna")

    assert texts(await world.desk.queue(who="anna")) == ["open on sundays?"]
    assert texts(await world.desk.queue(who="ben")) == ["open on sundays?", "where is my parcel"]
    assert texts(await world.desk.queue()) == ["open on sundays?"]


async def test_an_equal_message_that_comes_after_a_label_is_not_asked_about_again(world: World) -> None:
    key = await world.said("where is my parcel", "asked_back", 0.5)
    await world.desk.label(key, LabelKind.INTENT, "order", "anna")
    await world.said("Where is my parcel?", "asked_back", 0.5)

    assert await world.desk.queue() == []


async def test_two_who_disagree_are_shown_first_until_they_agree(world: World) -> None:
    key = await world.said("where is my parcel", "asked_back", 0.5)
    await world.said("i want a refund for this", "fell_back")
    await world.desk.label(key, LabelKind.INTENT, "order", "anna")
    await world.desk.label(key, LabelKind.INTENT, "hours", "ben")

    items = await world.desk.queue(who="anna")
    assert (items[0].key, items[0].why) == (key, ShownFor.DISAGREEMENT)
    assert [(label.who, label.value) for label in items[0].labels] == [("anna", "order"), ("ben", "hours")]
    found = await world.desk.agreements()
    assert (found.turns, found.twice, found.agreed, len(found.disagreements)) == (1, 1, 0, 1)
    assert found.by_person == {"anna": 1, "ben": 1}

    await world.desk.label(key, LabelKind.INTENT, "order", "ben")
    assert await world.desk.queue(ShownFor.DISAGREEMENT) == []
    assert (await world.desk.agreements()).agreed == 1


async def test_that_the_bot_was_right_agrees_with_who_names_the_same(world: World) -> None:
    did = {"decision": {"kind": "template", "intent": "order"}}
    key = await world.said("where is my parcel", "answered", 0.75, evidence=did)
    await world.desk.label(key, LabelKind.RIGHT, "", "anna")
    await world.desk.label(key, LabelKind.INTENT, "order", "ben")

    assert await world.labels(key) == [("right", "intent:order", "anna"), ("intent", "order", "ben")]
    assert (await world.desk.agreements()).agreed == 1


async def test_undoing_brings_a_message_back(world: World) -> None:
    key = await world.said("where is my parcel", "asked_back", 0.5)
    label = await world.desk.label(key, LabelKind.IGNORE, "whatever", "anna")
    assert await world.desk.queue(who="anna") == []

    await world.desk.undo(label, "anna")

    assert texts(await world.desk.queue(who="anna")) == ["where is my parcel"]
    with pytest.raises(Refused, match="taken back before"):
        await world.desk.undo(label, "anna")


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (LabelKind.RIGHT, "", "did not take this message for anything"),
        (LabelKind.INTENT, "ordr", "no intent 'ordr'.*order"),
        (LabelKind.NEW_INTENT, "two words", "cannot be called 'two words'"),
        (LabelKind.NEW_INTENT, "x" * 61, "at most 60 characters"),
        (LabelKind.NEW_INTENT, "nlu_fallback", "Rasa's own"),
        (LabelKind.PAIR, "p99", "no past answer 'p99'"),
        (LabelKind.ANSWER, " \n ", "value is empty"),
        (LabelKind.ANSWER, "\x00", "control character"),
    ],
)
async def test_a_value_that_means_nothing_is_refused_and_nothing_is_kept(
    world: World, kind: LabelKind, value: str, said: str
) -> None:
    key = await world.said("where is my parcel", "asked_back", 0.5)

    with pytest.raises(Refused, match=said):
        await world.desk.label(key, kind, value, "anna")

    assert await world.labels(key) == []


async def test_a_turn_that_is_not_there_is_refused(world: World) -> None:
    with pytest.raises(Refused, match="no turn 3"):
        await world.desk.label(("nobody", 3), LabelKind.IGNORE, "", "anna")


async def test_a_new_intent_is_offered_to_the_next_and_one_that_there_is_is_not_new(world: World) -> None:
    first, second = await world.said("i want a refund for this"), await world.said("money back please")
    await world.desk.label(first, LabelKind.NEW_INTENT, "refund", "anna")
    await world.desk.agreements()

    assert [one.value for one in world.desk.intents()] == ["greet", "hours", "order", "refund", "restart"]
    await world.desk.label(second, LabelKind.INTENT, "refund", "ben")
    await world.desk.label(first, LabelKind.NEW_INTENT, "order", "ben")

    assert await world.labels(second) == [("new_intent", "refund", "ben")]
    assert await world.labels(first) == [("new_intent", "refund", "anna"), ("intent", "order", "ben")]


async def test_an_answer_stands_beside_the_new_intent_and_takes_the_place_of_all_else(world: World) -> None:
    key = await world.said("i want a refund for this")
    await world.desk.label(key, LabelKind.IGNORE, "", "anna")
    await world.desk.label(key, LabelKind.NEW_INTENT, "refund", "anna")
    await world.desk.label(key, LabelKind.ANSWER, "Within a week.", "anna")

    assert await world.labels(key) == [("new_intent", "refund", "anna"), ("answer", "Within a week.", "anna")]
    assert await world.desk.queue(ShownFor.DISAGREEMENT) == []

    await world.desk.label(key, LabelKind.INTENT, "order", "anna")
    assert await world.labels(key) == [("intent", "order", "anna")]


async def test_likely_meanings_are_those_of_the_release_in_use_else_those_that_were_logged(world: World) -> None:
    logged = {"intents": [["hours", 0.6]], "past_answers": [["p1", 0.7]]}
    await world.said("where is my parcel", "asked_back", 0.5, evidence=logged)

    (fresh,) = await world.desk.queue()
    world.inference.fails_with = Refused(503, "Overloaded", "Too many wait.")
    (stale,) = await world.new_desk().queue()

    assert [(one.value, one.probability) for one in fresh.candidates[:2]] == [("order", 0.5), ("hours", 0.4)]
    assert [(one.value, one.probability) for one in stale.candidates] == [("p1", 0.7), ("hours", 0.6)]


async def test_what_was_shown_does_not_come_again_and_old_turns_do_not_come_at_all(world: World) -> None:
    await world.said("an old one", "fell_back", at=world.clock.now - 15 * 86_400)
    first = await world.said("where is my parcel", "asked_back", 0.5)
    await world.said("i want a refund for this", "fell_back")

    assert texts(await world.desk.queue(after=[first])) == ["i want a refund for this"]


async def test_an_erased_conversation_is_gone_from_the_queue(world: World) -> None:
    conversation, _ = await world.said("where is my parcel", "asked_back", 0.5)
    assert len(await world.desk.queue()) == 1

    await world.store.erase(conversation)

    assert await world.desk.queue() == []


async def test_a_turn_that_was_written_late_is_not_missed(world: World) -> None:
    await world.said("where is my parcel", "asked_back", 0.5)
    await world.desk.queue()
    await world.said("i want a refund for this", "fell_back", at=world.clock.now - 30)

    assert len(await world.desk.queue()) == 2


async def test_pairs_are_found_by_meaning_and_by_words(world: World) -> None:
    pair = Pair(id="k1", question="How do I pay?", answer="By card. Abroad too.")
    await world.knowledge.edit(Put(pair, "anna"))

    assert [one.value for one in await world.desk.pairs("do you deliver abroad?")] == ["p1"]
    assert [one.value for one in await world.desk.pairs("abroad")] == ["k1"]


async def test_what_is_likely_is_read_ahead_while_somebody_reviews_and_no_customer_waits(world: World) -> None:
    await world.said("where is my parcel", "asked_back", 0.5)
    await world.desk.warm()
    assert world.inference.asked == []  # nobody has looked yet

    await world.desk.queue(limit=0)
    world.inference.waiting = 1
    await world.desk.warm()
    assert world.inference.asked == []

    world.inference.waiting = 0
    await world.desk.warm()
    assert world.inference.asked == ["where is my parcel"]

    await world.said("i want a refund for this")
    world.clock.now += 3_601
    await world.desk.warm()
    assert world.inference.asked == ["where is my parcel"]


async def test_reading_ahead_goes_on_after_an_error(world: World) -> None:
    await world.desk.queue(limit=0)
    await world.said("where is my parcel", "asked_back", 0.5)
    naps: list[float] = []

    async def sleep(seconds: float) -> None:
        naps.append(seconds)
        world.inference.fails_with = RuntimeError("once") if len(naps) == 1 else None
        if len(naps) == 3:
            raise asyncio.CancelledError

    with capture_logs() as logs, pytest.raises(asyncio.CancelledError):
        await world.desk.follow(2.0, sleep)

    assert [line["event"] for line in logs] == ["follow_failed"]
    assert (naps, world.inference.asked) == ([2.0] * 3, ["where is my parcel"] * 2)
