"""By what a sender's data is known again where it was put: hashes, so that nothing of it has to be kept to erase it."""

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from sqlalchemy import Connection

from bot.stores.belongings import texts_of
from bot.stores.labels import standing_labels
from nlu.masking import Regions, mask
from nlu.text import prepare_text

WIDGET = "widget"
UPLOAD_FOLDER_CHARS = 32
_SENTENCE = re.compile(r"[^.!?。！？\n]+")
_EDGES = re.compile(r"^\W+|\W+$")
# A shorter sentence is said by everyone, and says nothing of who it is from.
_MIN_WORDS, _MIN_HAN = 3, 6
_HAN = re.compile(r"[\u4e00-\u9fff]")
_MINED = re.compile(r"^(?:auto|kefu|turns):")  # formats in which Kefu's own conversations can be mined
_SESSION = re.compile(r", session \d+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What to look for.

    Attributes:
        conversations: SHA-256 of the ids.
        texts: SHA-256 of messages and their sentences, without case and marks at the edges.
        uploads: Folders of the files that the customer has sent.
    """

    conversations: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    uploads: frozenset[str] = frozenset()

    def with_others(self, others: Self) -> Self:
        """What either looks for."""
        return type(self)(**{one.name: getattr(self, one.name) | getattr(others, one.name) for one in fields(self)})

    def has(self, conversation_id: str) -> bool:
        """Whether a conversation is one of them."""
        return hidden(conversation_id) in self.conversations

    def has_mined(self, name: str) -> bool:
        """Whether the conversation that mining calls by this name is one of them."""
        return self.has(name) or self.has(_MINED.sub("", _SESSION.sub("", name)))

    def has_said(self, wording: str) -> bool:
        """Whether a wording, or a sentence of it, is one of the messages."""
        return not self.texts.isdisjoint(keys_of(wording))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: sorted(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Takes back what `to_dict` gave."""
        return cls(**{one.name: frozenset(values[one.name]) for one in fields(cls)})


def traces_of_ids(conversation_ids: Iterable[str]) -> Traces:
    """What the ids alone say."""
    ids = list(conversation_ids)
    sessions = [id_.partition(":")[2] for id_ in ids if id_.startswith(f"{WIDGET}:")]
    return Traces(
        conversations=frozenset(map(hidden, ids)),
        uploads=frozenset(hidden(session)[:UPLOAD_FOLDER_CHARS] for session in sessions),
    )


def traces_of(connection: Connection, conversation_ids: Sequence[str], regions: Regions) -> Traces:
    """What the store says.

    Args:
        regions: By them messages were masked before anything was made of them.
    """
    texts = texts_of(connection, conversation_ids)
    keys = {key for text in texts for form in (text, mask(text, regions)) for key in keys_of(form)}
    own = frozenset(conversation_ids)
    others = (label for label in standing_labels(connection) if label.conversation_id not in own)
    shared = {key for label in others for key in keys_of(label.text)}
    return traces_of_ids(conversation_ids).with_others(Traces(texts=frozenset(keys - shared)))


def keys_of(text: str) -> Collection[str]:
    """The hashes by which a text and its sentences are known again."""
    plain = prepare_text(text).casefold()
    sentences = (_EDGES.sub("", found[0]) for found in _SENTENCE.finditer(plain))
    telling = {one for one in sentences if len(one.split()) >= _MIN_WORDS or len(_HAN.findall(one)) >= _MIN_HAN}
    return {hidden(one) for one in {*telling, _EDGES.sub("", plain)} if one}


def hidden(text: str) -> str:
    """SHA-256 in hex; what a release calls a conversation."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
