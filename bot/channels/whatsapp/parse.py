"""What WhatsApp brings, in our words: messages of customers, and news of what was not delivered.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from bot.channels.channel import conversation_id
from bot.channels.intake import MEDIA
from bot.channels.meta.webhook import Incoming, Undelivered, entries, objects, skipped
from bot.channels.whatsapp.config import NAME
from bot.channels.whatsapp.errors import CODES
from bot.channels.whatsapp.payload import Choice, Message, Numbers, Status, TemplateButton, Words
from bot.messages import UserMessage

WINDOW_S = 24 * 3_600.0
# Nobody waits for an answer to these.
UNANSWERED = frozenset({"edit", "pin", "reaction", "request_welcome", "revoke", "system"})
MEDIA_KINDS = {
    "image": "image",
    "audio": "audio",
    "video": "video",
    "document": "file",
    "sticker": "sticker",
    "location": "location",
}


def parse_updates(data: Any, numbers: Collection[str], now: float) -> Iterator[Incoming | Undelivered]:
    """What is in a batch that concerns us; what cannot be read is passed over, and logged.

    Args:
        numbers: Ids of the bot's numbers; empty means any.
        now: Unix time.
    """
    for value in _values(data):
        try:
            number = Numbers.model_validate(value.get("metadata")).phone_number_id
        except ValidationError as error:
            skipped(NAME, error)
            continue
        if not numbers or number in numbers:
            yield from _messages(value, number, now)
            yield from _undelivered(value)


def _values(data: Any) -> Iterator[Mapping[str, Any]]:
    """What each change holds that is about messages."""
    for entry in entries(data, "whatsapp_business_account"):
        for change in objects(entry.get("changes")):
            if change.get("field") == "messages" and isinstance(change.get("value"), dict):
                yield change["value"]


def _messages(value: Mapping[str, Any], number: str, now: float) -> Iterator[Incoming]:
    alone = _only_customer(value)
    for item in objects(value.get("messages")):
        try:
            message = Message.model_validate({**alone, **item})
        except ValidationError as error:
            skipped(NAME, error)
            continue
        if _is_meant(message):
            yield incoming(message, number, now)


def _only_customer(value: Mapping[str, Any]) -> dict[str, Any]:
    """The one customer that all of it is from, for a message that does not say from whom it is."""
    contacts = list(objects(value.get("contacts")))
    return {"from_user_id": contacts[0].get("user_id")} if len(contacts) == 1 else {}


def _is_meant(message: Message) -> bool:
    """Whether the bot is to answer: not to what changes or marks an earlier message, and not in a group."""
    types = {message.type, message.unsupported.type if message.unsupported else None}
    return not types & UNANSWERED and message.group_id is None


def _undelivered(value: Mapping[str, Any]) -> Iterator[Undelivered]:
    for item in objects(value.get("statuses")):
        try:
            status = Status.model_validate(item)
        except ValidationError as error:
            skipped(NAME, error)
            continue
        if status.status == "failed":
            reason = "; ".join(_meaning(error.code) for error in status.errors) or "WhatsApp does not say why"
            yield Undelivered(id=status.id, key=status.biz_opaque_callback_data, reason=reason)


def _meaning(code: int) -> str:
    known = CODES.meanings.get(code)
    return f"error {code}: {known}" if known else f"error {code}"


def incoming(message: Message, number: str, now: float) -> Incoming:
    """A customer's message as ours, with the way back.

    The id that Meta gives a customer for this business comes before the phone number, which a customer with a username
    may keep to themselves from one message to the next.
    """
    customer = message.from_user_id or message.from_ or ""
    written_at = now if message.written_at is None else min(message.written_at, now)
    return Incoming(
        message=UserMessage(
            conversation_id=conversation_id(NAME, number, customer),
            text=_text(message),
            channel=NAME,
            account=number,
            external_id=message.id,
            metadata=_metadata(message),
        ),
        address=None if now - written_at > WINDOW_S else _address(message, written_at),
    )


def _address(message: Message, written_at: float) -> Mapping[str, Any]:
    way = {"to": message.from_} if message.from_ else {"recipient": message.from_user_id}
    return {**way, "written_at": written_at}


def _text(message: Message) -> str:
    """What was typed, the payload of what was chosen, or what is written below a picture."""
    match message:
        case Message(type="text", text=Words(body=body)):
            return body
        case Message(type="button", button=TemplateButton(payload=payload, text=text)):
            return payload or text
        case Message(type="interactive", chosen=Choice(id=payload)):
            return payload
    return (message.media.caption or "") if message.media else ""


def _metadata(message: Message) -> Mapping[str, Any]:
    """What was sent besides words, and what it answers."""
    found: dict[str, Any] = {}
    if message.context is not None and message.context.id:
        found["reply_to"] = message.context.id
    if message.type not in ("text", "button") and message.chosen is None:
        found[MEDIA] = [_media(message)]
    return found


def _media(message: Message) -> Mapping[str, Any]:
    kind = {"kind": MEDIA_KINDS.get(message.type, "file")}
    media = message.media
    if media is None:
        return kind
    told: dict[str, Any] = {"id": media.id, "name": media.filename or media.name, "mime": media.mime_type}
    if media.latitude is not None and media.longitude is not None:
        told["at"] = [media.latitude, media.longitude]
    return kind | {key: value for key, value in told.items() if value}
