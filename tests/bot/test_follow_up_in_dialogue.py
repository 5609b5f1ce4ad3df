"""The dialogue reads what leans on the question before with its subject, and remembers what was talked about."""

from typing import Any

from scripted_bot import MakeBot

from configs.assistant_config import ContextConfig


def texts(turn: Any) -> list[str | None]:
    return [message.text for message in turn.messages]


async def test_an_offered_button_is_chosen_by_its_place(scripted: MakeBot) -> None:
    bot = scripted()
    await bot.say("hello")
    turn = await bot.say("the second one")
    assert texts(turn) == ["On its way.", "Here is the link."]
    assert turn.reason == "button"
    assert turn.events[0]["text"] == "the second one"
    assert turn.conversation.intent == "order"


async def test_only_the_buttons_of_the_last_answer_count(scripted: MakeBot) -> None:
    bot = scripted()
    await bot.say("hello")
    await bot.say("when are you open")
    assert (await bot.say("the second one")).reason != "button"


async def test_a_follow_up_is_read_with_the_question_before(scripted: MakeBot) -> None:
    bot = scripted()
    bot.inference.understood = {
        **bot.inference.understood,
        "when are you open and at what time do you close?": ({"hours": 0.95}, {}),
    }
    await bot.say("when are you open")
    turn = await bot.say("and at what time do you close?")
    assert texts(turn) == ["We open at nine.\n\nWe close at five."]
    event = turn.events[0]
    assert event["text"] == "and at what time do you close?"
    assert event["parse_data"]["kefu"]["read_as"] == "when are you open and at what time do you close?"
    assert turn.conversation.topic.question == "when are you open and at what time do you close?"


async def test_what_stands_by_itself_is_read_once(scripted: MakeBot) -> None:
    bot = scripted()
    await bot.say("when are you open")
    await bot.say("where is it")  # "it" is put in, and the plain reading is the surer one
    await bot.say("hello")
    assert bot.inference.asked[-1] == "hello"
    assert "read_as" not in (await bot.events())[0].get("parse_data", {}).get("kefu", {})


async def test_switched_off_nothing_is_put_in(scripted: MakeBot) -> None:
    bot = scripted(context=ContextConfig(follow_ups=False))
    await bot.say("when are you open")
    await bot.say("and at what time do you close?")
    assert bot.inference.asked == ["when are you open", "and at what time do you close?"]


async def test_the_topic_survives_being_written_down(scripted: MakeBot) -> None:
    bot = scripted()
    turn = await bot.say("do you deliver abroad?")
    assert turn.conversation.topic.pair_id == "p1"
    assert (await bot.dialogue.tracker("ann")).topic == turn.conversation.topic
