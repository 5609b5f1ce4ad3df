"""F42: a customer is erased while messages are under way; nothing of them is left, and nobody else loses anything."""

import asyncio
from pathlib import Path

from fault_world import World, write_actions
from typer.testing import CliRunner

from bot.cli import app

SLOW_S = 1.0


async def test_a_customer_erased_in_the_middle_of_a_turn_is_in_no_file_and_the_others_lose_nothing(
    world: World,
) -> None:
    write_actions(world.assistant, f"time.sleep({SLOW_S})")
    server = await world.start()
    erased, nonces = "c9", list[str]()
    async with world.customers(2, pause_s=0.02):
        for number in range(4):
            asked = await world.ask(erased, "slow" if number % 2 else "")
            nonces.append(asked.words.rpartition(" ")[2])
        await world.until(lambda: world.select("SELECT 1 FROM turns WHERE conversation_id = 'c9'") != [])
        waiting = world.select("SELECT count(*) FROM inbox WHERE conversation_id = 'c9' AND state = 'waiting'")
        assert waiting[0][0] > 0, "messages are under way"
        async with world.session.delete(f"{server.address}/senders/{erased}") as response:
            answer = await response.json()
        assert (response.status, answer["conversations"], answer["failures"]) == (200, 1, [])
        assert holding(world.data, nonces) == [], "while the server goes on"
    world.account.acknowledged = [one for one in world.account.acknowledged if one.conversation != erased]
    await world.settled()
    assert await server.end() == 0

    assert holding(world.data, nonces) == []
    assert all(nonce not in server.log for nonce in nonces)
    world.account.sent = [one for one in world.receiver.taken if one.conversation != erased]
    assert world.broken() == {}


async def test_the_command_has_the_server_erase_and_an_erased_customer_begins_anew(world: World) -> None:
    server = await world.start()
    asked = await world.ask("c0")
    await world.settled()
    arguments = ["erase", "--sender", "c0", "--yes", "--server", server.address]

    result = await asyncio.to_thread(CliRunner().invoke, app, arguments)

    assert (result.exit_code, result.output.splitlines()[0]) == (0, "1 conversation erased."), result.output
    assert holding(world.data, [asked.words]) == []
    await world.ask("c0")
    await world.settled()
    assert world.select("SELECT version FROM conversations WHERE sender_id = 'c0'") == [(1,)]
    gone = await asyncio.to_thread(CliRunner().invoke, app, [*arguments[:-1], "http://127.0.0.1:9"])
    assert "cannot be reached" in str(gone.exception)


def holding(data: Path, nonces: list[str]) -> list[str]:
    """The files in which one of the words stands."""
    files = (path for path in sorted(data.rglob("*")) if path.is_file())
    return [path.name for path in files if any(nonce.encode() in path.read_bytes() for nonce in nonces)]
