"""Messages that come twice, break what reads them, take long or are given up by who sent them."""

import asyncio
import json
import signal
import time
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from fault_world import WEBHOOK, World, write_actions

BLOCKED_S = 3.0
FEW, MANY = 200, 1_000
MAX_GROWTH_BYTES = 16 * 1024 * 1024


async def test_a_message_that_comes_again_and_again_has_one_reply(world: World) -> None:
    await world.start()
    async with asyncio.TaskGroup() as tasks:
        asked = world.next_message("c0")
        for _ in range(50):
            tasks.create_task(world.post(world.server, asked))
    for number in range(1, 4):
        await world.ask(f"c{number}", times=3)
    await world.settled()
    await world.server.end(signal.SIGKILL)
    await world.start()
    changed = world.next_message("c0")
    for words in (asked.words, changed.words):  # under the first one's id
        body = {"sender": "c0", "message": words, "message_id": asked.external_id}
        async with world.session.post(world.server.address + WEBHOOK, json=body) as response:
            assert (response.status, await response.text()) == (200, "success")
    await world.ask("c0")
    await world.settled()

    echoes = [text for text in world.receiver.texts("c0") if text.startswith("You")]
    assert echoes[0] == f"You said {asked.words}."
    assert len(echoes) == 2
    assert changed.words not in "".join(echoes)
    assert world.broken() == {}


async def test_without_an_id_each_request_is_a_new_message(world: World) -> None:
    await world.start()
    for _ in range(2):
        async with world.session.post(world.server.address + WEBHOOK, json={"sender": "ann", "message": "x"}) as reply:
            assert reply.status == 200
    await world.settled()

    assert world.receiver.texts("ann").count("You said x.") == 2


async def test_a_message_that_breaks_its_turn_is_given_up_and_the_others_are_answered(world: World) -> None:
    await world.start()
    poison = await world.ask("c0", "poison")
    world.account.failed = [poison.external_id]
    await world.ask("c0")
    async with world.customers(pause_s=0.05):
        await world.until(lambda: world.select("SELECT count(*) FROM inbox WHERE state = 'failed'") == [(1,)])
    await world.settled()

    assert world.select("SELECT attempts, reason FROM inbox WHERE state = 'failed'") == [(3, "RuntimeError")]
    assert world.select("SELECT max(attempts) FROM inbox WHERE conversation_id != 'c0'") == [(1,)]
    assert poison.words not in "".join(one.text for one in world.receiver.taken)
    assert world.broken() == {}


async def test_an_action_that_blocks_its_thread_holds_up_its_own_conversation_only(world: World) -> None:
    write_actions(world.assistant, f"time.sleep({BLOCKED_S})")
    await world.start()
    slow = await world.ask("c0", "slow")
    began = time.monotonic()
    for number in range(1, 6):
        asked = await world.ask(f"c{number}")
        await world.until(lambda asked=asked: f"You said {asked.words}." in world.receiver.texts(asked.conversation))

    assert time.monotonic() - began < BLOCKED_S, "five replies came while one action slept"
    assert world.receiver.texts("c0") == []
    await world.settled()
    assert world.receiver.texts("c0")[0] == f"You said {slow.words}."
    assert world.broken() == {}


async def test_clients_that_hang_up_leave_nothing_open_and_hear_of_nobody_else(world: World) -> None:
    await world.start()
    await world.ask("c0")
    open_files = Path(f"/proc/{world.server.process.pid}/fd")

    def count_open() -> int:
        return len(list(open_files.iterdir()))

    before = count_open()
    host, port = world.server.address.removeprefix("http://").split(":")
    for number in range(150):
        _, writer = await asyncio.open_connection(host, int(port))
        asked = world.next_message(f"c{number % 5}")
        body = json.dumps({"sender": asked.conversation, "message": asked.words}).encode()
        path = WEBHOOK if number % 2 else "/webhooks/rest/webhook"
        head = f"POST {path} HTTP/1.1\r\nHost: kefu\r\nContent-Type: application/json\r\n"
        raw = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        writer.write(raw[: world.moments.choice([len(raw), len(raw), world.moments.randrange(1, len(raw))])])
        await writer.drain()
        for _ in range(world.moments.randrange(3)):
            await asyncio.sleep(0)
        writer.transport.abort()
    async with world.customers(pause_s=0.01):
        await asyncio.sleep(0.5)
    await world.settled()
    await world.session.close()
    await world.until(lambda: count_open() <= before + 3)
    world.session = aiohttp.ClientSession()

    found = world.broken()
    found.pop("P5", None)  # turns over the REST channel have no message in the inbox
    found.pop("P2", None)  # nobody knows in which order what was cut off came
    assert found == {}
    assert "Traceback" not in world.server.log


async def test_what_cannot_be_sent_lies_on_disk_and_not_in_memory(world: World) -> None:
    async def down(_: object) -> web.Response:
        return web.Response(status=503)

    world.receiver.manners = down
    await world.start()
    async with world.customers(count=40):
        await world.until(lambda: len(world.account.acknowledged) > FEW)
        before = resident_bytes(world.server.process.pid)
        await world.until(lambda: len(world.account.acknowledged) > MANY)
    await world.until(lambda: world.select("SELECT count(*) FROM inbox WHERE state = 'waiting'") == [(0,)])

    assert resident_bytes(world.server.process.pid) - before < MAX_GROWTH_BYTES
    assert world.select("SELECT count(*) > 1000 FROM outbox WHERE state = 'pending'") == [(1,)]


def resident_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("status", [429, 503])
async def test_a_receiver_that_is_down_gets_everything_in_order_once_it_is_back(world: World, status: int) -> None:
    down = True

    async def manners(_: object) -> web.Response | None:
        return web.Response(status=status, headers={"Retry-After": "0"}) if down else None

    world.receiver.manners = manners
    await world.start()
    for number in (0, 1, 0, 1, 0):
        await world.ask(f"c{number}")
    await world.until(lambda: len({one.conversation for one in world.receiver.refused}) == 2)
    assert world.receiver.taken == []
    down = False
    await world.settled()

    assert len(world.receiver.taken) == 10
    assert world.broken() == {}
