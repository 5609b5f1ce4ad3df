"""What the bot says as DingTalk's messages: to a session's address, and by the robot API.

Source: https://open.dingtalk.com/document/orgapp/robot-message-types-and-data-format
"""

import json
import re
from typing import Any
from urllib.parse import quote

from bot.degrade import is_link
from bot.messages import BotMessage
from configs.domain import Button

MAX_TITLE = 20  # of a card, as it is shown in the list of chats
WIDTHLESS = "\u2060"
_LINK = re.compile(r"\](?=\()")
_LINE_MARK = re.compile(r"^(?=\s*(?:[#>*+-]|\d+\.)\s?)", re.MULTILINE)


def for_session(message: BotMessage, *, as_card: bool) -> dict[str, Any]:
    """A message for a session's address.

    Args:
        as_card: Show buttons as such; pressing one sends its title.
    """
    if message.buttons and as_card:
        buttons = [{"title": button.title, "actionURL": _pressed(button)} for button in message.buttons]
        words = message.text or ""
        card = {"title": _title(words), "text": unmarked(words), "btnOrientation": "0", "btns": buttons}
        return {"msgtype": "actionCard", "actionCard": card}
    return {"msgtype": "text", "text": {"content": plain(message)}}


def for_robot(message: BotMessage) -> dict[str, str]:
    """A message for the robot API, as a text."""
    return {"msgKey": "sampleText", "msgParam": json.dumps({"content": plain(message)}, ensure_ascii=False)}


def plain(message: BotMessage) -> str:
    """A message as a text, with its buttons as numbered lines: in a group a button's words would not reach the bot."""
    lines = (
        f"{number}. {button.title}{': ' + button.payload if is_link(button) else ''}"
        for number, button in enumerate(message.buttons, 1)
    )
    return "\n".join((message.text or "", *lines))


def unmarked(text: str) -> str:
    """`text` so that no line of it is a heading or a list, and no part a link or a picture, in DingTalk's Markdown."""
    return _LINK.sub(f"]{WIDTHLESS}", _LINE_MARK.sub(WIDTHLESS, text)).replace("\n", "\n\n")


def _title(text: str) -> str:
    return text.strip().partition("\n")[0][:MAX_TITLE] or "…"


def _pressed(button: Button) -> str:
    """The button's address, or one of DingTalk's own that writes its title in the customer's name."""
    sending = f"dtmd://dingtalkclient/sendMessage?content={quote(button.title, safe='')}"
    return button.payload if is_link(button) else sending
