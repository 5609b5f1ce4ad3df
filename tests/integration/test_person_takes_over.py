"""The whole server: a customer is handed over, served over the WebSocket, and given back to the bot."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from pydantic import SecretStr

from bot.app import DIALOGUE

TOKEN = "a secret of the tests"  # noqa: S105
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def served(serve: Any, data_dir: Path) -> TestClient:
    client: TestClient = await serve(data_dir, api_token=SecretStr(TOKEN))
    return client


async def say(client: TestClient, text: str) -> list[str | None]:
    response = await client.post("/webhooks/rest/webhook", json={"sender": "ada", "message": text})
    assert response.status == 200
    return [item.get("text") for item in await response.json()]


async def test_a_customer_is_served_by_a_person_and_then_by_the_bot_again(served: TestClient) -> None:
    assert await say(served, "hello")
    asked = await served.post("/conversations/ada/handoff", json={}, headers=HEADERS)
    assert asked.status == 201

    async with served.ws_connect("/handoff/ws", headers=HEADERS) as socket:
        await socket.send_json({"type": "hello", "agent": "Ann"})
        hello = await socket.receive_json(timeout=5)
        assert [one["conversation_id"] for one in hello["conversations"]] == ["ada"]
        await socket.send_json({"type": "claim", "conversation_id": "ada", "ref": 1})
        frames = {}
        while "ok" not in frames:
            frame = await socket.receive_json(timeout=5)
            frames[frame["type"]] = frame
        assert frames["ok"]["summary"]["turns"][0]["asked"] == "hello"

        assert await say(served, "when are you open?") == ["I'm passing you on to a colleague, who will answer here."]
        assert (await socket.receive_json(timeout=5))["text"] == "when are you open?"
        await socket.send_json({"type": "reply", "conversation_id": "ada", "text": "At nine.", "ref": 2})
        while (await socket.receive_json(timeout=5))["type"] != "ok":
            pass

    assert await say(served, "thank you") == ["At nine."]
    returned = await served.post("/conversations/ada/handoff/return", json={"agent": "Ann"}, headers=HEADERS)
    assert (await returned.json())["state"] == "returned"
    assert await say(served, "when are you open?") not in ([], ["At nine."])


async def test_nobody_without_the_secret_sees_who_waits(served: TestClient) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        assert (await served.get("/handoff", headers=headers)).status == 401
    async with served.ws_connect("/handoff/ws") as socket:
        await socket.send_json({"type": "hello", "agent": "eve", "token": "wrong"})
        await socket.receive(timeout=5)
        assert socket.close_code == 1008


async def test_a_stopping_server_lets_persons_go_and_keeps_their_claims(served: TestClient) -> None:
    await say(served, "hello")
    await served.post("/conversations/ada/handoff", json={}, headers=HEADERS)
    await served.post("/conversations/ada/handoff/claim", json={"agent": "Ann"}, headers=HEADERS)
    assert served.app is not None
    dialogue = served.app[DIALOGUE]
    assert (await dialogue.tracker("ada")).handoff.by == "Ann"

    socket = await served.ws_connect("/handoff/ws", headers=HEADERS)
    await socket.send_json({"type": "hello", "agent": "Ann"})
    await socket.receive_json(timeout=5)
    await served.app.shutdown()
    while not socket.closed:
        await socket.receive(timeout=5)
    assert socket.close_code == 1001
