"""Requests byte by byte, as no client library would send them."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from urllib.parse import quote

from aiohttp.test_utils import TestClient
from fakes.vendor import Request

PATIENCE_S = 15.0


def head(request: Request, *more: tuple[str, str], method: str | None = None, path: str | None = None) -> bytes:
    """The request's line and headers, without one that says how long its body is; `more` may repeat a header."""
    lines = [f"{method or request.method} {path or quote(request.path, safe='/?&=%:')} HTTP/1.1"]
    headers = {"Host": "bot.example", **request.headers}
    lines += [f"{name}: {value}" for name, value in (*headers.items(), *more)]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n"


def chunked(body: bytes) -> bytes:
    """One chunk of a body without a length."""
    return f"{len(body):x}\r\n".encode() + body + b"\r\n"


def without(headers: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in names}


async def status_of(client: TestClient, beginning: bytes, rest: AsyncIterator[bytes] | Iterable[bytes] = ()) -> int:
    """The status that is answered, though what is sent goes on until there is an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    sending = asyncio.create_task(_send(writer, beginning, rest))
    try:
        async with asyncio.timeout(PATIENCE_S):
            line = await reader.readline()
        return int(line.split()[1])
    finally:
        sending.cancel()
        with suppress(asyncio.CancelledError, OSError):
            await sending
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _send(writer: asyncio.StreamWriter, beginning: bytes, rest: AsyncIterator[bytes] | Iterable[bytes]) -> None:
    writer.write(beginning)
    await writer.drain()
    if isinstance(rest, AsyncIterator):
        async for part in rest:
            writer.write(part)
            await writer.drain()
    else:
        for part in rest:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
