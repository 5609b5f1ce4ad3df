"""Says what a platform cannot show in another way: buttons as numbered lines, pictures as addresses, texts in parts."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from bot.abilities import Abilities
from bot.messages import BotMessage, one_by_one
from bot.payload import shortened
from bot.reply_addresses import without_unfit
from bot.text_split import split_text
from configs.domain import Button

NO_WORDS = "…"  # above buttons that come without a text: no platform shows them alone


def fitted(messages: Iterable[BotMessage], abilities: Abilities) -> Iterator[BotMessage]:
    """The same in messages that hold one thing each, all of which a platform with `abilities` can show.

    Who is offered numbered lines answers with a number or a title; both count as the button.
    """
    kept = (without_unfit(message, own_page=abilities.own_page) for message in messages)
    found = (part for message in one_by_one(kept) for part in _fitted(message, abilities))
    yield from _joined(found, abilities) if abilities.joins else found


def address_of(attachment: Any) -> str | None:
    """The address in an attachment, given as itself or in Rasa's form; None where there is none."""
    match attachment:
        case str():
            return attachment
        case {"payload": {"src": str(address)}} | {"payload": {"url": str(address)}} | {"url": str(address)}:
            return address
    return None


def _fitted(message: BotMessage, abilities: Abilities) -> Iterator[BotMessage]:
    if message.elements and not abilities.cards:
        yield from fitted(_spelled_out(message.elements[0]), abilities)
    elif message.custom and not abilities.custom:
        yield from _words(message.custom.get("text") if isinstance(message.custom, Mapping) else None, abilities)
    elif message.image and not abilities.images:
        yield from _words(message.image, abilities)
    elif message.attachment and not abilities.attachments:
        yield from _words(address_of(message.attachment), abilities)
    elif message.buttons:
        yield from _with_buttons(message, abilities)
    elif message.text is not None:
        yield from _words(message.text, abilities)
    else:
        yield message


def _joined(messages: Iterable[BotMessage], abilities: Abilities) -> Iterator[BotMessage]:
    """The same with words that follow each other in one message, as long as it is short enough."""
    waiting = ""
    for message in messages:
        words = message.text or ""
        joined = f"{waiting}\n\n{words}" if waiting and words else waiting or words
        is_plain = message == BotMessage(text=message.text)
        if waiting and (not is_plain or abilities.unit.length(joined) > abilities.max_text):
            yield BotMessage(text=waiting)
            joined = words
        waiting = joined if is_plain else ""
        if not is_plain:
            yield message
    if waiting:
        yield BotMessage(text=waiting)


def _words(text: Any, abilities: Abilities) -> Iterator[BotMessage]:
    """`text` in parts that are short enough; one without anything to see is left out, as no platform takes it."""
    if isinstance(text, str):
        parts = split_text(text, abilities.max_text, abilities.unit)
        yield from (BotMessage(text=part) for part in parts if _is_seen(part))


def _with_buttons(message: BotMessage, abilities: Abilities) -> Iterator[BotMessage]:
    text = message.text if message.text and _is_seen(message.text) else NO_WORDS
    if not _fit(message.buttons, abilities) or _would_lose_a_link(message.buttons, abilities):
        lines = (f"{number}. {_told(button)}" for number, button in enumerate(message.buttons, 1))
        yield from _words("\n".join((text, *lines)), abilities)
        return
    *before, last = _words(text, abilities)
    yield from before
    yield replace(last, buttons=tuple(_labelled(button, abilities) for button in message.buttons))


def _labelled(button: Button, abilities: Abilities) -> Button:
    if abilities.link_buttons and is_link(button):
        return button
    return replace(button, payload=shortened(button.payload, abilities.max_payload_bytes))


def _would_lose_a_link(buttons: tuple[Button, ...], abilities: Abilities) -> bool:
    """Whether a button that opens an address could only send it back."""
    return not abilities.link_buttons and any(is_link(button) for button in buttons)


def _told(button: Button) -> str:
    """A button as a line: one that opens an address tells it."""
    return f"{button.title}: {button.payload}" if is_link(button) else button.title


def is_link(button: Button) -> bool:
    """Whether a button opens an address instead of sending something back."""
    return button.payload.startswith(("https://", "http://"))


def _fit(buttons: tuple[Button, ...], abilities: Abilities) -> bool:
    longest = max(abilities.unit.length(button.title) for button in buttons)
    return len(buttons) <= abilities.max_buttons and longest <= abilities.max_button_title


def _spelled_out(card: Mapping[str, Any]) -> Iterator[BotMessage]:
    """A card as a text with its buttons, then its picture."""
    title, subtitle = card.get("title"), card.get("subtitle")
    buttons = tuple(
        Button(title=str(button.get("title", "")), payload=str(button.get("payload") or button.get("url") or ""))
        for button in card.get("buttons") or ()
        if isinstance(button, Mapping)
    )
    text = "\n".join(str(line) for line in (title, subtitle) if line)
    if text or buttons:
        yield BotMessage(text=text or None, buttons=buttons)
    if isinstance(card.get("image_url"), str):
        yield BotMessage(image=card["image_url"])


def _is_seen(text: str) -> bool:
    return any(unicodedata.category(character)[0] not in "ZC" for character in text)
