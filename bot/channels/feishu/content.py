"""The JSON in a message's `content`, as words and media.

Source: https://open.feishu.cn/document/server-docs/im-v1/message-content-description/message_content
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from bot.channels.intake import MEDIA

KINDS = {"image": "image", "file": "file", "audio": "audio", "media": "video", "sticker": "sticker"}
_KEY = re.compile(r"@_user_\d{1,6}|@_all")
MAX_CHARS = 512


class Mention(BaseModel):
    """Whom a text names; in it stands `key`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    key: str
    name: str = ""
    id: Mapping[str, Any] | None = None

    @property
    def open_id(self) -> str | None:
        """Who it is."""
        found = (self.id or {}).get("open_id")
        return found if isinstance(found, str) else None


def content_of(
    kind: str, content: str, mentions: Sequence[Mention], bot_open_id: str | None
) -> tuple[str, dict[str, Any]] | None:
    """Words and metadata of a message; None where its kind is not something that a customer says.

    Args:
        bot_open_id: The bot's own name is left out of the words; None leaves out those at the beginning.
    """
    fields = _fields(content)
    match kind:
        case "text":
            text = fields.get("text")
            return _named(text if isinstance(text, str) else "", mentions, bot_open_id), {}
        case "post":
            words = "\n".join(line for line in _lines(fields) if line)
            return _named(words, mentions, bot_open_id), _pictures(fields)
        case "location":
            return "", {MEDIA: [{"kind": "location", **_short({"name": fields.get("name")})}]}
        case _ if kind in KINDS:
            key = fields.get("image_key" if kind == "image" else "file_key")
            return "", {MEDIA: [{"kind": KINDS[kind], **_short({"id": key, "name": fields.get("file_name")})}]}
    return None


def _fields(content: str) -> Mapping[str, Any]:
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _named(text: str, mentions: Sequence[Mention], bot_open_id: str | None) -> str:
    """`text` with names for the keys of those who are named, and without the bot's own."""
    names = {one.key: "" if bot_open_id and one.open_id == bot_open_id else f"@{one.name}" for one in mentions}
    if bot_open_id is None and mentions:
        text = re.sub(rf"\A(\s*(?:{_KEY.pattern}))+", "", text)
    return _KEY.sub(lambda key: names.get(key[0], key[0]), text).strip()


def _lines(post: Mapping[str, Any]) -> Iterator[str]:
    title = post.get("title")
    if isinstance(title, str):
        yield title
    for line in _objects_below(post):
        yield "".join(_words(one) for one in line)


def _words(element: Mapping[str, Any]) -> str:
    shown = element.get("user_id" if element.get("tag") == "at" else "text")
    return shown if isinstance(shown, str) else ""


def _pictures(post: Mapping[str, Any]) -> dict[str, Any]:
    keys = [one.get("image_key") for line in _objects_below(post) for one in line if one.get("tag") == "img"]
    return {MEDIA: [{"kind": "image", **_short({"id": key})} for key in keys[:10]]} if keys else {}


def _objects_below(post: Mapping[str, Any]) -> Iterator[list[Mapping[str, Any]]]:
    lines = post.get("content")
    for line in lines if isinstance(lines, list) else ():
        yield [one for one in _listed(line) if isinstance(one, dict)]


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else ()


def _short(fields: Mapping[str, Any]) -> dict[str, str]:
    """The texts among `fields`, none too long."""
    return {name: value[:MAX_CHARS] for name, value in fields.items() if isinstance(value, str) and value}
