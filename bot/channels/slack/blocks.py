"""What the bot says as arguments of `chat.postMessage`.

Source: https://docs.slack.dev/reference/block-kit/blocks/
"""

from collections.abc import Mapping
from typing import Any

from yarl import URL

from bot.channels.slack.mrkdwn import calling_nobody, chunks, mrkdwn
from bot.degrade import address_of
from bot.messages import BotMessage
from configs.domain import Button

MAX_TEXT = 3_000  # of a section
MAX_BUTTONS, MAX_TITLE, MAX_VALUE = 25, 75, 2_000
MAX_URL, MAX_ALT = 3_000, 2_000
OURS = frozenset({"token", "as_user"})  # what a custom payload may not decide


def rendered(message: BotMessage) -> dict[str, Any]:
    """A message that holds one thing, without where it goes. `text` is what notifications show of it."""
    if message.custom:
        return _custom(message.custom)
    if message.image:
        return _picture(message.image)
    if message.attachment:
        return _attached(message.attachment)
    if message.buttons:
        return _with_buttons(message)
    return {"text": mrkdwn(message.text or "")}


def as_link(message: BotMessage) -> dict[str, Any]:
    """A picture as its address, for where Slack cannot fetch it."""
    return {"text": mrkdwn(message.image or "")}


def _with_buttons(message: BotMessage) -> dict[str, Any]:
    text = mrkdwn(message.text or "")
    sections = [{"type": "section", "text": {"type": "mrkdwn", "text": chunk}} for chunk in chunks(text, MAX_TEXT)]
    elements = [_button(number, button) for number, button in enumerate(message.buttons[:MAX_BUTTONS])]
    return {"text": text, "blocks": [*sections, {"type": "actions", "elements": elements}]}


def _button(number: int, button: Button) -> dict[str, Any]:
    title = {"type": "plain_text", "text": button.title[:MAX_TITLE] or "…", "emoji": True}
    return {"type": "button", "action_id": f"choice_{number}", "text": title, "value": button.payload[:MAX_VALUE]}


def _picture(address: str) -> dict[str, Any]:
    if not _is_web(address) or len(address) > MAX_URL:
        return {"text": mrkdwn(address)}
    name = URL(address).name or address
    return {"text": mrkdwn(address), "blocks": [{"type": "image", "image_url": address, "alt_text": name[:MAX_ALT]}]}


def _attached(attachment: Any) -> dict[str, Any]:
    """Rasa's form as its address; any other object is one of Slack's own attachments."""
    address = address_of(attachment)
    if address is not None:
        return {"text": mrkdwn(address)}
    if isinstance(attachment, Mapping):
        shown = next((attachment[key] for key in ("fallback", "text", "title") if attachment.get(key)), "")
        return {"text": mrkdwn(str(shown)), "attachments": [calling_nobody(attachment)]}
    return {"text": mrkdwn(str(attachment))}


def _custom(custom: Any) -> dict[str, Any]:
    """Arguments of `chat.postMessage` that the owner has written, as in Rasa."""
    if isinstance(custom, Mapping):
        return {key: calling_nobody(value) for key, value in custom.items() if key not in OURS}
    return {"text": mrkdwn(str(custom))}


def _is_web(address: str) -> bool:
    try:
        url = URL(address)
    except ValueError:
        return False
    return url.scheme in ("http", "https") and bool(url.host)
