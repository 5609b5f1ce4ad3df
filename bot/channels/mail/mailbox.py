"""Looks into a mailbox over IMAP: what is unread, and that it was taken in. The client blocks, so it has a thread."""

import asyncio
import imaplib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from bot.channels.mail.config import Config, ImapSecurity
from configs.errors import KefuError

ANSWER_S = 20.0
MAX_BYTES = 524_288  # of one mail; what stands behind, as a rule attachments, is not fetched
MAX_AT_ONCE = 100  # mails of one visit
_ERRORS = (imaplib.IMAP4.error, OSError, UnicodeError)  # TimeoutError is an OSError


class MailboxError(KefuError):
    """The mailbox cannot be looked into."""


class Mailbox:
    """A visit to the mailbox; one request at a time."""

    def __init__(self, config: Config) -> None:
        self._config, self._where = config, f"{config.imap_host}:{config.imap_port}"
        self._client: imaplib.IMAP4 | None = None

    async def open(self) -> None:
        """Logs in and chooses the folder."""
        self._client = await self._asked(lambda: _client(self._config))
        client, password = self._client, self._config.password.get_secret_value()
        if not await self._agreed(lambda: client.login(_quoted(self._config.login), _plain(password))):
            raise MailboxError(f"The IMAP server {self._where} refuses username and password of `email`.")
        if not await self._agreed(lambda: client.select(_quoted(self._config.folder))):
            raise MailboxError(f"The IMAP server {self._where} has no folder {self._config.folder!r}.")

    async def unread(self) -> list[int]:
        """The numbers of unread mails, the oldest first."""
        lines = await self._answer("SEARCH", "UNSEEN")
        numbers = {int(word) for line in lines if isinstance(line, bytes) for word in line.split() if word.isdigit()}
        return sorted(numbers)[:MAX_AT_ONCE]

    async def fetch(self, number: int) -> bytes:
        """The beginning of a mail; b"" where it has gone meanwhile."""
        lines = await self._answer("FETCH", str(number), f"(BODY.PEEK[]<0.{MAX_BYTES}>)")
        return next((bytes(line[1]) for line in lines if isinstance(line, tuple)), b"")

    async def mark_read(self, number: int) -> None:
        """Says that a mail was taken in."""
        await self._answer("STORE", str(number), "+FLAGS", r"(\Seen)")

    async def close(self) -> None:
        """Ends the connection, and with it what a thread still waits for."""
        if self._client is not None:
            with suppress(*_ERRORS):
                self._client.shutdown()

    async def _answer(self, command: str, *arguments: str) -> list[Any]:
        client = self._client
        if client is None:
            raise MailboxError("The mailbox is not open.")
        status, lines = await self._asked(lambda: client.uid(command, *arguments))
        if status != "OK":
            raise MailboxError(f"The IMAP server {self._where} answered {status}.")
        return list(lines)

    async def _agreed(self, ask: Callable[[], Any]) -> bool:
        """Whether the server says OK; that it refuses is an answer, too."""
        try:
            return bool((await asyncio.to_thread(ask))[0] == "OK")
        except imaplib.IMAP4.abort as error:
            raise self._broken(error) from error
        except imaplib.IMAP4.error:
            return False
        except _ERRORS as error:
            raise self._broken(error) from error

    async def _asked(self, ask: Callable[[], Any]) -> Any:
        try:
            return await asyncio.to_thread(ask)
        except _ERRORS as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> MailboxError:
        return MailboxError(f"The IMAP server {self._where} cannot be used: {type(error).__name__}.")


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


def _client(config: Config) -> imaplib.IMAP4:
    if config.imap_security is ImapSecurity.NONE:
        return imaplib.IMAP4(config.imap_host, config.imap_port, timeout=ANSWER_S)
    context = ssl.create_default_context()
    return imaplib.IMAP4_SSL(config.imap_host, config.imap_port, ssl_context=context, timeout=ANSWER_S)


def _plain(text: str) -> str:
    """`text` where a line break in it would begin another command."""
    if "\r" in text or "\n" in text:
        raise UnicodeError("a line break")
    return text


def _quoted(text: str) -> str:
    escaped = _plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
