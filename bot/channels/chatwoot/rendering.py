"""What the bot says as Chatwoot's messages, and a hand-over as a note for the person who takes it.

Source: https://developers.chatwoot.com/api-reference/messages/create-new-message
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.degrade import NO_WORDS
from bot.messages import BotMessage

MAX_LINE = 300
_MARKS = re.compile(r"[\\`*_\[\]<>!#|~]")  # what Chatwoot's Markdown would read as more than itself


def rendered(message: BotMessage) -> dict[str, Any]:
    """The body of a message that the customer sees."""
    body = {"content": message.text or "", "message_type": "outgoing", "private": False}
    if message.buttons:
        items = [{"title": button.title, "value": button.payload} for button in message.buttons]
        return {**body, "content_type": "input_select", "content_attributes": {"items": items}}
    if message.elements:
        return {**body, **_cards([_card(element) for element in message.elements])}
    return body


def note(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a private note with the summary of a conversation: only persons see it."""
    summary: Mapping[str, Any] = asked.get("summary") or {}
    turns = "\n".join(line for turn in summary.get("turns") or () for line in _turn(turn))
    paragraphs = [*_facts(asked, summary), *([turns] if turns else [])]
    return {"content": "\n\n".join(paragraphs), "message_type": "outgoing", "private": True}


def _cards(cards: list[dict[str, Any]]) -> dict[str, Any]:
    """Cards, or their words: Chatwoot takes no card without an action."""
    if all(card.get("actions") for card in cards):
        title = str(cards[0].get("title") or "")
        return {"content": title, "content_type": "cards", "content_attributes": {"items": cards}}
    shown = (str(card[key]) for card in cards for key in ("title", "description", "media_url") if card.get(key))
    return {"content": "\n".join(shown) or NO_WORDS}


def _card(element: Mapping[str, Any]) -> dict[str, Any]:
    buttons = [one for one in element.get("buttons") or () if isinstance(one, Mapping)]
    card = {
        "title": str(element.get("title") or ""),
        "description": str(element.get("subtitle") or ""),
        "media_url": element.get("image_url"),
        "actions": [_action(button) for button in buttons],
    }
    return {key: value for key, value in card.items() if value}


def _action(button: Mapping[str, Any]) -> dict[str, str]:
    title = str(button.get("title") or "")
    if url := button.get("url"):
        return {"type": "link", "text": title, "uri": str(url)}
    return {"type": "postback", "text": title, "payload": str(button.get("payload") or title)}


def _facts(asked: Mapping[str, Any], summary: Mapping[str, Any]) -> Iterator[str]:
    yield f"**Handed over by the bot** ({asked.get('reason') or 'no reason given'})"
    if asked.get("note"):
        yield f"Note: {_line(asked['note'])}"
    if summary.get("sentiment"):
        felt = ", ".join(summary.get("felt") or ())
        yield f"Mood: {summary['sentiment']}" + (f" ({felt})" if felt else "")
    for title, key in (("Known", "slots"), ("Named", "entities")):
        if values := summary.get(key):
            yield f"{title}: " + "; ".join(f"{_line(name)} = {_line(value)}" for name, value in values.items())
    if summary.get("turns_left_out"):
        yield f"{summary['turns_left_out']} earlier messages are left out."


def _turn(turn: Mapping[str, Any]) -> tuple[str, str]:
    said = turn.get("answer") or ", ".join(turn.get("actions") or ())
    return f"- {_line(turn['asked']) or '(no text)'}", f"  → {_line(said) or '(no answer)'}"


def _line(value: Any) -> str:
    """In one line, not too long a one, and without markup: a customer does not write the note."""
    text = " ".join(str(value or "").split())
    return _MARKS.sub(r"\\\g<0>", text if len(text) <= MAX_LINE else f"{text[: MAX_LINE - 1]}…")
