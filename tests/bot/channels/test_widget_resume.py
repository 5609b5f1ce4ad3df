"""A page that comes back after a reload, a lost network, a restart, or twice: nothing is lost, and nothing doubled."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from widget_page import PATIENCE_S, Page, page_of, session_of
from widget_world import World, texts, world_of

from bot.channels.widget.reader import HISTORY_EVENTS, PAGE_EVENTS
from bot.stores.errors import StoreError
from bot.stores.sqlite import SqliteStore

HELLO = [("user", "hello"), ("bot", "Hello friend!")]
ORDER = [("user", "where is it"), ("bot", "On its way."), ("bot", "Here is the link.")]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_of(tmp_path) as world:
        yield world


def numbers(events: list[dict[str, Any]]) -> list[int]:
    return [event["seq"] for event in events]


async def read(page: Page, count: int) -> list[dict[str, Any]]:
    return [await page.next("event") for _ in range(count)]


async def nothing_more(page: Page) -> None:
    """All that was to be told has been told."""
    await page.send(type="ping")
    assert (await page.next("pong", "event"))["type"] == "pong"


async def test_a_page_that_is_reloaded_is_told_everything_once_more(world: World) -> None:
    async with page_of(world.client) as page:
        await page.say("m1", "hello")
        await page.say("m2", "where is it")
        before = await read(page, 5)
    assert list(texts(before)) == [*HELLO, *ORDER]

    async with page_of(world.client, page.token) as page:
        assert page.welcome["seq"] >= before[-1]["seq"]
        assert page.welcome["begun"] is not None
        assert await read(page, 5) == before
        await nothing_more(page)


@pytest.mark.parametrize("seen", range(6))
async def test_a_page_goes_on_after_what_it_has_seen(world: World, seen: int) -> None:
    async with page_of(world.client) as page:
        await page.say("m1", "hello")
        await page.say("m2", "where is it")
        before = await read(page, 5)

    after = before[seen - 1]["seq"] if seen else 0
    async with page_of(world.client, page.token, after=after, begun=page.welcome["begun"]) as again:
        assert "reset" not in again.welcome
        assert await read(again, 5 - seen) == before[seen:]
        await nothing_more(again)


async def test_what_was_said_while_a_page_was_away_comes_when_it_is_back(world: World) -> None:
    async with page_of(world.client) as page:
        await page.say("m1", "hello")
        seen = (await read(page, 2))[-1]["seq"]
        conversation = f"widget:{page.welcome['session']}"
    event = {"event": "bot", "timestamp": world.clock(), "text": "A reminder.", "metadata": {"pushed": True}}
    await world.bot.dialogue.change(conversation, lambda _: [event])

    async with page_of(world.client, page.token, after=seen) as page:
        assert list(texts(await read(page, 1))) == [("bot", "A reminder.")]


async def test_two_pages_of_a_session_see_the_same(world: World) -> None:
    token = (await session_of(world.client))["token"]
    async with page_of(world.client, token) as one, page_of(world.client, token) as two:
        await asyncio.gather(one.say("a1", "hello"), two.say("b1", "where is it"))
        seen_by_one, seen_by_two = await read(one, 5), await read(two, 5)
        await asyncio.gather(one.say("x1", "hello"), two.say("x1", "hello"))
        later = await read(one, 2), await read(two, 2)
        await nothing_more(one)
        await nothing_more(two)

    assert seen_by_one == seen_by_two
    assert sorted(texts(seen_by_one), key=str) == sorted([*HELLO, *ORDER], key=str)
    assert later[0] == later[1]
    assert numbers(seen_by_one) == sorted(set(numbers(seen_by_one)))
    assert [frame["id"] for frame in one.frames if frame["type"] == "ack"] == ["a1", "x1"]
    assert [frame["id"] for frame in two.frames if frame["type"] == "ack"] == ["b1", "x1"]


async def test_one_session_never_hears_of_another(world: World) -> None:
    async with page_of(world.client) as one, page_of(world.client) as two:
        await one.say("m1", "hello the secret of one")
        await read(one, 2)
        await two.say("m1", "where is it")
        told = await read(two, 3)
        await nothing_more(two)

    assert list(texts(told)) == ORDER
    assert "secret" not in str(two.frames)


@pytest.mark.parametrize("seed", range(3))
async def test_a_network_that_breaks_off_all_the_time_loses_and_doubles_nothing(world: World, seed: int) -> None:
    """A page as the widget is: it sends again what was not acknowledged, and takes each event once."""
    chance = random.Random(seed)
    token = (await session_of(world.client))["token"]
    waiting = [(f"m{number}", chance.choice(["hello", "where is it"])) for number in range(12)]
    expected = sum(2 if text == "hello" else 3 for _, text in waiting)
    sent, seen, begun = list(waiting), {}, None
    async with asyncio.timeout(PATIENCE_S):
        while len(seen) < expected:
            place = max(seen, default=0)
            async with page_of(world.client, token, after=place, begun=begun) as page:
                begun = page.welcome["begun"]
                for frame_id, text in waiting[:5]:
                    await page.say(frame_id, text)
                for _ in range(chance.randrange(8)):
                    try:
                        async with asyncio.timeout(0.2):
                            frame = await page.next("ack", "event", "error")
                    except TimeoutError:
                        break
                    if frame["type"] == "event":
                        assert frame["seq"] not in seen
                        seen[frame["seq"]] = frame
                    if frame["type"] == "ack" or frame.get("from") == "user":
                        waiting = [one for one in waiting if one[0] != frame["id"]]
                if chance.random() < 0.7:  # no close frame: the cable is pulled
                    page.socket._response.connection.transport.abort()  # type: ignore[union-attr]

    assert waiting == []
    told = [seen[number] for number in sorted(seen)]
    assert [(event["id"], event["text"]) for event in told if event["from"] == "user"] == sent
    assert sum(event["from"] == "bot" for event in told) == expected - len(sent)


async def test_a_server_that_starts_again_on_the_same_folder_goes_on(tmp_path: Path) -> None:
    async with world_of(tmp_path, works=False) as world, page_of(world.client) as page:
        await page.say("m1", "hello")
        assert await page.next("ack")
        world.widget.stop()
        assert await page.close_code() == 1012
        assert page.frames[-1] == {"type": "bye", "reason": "restart"}

    async with world_of(tmp_path) as world, page_of(world.client, page.token) as page:
        await page.say("m1", "hello")  # sent again, as if the acknowledgement had been lost
        assert (await page.next("ack"))["duplicate"]
        await page.say("m2", "where is it")
        assert list(texts(await read(page, 5))) == [*HELLO, *ORDER]
        await nothing_more(page)


async def test_a_server_that_is_ending_lets_every_page_go(world: World) -> None:
    async with page_of(world.client) as one, page_of(world.client) as two:
        world.widget.stop()
        for page in (one, two):
            assert await page.close_code() == 1012
            assert page.frames[-1] == {"type": "bye", "reason": "restart"}


async def test_a_number_that_there_never_was_begins_anew(world: World) -> None:
    async with page_of(world.client) as page:
        await page.say("m1", "hello")
        before = await read(page, 2)

    async with page_of(world.client, page.token, after=2**52) as page:
        assert page.welcome["reset"] is True
        assert await read(page, 2) == before
    async with page_of(world.client, after=17) as stranger:
        assert (stranger.welcome["reset"], stranger.welcome["seq"]) == (True, 0)
        await nothing_more(stranger)


async def test_a_conversation_that_is_erased_is_cleared_and_begins_anew(world: World) -> None:
    async with page_of(world.client) as page:
        await page.say("m1", "hello")
        await read(page, 2)
        await world.bot.dialogue.erase(f"widget:{page.welcome['session']}")
        assert await page.next("reset") == {"type": "reset"}
        await nothing_more(page)
        await page.say("m2", "where is it")
        assert list(texts(await read(page, 3))) == ORDER


async def test_one_that_was_erased_by_another_process_is_cleared_too(world: World) -> None:
    async with page_of(world.client) as page:
        await page.say("m1", "hello")
        await read(page, 2)
        await world.store.erase(f"widget:{page.welcome['session']}")
        assert await page.next("reset") == {"type": "reset"}


async def test_a_page_that_was_away_while_its_conversation_was_erased_starts_over(world: World) -> None:
    async with page_of(world.client) as page:
        await page.say("m1", "hello")
        seen = (await read(page, 2))[-1]["seq"]
    async with page_of(world.client, page.token, after=seen) as page:
        begun = page.welcome["begun"]
    await world.bot.dialogue.erase(f"widget:{page.welcome['session']}")
    async with page_of(world.client, page.token) as elsewhere:
        await elsewhere.say("m2", "where is it")
        await elsewhere.say("m3", "hello")
        every = await read(elsewhere, 5)

    async with page_of(world.client, page.token, after=seen, begun=begun) as page:
        assert page.welcome["reset"] is True
        assert await read(page, 5) == every


async def test_what_another_process_commits_comes_without_being_told(world: World, tmp_path: Path) -> None:
    """Another process cannot call this one; it is found in the store."""
    world.bot.dialogue.on_commit = lambda *_: None
    async with page_of(world.client) as page:
        await page.say("m1", "hello")
        assert list(texts(await read(page, 2))) == HELLO
        typing = [frame["on"] for frame in page.frames if frame["type"] == "typing"]
        assert typing == [True, False]


async def test_a_long_conversation_is_told_from_near_its_end_in_order(world: World) -> None:
    begun = await session_of(world.client)
    conversation = f"widget:{begun['session']}"
    count = HISTORY_EVENTS + 3 * PAGE_EVENTS + 7
    events = [{"event": "bot", "timestamp": float(n), "text": str(n), "data": {}} for n in range(1, count + 1)]
    await world.bot.dialogue.change(conversation, lambda _: events)

    async with page_of(world.client, begun["token"]) as page:
        told = await read(page, HISTORY_EVENTS)
        await nothing_more(page)
    async with page_of(world.client, begun["token"], after=3) as page:
        older = await read(page, count - 3)

    assert numbers(told) == list(range(count - HISTORY_EVENTS + 1, count + 1))
    assert [event["text"] for event in told] == [str(number) for number in numbers(told)]
    assert numbers(older) == list(range(4, count + 1))


async def test_a_database_that_is_away_is_asked_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with page_of(world.client) as page:
        real, failures = world.store.tail, [StoreError("away")] * 3

        async def fails(*given: Any, **named: Any) -> Any:
            if failures:
                raise failures.pop()
            return await real(*given, **named)

        monkeypatch.setattr(world.store, "tail", fails)
        await page.say("m1", "hello")
        assert list(texts(await read(page, 2))) == HELLO
        assert failures == []


async def test_a_message_that_cannot_be_stored_is_not_acknowledged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = world.store.inbox.accept

    async def fails(_: Any) -> Any:
        raise StoreError("disk full")

    async with page_of(world.client) as page:
        monkeypatch.setattr(world.store.inbox, "accept", fails)
        await page.say("m1", "hello")
        error = await page.next("ack", "error")
        assert (error["code"], error["id"], error["retry_after_s"]) == ("Unavailable", "m1", 5)
        assert "disk" not in error["message"]

        monkeypatch.setattr(world.store.inbox, "accept", real)
        await page.say("m1", "hello")
        assert await page.next("ack", "error") == {"type": "ack", "id": "m1"}


# The bot speaks first


async def test_the_bot_speaks_first_and_once(tmp_path: Path) -> None:
    async with world_of(tmp_path, {"greeting": "greet"}) as world:
        token = (await session_of(world.client))["token"]
        async with page_of(world.client, token) as one, page_of(world.client, token) as two:
            for page in (one, two):
                greeting = await page.next("event")
                assert (greeting["from"], greeting["text"]) == ("bot", "Hello friend!")
        async with page_of(world.client, token) as again:
            assert (await again.next("event"))["text"] == "Hello friend!"
            await again.say("m1", "where is it")
            assert list(texts(await read(again, 3))) == ORDER


async def test_a_customer_who_speaks_first_is_not_greeted_afterwards(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "conversations.db")
    await store.open()
    async with world_of(tmp_path, {"greeting": True}, works=False, store=store) as world:
        async with page_of(world.client) as page:
            pass
        waiting = await store.inbox.claim()
        assert waiting is not None
        await store.inbox.put_back(waiting, 0.0)
        event = {"event": "user", "timestamp": world.clock() + 50, "text": "hi", "parse_data": {}}
        await world.bot.dialogue.change(f"widget:{page.welcome['session']}", lambda _: [event])
        world.clock.now += 100
        assert await world.worker.drain() == 1
        kinds = [event["event"] for event in await store.events(f"widget:{page.welcome['session']}")]
    await store.close()
    assert "bot" not in kinds
