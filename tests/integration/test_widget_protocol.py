"""The whole server with a page that has the widget: served, restarted, drained, erased, and open to nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from bot.app import DRAIN, create_app
from configs import Settings
from training.releases import Releases

SHOP = "https://shop.example"
SESSION, SOCKET, FILES = "/webhooks/widget/session", "/webhooks/widget/socket", "/webhooks/widget/files"
PROTOCOL = "kefu.widget.v1"
PATIENCE_S = 30.0
TOKEN = "a token of 24 characters"  # noqa: S105
Frame = dict[str, Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "assistant"
    folder.mkdir()
    (folder / "credentials.yml").write_text(f"widget:\n  origins: [{SHOP}]\n  uploads: true\n  title: ${{SHOP_NAME}}\n")
    return folder


@asynccontextmanager
async def server(data_dir: Path, root: Path | None = None, **changed: Any) -> AsyncIterator[TestClient]:
    settings = Settings(port=0, follow_interval_s=0.05).model_copy(update=changed)
    async with TestClient(TestServer(create_app(settings, Releases(data_dir), root))) as client:
        yield client


async def session_of(client: TestClient, origin: str | None = None, **body: Any) -> Frame:
    response = await client.post(SESSION, json=body, headers={"Origin": origin or str(client.make_url("/").origin())})
    assert response.status == 200, await response.text()
    begun: Frame = await response.json()
    return begun


@asynccontextmanager
async def page(client: TestClient, token: str, after: int = 0, begun: float | None = None) -> AsyncIterator[Any]:
    """A page that has said hello; its first frame is still to be read."""
    headers = {"Origin": str(client.make_url("/").origin())}
    async with client.ws_connect(SOCKET, protocols=(PROTOCOL,), headers=headers) as socket:
        await socket.send_json({"type": "hello", "token": token, "after": after, "begun": begun})
        yield socket


async def frames_until(socket: Any, last: Any) -> list[Frame]:
    """What a page is told up to the frame that `last` holds of."""
    told: list[Frame] = []
    async with asyncio.timeout(PATIENCE_S):
        while not told or not last(told[-1]):
            told.append(await socket.receive_json())
    return told


def is_answer(frame: Frame) -> bool:
    return frame["type"] == "event" and frame["from"] == "bot"


async def test_a_customer_writes_and_is_answered_by_the_bot_that_was_trained(
    data_dir: Path, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHOP_NAME", "The Shop")
    async with server(data_dir, root) as client:
        begun = await session_of(client, SHOP, locale="en")
        assert begun["settings"]["title"] == "The Shop"
        async with page(client, begun["token"]) as socket:
            await socket.send_json({"type": "message", "id": "m1", "text": "hello zxsecretzx"})
            told = await frames_until(socket, is_answer)
        identity = f"widget:{begun['session']}"
        tracker = await (await client.get(f"/conversations/{identity}/tracker")).json()

    kinds = [frame["type"] for frame in told]
    assert kinds[0] == "welcome"
    assert kinds.count("ack") == 1
    assert told[-1]["text"]
    assert tracker["latest_input_channel"] == "widget"
    assert tracker["slots"]["session_started_metadata"] == {"locale": "en"}
    assert "zxsecretzx" not in "".join(capsys.readouterr())


async def test_pages_of_the_server_itself_need_no_settings_and_others_do(data_dir: Path) -> None:
    async with server(data_dir) as client:
        await session_of(client)
        refused = await client.post(SESSION, json={}, headers={"Origin": SHOP})
        assert refused.status == 403
    assert (data_dir / "widget_secret").stat().st_mode & 0o777 == 0o600


async def test_a_session_lives_through_a_restart_and_nothing_is_lost_or_doubled(data_dir: Path) -> None:
    texts = {f"m{number}": f"hello number {number}" for number in range(9)}
    seen: dict[int, Frame] = {}
    begun: float | None = None
    token = ""
    for life in range(3):
        async with server(data_dir) as client:
            token = token or (await session_of(client))["token"]
            async with page(client, token, max(seen, default=0), begun) as socket:
                begun = (await socket.receive_json())["begun"]
                for frame_id in list(texts)[: 3 * (life + 1)]:  # those of earlier lives once more
                    await socket.send_json({"type": "message", "id": frame_id, "text": texts[frame_id]})
                acknowledged: set[str] = set()
                async with asyncio.timeout(PATIENCE_S):
                    while len(acknowledged) < 3 * (life + 1):
                        frame = await socket.receive_json()
                        if frame["type"] == "ack":
                            acknowledged.add(frame["id"])
                        elif frame["type"] == "event":
                            assert frame["seq"] not in seen
                            seen[frame["seq"]] = frame
                # and the server ends, whatever it has answered by now
    async with server(data_dir) as client, page(client, token, max(seen), begun) as socket:
        async with asyncio.timeout(PATIENCE_S):
            while sum(frame["from"] == "bot" for frame in seen.values()) < len(texts):
                frame = await socket.receive_json()
                if frame["type"] == "event":
                    assert frame["seq"] not in seen
                    seen[frame["seq"]] = frame

    told = [seen[number] for number in sorted(seen)]
    assert [(frame["id"], frame["text"]) for frame in told if frame["from"] == "user"] == list(texts.items())


async def test_a_server_that_ends_lets_pages_and_waiting_requests_go_at_once(data_dir: Path) -> None:
    async with server(data_dir) as client:
        token = (await session_of(client))["token"]
        async with page(client, token) as socket:
            await socket.receive_json()
            headers = {"Authorization": f"Bearer {token}"}
            waiting = asyncio.create_task(client.get("/webhooks/widget/frames?wait=25", headers=headers))
            await asyncio.sleep(0.2)
            assert client.app is not None

            client.app[DRAIN].begin()

            async with asyncio.timeout(5):
                await client.app[DRAIN].requests_done()
                assert await socket.receive_json() == {"type": "bye", "reason": "restart"}
                assert (await socket.receive()).type is WSMsgType.CLOSE
                assert socket.close_code == 1012
                assert (await (await waiting).json())["frames"][-1] == {"type": "bye", "reason": "restart"}
            refused = await client.post(SESSION, json={})
            assert (refused.status, refused.headers["Retry-After"]) == (503, "5")


async def test_erasing_a_conversation_clears_its_pages_and_removes_its_files(
    data_dir: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_NAME", "The Shop")
    async with server(data_dir, root) as client:
        begun = await session_of(client)
        bearer = {"Authorization": f"Bearer {begun['token']}"}
        sent = await client.post(FILES, data={"file": (data_dir / "CURRENT").open("rb")}, headers=bearer)
        assert sent.status == 201
        async with page(client, begun["token"]) as socket:
            await socket.send_json({"type": "message", "id": "m1", "text": "look", "file": (await sent.json())["id"]})
            told = await frames_until(socket, is_answer)
            url = next(frame["file"]["url"] for frame in told if "file" in frame)
            assert (await client.get(url)).status == 200

            gone = await client.delete(f"/conversations/widget:{begun['session']}/tracker")

            assert gone.status == 204
            await frames_until(socket, lambda frame: frame["type"] == "reset")
        assert (await client.get(url)).status == 404
    assert not any((data_dir / "uploads").rglob("*-*"))
    assert not any(path.is_file() for path in (data_dir / "uploads").rglob("*"))


async def test_a_widgets_token_opens_nothing_but_its_own_conversation(data_dir: Path) -> None:
    changed = {"api_token": SecretStr(TOKEN), "admin_token": SecretStr(TOKEN), "jwt_secret": SecretStr("s" * 40)}
    async with server(data_dir, widget_secret=SecretStr("s" * 40), **changed) as client:
        mine, theirs = await session_of(client), await session_of(client)
        bearer = {"Authorization": f"Bearer {mine['token']}"}
        for session in (mine, theirs):
            for path in ("tracker", "explain", "story"):
                found = await client.get(f"/conversations/widget:{session['session']}/{path}", headers=bearer)
                assert found.status == 401
        for path in ("/status", "/domain", "/handoff", "/knowledge", "/openapi.json"):
            assert (await client.get(path, headers=bearer)).status == 401
            assert (await client.get(path, params={"token": mine["token"]})).status == 401
        for secret in (TOKEN, "s" * 40):
            found = await client.get("/webhooks/widget/frames", headers={"Authorization": f"Bearer {secret}"})
            assert found.status == 401
