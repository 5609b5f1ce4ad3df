"""Pages on Socket.IO while the server is killed and connections break: nothing that was accepted is lost."""

import asyncio
import re
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest
import socketio
from fakes.socketio_client import Page, RasaChatWidget, RasaWebchat
from fault_world import World

KINDS = (RasaWebchat, RasaChatWidget)
_NONCE = re.compile(r"You said (\S+)\.")


class Talker:
    """A customer with a page, who sends each message until the server says that it has it.

    Attributes:
        accepted: What the server has, in order.
    """

    def __init__(self, number: int, address: Callable[[], str]) -> None:
        self._number, self._address = number, address
        self.page: Page = KINDS[number % 2](address(), transports=["websocket"])
        self.accepted: list[str] = []

    async def open(self) -> None:
        """Connects, however long the server takes to be there."""
        while True:
            self.page._url = self._address()
            try:
                assert self.page._url, "it has not said yet where it listens"
                await self.page.come_back()
                return
            except (AssertionError, socketio.exceptions.SocketIOError, TimeoutError, OSError):
                await asyncio.sleep(0.05)

    async def say(self) -> None:
        """One more message."""
        nonce = f"p{self._number}x{len(self.accepted)}"
        while True:
            try:
                async with asyncio.timeout(3):
                    answer = await self.page.say_surely(nonce, message_id=nonce)
                if answer["status"] == "accepted":
                    self.accepted.append(nonce)
                    return
            except (socketio.exceptions.SocketIOError, TimeoutError, OSError):
                await self.open()

    async def talk(self, count: int) -> None:
        for _ in range(count):
            await self.say()

    @property
    def heard(self) -> list[str]:
        """The messages whose answers were shown, in order."""
        texts = [shown[1] for shown in self.page.shown if shown[0] == "text"]
        return [found[1] for text in texts if (found := _NONCE.search(text))]


async def settled(world: World, talkers: list[Talker]) -> None:
    """Waits until all is answered, with pages that come back as often as they have to."""
    waiting = (
        "SELECT (SELECT count(*) FROM inbox WHERE state = 'waiting')"
        " + (SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending'))"
    )
    async with asyncio.timeout(60):
        while int(world.select(waiting)[0][0]):
            for talker in talkers:
                if not talker.page.client.connected:
                    await talker.open()
            await asyncio.sleep(0.1)


def unknown(world: World) -> set[str]:
    """The messages of whose answers nobody can tell whether they arrived."""
    rows = world.select("SELECT payload FROM outbox WHERE state = 'unknown'")
    return {found[1] for (payload,) in rows if (found := _NONCE.search(payload))}


def doubled(talker: Talker) -> list[str]:
    return [nonce for nonce, times in Counter(talker.heard).items() if times > 1]


@pytest.fixture
async def pages(world: World) -> list[Talker]:
    (world.assistant / "credentials.yml").write_text("socketio:\n  session_persistence: true\n")
    await world.start()
    talkers = [Talker(number, lambda: world.server.address) for number in range(6)]
    for talker in talkers:
        await talker.open()
    return talkers


async def test_what_was_accepted_is_answered_once_however_often_the_server_is_killed(
    world: World, pages: list[Talker]
) -> None:
    talking = [asyncio.create_task(page.talk(12)) for page in pages]
    for _ in range(3):
        await asyncio.sleep(world.moments.uniform(0.1, 0.6))
        await world.server.end(signal.SIGKILL)
        await world.start()
    await asyncio.gather(*talking)
    await settled(world, pages)

    for page in pages:
        assert set(page.accepted) - set(page.heard) <= unknown(world)
        assert doubled(page) == []
        assert page.heard == sorted(page.heard, key=page.accepted.index)
        await page.page.leave()


async def test_a_page_whose_connection_breaks_loses_nothing(world: World, pages: list[Talker]) -> None:
    talking = [asyncio.create_task(page.talk(12)) for page in pages]
    for _ in range(12):
        await asyncio.sleep(world.moments.uniform(0.01, 0.2))
        page = world.moments.choice(pages).page
        with suppress(Exception):  # it may be connecting
            await page.client.eio.disconnect(abort=True)
    await asyncio.gather(*talking)
    await settled(world, pages)

    assert unknown(world) == set()
    for page in pages:
        assert set(page.heard) == set(page.accepted)
        assert len(doubled(page)) <= 2  # only what had come when the answer to its ping broke off
        await page.page.leave()


async def test_the_server_ends_in_order_while_pages_talk(world: World, pages: list[Talker]) -> None:
    talking = [asyncio.create_task(page.talk(12)) for page in pages]
    await asyncio.sleep(world.moments.uniform(0.1, 0.4))
    assert await world.server.end(signal.SIGTERM) == 0
    await world.start()
    await asyncio.gather(*talking)
    await settled(world, pages)

    assert unknown(world) == set()
    for page in pages:
        assert set(page.heard) == set(page.accepted)
        assert len(doubled(page)) <= 2
        await page.page.leave()
