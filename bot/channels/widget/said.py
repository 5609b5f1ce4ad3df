"""What the bot or a person says, as a page shows it: only what a page can show, and no address that could do harm."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from bot.messages import BotMessage
from bot.rich_text import html, plain_text, safe_text

MAX_BUTTONS = 50
MAX_CARDS = 20
MAX_TITLE_CHARS = 200
MAX_ADDRESS_CHARS = 2_000
NAMES_OF_ADDRESSES = ("url", "src", "link", "href")


def shown(message: BotMessage) -> dict[str, Any] | None:
    """`message` as a page shows it; None where nothing of it can be shown."""
    frame: dict[str, Any] = {}
    if message.text:
        frame |= {"html": html(message.text), "text": safe_text(plain_text(message.text))}
    if buttons := _buttons((button.title, button.payload) for button in message.buttons):
        frame["buttons"] = buttons
    if image := web_address(message.image):
        frame["image"] = {"src": image, "alt": ""}
    if file := _attached(message.attachment):
        frame["file"] = file
    if cards := [_card(element) for element in message.elements[:MAX_CARDS]]:
        frame["cards"] = cards
    return frame or None


def web_address(value: Any) -> str | None:
    """`value` where it is an address on the web; None otherwise, whatever it pretends to be."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ADDRESS_CHARS:
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    is_clean = value.isprintable() and not any(character in value for character in " \"'<>\\")
    return value if parts.scheme in ("http", "https") and parts.hostname and is_clean else None


def _buttons(items: Iterable[tuple[Any, Any]]) -> list[dict[str, str]]:
    return [
        {"title": _title(title), "payload": payload}
        for title, payload in list(items)[:MAX_BUTTONS]
        if isinstance(title, str) and title.strip() and isinstance(payload, str) and payload
    ]


def _card(element: Mapping[str, Any]) -> dict[str, Any]:
    buttons = [item for item in element.get("buttons") or () if isinstance(item, Mapping)]
    card: dict[str, Any] = {"title": _title(str(element.get("title") or ""))}
    if subtitle := element.get("subtitle"):
        card["subtitle"] = _title(str(subtitle))
    if image := web_address(element.get("image_url") or element.get("image")):
        card["image"] = image
    if found := _buttons((item.get("title"), item.get("payload")) for item in buttons):
        card["buttons"] = found
    if links := [_link(item) for item in buttons if web_address(item.get("url"))]:
        card["links"] = links
    return card


def _link(item: Mapping[str, Any]) -> dict[str, str]:
    return {"title": _title(str(item.get("title") or item["url"])), "url": item["url"]}


def _attached(attachment: Any) -> dict[str, Any] | None:
    """A file of which Rasa's response holds the address, by itself or as front ends of Rasa want it."""
    item = attachment.get("payload", attachment) if isinstance(attachment, Mapping) else {"url": attachment}
    if not isinstance(item, Mapping):
        item = {"url": item}
    url = next((found for name in NAMES_OF_ADDRESSES if (found := web_address(item.get(name)))), None)
    if url is None:
        return None
    name = item.get("name") or item.get("title") or urlsplit(url).path.rpartition("/")[2] or url
    return {"url": url, "name": _title(str(name))}


def _title(text: str) -> str:
    return safe_text(text)[:MAX_TITLE_CHARS].strip()
