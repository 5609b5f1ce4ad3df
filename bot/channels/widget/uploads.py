"""Files that customers send: in a folder of their session, under ids that only the server can make an address of."""

import asyncio
import hashlib
import hmac
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO

from bot.channels.widget.config import UploadConfig
from bot.channels.widget.file_kinds import LOOKED_AT_BYTES, FileKind, kind_of
from bot.channels.widget.file_names import file_name
from bot.channels.widget.file_on_disk import ABOUT, PART, File, finish, read_about, swept, sync
from bot.channels.widget.session import NAME, Session
from bot.errors import Refused

FOLDER = "uploads"
PATH = "/webhooks/widget/files"
ADDRESS_LASTS_S = 30 * 86_400
TIME_TO_COME_S = 3_600.0
MAX_TOTAL_BYTES = 2 * 1024**3  # of all sessions together
_ID = re.compile(r"[0-9a-f]{32}-[0-9a-f]{32}")


class Uploads:
    """Keeps files on disk.

    Args:
        folder: Where; it is made when the first file comes.
        config: What may be sent; None where nothing may.
        secret: Signs addresses.
        now: Unix time.
    """

    def __init__(
        self,
        folder: Path,
        config: UploadConfig | None,
        secret: str,
        now: Callable[[], float],
        *,
        max_total_bytes: int = MAX_TOTAL_BYTES,
    ) -> None:
        self.config = config
        self._folder, self._secret, self._now = folder, secret.encode(), now
        self._max_total_bytes, self._total_bytes = max_total_bytes, -1

    async def take(self, session: Session, name: str, chunks: AsyncIterator[bytes]) -> File:
        """Keeps a file; it is on disk when this returns.

        Raises:
            Refused: 404 files are not taken, 409 the session has sent too many, 413 it is too large, 415 it is of no
                kind that is taken, 503 there is no room left.
        """
        config = self._allowed()
        own = _folder_of(session.id)
        identity = f"{own}-{secrets.token_hex(16)}"
        path = self._path(identity)
        part = path.with_name(path.name + PART)
        await asyncio.to_thread(self._begin, part, config.max_files)
        try:
            with part.open("wb") as file:
                kind, size = await self._write(file, chunks, config)
                await asyncio.to_thread(sync, file)
            kept = File(id=identity, name=file_name(name, kind), bytes=size, mime=kind.mime)
            await asyncio.to_thread(finish, part, path, kept)
        finally:
            part.unlink(missing_ok=True)
        self._total_bytes += size
        return kept

    async def of(self, session: Session, file_id: str) -> File | None:
        """A file of this session; None where it has sent none under this id."""
        if not _ID.fullmatch(file_id) or not file_id.startswith(_folder_of(session.id)):
            return None
        return await self.about(file_id)

    async def about(self, file_id: str) -> File | None:
        """A file; None where there is none under this id."""
        if not _ID.fullmatch(file_id):
            return None
        return await asyncio.to_thread(read_about, self._path(file_id))

    def path(self, file_id: str) -> Path:
        """Where the bytes of a file are."""
        return self._path(file_id)

    def address(self, file_id: str) -> str:
        """Where a file can be fetched by whoever is told so, for a time."""
        ends = int(self._now() + ADDRESS_LASTS_S)
        return f"{PATH}/{file_id}?t={ends}.{self._signature(file_id, ends)}"

    def is_address(self, file_id: str, signed: str) -> bool:
        """Whether the server itself has made this address, and not too long ago."""
        ends, _, signature = signed.partition(".")
        if not (ends.isascii() and ends.isdigit() and len(ends) <= 12):
            return False
        right = self._signature(file_id, int(ends)).encode()
        return hmac.compare_digest(right, signature.encode("utf-8", "surrogatepass")) and int(ends) > self._now()

    async def erase(self, conversation_id: str) -> None:
        """Deletes the files of a conversation."""
        channel, _, session_id = conversation_id.partition(":")
        if channel == NAME:
            folder = self._folder / _folder_of(session_id)
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            self._total_bytes = -1

    def _allowed(self) -> UploadConfig:
        if self.config is None:
            raise Refused(404, "NotFound", "Files are not taken here.")
        return self.config

    def _begin(self, part: Path, max_files: int) -> None:
        if self._total_bytes < 0:
            self._total_bytes = swept(self._folder, self._now() - TIME_TO_COME_S)
        if self._total_bytes >= self._max_total_bytes:
            raise Refused(503, "Overloaded", "There is no room for files; tell the owner.", retry_after_s=3_600)
        part.parent.mkdir(parents=True, exist_ok=True)
        if sum(path.suffix != ABOUT for path in part.parent.iterdir()) >= max_files:
            raise Refused(409, "Conflict", f"You have sent {max_files} files, and more are not taken.", field="file")
        part.touch(mode=0o600)

    async def _write(self, file: BinaryIO, chunks: AsyncIterator[bytes], config: UploadConfig) -> tuple[FileKind, int]:
        size, beginning, kind = 0, b"", None
        async for chunk in chunks:
            size += len(chunk)
            if size > config.max_bytes:
                said = f"The file is over {config.max_bytes:,} bytes."
                raise Refused(413, "BodyTooLarge", said, field="file")
            if kind is None and len(beginning) < LOOKED_AT_BYTES:
                beginning += chunk[: LOOKED_AT_BYTES - len(beginning)]
                kind = _taken(beginning, config) if len(beginning) == LOOKED_AT_BYTES else None
            await asyncio.to_thread(file.write, chunk)
        return kind or _taken(beginning, config), size

    def _signature(self, file_id: str, ends: int) -> str:
        return hmac.new(self._secret, f"file:{file_id}:{ends}".encode(), hashlib.sha256).hexdigest()

    def _path(self, file_id: str) -> Path:
        folder, _, name = file_id.partition("-")
        return self._folder / folder / name


def _taken(beginning: bytes, config: UploadConfig) -> FileKind:
    kind = kind_of(beginning)
    if kind is None or kind.name not in config.types:
        said = f"This kind of file is not taken; send {', '.join(config.types)}."
        raise Refused(415, "UnsupportedMediaType", said, field="file")
    return kind


def _folder_of(session_id: str) -> str:
    return hashlib.sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
