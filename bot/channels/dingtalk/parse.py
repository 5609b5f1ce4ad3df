"""What DingTalk brings as our messages. What is not something that a customer says is None.

Source: https://open.dingtalk.com/document/isvapp/receive-message
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from bot.channels.channel import conversation_id
from bot.channels.dingtalk.config import NAME, Config
from bot.channels.intake import MEDIA
from bot.messages import UserMessage

KINDS = {"picture": "image", "audio": "audio", "video": "video", "file": "file"}
GROUP = "2"
MAX_CHARS = 512

Id = Annotated[str, Field(min_length=1, max_length=256)]
Address = Mapping[str, Any]


class Incoming(BaseModel):
    """A message to the robot.

    Attributes:
        sessionWebhook: Where replies may be posted for some time; it needs no token.
        senderStaffId: The customer's id in the company; strangers have none.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    msgId: Id  # noqa: N815 - DingTalk's names, here and below
    msgtype: str
    conversationId: Id  # noqa: N815
    conversationType: str = "1"  # noqa: N815
    senderId: Id  # noqa: N815
    senderStaffId: Id | None = None  # noqa: N815
    sessionWebhook: Annotated[str, Field(max_length=2_048)] | None = None  # noqa: N815
    sessionWebhookExpiredTime: int | None = None  # noqa: N815
    text: Any = None
    content: Any = None


def parse_message(incoming: Incoming, config: Config) -> tuple[UserMessage, Address] | None:
    """What a customer wrote, and the way back."""
    said = _said(incoming)
    if said is None:
        return None
    text, media = said
    sender = incoming.senderStaffId or incoming.senderId
    is_group = incoming.conversationType == GROUP
    return UserMessage(
        conversation_id=conversation_id(
            NAME, *(quote(part, safe="") for part in (config.client_id, incoming.conversationId, sender))
        ),
        text=text,
        channel=NAME,
        account=config.client_id,
        external_id=incoming.msgId,
        metadata={MEDIA: media} if media else {},
    ), {
        "session": incoming.sessionWebhook,
        "session_until": (incoming.sessionWebhookExpiredTime or 0) / 1_000,
        "group": incoming.conversationId if is_group else None,
        "staff": incoming.senderStaffId,
    }


def _said(incoming: Incoming) -> tuple[str, list[dict[str, str]]] | None:
    """The words of a message and what it holds besides; None where its kind is not known."""
    content = incoming.content if isinstance(incoming.content, dict) else {}
    match incoming.msgtype:
        case "text":
            text = incoming.text.get("content") if isinstance(incoming.text, dict) else None
            return (text if isinstance(text, str) else ""), []
        case "richText":
            items = list(_objects(content.get("richText")))
            words = "".join(item["text"] for item in items if isinstance(item.get("text"), str))
            return words, [_medium("image", item) for item in items if item.get("downloadCode")][:10]
        case "audio" if isinstance(content.get("recognition"), str) and content["recognition"].strip():
            return content["recognition"], []
        case kind if kind in KINDS:
            return "", [_medium(KINDS[kind], content)]
    return None


def _medium(kind: str, content: Mapping[str, Any]) -> dict[str, str]:
    named = {"id": content.get("downloadCode"), "name": content.get("fileName")}
    return {"kind": kind} | {key: value[:MAX_CHARS] for key, value in named.items() if isinstance(value, str)}


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))
