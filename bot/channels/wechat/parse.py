"""What WeChat brings as our messages. What is not something that a customer says is None.

Source: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Receiving_standard_messages.html
"""

import re
from collections.abc import Mapping
from typing import Any

from bot.channels.channel import conversation_id
from bot.channels.intake import MEDIA
from bot.channels.wechat.config import NAME, Config
from bot.messages import UserMessage

KINDS = {"image": "image", "voice": "audio", "video": "video", "shortvideo": "video", "location": "location"}
_OPEN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_NUMBER = re.compile(r"[0-9]{1,20}\Z")


def parse_message(fields: Mapping[str, str], config: Config) -> UserMessage | None:
    """What a customer says by a message or an event; None where they say nothing."""
    customer, created = fields.get("FromUserName", ""), fields.get("CreateTime", "")
    if not _OPEN_ID.match(customer) or not _NUMBER.match(created):
        return None
    kind = fields.get("MsgType", "").lower()
    text = _event_text(fields, config) if kind == "event" else text_of(kind, fields)
    if text is None:
        return None
    return UserMessage(
        conversation_id=conversation_id(NAME, config.app_id, customer),
        text=text,
        channel=NAME,
        account=config.app_id,
        external_id=message_key(fields),
        metadata=media_of(kind, fields),
    )


def message_key(fields: Mapping[str, str]) -> str:
    """By what a message is known that comes again: its id, or customer, time and kind of an event, which has none."""
    if _NUMBER.match(fields.get("MsgId", "")):
        return fields["MsgId"]
    named = (fields.get(name, "")[:64] for name in ("FromUserName", "CreateTime", "Event", "EventKey"))
    return ":".join(named)


def text_of(kind: str, fields: Mapping[str, str]) -> str | None:
    """The words of a message; none belong to a picture. None where the kind is not known."""
    match kind:
        case "text":
            chosen = fields.get("bizmsgmenuid", "")
            return chosen if chosen.startswith("/") else fields.get("Content", "")
        case "voice":
            return fields.get("Recognition", "")  # where the account has speech recognition
        case "link":
            return "\n".join(fields[name] for name in ("Title", "Description", "Url") if fields.get(name))
        case _ if kind in KINDS:
            return ""
    return None


def _event_text(fields: Mapping[str, str], config: Config) -> str | None:
    match fields.get("Event", "").lower():
        case "subscribe":
            return config.on_subscribe or None
        case "click":
            return fields.get("EventKey") or None
    return None


def media_of(kind: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """What a message holds besides words; nothing where its words were recognised."""
    if kind not in KINDS or fields.get("Recognition"):
        return {}
    found: dict[str, Any] = {"kind": KINDS[kind]}
    if fields.get("MediaId"):
        found["id"] = fields["MediaId"][:512]
    if fields.get("PicUrl"):
        found["url"] = fields["PicUrl"][:2_048]
    if kind == "location":
        place = ", ".join(fields[name] for name in ("Location_X", "Location_Y") if fields.get(name))
        found["name"] = " ".join(part for part in (fields.get("Label", ""), place) if part)[:512]
    return {MEDIA: [found]}
