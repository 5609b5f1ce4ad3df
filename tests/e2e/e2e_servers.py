"""Servers for a browser to talk to: the bot on a port it keeps, a shop of another origin, a network that can be cut."""

import asyncio
import json
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web

from bot.api.widget_files import WidgetFiles
from bot.app import create_app
from configs import Settings
from training.releases import Releases

HOST = "127.0.0.1"


def picture(width: int, height: int) -> bytes:
    """A PNG of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress((b"\0" + bytes((60, 120, 90)) * width) * height)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as listening:
        listening.bind((HOST, 0))
        return int(listening.getsockname()[1])


class Site:
    """An application on a port that stays the same while it is stopped and started again."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self._runner: web.AppRunner | None = None

    @property
    def origin(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def start(self) -> None:
        self._runner = web.AppRunner(self.make(), shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self.port, reuse_address=True).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def make(self) -> web.Application:
        raise NotImplementedError


class BotSite(Site):
    """The whole bot."""

    def __init__(self, data: Path, root: Path, port: int | None = None) -> None:
        super().__init__(port)
        self.data, self._root = data, root

    def make(self) -> web.Application:
        settings = Settings(host=HOST, port=self.port, follow_interval_s=0.1)
        return create_app(settings, Releases(self.data), self._root)

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """What the bot's own API answers to its owner."""
        async with (
            aiohttp.ClientSession(self.origin) as client,
            client.request(method, path, json=body) as response,
        ):
            assert response.status < 300, await response.text()
            return await response.json()

    async def said_by_customer(self, conversation_id: str) -> list[str]:
        """What the store has of a customer, in order."""
        tracker = await self.call("GET", f"/conversations/{conversation_id}/tracker?include_events=ALL")
        users = [event for event in tracker["events"] if event["event"] == "user"]
        return [event["text"] for event in users if not event["metadata"].get("is_external")]

    async def type(self, conversation_id: str, agent: str, *, on: bool) -> None:
        """A person at the desk begins or stops to write."""
        async with (
            aiohttp.ClientSession(self.origin) as client,
            client.ws_connect("/handoff/ws") as desk,
        ):
            await desk.send_json({"type": "hello", "agent": agent})
            assert (await desk.receive_json())["type"] == "hello"
            await desk.send_json({"type": "typing", "conversation_id": conversation_id, "on": on, "ref": 1})
            while (await desk.receive_json()).get("ref") != 1:
                pass


class Shop(Site):
    """A shop's page, of another origin than the bot, which allows itself nothing but the bot."""

    def __init__(self, port: int | None = None) -> None:
        super().__init__(port)
        self.bot, self.body = "", ""

    def make(self) -> web.Application:
        app = web.Application()
        app.add_routes([web.get("/", self._page), web.get("/picture.png", self._picture)])
        app.add_routes([web.get("/page.css", self._style), web.get("/favicon.ico", self._picture)])
        return app

    async def _page(self, request: web.Request) -> web.Response:
        """The query gives what the script tag says: `?data-locale=zh`; `lang` and `dir` go to the page."""
        bot = request.query.get("bot", self.bot)
        said = {name: value for name, value in request.query.items() if name.startswith("data-")}
        data = " ".join(f'{name}="{value}"' for name, value in said.items())
        html = f"""<!doctype html>
<html lang="{request.query.get("lang", "en")}" dir="{request.query.get("dir", "ltr")}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<title>Bowl and vase</title><link rel="stylesheet" href="/page.css">
<script type="module" src="{bot}/widget.js" {data}></script></head>
<body><main><h1>Bowl and vase</h1><p>Hand-made stoneware. Ask us anything.</p></main></body></html>"""
        policy = (
            f"default-src 'none'; script-src {bot}; connect-src {bot} {bot.replace('http', 'ws', 1)}; "
            f"img-src 'self' {bot}; style-src 'self'; require-trusted-types-for 'script'; trusted-types kefu-chat"
        )
        return web.Response(text=html, content_type="text/html", headers={"Content-Security-Policy": policy})

    async def _style(self, request: web.Request) -> web.Response:
        """Rules that would break the chat if they reached into it."""
        style = """body { margin: 3rem; font-family: serif; }
div, button, textarea, form, svg { display: none !important; }
p, span, h2 { font-size: 3px !important; color: #8b0000 !important; }
kefu-chat { --kefu-link: #7a1fa2; }"""
        return web.Response(text=style, content_type="text/css")

    async def _picture(self, request: web.Request) -> web.Response:
        return web.Response(body=picture(120, 60), content_type="image/png")


class Network:
    """A way to a server that can be cut: what runs over it breaks off, and nobody gets through until it is mended."""

    def __init__(self, to_port: int) -> None:
        self.port, self._to_port = free_port(), to_port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def origin(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._carry, HOST, self.port)

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(HOST, self._to_port)
            self._open |= {writer, far_writer}
            await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))
            self._open -= {writer, far_writer}
        writer.close()

    @staticmethod
    async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()


Script = Callable[["ScriptedBot", dict[str, Any]], Awaitable[None]]


class ScriptedBot(Site):
    """Speaks the widget's protocol and says what a test has written down, however wrong it is.

    Attributes:
        settings: What a page is told at first.
        taken: Every frame that came but `hello`, in order.
        on_frame: What is done about a frame; by default messages are acknowledged.
    """

    def __init__(self) -> None:
        super().__init__()
        self.settings: dict[str, Any] = {"max_text_chars": 4_000}
        self.taken: list[dict[str, Any]] = []
        self.on_frame: Script = acknowledge
        self._sockets: set[web.WebSocketResponse] = set()
        self._seq = 0
        self.history: list[dict[str, Any]] = []

    def make(self) -> web.Application:
        app = web.Application()
        files = WidgetFiles()
        app.add_routes(files.routes())
        app.add_routes([web.post("/webhooks/widget/session", self._session)])
        app.add_routes([web.get("/webhooks/widget/socket", self._socket), web.get("/plain", self._plain)])
        return app

    async def _plain(self, request: web.Request) -> web.Response:
        """A page that allows everything."""
        html = """<!doctype html><html lang="en"><title>Plain</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"><script type="module" src="/widget.js" data-open></script>
<body><main><h1>Plain</h1></main>"""
        return web.Response(text=html, content_type="text/html")

    async def event(self, **event: Any) -> None:
        """Says something."""
        self._seq += 1
        self.history.append({"type": "event", "seq": self._seq, "at": 1_800_000_000 + self._seq, **event})
        await self.tell(self.history[-1])

    async def tell(self, frame: dict[str, Any] | str) -> None:
        """Sends a frame, or what is none."""
        for connection in list(self._sockets):
            await connection.send_str(frame if isinstance(frame, str) else json.dumps(frame))

    @property
    def connections(self) -> int:
        return len(self._sockets)

    async def hang_up(self) -> None:
        for connection in list(self._sockets):
            await connection.close()

    async def _session(self, request: web.Request) -> web.Response:
        return web.json_response({"token": "t", "session": "s", "expires_at": 2e9, "settings": self.settings})

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        connection = web.WebSocketResponse(protocols=("kefu.widget.v1",))
        await connection.prepare(request)
        hello = await connection.receive_json()
        welcome = {"type": "welcome", "session": "s", "seq": self._seq, "state": {"who": "bot", "open": True}, "v": 1}
        await connection.send_json(welcome)
        for event in self.history:
            if event["seq"] > hello["after"]:
                await connection.send_json(event)
        self._sockets.add(connection)
        async for message in connection:
            if message.type is WSMsgType.TEXT:
                self.taken.append(message.json())
                await self.on_frame(self, self.taken[-1])
        self._sockets.discard(connection)
        return connection


async def acknowledge(bot: ScriptedBot, frame: dict[str, Any]) -> None:
    """Takes what is said, and shows it."""
    if "id" in frame:
        await bot.tell({"type": "ack", "id": frame["id"]})
    if frame["type"] == "message":
        await bot.event(**{"from": "user", "id": frame["id"], "text": frame.get("title") or frame.get("text", "")})
