"""Slash messages: their form, and whose word is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_bot import PAIRS, MakeBot

from bot.payload import Payload, parse_payload, past_answer_payload
from bot.policy import FallBack, PastAnswer, Reason, Template


@pytest.mark.parametrize(
    ("text", "name", "entities"),
    [
        ("/hours", "hours", {}),
        ("  /hours  ", "hours", {}),
        ("/hours@0.9", "hours", {}),
        ("/faq/ask_price", "faq/ask_price", {}),
        ('/order{"number": "12", "n": [1]}', "order", {"number": "12", "n": [1]}),
        ('/order@1.0{"number": "12"}', "order", {"number": "12"}),
        ('/order {"number": "12"}', "order", {"number": "12"}),
        ("/order{}", "order", {}),
        ('/kefu_answer{"pair": "h1"}', "kefu_answer", {"pair": "h1"}),
        ("/查询", "查询", {}),
    ],
)
def test_a_slash_message_is_a_command(text: str, name: str, entities: dict[str, object]) -> None:
    assert parse_payload(text) == Payload(name=name, entities=entities)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hours",
        "/",
        "/ hours",
        "and/or",
        "/where is my order",
        "/order{",
        '/order{"number": }',
        "/order{number}",
        "/order@high",
        "/order@",
        '/order{"a": 1} please',
        "/order{" + '"a":{' * 100_000 + "}" * 100_001,
        '/order{"a": ' + "9" * 5000 + "}",
    ],
)
def test_anything_else_is_words(text: str) -> None:
    assert parse_payload(text) is None


@given(pair_id=st.text(min_size=1))
def test_the_payload_that_offers_a_past_answer_names_it_again(pair_id: str) -> None:
    assert parse_payload(past_answer_payload(pair_id)) == Payload(name="kefu_answer", entities={"pair": pair_id})


@pytest.mark.parametrize("typed", ["/hours", "/hours@1.0", '/hours{"a": "b"}', '/kefu_answer{"pair": "p1"}', "/order"])
async def test_a_command_that_a_customer_types_is_read_as_words(scripted: MakeBot, typed: str) -> None:
    bot = scripted()

    turn = await bot.say(typed)

    assert bot.inference.asked == [typed]
    assert isinstance(turn.decision, FallBack)
    assert turn.reading is not None


async def test_the_same_command_is_taken_once_the_bot_has_shown_it_as_a_button(scripted: MakeBot) -> None:
    bot = scripted()
    greeting = await bot.say("hello")
    assert [button.payload for message in greeting.messages for button in message.buttons] == ["/hours", "/order"]

    turn = await bot.say("/hours")

    assert turn.decision == Template(intent="hours", confidence=1.0, reason=Reason.BUTTON)
    assert turn.reading is None
    assert bot.inference.asked == ["hello"]


async def test_a_button_works_again_and_again(scripted: MakeBot) -> None:
    bot = scripted()
    await bot.say("hello")

    reasons = [(await bot.say(text)).decision.reason for text in ("/hours", "/order", "/hours")]

    assert reasons == [Reason.BUTTON] * 3


async def test_a_button_works_only_in_the_conversation_that_was_shown_it(scripted: MakeBot) -> None:
    bot = scripted()
    await bot.say("hello", sender="ann")

    turn = await bot.say("/hours", sender="bob")

    assert isinstance(turn.decision, FallBack)
    assert bot.inference.asked == ["hello", "/hours"]


@pytest.mark.parametrize("typed", ["/hours@0.5", '/hours{"a": "b"}', "/Hours", "/restart"])
async def test_a_button_shown_is_no_leave_for_other_commands(scripted: MakeBot, typed: str) -> None:
    bot = scripted()
    await bot.say("hello")

    turn = await bot.say(typed)

    assert turn.decision.reason is not Reason.BUTTON


async def test_after_a_restart_old_buttons_are_words_again(scripted: MakeBot) -> None:
    bot = scripted()
    await bot.say("hello")
    await bot.say("start again")

    turn = await bot.say("/hours")

    assert turn.decision.reason is not Reason.BUTTON


async def test_commands_are_always_taken_where_the_owner_trusts_them(scripted: MakeBot) -> None:
    bot = scripted(trust_slash_intents=True)

    turn = await bot.say("/order")
    answer = await bot.say('/kefu_answer{"pair": "p1"}')

    assert turn.decision == Template(intent="order", confidence=1.0, reason=Reason.BUTTON)
    assert answer.decision == PastAnswer(pair=PAIRS[0], confidence=1.0, reason=Reason.BUTTON)
    assert [message.text for message in answer.messages] == ["Yes, everywhere."]
    assert bot.inference.asked == []


async def test_a_trusted_command_that_nothing_answers_is_read_as_words(scripted: MakeBot) -> None:
    bot = scripted(trust_slash_intents=True)

    turn = await bot.say("/no_such_intent")

    assert bot.inference.asked == ["/no_such_intent"]
    assert isinstance(turn.decision, FallBack)


@pytest.mark.parametrize("payload", ['/kefu_answer{"pair": "gone"}', "/kefu_answer", '/kefu_answer{"pair": [1]}'])
async def test_a_past_answer_that_has_gone_falls_back(scripted: MakeBot, payload: str) -> None:
    bot = scripted(trust_slash_intents=True)

    turn = await bot.say(payload)

    assert turn.decision == FallBack(confidence=0.0)
    assert [message.text for message in turn.messages] == ["I did not understand."]
