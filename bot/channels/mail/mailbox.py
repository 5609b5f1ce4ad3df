"""Looks into a mailbox over IMAP: what is unread, and that it was taken in."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from aioimaplib import IMAP4, IMAP4_SSL, AioImapException

from bot.channels.mail.config import Config, ImapSecurity
from configs.errors import KefuError

ANSWER_S = 20.0
MAX_BYTES = 524_288  # of one mail; what stands behind, as a rule attachments, is not fetched
MAX_AT_ONCE = 100  # mails of one visit
_ERRORS = (AioImapException, TimeoutError, OSError, UnicodeError)

logging.getLogger("aioimaplib").setLevel(logging.WARNING)  # its other lines hold the mails


class MailboxError(KefuError):
    """The mailbox cannot be looked into."""


class Mailbox:
    """A visit to the mailbox."""

    def __init__(self, config: Config) -> None:
        self._config, self._where = config, f"{config.imap_host}:{config.imap_port}"
        self._client = _client(config)
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._client.protocol.conn_lost_cb = self._lose

    async def open(self) -> None:
        """Logs in and chooses the folder."""
        await self._answer(self._client.wait_hello_from_server())
        password = self._config.password.get_secret_value()
        if (await self._answer(self._client.login(_quoted(self._config.login), password))).result != "OK":
            raise MailboxError(f"The IMAP server {self._where} refuses username and password of `email`.")
        if (await self._answer(self._client.select(_quoted(self._config.folder)))).result != "OK":
            raise MailboxError(f"The IMAP server {self._where} has no folder {self._config.folder!r}.")

    async def unread(self) -> list[int]:
        """The numbers of unread mails, the oldest first."""
        lines = await self._lines(self._client.uid_search("UNSEEN", charset=None))
        numbers = {int(word) for word in lines[0].split() if word.isdigit()} if lines else set()
        return sorted(numbers)[:MAX_AT_ONCE]

    async def fetch(self, number: int) -> bytes:
        """The beginning of a mail; b"" where it has gone meanwhile."""
        lines = await self._lines(self._client.uid("fetch", str(number), f"(BODY.PEEK[]<0.{MAX_BYTES}>)"))
        return next((bytes(line) for line in lines if isinstance(line, bytearray)), b"")

    async def mark_read(self, number: int) -> None:
        """Says that a mail was taken in."""
        await self._lines(self._client.uid("store", str(number), "+FLAGS", r"(\Seen)"))

    async def close(self) -> None:
        """Ends the connection."""
        transport = self._client.protocol.transport
        if transport is None:
            self._client._client_task.cancel()  # the library does not end it
            return
        if not self._lost.done():
            with suppress(MailboxError):
                await self._answer(self._client.logout())
        transport.close()

    def _lose(self, _: Exception | None) -> None:
        if not self._lost.done():
            self._lost.set_result(None)

    async def _lines(self, request: Coroutine[Any, Any, Any]) -> list[Any]:
        response = await self._answer(request)
        if response.result != "OK":
            raise MailboxError(f"The IMAP server {self._where} answered {response.result}.")
        return list(response.lines)

    async def _answer(self, request: Coroutine[Any, Any, Any]) -> Any:
        """The answer to a request; the library itself would wait for it on a connection that is gone."""
        asking = asyncio.ensure_future(request)
        try:
            await asyncio.wait({asking, self._lost}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise ConnectionResetError
            return asking.result()
        except _ERRORS as error:
            raise MailboxError(f"The IMAP server {self._where} cannot be used: {type(error).__name__}.") from error
        finally:
            asking.cancel()


@asynccontextmanager
async def visit(config: Config) -> AsyncIterator[Mailbox]:
    """Opens the mailbox, and closes it again.

    Raises:
        MailboxError: It cannot be opened, or the connection breaks off.
    """
    mailbox = Mailbox(config)
    try:
        await mailbox.open()
        yield mailbox
    finally:
        await mailbox.close()


def _client(config: Config) -> IMAP4:
    if config.imap_security is ImapSecurity.NONE:
        return IMAP4(config.imap_host, config.imap_port, timeout=ANSWER_S)
    return IMAP4_SSL(config.imap_host, config.imap_port, timeout=ANSWER_S, ssl_context=ssl.create_default_context())


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
