"""Networks that break, servers that restart, tabs that are two: nothing a customer says is lost or comes twice."""

import asyncio

import pytest
from e2e_servers import BotSite, Network, ScriptedBot, acknowledge
from e2e_visitor import Visit, Visitor
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")

AWAY_S = 10.0
PATIENCE_MS = 20_000
HOURS = "when are you open"


async def chatting(visit: Visit, origin: str, script: str = "") -> Visitor:
    """A customer on the chat page, who has had an answer."""
    ann = await visit(f"{origin}/chat", script)
    await ann.sees("What can I help you with?")
    await ann.ask(HOURS, "18:00")
    return ann


async def nothing_waits(ann: Visitor) -> None:
    await expect(ann.log.locator(".pendings .message")).to_have_count(0, timeout=PATIENCE_MS)
    await ann.page.wait_for_function("() => !Object.keys(localStorage).some((name) => name.includes('pending:'))")


async def is_whole(ann: Visitor, bot: BotSite, said: list[str]) -> None:
    """What the customer has said is there once and in order: for her, in the store, and after a reload."""
    await nothing_waits(ann)
    await expect(ann.log.locator(".message.user")).to_have_count(len(said), timeout=PATIENCE_MS)
    ident = await ann.conversation_id()
    assert await ann.own_words() == said
    assert await bot.said_by_customer(ident) == said
    answers = ann.log.locator(".message.bot:not(.typing)")
    await expect(answers).to_have_count(len(said) + 1, timeout=PATIENCE_MS)  # the greeting comes besides
    shown = await ann.conversation()
    await ann.page.reload()
    await ann.sees(said[-1], by="user")
    await expect(ann.log.locator(".message:not(.typing)")).to_have_count(len(shown))
    assert await ann.conversation() == shown


@pytest.mark.parametrize("script", ["", "window.WebSocket = undefined;"], ids=["socket", "polls"])
async def test_what_is_written_while_the_network_is_lost_is_sent_when_it_is_back(
    visit: Visit, bot: BotSite, network: Network, script: str
) -> None:
    ann = await chatting(visit, network.origin, script)

    await network.cut()
    for number in range(3):
        await ann.say(f"{HOURS} {number}")
    await expect(ann.page.locator("kefu-chat .network")).to_contain_text("No connection")
    await expect(ann.log.locator(".pending")).to_have_count(3)
    await ann.picture("no-connection")
    assert await ann.violations() == []
    await asyncio.sleep(AWAY_S)
    await network.mend()

    await is_whole(ann, bot, [HOURS, *(f"{HOURS} {number}" for number in range(3))])
    await expect(ann.page.locator("kefu-chat .network")).to_be_empty()


async def test_a_browser_that_goes_offline_and_comes_back(visit: Visit, bot: BotSite) -> None:
    ann = await chatting(visit, bot.origin)
    await ann.page.context.set_offline(True)
    await ann.say(f"{HOURS} then")
    await expect(ann.log.locator(".delivery")).to_have_text("Waiting for a connection")
    await asyncio.sleep(AWAY_S)
    await ann.page.context.set_offline(False)
    await is_whole(ann, bot, [HOURS, f"{HOURS} then"])


async def test_what_waits_survives_a_reload_and_the_end_of_the_tab(
    visit: Visit, bot: BotSite, network: Network
) -> None:
    ann = await chatting(visit, network.origin)
    await network.cut()
    await ann.say(f"{HOURS} 1")
    await ann.say(f"{HOURS} 2")
    await expect(ann.log.locator(".pending")).to_have_count(2)
    await ann.page.goto("about:blank")
    await network.mend()
    await ann.page.goto(f"{network.origin}/chat")
    await is_whole(ann, bot, [HOURS, f"{HOURS} 1", f"{HOURS} 2"])


async def test_what_waits_is_shown_after_a_reload_without_a_network(visit: Visit, scripted: ScriptedBot) -> None:
    ann = await visit(f"{scripted.origin}/chat")
    await expect(ann.field).to_be_enabled()
    scripted.on_frame = silence
    await ann.say("hello?")
    await expect(ann.log.locator(".pending")).to_have_count(1)
    await ann.page.reload()
    await expect(ann.log.locator(".pending")).to_have_count(1)
    scripted.on_frame = acknowledge
    await scripted.hang_up()
    await nothing_waits(ann)
    assert await ann.own_words() == ["hello?"]
    assert {frame["id"] for frame in scripted.taken if frame["type"] == "message"} == {scripted.history[0]["id"]}


async def test_a_message_whose_acknowledgement_is_lost_is_sent_again_under_its_id(
    visit: Visit, scripted: ScriptedBot
) -> None:
    async def take_and_hang_up(bot: ScriptedBot, frame: dict[str, object]) -> None:
        if frame["type"] == "message":
            bot.on_frame = acknowledge_again
            await bot.hang_up()

    async def acknowledge_again(bot: ScriptedBot, frame: dict[str, object]) -> None:
        if frame["type"] == "message":
            await bot.tell({"type": "ack", "id": frame["id"], "duplicate": True})
            await bot.event(**{"from": "user", "id": frame["id"], "text": frame["text"]})

    scripted.on_frame = take_and_hang_up
    ann = await visit(f"{scripted.origin}/chat")
    await expect(ann.field).to_be_enabled()
    await ann.say("once")
    await nothing_waits(ann)
    assert len([frame for frame in scripted.taken if frame["type"] == "message"]) == 2
    assert len({frame["id"] for frame in scripted.taken if frame["type"] == "message"}) == 1
    assert await ann.own_words() == ["once"]


async def test_a_connection_on_which_nothing_comes_back_is_given_up(visit: Visit, scripted: ScriptedBot) -> None:
    ann = await visit("about:blank")
    await ann.page.clock.install()
    await ann.page.goto(f"{scripted.origin}/chat")
    await expect(ann.field).to_be_enabled()
    await ann.say("first")
    await ann.sees("first", by="user")
    scripted.on_frame = silence
    await ann.say("hello?")
    await expect(ann.log.locator(".pending")).to_have_count(1)
    scripted.on_frame = acknowledge
    await ann.page.clock.run_for(15_000)
    await nothing_waits(ann)
    assert await ann.own_words() == ["first", "hello?"]


async def test_a_restart_of_the_server_in_the_middle(visit: Visit, bot: BotSite) -> None:
    ann = await chatting(visit, bot.origin)
    await bot.stop()
    await ann.say(f"{HOURS} 1")
    await ann.say(f"{HOURS} 2")
    await bot.start()
    await ann.say(f"{HOURS} 3")
    await is_whole(ann, bot, [HOURS, *(f"{HOURS} {number}" for number in (1, 2, 3))])


async def test_two_tabs_are_one_conversation(visit: Visit, bot: BotSite) -> None:
    ann = await chatting(visit, bot.origin)
    other = Visitor(await ann.page.context.new_page())
    await other.page.goto(f"{bot.origin}/chat")
    await other.sees("18:00")

    await asyncio.gather(ann.say(f"{HOURS} here"), other.say(f"{HOURS} there"))

    for tab in (ann, other):
        await tab.sees(f"{HOURS} here", by="user")
        await tab.sees(f"{HOURS} there", by="user")
        await expect(tab.log.locator(".message.user")).to_have_count(3)
        await expect(tab.log.locator(".message.bot:not(.typing)")).to_have_count(4)
        await nothing_waits(tab)
    assert await ann.conversation() == await other.conversation()
    said = await bot.said_by_customer(await ann.conversation_id())
    assert sorted(said) == sorted([HOURS, f"{HOURS} here", f"{HOURS} there"])


async def test_two_tabs_lose_the_network_and_neither_says_it_twice(
    visit: Visit, bot: BotSite, network: Network
) -> None:
    ann = await chatting(visit, network.origin)
    other = Visitor(await ann.page.context.new_page())
    await other.page.goto(f"{network.origin}/chat")
    await other.sees("18:00")
    await network.cut()
    await ann.say(f"{HOURS} here")
    await other.say(f"{HOURS} there")
    third = Visitor(await ann.page.context.new_page())
    await network.mend()
    await third.page.goto(f"{network.origin}/chat")
    for tab in (ann, other, third):
        await expect(tab.log.locator(".message.user")).to_have_count(3, timeout=PATIENCE_MS)
        await nothing_waits(tab)
    said = await bot.said_by_customer(await ann.conversation_id())
    assert sorted(said) == sorted([HOURS, f"{HOURS} here", f"{HOURS} there"])


async def silence(bot: ScriptedBot, frame: dict[str, object]) -> None:
    """Says nothing to what comes."""
