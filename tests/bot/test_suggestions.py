"""Questions are offered under an answer of the real dialogue, only where they may be, and a pressed button is known."""

from typing import Any

import pytest
from scripted_bot import DOMAIN, PAIRS, RULES, Bot, MakeBot, rule
from sqlalchemy import Connection, select

from bot.abilities import Abilities
from bot.errors import Overloaded
from bot.handoff import HandoffReason, waiting_events
from bot.messages import UserMessage
from bot.stores.suggestions import Clicks
from bot.stores.tables import suggestions, turns
from bot.suggestions import Suggester, clicks
from configs import Button, Variation
from configs.assistant_config import HandoffConfig, SuggestionsConfig
from configs.forms import Form
from retrieval.pair import Pair

RELATED = SuggestionsConfig(related=3)
NEXT = SuggestionsConfig(next=True)
BOTH = SuggestionsConfig(related=3, next=True, most=2)
ABROAD = Button(title="Do you deliver abroad?", payload='/kefu_answer{"pair": "p1"}')


def suggesting(bot: Bot) -> Suggester:
    """Has `bot` suggest questions; `abroad` comes near when somebody asks for the hours."""
    bot.inference.host.is_loaded = True
    bot.inference.understood = {**bot.inference.understood, "when are you open": ({"hours": 0.95}, {"p1": 0.45})}
    suggester = Suggester(bot.store, bot.inference, now=bot.clock)
    bot.dialogue.suggest = suggester.suggest
    return suggester


async def asked_in_a_row(bot: Bot, *topics: str, customers: int = 4) -> None:
    """Earlier customers, who have all asked these one after another."""

    def write(connection: Connection) -> None:
        for customer in range(customers):
            for seq, topic in enumerate(topics):
                kind, _, name = topic.partition(":")
                decision = (
                    f'"kind": "template", "intent": "{name}"'
                    if kind == "intent"
                    else (f'"kind": "past_answer", "pair": "{name}"')
                )
                row = {"conversation_id": f"earlier {customer}", "seq": seq, "at": bot.clock.now - 1_000 + seq}
                about = {"release_id": "r1", "reason": "sure_intent", "outcome": "answered"}
                connection.execute(turns.insert(), {**row, **about, "evidence": f'{{"decision": {{{decision}}}}}'})

    await bot.store.write(write)


async def rows(bot: Bot) -> list[Any]:
    def read(connection: Connection) -> list[Any]:
        found = connection.execute(select(suggestions).order_by(suggestions.c.id)).mappings()
        return [{key: row[key] for key in ("turn_seq", "kind", "answer", "position", "clicked_at")} for row in found]

    return await bot.store.read(read)


async def test_nothing_is_offered_unless_the_owner_wants_it(scripted: MakeBot) -> None:
    bot = scripted()
    suggester = suggesting(bot)

    turn = await bot.say("when are you open")

    assert [message.buttons for message in turn.messages] == [()]
    assert await rows(bot) == []
    assert await suggester.shown() is None


async def test_related_questions_stand_under_the_answer_and_are_kept(scripted: MakeBot) -> None:
    bot = scripted(suggestions=RELATED)
    suggesting(bot)

    turn = await bot.say("when are you open")

    assert [message.buttons for message in turn.messages] == [(ABROAD,)]
    (said,) = [event for event in await bot.events() if event["event"] == "bot"]
    assert said["data"]["buttons"] == [{"title": ABROAD.title, "payload": ABROAD.payload}]
    stored = await bot.store.load("ann")
    assert stored == turn.conversation
    assert ABROAD.payload in stored.offered
    assert await rows(bot) == [
        {"turn_seq": 1, "kind": "related", "answer": "pair:p1", "position": 1, "clicked_at": None}
    ]


async def test_a_pressed_button_is_answered_and_counted_once(scripted: MakeBot) -> None:
    bot = scripted(suggestions=RELATED)
    suggester = suggesting(bot)
    await bot.say("when are you open")
    bot.clock.now += 10

    turn = await bot.say(ABROAD.payload)
    await bot.say(ABROAD.payload)

    assert [message.text for message in turn.messages] == ["Yes, everywhere."]
    assert [row["clicked_at"] for row in await rows(bot)] == [bot.clock.now]
    assert await clicks(bot.store, bot.clock.now - 60, bot.clock.now) == [Clicks(kind="related", shown=1, clicked=1)]
    assert await suggester.shown() == {"related": {"shown": 1, "clicked": 1}}


async def test_a_title_that_is_typed_counts_as_the_button(scripted: MakeBot) -> None:
    bot = scripted(suggestions=RELATED)
    suggesting(bot)
    await bot.say("when are you open")

    turn = await bot.say("do you deliver abroad")

    assert turn.reason == "button"
    assert [row["clicked_at"] for row in await rows(bot)] == [bot.clock.now]


async def test_what_is_asked_next_is_offered_by_its_title(scripted: MakeBot) -> None:
    bot = scripted(suggestions=NEXT)
    suggester = suggesting(bot)
    await asked_in_a_row(bot, "intent:order", "intent:hours", "pair:p1")
    await suggester.refresh()

    turn = await bot.say("where is it")

    assert turn.messages[0].buttons == ()  # under the last of two messages
    assert [(button.title, button.payload) for button in turn.messages[1].buttons] == [
        ("Opening hours", "/hours"),
        ("Do you deliver abroad?", ABROAD.payload),
    ]
    assert [(row["kind"], row["answer"]) for row in await rows(bot)] == [
        ("next", "intent:hours"),
        ("next", "pair:p1"),
    ]


async def test_both_kinds_take_turns_up_to_the_most_and_none_stands_twice(scripted: MakeBot) -> None:
    bot = scripted(suggestions=BOTH)
    suggester = suggesting(bot)
    bot.inference.understood = {**bot.inference.understood, "hours?": ({"hours": 0.9}, {"p1": 0.45, "p2": 0.42})}
    await asked_in_a_row(bot, "intent:hours", "pair:p1", "intent:order")
    await suggester.refresh()

    turn = await bot.say("hours?")

    assert [(row["kind"], row["answer"]) for row in await rows(bot)] == [("next", "pair:p1"), ("next", "intent:order")]
    assert len(turn.messages[0].buttons) == 2


async def test_what_this_customer_was_just_answered_is_not_offered_again(scripted: MakeBot) -> None:
    bot = scripted(suggestions=NEXT)
    suggester = suggesting(bot)
    await asked_in_a_row(bot, "intent:order", "intent:hours")
    await suggester.refresh()
    await bot.say("when are you open")

    turn = await bot.say("where is it")

    assert [message.buttons for message in turn.messages] == [(), ()]


@pytest.mark.parametrize(
    "topic",
    [
        "pair:gone",
        "intent:gone",
        "intent:restart",
        "intent:thanks",
        "intent:talk_to_human",
        "intent:secret",
        "pair:old",
    ],
)
async def test_what_would_not_be_answered_is_not_offered(scripted: MakeBot, topic: str) -> None:
    bot = scripted(
        suggestions=NEXT,
        rules=(
            *RULES,
            rule("thanks", "utter_greet"),
            rule("talk_to_human", "utter_greet"),
            rule("secret", "utter_greet"),
        ),
        handoff=HandoffConfig(sensitive=("secret",)),
    )
    suggester = suggesting(bot)
    bot.inference.host.engine.pairs["old"] = Pair(id="old", question="Old?", answer="Old.", valid_until="2001-01-01")
    await asked_in_a_row(bot, "intent:order", topic)
    await suggester.refresh()

    turn = await bot.say("where is it")

    assert [message.buttons for message in turn.messages] == [(), ()]
    assert await rows(bot) == []


async def test_a_pair_that_answers_the_very_question_or_says_the_same_is_not_related(scripted: MakeBot) -> None:
    bot = scripted(suggestions=RELATED)
    suggesting(bot)
    engine = bot.inference.host.engine
    engine.pairs["same"] = Pair(id="same", question="Abroad, too?", answer=PAIRS[0].answer)
    engine.pairs["hours"] = Pair(id="hours", question="Open when?", answer="At nine.", intent="hours")
    bot.inference.understood = {
        "open?": ({"hours": 0.95}, {"p1": 0.7, "hours": 0.45, "p2": 0.2}),
        "abroad??": ({"greet": 0.1}, {"p1": 0.97, "same": 0.45}),
    }

    for text in ("open?", "abroad??"):
        turn = await bot.say(text)
        assert [message.buttons for message in turn.messages] == [()]


async def test_nothing_is_offered_under_a_question_back_a_fallback_or_buttons(scripted: MakeBot) -> None:
    bot = scripted(suggestions=RELATED)
    suggesting(bot)

    for text in ("hm", "no idea", "hello"):
        await bot.say(text)

    assert await rows(bot) == []


async def test_nothing_is_offered_while_a_form_or_a_person_has_the_conversation(scripted: MakeBot) -> None:
    form = Form(name="order_form", required_slots=("city",))
    bot = scripted(
        domain={
            "forms": {"order_form": form},
            "responses": {**DOMAIN.responses, "utter_ask_city": (Variation(text="Which city?"),)},
        },
        rules=(rule("hours", "utter_hours"), rule("order", "utter_order", "order_form")),
        suggestions=RELATED,
    )
    suggesting(bot)
    bot.inference.understood = {**bot.inference.understood, "where is it": ({"order": 0.9}, {"p1": 0.45})}
    await bot.say("where is it")
    await bot.dialogue.append_events("bob", waiting_events(HandoffReason.ASKED_FOR, bot.clock.now))
    await bot.say("when are you open", sender="bob")

    assert (await bot.store.load("ann")).loop is not None
    assert await rows(bot) == []


async def test_a_turn_goes_on_where_suggesting_fails(scripted: MakeBot) -> None:
    bot = scripted(suggestions=RELATED)
    suggesting(bot)
    await bot.say("when are you open")
    bot.inference.fails_with = Overloaded("too many wait")

    turn = await bot.say(ABROAD.payload)

    assert [message.text for message in turn.messages] == ["Yes, everywhere."]
    assert [row["clicked_at"] is None for row in await rows(bot)] == [False]


async def test_on_a_platform_without_buttons_they_are_lines_and_a_number_chooses(scripted: MakeBot) -> None:
    bot = scripted(suggestions=RELATED)
    suggesting(bot)
    bot.dialogue._sends_to["sms"] = Abilities()
    message = UserMessage(conversation_id="ann", text="when are you open", channel="sms")

    await bot.dialogue.handle(message)
    turn = await bot.dialogue.handle(UserMessage(conversation_id="ann", text="1", channel="sms"))

    assert turn.reason == "button"
    assert [row["clicked_at"] is None for row in await rows(bot)] == [False]


async def test_erasing_a_conversation_takes_its_suggestions_along(scripted: MakeBot) -> None:
    bot = scripted(suggestions=RELATED)
    suggesting(bot)
    await bot.say("when are you open")

    assert await bot.store.erase("ann")

    assert await rows(bot) == []
