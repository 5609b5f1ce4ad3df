"""A person is called by what customers say and what rules say; meanwhile the bot keeps silent."""

from typing import Any

from scripted_bot import DOMAIN, Bot, MakeBot

from bot.desk import Desk
from bot.handoff import HandoffState, ReturnReason, claimed_event, returned_events
from bot.messages import BotMessage
from configs import Variation
from configs.assistant_config import HandoffConfig

CONFIG = HandoffConfig(enabled=True, intents=("order",), failures=2)
TUESDAY = 1_700_000_000.0  # 2023-11-14, 22:13 UTC
CLOSED = CONFIG.model_copy(update={"hours": {"monday": "08:00-18:00"}})


async def state(bot: Bot) -> Any:
    return (await bot.dialogue.tracker("ann")).handoff


def texts(turn: Any) -> list[str | None]:
    return [message.text for message in turn.messages]


async def test_who_asks_for_a_person_waits_for_one(scripted: MakeBot) -> None:
    bot = scripted(handoff=CONFIG)
    turn = await bot.say("where is it")
    assert texts(turn) == ["I'm passing you on to a colleague, who will answer here."]
    assert (await state(bot)).state is HandoffState.WAITING
    kinds = [(event["event"], event.get("name")) for event in turn.events]
    assert kinds[-4:] == [("action", "action_handoff"), ("bot", None), ("handoff", None), ("pause", None)]

    assert texts(await bot.say("when are you open")) == []
    assert [event["text"] for event in await bot.events() if event["event"] == "user"] == [
        "where is it",
        "when are you open",
    ]


async def test_the_second_failure_calls_a_person_instead_of_asking_again(scripted: MakeBot) -> None:
    bot = scripted(handoff=CONFIG)
    assert (await bot.say("mumble")).conversation.handoff.failures == 1
    turn = await bot.say("mumble mumble")
    assert (turn.conversation.handoff.state, turn.conversation.handoff.reason) == ("waiting", "failed")


async def test_an_answer_between_two_failures_makes_them_two_firsts(scripted: MakeBot) -> None:
    bot = scripted(handoff=CONFIG)
    for text in ("mumble", "when are you open", "mumble"):
        await bot.say(text)
    assert (await state(bot)).state is HandoffState.BOT


async def test_switched_off_nothing_calls_a_person(scripted: MakeBot) -> None:
    bot = scripted()
    for text in ("mumble", "mumble", "where is it", "mumble"):
        await bot.say(text)
    assert (await state(bot)).state is HandoffState.BOT


async def test_outside_the_hours_the_bot_says_so_and_goes_on(scripted: MakeBot) -> None:
    closed = (Variation(text="We are back on {handoff_opens}."),)
    bot = scripted(handoff=CLOSED, domain={"responses": {**DOMAIN.responses, "utter_handoff_closed": closed}})
    bot.clock.now = TUESDAY
    assert texts(await bot.say("where is it")) == ["We are back on 2023-11-20 08:00."]
    assert (await state(bot)).state is HandoffState.BOT
    assert texts(await bot.say("when are you open"))


async def test_a_custom_hand_over_by_name_is_done_by_any_program(scripted: MakeBot) -> None:
    bot = scripted()
    await bot.say("hello")
    for name in ("action_handoff", "action_human_handoff"):
        turn = await bot.dialogue.execute("ann", name)
        assert (turn.conversation.handoff.state, turn.conversation.handoff.reason) == ("waiting", "rule")
        await bot.dialogue.append_events("ann", returned_events(ReturnReason.GIVEN_BACK, bot.clock.now))


async def test_who_waited_too_long_is_answered_though_nothing_has_watched_the_clock(scripted: MakeBot) -> None:
    bot = scripted(handoff=CONFIG)
    await bot.say("where is it")
    bot.clock.now += 599
    assert texts(await bot.say("when are you open")) == []
    bot.clock.now += 1
    assert texts(await bot.say("when are you open")) == ["We open at nine.\n\nWe close at five."]
    assert (await state(bot)).reason == "nobody_came"


async def test_what_a_person_said_comes_with_the_next_answer_of_a_channel_that_must_be_asked(scripted: MakeBot) -> None:
    bot = scripted(handoff=CONFIG)
    await bot.say("where is it")
    await bot.dialogue.append_events("ann", [claimed_event("Bob", bot.clock.now)])
    desk = desk_of(bot)
    await desk.reply("ann", "Bob", "It is in Bristol.")
    await desk.reply("ann", "Bob", "Anything else?")
    assert texts(await bot.say("no")) == ["It is in Bristol.", "Anything else?"]
    assert texts(await bot.say("thanks")) == []


async def test_the_desk_hears_of_every_turn(scripted: MakeBot) -> None:
    bot = scripted(handoff=CONFIG)
    desk = desk_of(bot)
    bot.dialogue.on_commit = desk.saw
    await bot.say("hello", sender="cy")
    await bot.say("where is it")
    assert [seat.conversation_id for seat in desk.seats()] == ["ann"]
    feed = desk.listen()
    await bot.say("hurry")
    assert '"hurry"' in (await feed.get() or "")


def desk_of(bot: Bot) -> Desk:
    return Desk(
        bot.dialogue,
        bot.store,
        config=lambda: CONFIG,
        say=lambda name, _: BotMessage(text=f"<{name}>"),
        now=bot.clock,
    )
