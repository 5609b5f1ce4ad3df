"""Twilio's forms as our messages.

Source: https://www.twilio.com/docs/messaging/guides/webhook-request
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from multidict import MultiDict

from bot.channels.channel import conversation_id
from bot.channels.intake import MEDIA
from bot.channels.twilio.config import NAME, WHATSAPP
from bot.errors import Refused
from bot.messages import UserMessage

MAX_FIELDS, MAX_MEDIA = 500, 10
KINDS = frozenset({"image", "audio", "video"})
# What Twilio takes as "write no more to me", where the whole message says it; it answers by itself.
STOP_WORDS = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "optout", "revoke"})
_ID = re.compile(r"[A-Za-z0-9]{2,64}\Z")
_NUMBER = re.compile(r"(?:[a-z]{2,12}:)?\+?[A-Za-z0-9._@-]{2,80}\Z")

Address = Mapping[str, Any]


def parse_form(body: bytes) -> MultiDict[str]:
    """The fields of a form, empty ones too.

    Raises:
        Refused: 400; it is no form.
    """
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS, separator="&"
        )
    except ValueError as error:
        raise Refused(400, "InvalidBody", "The body is no form.", field="body") from error
    return MultiDict(pairs)


def parse_message(form: Mapping[str, str]) -> tuple[UserMessage, Address] | None:
    """What a customer wrote, and the way back; None where it is nothing that a bot should answer."""
    message_id, customer, number = form.get("MessageSid", ""), form.get("From", ""), form.get("To", "")
    if not (_ID.match(message_id) and _NUMBER.match(customer) and _NUMBER.match(number)):
        return None
    if form.get("SmsStatus", "received") != "received" or is_for_twilio(form):
        return None
    media = _media(form)
    message = UserMessage(
        conversation_id=conversation_of(customer),
        text=form.get("Body", ""),
        channel=NAME,
        account=number,
        external_id=message_id,
        metadata={MEDIA: media} if media else {},
    )
    return message, {"to": customer, "from": number}


def conversation_of(customer: str) -> str:
    """The conversation of a customer."""
    return conversation_id(NAME, customer)


def is_for_twilio(form: Mapping[str, str]) -> bool:
    """Whether a customer wants no more messages, or more, or to know how: Twilio answers that."""
    if form.get("OptOutType"):
        return True
    is_sms = not form.get("From", "").startswith(WHATSAPP)
    return is_sms and form.get("Body", "").strip().lower() in STOP_WORDS


def failure_of(form: Mapping[str, str]) -> tuple[str, int] | None:
    """Of a report that a message of ours did not arrive: Twilio's word for it, and its code or 0."""
    status, code = form.get("MessageStatus", ""), form.get("ErrorCode", "")
    if status not in ("failed", "undelivered"):
        return None
    return status, int(code) if code.isascii() and code.isdigit() and len(code) <= 6 else 0


def _media(form: Mapping[str, str]) -> list[dict[str, Any]]:
    count = form.get("NumMedia", "")
    most = int(count) if count.isascii() and count.isdigit() and len(count) < 4 else 0
    found = [_file(form, number) for number in range(min(most, MAX_MEDIA))]
    try:
        place = {"latitude": float(form["Latitude"]), "longitude": float(form["Longitude"])}
    except (KeyError, ValueError):
        return found
    is_on_earth = abs(place["latitude"]) <= 90 and abs(place["longitude"]) <= 180
    return [*found, {"kind": "location", **place}] if is_on_earth else found


def _file(form: Mapping[str, str], number: int) -> dict[str, Any]:
    mime = form.get(f"MediaContentType{number}", "")
    kind = mime.partition("/")[0]
    told = {"url": form.get(f"MediaUrl{number}", ""), "mime": mime}
    return {"kind": kind if kind in KINDS else "file", **{key: value for key, value in told.items() if value}}
