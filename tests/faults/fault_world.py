"""Servers that are started, killed and started again, customers who write to them, and the account of it all."""

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
from ledger import Account, Asked, Select
from receiver import Receiver
from stub_engine import write_stub_release

ROOT = Path(__file__).resolve().parents[2]
SERVER = Path(__file__).with_name("stub_server.py")
WEBHOOK = "/webhooks/callback/webhook"
PATIENCE_S = 30.0
ACTION = """
import time
from rasa_sdk import Action


class Slow(Action):
    def name(self):
        return "action_slow"

    def run(self, dispatcher, tracker, domain):
        {body}
        return []
"""


class Server:
    """One process."""

    def __init__(self, process: asyncio.subprocess.Process, err: Path) -> None:
        self.process, self._err, self.address = process, err, ""

    @property
    def log(self) -> str:
        return self._err.read_text("utf-8")

    async def ready(self) -> None:
        """Waits until it has said where it answers."""
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE_S)
        assert line, self.log
        self.address = line.decode().strip()

    def strike(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    async def ended(self) -> int:
        return await asyncio.wait_for(self.process.wait(), PATIENCE_S)

    async def end(self, number: int = signal.SIGTERM) -> int:
        self.strike(number)
        return await self.ended()


class World:
    """A data folder, a receiver, servers and customers.

    Args:
        database: A PostgreSQL database, and the way to read it; SQLite in the data folder where there is none.
    """

    def __init__(self, folder: Path, seed: int, database: tuple[str, Select] | None = None) -> None:
        self.moments = random.Random(seed)
        self.folder, self.data, self.assistant = folder, folder / "data", folder / "assistant"
        self.receiver, self.servers = Receiver(), list[Server]()
        self._url = None if database is None else database[0]
        self.select = self._select if database is None else database[1]
        self.account = Account(select=self.select, sent=self.receiver.taken)
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S))
        self.refusals: list[int] = []
        self._seqs: dict[str, int] = {}

    @property
    def server(self) -> Server:
        """The one that was started last."""
        return self.servers[-1]

    async def open(self) -> None:
        self.assistant.mkdir()
        write_stub_release(self.data, "rel0000")
        self.account.releases = ["rel0000"]
        await self.receiver.start()
        (self.assistant / "credentials.yml").write_text(f"callback: {{url: '{self.receiver.url}'}}\n")

    async def close(self) -> None:
        for server in self.servers:
            if server.process.returncode is None:
                server.strike(signal.SIGCONT)
                await server.end(signal.SIGKILL)
        await self.session.close()
        await self.receiver.close()

    async def start(self, *options: str, **environment: str) -> Server:
        """A server, once it has said where it answers."""
        given = {
            **os.environ,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
            "KEFU_FOLLOW_INTERVAL_S": "0.05",
            **environment,
        }
        if self._url is not None:
            given["KEFU_DATABASE_URL"] = self._url
        err = self.folder / f"err{len(self.servers)}.txt"
        with err.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(SERVER),
                str(self.assistant),
                str(self.data),
                *options,
                stdout=asyncio.subprocess.PIPE,
                stderr=file,
                cwd=self.folder,
                env=given,
            )
        self.servers.append(Server(process, err))
        await self.server.ready()
        return self.server

    async def post(self, server: Server, asked: Asked) -> int:
        """Sends a message once; the status, or 0 where nobody answered."""
        body = {"sender": asked.conversation, "message": asked.words, "message_id": asked.external_id}
        try:
            async with self.session.post(server.address + WEBHOOK, json=body) as response:
                text = await response.text()
        except (aiohttp.ClientError, OSError):
            return 0
        if response.status == 200:
            assert text == "success"
            if asked not in self.account.acknowledged:
                self.account.acknowledged.append(asked)
        else:
            self.refusals.append(response.status)
        return response.status

    async def ask(self, conversation: str, words: str = "", *, times: int = 1) -> Asked:
        """Sends a customer's next message, again and again until it is acknowledged to whichever server there is."""
        asked = self.next_message(conversation, words)
        for _ in range(times):
            while await self.post(self.moments.choice(self.alive()), asked) != 200:  # noqa: ASYNC110 - a retry
                await asyncio.sleep(0.02)
        return asked

    def alive(self) -> list[Server]:
        return [one for one in self.servers if one.process.returncode is None and one.address] or [self.server]

    def next_message(self, conversation: str, words: str = "") -> Asked:
        seq = self._seqs[conversation] = self._seqs.get(conversation, 0) + 1
        nonce = f"{conversation}#{seq}#{self.moments.getrandbits(32):08x}"
        return Asked(conversation, seq, f"m{seq}-{conversation}", f"{words} {nonce}".strip())

    @contextlib.asynccontextmanager
    async def customers(self, count: int = 6, *, times: int = 1, pause_s: float = 0.0) -> AsyncIterator[None]:
        """Customers who write without a pause, while the block runs; what they have begun they bring to its end."""
        leaving = asyncio.Event()

        async def talk(conversation: str) -> None:
            while not leaving.is_set():
                await self.ask(conversation, times=times)
                await asyncio.sleep(pause_s)

        talks = [asyncio.create_task(talk(f"c{number}")) for number in range(count)]
        try:
            yield
        except BaseException:
            for task in talks:
                task.cancel()
            raise
        leaving.set()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*talks)

    async def settled(self) -> None:
        """Waits until nothing waits, neither to be answered nor to be sent."""
        waiting = (
            "SELECT (SELECT count(*) FROM inbox WHERE state = 'waiting')"
            " + (SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending'))"
        )
        await self.until(lambda: int(self.select(waiting)[0][0]) == 0)

    async def until(self, holds: Callable[[], bool], limit_s: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + limit_s
        while not holds():
            assert time.monotonic() < deadline, self.server.log[-3_000:]
            await asyncio.sleep(0.03)

    def broken(self) -> dict[str, list[str]]:
        """The promises that were not kept."""
        self.account.logs = [server.log for server in self.servers]
        found = self.account.broken()
        if self._url is None:
            assert self.select("PRAGMA integrity_check") == [("ok",)]
            assert self.select("PRAGMA foreign_key_check") == []
        return found

    def _select(self, statement: str) -> list[tuple[Any, ...]]:
        uri = f"file:{self.data / 'conversations.db'}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=10)) as connection:
            return connection.execute(statement).fetchall()


def write_actions(assistant: Path, body: str) -> None:
    """An action `action_slow` with this body."""
    folder = assistant / "actions"
    folder.mkdir()
    (folder / "actions.py").write_text(ACTION.format(body=body))
