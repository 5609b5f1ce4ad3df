"""What Messenger and Instagram bring, in our words.

Source: https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from pydantic import ValidationError

from bot.channels.channel import conversation_id
from bot.channels.intake import MEDIA
from bot.channels.messenger.payload import Attachment, Event, Message, Postback
from bot.channels.messenger.product import WINDOW_S, Product
from bot.channels.meta.webhook import Incoming, entries, objects, skipped
from bot.messages import UserMessage

CHANGES = frozenset({"messages", "messaging_postbacks"})
READ = ("message", "postback")  # whatever else happens needs no answer: receipts, reactions, edits
MEDIA_KINDS = {"image": "image", "audio": "audio", "video": "video", "ig_reel": "video", "reel": "video"}
ONLY_WORDS = frozenset({"fallback", "template"})  # a link or a card that stands in the text too, or is the page's own


def parse_events(data: Any, product: Product, now: float) -> Iterator[Incoming]:
    """The messages and pressed buttons of customers; what cannot be read is passed over, and logged.

    Args:
        now: Unix time.
    """
    for item in _items(data, product.kind):
        if not any(isinstance(item.get(name), dict) for name in READ):
            continue
        try:
            event = Event.model_validate(item)
        except ValidationError as error:
            skipped(product.name, error)
            continue
        if (message := _message(event, product)) is not None:
            yield Incoming(message=message, address=_address(event, now))


def _items(data: Any, kind: str) -> Iterator[Mapping[str, Any]]:
    """The events; `standby` holds those of conversations that another app has."""
    for entry in entries(data, kind):
        yield from objects(entry.get("messaging"))
        for change in objects(entry.get("changes")):
            if change.get("field") in CHANGES and isinstance(change.get("value"), dict):
                yield change["value"]


def _message(event: Event, product: Product) -> UserMessage | None:
    account, customer = event.recipient.id, event.sender.id
    if event.message is not None:
        if _is_echo(event.message) or account == customer:
            return None
        external_id, text, metadata = event.message.mid, _text(event.message), _metadata(event.message)
    elif event.postback is not None:
        external_id, metadata = _id_of(event.postback, event), {}
        text = event.postback.payload or event.postback.title or ""
    else:
        return None
    return UserMessage(
        conversation_id=conversation_id(product.name, account, customer),
        text=text,
        channel=product.name,
        account=account,
        external_id=external_id,
        metadata=metadata,
    )


def _is_echo(message: Message) -> bool:
    """Whether it is the account's own, or tells that one is gone."""
    return message.is_echo or message.is_self or message.is_deleted


def _text(message: Message) -> str:
    return message.quick_reply.payload if message.quick_reply and message.quick_reply.payload else message.text or ""


def _id_of(postback: Postback, event: Event) -> str:
    """Meta's id, or one that is the same when the same press is brought again."""
    if postback.mid is not None:
        return postback.mid
    pressed = f"{event.sender.id} {event.timestamp} {postback.payload or postback.title}"
    return f"postback.{sha256(pressed.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _metadata(message: Message) -> Mapping[str, Any]:
    """What was sent besides words, and what it answers."""
    found: dict[str, Any] = {}
    if message.reply_to is not None and message.reply_to.mid is not None:
        found["reply_to"] = message.reply_to.mid
    media = [_media(one) for one in message.attachments if one.type not in ONLY_WORDS]
    if media or message.is_unsupported:
        found[MEDIA] = media or [{"kind": "file"}]
    return found


def _media(attachment: Attachment) -> Mapping[str, Any]:
    place = attachment.payload
    kind = "sticker" if place and place.sticker_id else MEDIA_KINDS.get(attachment.type, "file")
    return {"kind": kind, "url": place.url} if place and place.url else {"kind": kind}


def _address(event: Event, now: float) -> Mapping[str, Any] | None:
    """When the customer last wrote; None, which leaves what is known, where that is too long ago to answer."""
    written_at = now if event.written_at is None else min(event.written_at, now)
    return None if now - written_at > WINDOW_S else {"written_at": written_at}
