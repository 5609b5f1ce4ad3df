"""A conversation's turn: in order, as Rasa records it, all or nothing."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from scripted_bot import DOMAIN, PAIRS, RULES, SPEC, MakeBot, rule, scripted_engine

from bot.answers import MAX_TITLE_CHARS, option_button, past_answer
from bot.errors import Overloaded, Refused
from bot.events import slot_events
from bot.messages import BotMessage
from bot.policy import AskBack, FallBack, PastAnswer, Reason, Template
from bot.stores.sqlite import SqliteStore, StoreError
from configs import Button, Variation
from retrieval import Pair, PairButton

MINUTE = 60.0


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """Each event with what it names: `action:utter_greet`."""
    return [event["event"] + (f":{event['name']}" if "name" in event else "") for event in events]


def slots(events: list[dict[str, Any]]) -> dict[str, Any]:
    return {event["name"]: event["value"] for event in events if event["event"] == "slot"}


async def test_a_first_turn_is_recorded_as_rasa_records_it(scripted: MakeBot) -> None:
    bot = scripted()

    await bot.say("when are you open")

    assert kinds(await bot.events()) == [
        "action:action_session_start",
        "session_started",
        "action:action_listen",
        "user",
        "action:utter_hours",
        "bot",
        "action:action_listen",
    ]


async def test_later_turns_need_no_new_session(scripted: MakeBot) -> None:
    bot = scripted()
    await bot.say("hello")

    await bot.say("where is it")

    assert kinds(await bot.events())[7:] == [
        "user",
        "action:utter_order",
        "bot",
        "action:utter_link",
        "bot",
        "action:action_listen",
    ]


async def test_events_say_what_was_understood_and_why_it_was_answered(scripted: MakeBot) -> None:
    bot = scripted()

    turn = await bot.say("when are you open", page="/shop")

    user, action, said = (await bot.events())[-4:-1]
    assert user["text"] == "when are you open"
    assert user["parse_data"]["intent"] == {"name": "hours", "confidence": 0.95}
    assert user["parse_data"]["text_tokens"] == [[0, 4], [5, 8], [9, 12], [13, 17]]
    assert user["input_channel"] == "rest"
    assert user["metadata"] == {"page": "/shop"}
    assert len(user["message_id"]) == 32
    assert (action["policy"], action["confidence"]) == ("RulePolicy", 0.95)
    assert said["metadata"] == {
        "reason": "sure_intent",
        "release": "r1",
        "utter_action": "utter_hours",
        "topic": {"question": "when are you open", "intent": "hours"},
    }
    assert said["text"] == "We open at nine.\n\nWe close at five."
    assert turn.release_id == "r1"
    assert {event["timestamp"] for event in await bot.events()} == {bot.clock.now}


async def test_a_button_that_was_pressed_is_a_user_event_with_its_intent(scripted: MakeBot) -> None:
    bot = scripted()
    await bot.say("hello")

    await bot.say("/hours")

    user = [event for event in await bot.events() if event["event"] == "user"][-1]
    assert user["text"] == "/hours"
    assert user["parse_data"]["intent"] == {"name": "hours", "confidence": 1.0}
    assert user["parse_data"]["intent_ranking"] == [{"name": "hours", "confidence": 1.0}]


@pytest.mark.parametrize(
    ("text", "decision", "said", "actions"),
    [
        (
            "do you deliver abroad?",
            PastAnswer(pair=PAIRS[0], confidence=0.99, reason=Reason.SAME_QUESTION),
            ["Yes, everywhere."],
            ["action_past_answer"],
        ),
        (
            "abroad?",
            PastAnswer(pair=PAIRS[0], confidence=0.7, reason=Reason.NEAR_QUESTION),
            ["Yes, everywhere."],
            ["action_past_answer"],
        ),
        (
            "where is it",
            Template(intent="order", confidence=0.8, reason=Reason.SURE_INTENT),
            ["On its way.", "Here is the link."],
            ["utter_order", "utter_link"],
        ),
        ("blargh", FallBack(confidence=0.05), ["I did not understand."], ["action_default_fallback"]),
    ],
)
async def test_every_decision_has_its_words_and_its_action(
    scripted: MakeBot, text: str, decision: Any, said: list[str], actions: list[str]
) -> None:
    bot = scripted()

    turn = await bot.say(text)

    assert turn.decision == decision
    assert [message.text for message in turn.messages] == said
    events = await bot.events()
    assert [event["text"] for event in events if event["event"] == "bot"] == said
    assert [event["name"] for event in events[4:] if event["event"] == "action"] == [*actions, "action_listen"]


async def test_a_rule_for_nlu_fallback_says_what_the_bot_does_when_it_does_not_know(scripted: MakeBot) -> None:
    bot = scripted(rules=(*RULES, rule("nlu_fallback", "utter_link", "action_default_fallback")))

    turn = await bot.say("blargh")

    assert turn.decision == FallBack(confidence=0.05)
    assert [message.text for message in turn.messages] == ["Here is the link.", "I did not understand."]


async def test_asking_back_offers_the_options_as_buttons(scripted: MakeBot) -> None:
    bot = scripted()

    turn = await bot.say("hm")

    assert isinstance(turn.decision, AskBack)
    (question,) = turn.messages
    assert question.text == "Which is it?"
    assert question.buttons[0] == Button(title="Opening hours", payload="/hours")
    assert question.buttons[1].payload == '/kefu_answer{"pair": "p2"}'
    assert len(question.buttons) == 2
    chosen = await bot.say(question.buttons[1].payload)
    assert [message.text for message in chosen.messages] == ["Really."]
    assert chosen.decision == PastAnswer(pair=PAIRS[1], confidence=1.0, reason=Reason.BUTTON)


async def test_a_domain_without_words_for_asking_back_still_asks_back(scripted: MakeBot) -> None:
    bot = scripted({"responses": {"utter_hours": (Variation(text="Nine."),)}})

    turn = await bot.say("hm")
    lost = await bot.say("blargh")

    assert turn.messages[0].text
    assert len(turn.messages[0].buttons) == 2
    assert lost.messages[0].text


def test_an_option_is_offered_in_the_customers_words() -> None:
    titles = {"hours": "Opening hours"}

    def title(intent: str) -> str:
        return option_button(titles, Template(intent=intent, confidence=0.5, reason=Reason.SURE_INTENT)).title

    long = option_button(titles, PastAnswer(pair=PAIRS[1], confidence=0.5, reason=Reason.NEAR_QUESTION)).title
    short = option_button(titles, PastAnswer(pair=PAIRS[0], confidence=0.5, reason=Reason.NEAR_QUESTION)).title

    assert title("hours") == "Opening hours"
    assert title("where_is_it") == "Where is it"
    assert title("faq/ask_price") == "Faq: ask price"
    assert short == "Do you deliver abroad?"
    assert long.startswith("Do you really really")
    assert long.endswith("…")
    assert len(long) <= MAX_TITLE_CHARS


async def test_fifty_messages_at_once_are_taken_one_by_one_in_the_order_they_came(scripted: MakeBot) -> None:
    bot = scripted()

    await asyncio.gather(*(bot.say(f"message {number}") for number in range(50)))

    events = await bot.events()
    assert [event["text"] for event in events if event["event"] == "user"] == [f"message {n}" for n in range(50)]
    assert kinds(events).count("session_started") == 1
    assert kinds(events)[3:] == ["user", "action:action_default_fallback", "bot", "rewind", "action:action_listen"] * 50
    assert len(bot.dialogue._lock) == 0


async def test_conversations_at_the_same_time_keep_their_own_order(scripted: MakeBot) -> None:
    bot = scripted()

    await asyncio.gather(*(bot.say(f"message {number}", sender=f"c{number % 7}") for number in range(70)))

    for index in range(7):
        texts = [event["text"] for event in await bot.events(f"c{index}") if event["event"] == "user"]
        assert texts == [f"message {number}" for number in range(70) if number % 7 == index]


async def test_silence_of_session_minutes_starts_a_new_session(scripted: MakeBot) -> None:
    bot = scripted({"session_minutes": 60.0})
    await bot.say("hello")
    bot.clock.now += 60 * MINUTE - 1
    await bot.say("hello")
    assert kinds(await bot.events()).count("session_started") == 1
    bot.clock.now += 60 * MINUTE

    await bot.say("hello")

    assert kinds(await bot.events()).count("session_started") == 2
    assert (await bot.events())[-7]["timestamp"] == bot.clock.now


async def test_a_session_never_ends_where_the_owner_says_so(scripted: MakeBot) -> None:
    bot = scripted({"session_minutes": 0.0})
    await bot.say("hello")
    bot.clock.now += 1e9

    await bot.say("hello")

    assert kinds(await bot.events()).count("session_started") == 1


async def test_a_clock_that_goes_back_starts_no_session(scripted: MakeBot) -> None:
    bot = scripted()
    await bot.say("hello")
    bot.clock.now -= 1000 * MINUTE

    await bot.say("hello")

    assert kinds(await bot.events()).count("session_started") == 1


@pytest.mark.parametrize(
    ("carry_over", "expected"),
    [(True, {"name": "Ann", "city": "Leeds", "session_started_metadata": {"page": 1}}), (False, {})],
    ids=["carried over", "not carried over"],
)
async def test_a_new_session_keeps_the_slots_or_not(
    scripted: MakeBot, carry_over: bool, expected: dict[str, Any]
) -> None:
    bot = scripted({"carry_over_slots": carry_over})
    await bot.say("hello", page=1)
    known = slot_events({"name": "Ann", "city": "Leeds"}, bot.clock.now)
    await bot.store.append((await bot.store.load("ann")).after(known, SPEC.domain), known)
    earlier = len(await bot.events())
    bot.clock.now += 61 * MINUTE

    turn = await bot.say("hello")

    assert slots((await bot.events())[earlier:]) == expected
    state = {"name": "friend", **expected}
    assert (await bot.store.load("ann")).slots == state
    assert turn.messages[0].text == f"Hello {state['name']}!"


async def test_metadata_of_the_first_message_becomes_a_slot(scripted: MakeBot) -> None:
    bot = scripted()

    await bot.say("hello", page="/shop", user={"id": 7})
    await bot.say("hello", page="/other")

    events = await bot.events()
    assert slots(events) == {
        "session_started_metadata": {"page": "/shop", "user": {"id": 7}},
    }
    assert [event["metadata"] for event in events if event["event"] == "user"] == [
        {"page": "/shop", "user": {"id": 7}},
        {"page": "/other"},
    ]


async def test_a_restart_forgets_and_sets_the_slots_as_at_first(scripted: MakeBot) -> None:
    bot = scripted()
    await bot.say("hello", page=1)

    turn = await bot.say("start again")

    assert [message.text for message in turn.messages] == ["From the start, then."]
    assert kinds(await bot.events())[-7:] == [
        "user",
        "action:action_restart",
        "bot",
        "restart",
        "action:action_session_start",
        "session_started",
        "action:action_listen",
    ]
    state = await bot.store.load("ann")
    assert (state.slots, state.offered) == ({"name": "friend"}, ())
    assert (await bot.say("hello")).messages[0].text == "Hello friend!"


@pytest.mark.parametrize("refusal", [Overloaded("inference"), Refused(503, "Timeout", "No answer within 1 s.")])
async def test_nothing_is_written_when_inference_refuses(scripted: MakeBot, refusal: Refused) -> None:
    bot = scripted()
    bot.inference.fails_with = refusal

    with pytest.raises(Refused) as refused:
        await bot.say("hello")

    assert refused.value is refusal
    assert await bot.events() == []
    bot.inference.fails_with = None
    await bot.say("hello")
    assert kinds(await bot.events()).count("user") == 1


async def test_a_turn_that_cannot_be_written_is_not_answered_and_the_next_one_is(
    scripted: MakeBot, store: SqliteStore
) -> None:
    bot = scripted()
    plant = "CREATE TRIGGER plant BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    await store._connector.write(lambda connection: connection.exec_driver_sql(plant))

    with pytest.raises(StoreError, match="disk full"):
        await bot.say("hello")

    await store._connector.write(lambda connection: connection.exec_driver_sql("DROP TRIGGER plant"))
    assert await bot.events() == []
    assert (await bot.say("hello")).messages[0].text == "Hello friend!"


async def test_a_release_swapped_in_the_middle_of_a_turn_does_not_mix_with_the_old_one(scripted: MakeBot) -> None:
    bot = scripted()
    await bot.say("hello")
    old = bot.inference.host.engine
    new = scripted_engine(replace(SPEC, rules=()), release_id="r2")

    class SwappedHost:
        """Whoever asks twice gets two releases."""

        def __init__(self) -> None:
            self.engines = iter([old, new])

        @property
        def engine(self) -> Any:
            return next(self.engines)

    bot.inference.host = SwappedHost()

    turn = await bot.say("/hours")

    assert turn.release_id == "r1"
    assert turn.messages[0].text == "We open at nine.\n\nWe close at five."


async def test_variations_for_the_customers_channel_are_used(scripted: MakeBot) -> None:
    responses = {
        **DOMAIN.responses,
        "utter_hours": (Variation(text="for all"), Variation(text="for rest", channel="rest")),
    }
    bot = scripted({"responses": responses})

    turn = await bot.say("when are you open")

    assert [message.text for message in turn.messages] == ["for rest"]


def test_a_past_answer_brings_its_buttons_and_each_picture() -> None:
    pair = Pair(
        id="p",
        question="q",
        answer="Here.",
        buttons=(PairButton(title="More", payload="/more"),),
        images=("https://shop.example/1.png", "https://shop.example/2.png"),
    )
    assert past_answer(pair) == (
        BotMessage(text="Here.", buttons=(Button(title="More", payload="/more"),), image="https://shop.example/1.png"),
        BotMessage(image="https://shop.example/2.png"),
    )
    assert past_answer(PAIRS[0]) == (BotMessage(text="Yes, everywhere."),)


async def test_the_button_of_a_past_answer_that_was_removed_falls_back(scripted: MakeBot) -> None:
    bot = scripted()
    asked = await bot.say("hm")
    payload = next(b.payload for b in asked.messages[0].buttons if "kefu_answer" in b.payload)
    del bot.inference.host.engine.pairs["p2"]

    assert isinstance((await bot.say(payload)).decision, FallBack)
