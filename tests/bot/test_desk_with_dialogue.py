"""The desk over the real dialogue and the real store: the bot is silent meanwhile, and a restart forgets nobody."""

from pathlib import Path
from typing import Any

import pytest
from scripted_bot import Bot, MakeBot, make_bot

from bot.desk import Desk
from bot.messages import BotMessage
from bot.stores.sqlite import SqliteStore
from configs.assistant_config import HandoffConfig


def desk_of(bot: Bot) -> Desk:
    return Desk(
        bot.dialogue,
        bot.store,
        config=HandoffConfig,
        say=lambda name, _: BotMessage(text=f"<{name}>"),
        now=bot.clock,
    )


@pytest.fixture
def bot(scripted: MakeBot) -> Bot:
    return scripted()


async def test_while_a_person_answers_the_bot_is_silent_and_listens(bot: Bot) -> None:
    desk = desk_of(bot)
    assert (await bot.say("when are you open")).messages
    await desk.ask("ann")
    await desk.claim("ann", "Bob")

    turn = await bot.say("when are you open")
    assert turn.reason == "person"
    assert [event["event"] for event in turn.events] == ["user"]
    shown = await desk.shown(await desk.seat("ann"))
    assert [one["asked"] for one in shown["summary"]["turns"]] == ["when are you open", "when are you open"]
    assert shown["summary"]["turns"][0]["actions"] == ("utter_hours",)

    await desk.reply("ann", "Bob", "At nine.")
    assert (await bot.dialogue.tracker("ann")).handoff.unread == ("At nine.",)
    await desk.give_back("ann", "Bob")
    assert (await bot.say("when are you open")).messages[-1].text == "We open at nine.\n\nWe close at five."


async def test_only_who_is_at_the_desk_is_listed(bot: Bot) -> None:
    desk = desk_of(bot)
    for name in ("a", "b", "c", "d"):
        await bot.say("hello", sender=name)
    for name in ("a", "b", "c"):
        await desk.ask(name)
    await desk.claim("b", "Bob")
    await desk.give_back("c", "Bob")

    found: Any = {one.id: (one.handoff.state, one.handoff.by) for one in await bot.store.handed_over()}
    assert found == {"a": ("waiting", ""), "b": ("human", "Bob")}


async def test_whoever_waited_before_a_restart_waits_after_it(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "conversations.db")
    await store.open()
    bot = make_bot(store)
    await bot.say("hello")
    await desk_of(bot).ask("ann")
    await store.close()

    store = SqliteStore(tmp_path / "conversations.db")
    await store.open()
    desk = desk_of(make_bot(store))
    await desk.catch_up()
    assert [(seat.conversation_id, seat.handoff.state) for seat in desk.seats()] == [("ann", "waiting")]
    await store.close()


async def test_who_waited_too_long_is_answered_by_the_bot_again(bot: Bot) -> None:
    desk = desk_of(bot)
    await bot.say("hello")
    await desk.ask("ann")
    await desk.catch_up()
    bot.clock.now += 600
    await desk.catch_up()
    assert [event.get("text") for event in await bot.events()][-2:] == ["<utter_handoff_timeout>", None]
    assert (await bot.say("when are you open")).messages[-1].text == "We open at nine.\n\nWe close at five."
