"""Slack's way of writing, both ways: what the bot says into it, what a customer wrote out of it.

Source: https://docs.slack.dev/messaging/formatting-message-text/
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_CODE = re.compile(r"(```.+?```|`[^`\n]+`)", re.DOTALL)
_LINK = re.compile(r"!?\[([^\[\]\n]+)\]\(((?:https?://|mailto:)[^\s()]+(?:\([^\s()]*\)[^\s()]*)*)\)")
_BOLD = (
    re.compile(r"\*\*(?=\S)((?:[^*\n]|\*(?!\*))+)(?<=\S)\*\*"),
    re.compile(r"(?<!\w)__(?=\S)((?:[^_\n]|_(?!_))+)(?<=\S)__(?!\w)"),
)
_STRUCK = re.compile(r"~~(?=\S)((?:[^~\n]|~(?!~))+)(?<=\S)~~")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_PIECE = re.compile(r"<[^>\n]*>|&(?:amp|lt|gt);|\s+|[^\s<&]{1,1000}|.", re.DOTALL)
_TOKEN = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
_EVERYBODY = re.compile(r"<(?=!(?:channel|everyone|here)\b)", re.IGNORECASE)
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))  # in this order: "&amp;lt;" was written as "&lt;"


def mrkdwn(text: str) -> str:
    """`text`, which may hold Markdown, as Slack writes it; nothing in it can call a person or a channel."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(part if part.startswith("`") else _marked(part) for part in _CODE.split(escaped))


def calling_nobody(value: Any) -> Any:
    """What an owner has written in Slack's own form, with all in it that would call a whole channel as words."""
    match value:
        case str():
            return _EVERYBODY.sub("&lt;", value)
        case Mapping():
            return {name: calling_nobody(one) for name, one in value.items()}
        case list() | tuple():
            return [calling_nobody(one) for one in value]
    return value


def chunks(text: str, most_chars: int) -> Iterator[str]:
    """`text`, which is mrkdwn, in pieces; no link and no escaped character is cut."""
    chunk = ""
    for piece in _PIECE.findall(text):
        if len(chunk) + len(piece) > most_chars:
            if chunk.strip():
                yield chunk
            chunk = ""
        chunk += piece[:most_chars]  # only a link can be longer
    if chunk.strip():
        yield chunk


def plain(text: str, bot_user: str | None) -> str:
    """What a customer wrote, without the mention of the bot, and with links and names as they were shown."""
    if bot_user:
        text = re.sub(rf"<@{re.escape(bot_user)}(?:\|[^<>]*)?>", "", text)
    text = _TOKEN.sub(_shown, text)
    for escaped, character in _ENTITIES:
        text = text.replace(escaped, character)
    return text.strip()


def _marked(text: str) -> str:
    """`text` without code in it, its Markdown turned into Slack's."""
    text = _LINK.sub(lambda found: f"<{found[2].replace('|', '%7C')}|{found[1].replace('|', '¦')}>", text)
    text = _HEADING.sub(lambda found: f"*{found[1].replace('*', '')}*", text)
    for bold in _BOLD:
        text = bold.sub(r"*\1*", text)
    return _STRUCK.sub(r"~\1~", text)


def _shown(token: re.Match[str]) -> str:
    """What the customer saw of `<…>`."""
    kind, target, label = token.groups()
    if kind == "!":
        return label or "@" + target.split("^")[0]
    if kind:
        return f"{kind}{(label or target).lstrip('@#')}"
    return label or target.removeprefix("mailto:")
