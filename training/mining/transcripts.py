"""Opens a file of conversations whatever its format."""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from itertools import islice
from pathlib import Path

from configs.errors import AssistantError
from training.mining.chatwoot import read_chatwoot
from training.mining.conversation import BadRecord, Read
from training.mining.json_records import JsonRecords, Record
from training.mining.kefu_store import KefuStore
from training.mining.turns_file import read_turns
from training.mining.zendesk import read_zendesk

_SQLITE_START = b"SQLite format 3\x00"
_SNIFFED_RECORDS = 20


class Format(StrEnum):
    """What a file of conversations may be; `AUTO` looks at its first bytes and records."""

    AUTO = "auto"
    TURNS = "turns"
    KEFU = "kefu"
    CHATWOOT = "chatwoot"
    ZENDESK = "zendesk"


_READERS: dict[Format, Callable[[Iterable[Record]], Iterator[Read]]] = {
    Format.TURNS: read_turns,
    Format.CHATWOOT: read_chatwoot,
    Format.ZENDESK: read_zendesk,
}


class Transcripts:
    """The conversations of one file, read as they are asked for.

    Attributes:
        format: What the file is; never `AUTO`.
        total: Bytes or rows, to show how far the reading is.

    Raises:
        AssistantError: The file cannot be opened, or its format cannot be told.
    """

    def __init__(self, path: Path, given: Format = Format.AUTO) -> None:
        self.path = path
        self.format = _sniffed(path) if given is Format.AUTO else given
        self._source = KefuStore(path) if self.format is Format.KEFU else JsonRecords(path)

    @property
    def total(self) -> int:
        """Bytes or rows in the file."""
        return self._source.size_rows if isinstance(self._source, KefuStore) else self._source.size_bytes

    @property
    def position(self) -> int:
        """Bytes or rows that were read, of `total`."""
        source = self._source
        return source.position_rows if isinstance(source, KefuStore) else source.position_bytes

    def __iter__(self) -> Iterator[Read]:
        """Each conversation, and each record that had to be passed over.

        Raises:
            AssistantError: The file cannot be read.
        """
        if isinstance(self._source, KefuStore):
            return iter(self._source)
        return _READERS[self.format](self._source)


def _sniffed(path: Path) -> Format:
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(_SQLITE_START)) == _SQLITE_START:
                return Format.KEFU
    values = [record[1] for record in islice(JsonRecords(path), _SNIFFED_RECORDS) if not isinstance(record, BadRecord)]
    for value in values:
        keys = value.keys() if isinstance(value, dict) else ()
        if "conversation" in keys and ("turns" in keys or "role" in keys):
            return Format.TURNS
        if "message_type" in keys or "messages" in keys or "payload" in keys or "data" in keys:
            return Format.CHATWOOT
        if "comments" in keys or "tickets" in keys or "ticket" in keys:
            return Format.ZENDESK
    names = ", ".join(name.value for name in Format if name is not Format.AUTO)
    raise AssistantError(path, None, "its format cannot be told", f"Name it with --format: {names}.")
