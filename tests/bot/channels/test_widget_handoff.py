"""A person takes over in the widget: who answers, how many are before, who writes, when somebody is there."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from widget_page import Page, page_of
from widget_world import World, texts, world_of

from configs.assistant_config import HandoffConfig


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_of(tmp_path) as world:
        yield world


@pytest.fixture
async def page(world: World) -> AsyncIterator[Page]:
    async with page_of(world.client) as page:
        await page.say("m1", "hello")
        await page.events_until(lambda event: event["from"] == "bot")
        yield page


def conversation(page: Page) -> str:
    return f"widget:{page.welcome['session']}"


async def state(page: Page, **expected: Any) -> dict[str, Any]:
    """The next state that says so."""
    while True:
        found = await page.next("state")
        if expected.items() <= found.items():
            return found


async def test_a_customer_waits_is_served_and_given_back(world: World, page: Page) -> None:
    await world.desk.ask(conversation(page))
    assert await state(page) == {"type": "state", "who": "waiting", "place": 1, "open": True}
    asked = await page.events_until(lambda event: event["from"] == "bot")
    assert [(event["from"], event.get("note"), event.get("text")) for event in asked] == [
        ("note", "waiting", None),
        ("bot", None, "<utter_handoff>"),
    ]
    assert "rate" not in asked[-1]

    await world.desk.claim(conversation(page), "Ann")
    assert await state(page) == {"type": "state", "who": "human", "name": "Ann", "open": True}
    joined = await page.next("event")
    assert (joined["note"], joined["name"]) == ("joined", "Ann")

    await world.desk.reply(conversation(page), "Ann", "**We** send a new one: https://shop.example/x")
    said = await page.next("event")
    assert (said["from"], said["name"], said["text"]) == ("person", "Ann", "We send a new one: https://shop.example/x")
    assert said["html"].startswith("<p><strong>We</strong> send")
    assert "rate" not in said

    await world.desk.give_back(conversation(page), "Ann")
    assert await state(page) == {"type": "state", "who": "returned", "open": True}
    assert (await page.next("event"))["note"] == "left"


async def test_the_place_in_the_queue_gets_better_as_others_are_served(world: World, page: Page) -> None:
    async with page_of(world.client) as other:
        await other.say("m1", "hello")
        await other.events_until(lambda event: event["from"] == "bot")
        await world.desk.ask(conversation(page))
        await world.desk.ask(conversation(other))
        assert (await state(other, who="waiting"))["place"] == 2

        await world.desk.claim(conversation(page), "Ann")

        assert (await state(other, who="waiting"))["place"] == 1


async def test_what_is_said_to_a_person_does_not_make_the_bot_seem_to_write(world: World, page: Page) -> None:
    await world.desk.ask(conversation(page))
    await state(page, who="waiting")
    before = len([frame for frame in page.frames if frame["type"] == "typing"])

    await page.say("m2", "are you there?")

    assert list(texts([(await page.next("event"))])) != []
    await page.events_until(lambda event: event.get("text") == "are you there?")
    assert len([frame for frame in page.frames if frame["type"] == "typing"]) == before


async def test_both_sides_see_the_other_write(world: World, page: Page) -> None:
    feed = world.desk.listen()
    await page.send(type="typing", on=True)  # nobody is there to see it
    await world.desk.ask(conversation(page))
    await world.desk.claim(conversation(page), "Ann")

    await page.send(type="typing", on=True)
    typed = {"type": "typing", "conversation_id": conversation(page), "from": "customer", "on": True}
    frames = []
    async with asyncio.timeout(10):
        while not frames or '"typing"' not in frames[-1]:
            frames.append(str(await feed.get()))
    assert sum('"typing"' in frame for frame in frames) == 1
    assert frames[-1] == str(typed).replace("'", '"').replace("True", "true")

    world.desk.person_types(conversation(page), "Bob", on=True)
    world.desk.person_types(conversation(page), "Ann", on=True)
    world.desk.person_types(conversation(page), "Ann", on=False)
    person = [await page.next("typing") for _ in range(4)][2:]
    assert person == [{"type": "typing", "from": "person", "on": on} for on in (True, False)]


async def test_a_customer_who_ends_the_conversation_needs_nobody_any_more(world: World, page: Page) -> None:
    await world.desk.ask(conversation(page))
    await page.send(type="end", id="e1")

    await state(page, who="returned")
    notes = [event["note"] for event in [await page.next("event") for _ in range(4)] if event["from"] == "note"]
    assert notes == ["waiting", "ended", "left"]
    assert world.desk.seats() == []
    await page.say("m2", "where is it")
    assert (await page.events_until(lambda event: event["from"] == "bot"))[-1]["text"] == "On its way."


async def test_outside_the_hours_a_page_is_told_when_somebody_is_there(tmp_path: Path) -> None:
    # The tests' clock begins on a Tuesday at 22:13 UTC.
    hours = HandoffConfig(hours={"wednesday": "09:30-17:00"}, timezone="Europe/Paris", holidays=("2023-11-15",))
    async with world_of(tmp_path, handoff=hours) as world, page_of(world.client) as page:
        assert page.welcome["state"] == {"who": "bot", "open": False, "opens": "2023-11-22T09:30+01:00"}
        world.clock.now += 8 * 86_400 - 12 * 3_600

        assert await state(page) == {"type": "state", "who": "bot", "open": True}


async def test_a_page_that_comes_back_is_told_who_answers(world: World, page: Page) -> None:
    await world.desk.ask(conversation(page))
    await world.desk.claim(conversation(page), "Ann")

    async with page_of(world.client, page.token) as again:
        assert again.welcome["state"] == {"who": "human", "name": "Ann", "open": True}
