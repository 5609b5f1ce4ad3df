"""Markdown as WhatsApp writes it: `*bold*`, `~struck~`, addresses beside their words. Nothing becomes longer by it.

Source: https://faq.whatsapp.com/539178204879377
"""

import re

from bot.rich_text import safe_text

_CODE = re.compile(r"(```.+?```|`[^`\n]+`)", re.DOTALL)  # written alike in both
_LINK = re.compile(r"!?\[([^\[\]\n]+)\]\((https?://[^\s()]+(?:\([^\s()]*\)[^\s()]*)*)\)")
_BOLD = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_STRUCK = re.compile(r"~~(?=\S)(.+?)(?<=\S)~~")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


def marked(text: str) -> str:
    """`text`, which may hold Markdown, as WhatsApp shows it; nothing in it turns the direction of what is around it."""
    parts = _CODE.split(safe_text(text))
    return "".join(part if part.startswith("`") else _marked(part) for part in parts)


def _marked(text: str) -> str:
    text = _LINK.sub(_link, text)
    text = _HEADING.sub(lambda found: f"*{found[1].replace('*', '')}*", text)
    text = _BOLD.sub(r"*\2*", text)
    return _STRUCK.sub(r"~\1~", text)


def _link(found: re.Match[str]) -> str:
    words, address = found[1].strip(), found[2]
    return address if words in ("", address) else f"{words} ({address})"
