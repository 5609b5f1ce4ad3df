"""What the bot says as Discord's messages. Discord reads Markdown as it is.

Source: https://docs.discord.com/developers/resources/message and https://docs.discord.com/developers/components/reference
"""

from collections.abc import Mapping
from typing import Any

from yarl import URL

from bot.messages import BotMessage
from configs.domain import Button

MAX_TEXT = 2_000
MAX_BUTTONS, MAX_TITLE, MAX_PAYLOAD = 25, 80, 100
IN_A_ROW = 5
ROW, BUTTON, SECONDARY = 1, 2, 2


def rendered(message: BotMessage) -> dict[str, Any]:
    """A message that holds one thing. Nobody is called by what it says, not even `@everyone`."""
    return {"allowed_mentions": {"parse": []}} | _content(message)


def _content(message: BotMessage) -> dict[str, Any]:
    if isinstance(message.custom, Mapping):
        return dict(message.custom)
    if message.image:
        is_shown = _is_web(message.image)
        return {"embeds": [{"image": {"url": message.image}}]} if is_shown else {"content": message.image}
    if message.buttons:
        return {"content": message.text or "", "components": _rows(message.buttons)}
    return {"content": message.text or ""}


def _rows(buttons: tuple[Button, ...]) -> list[dict[str, Any]]:
    """Five buttons in a row. Discord wants each payload once, so that of two with the same one the first stays."""
    by_payload: dict[str, Button] = {}
    for button in buttons[:MAX_BUTTONS]:
        by_payload.setdefault(button.payload[:MAX_PAYLOAD], button)
    shown = [
        {"type": BUTTON, "style": SECONDARY, "label": button.title[:MAX_TITLE] or "…", "custom_id": payload or "…"}
        for payload, button in by_payload.items()
    ]
    return [{"type": ROW, "components": shown[at : at + IN_A_ROW]} for at in range(0, len(shown), IN_A_ROW)]


def _is_web(address: str) -> bool:
    try:
        url = URL(address)
    except ValueError:
        return False
    return url.scheme in ("http", "https") and bool(url.host) and len(address) <= MAX_TEXT
