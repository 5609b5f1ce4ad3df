"""Turns a response's name into words: picks a variation and fills in the slots."""

import json
import random
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from bot.messages import BotMessage
from configs.domain import Button, Domain, Variation
from configs.slots import MappingType, Slot

_SLOT = re.compile(r"\{(\w+)\}")
_MARK = re.compile(r"<(?=[A-Za-z/!@#?])|\](?=\()")
_TURNED = re.compile("[\u202a-\u202e\u2066-\u2069]")  # what turns the direction of the text behind it
_SAID_BY_CUSTOMERS = frozenset({MappingType.FROM_TEXT, MappingType.FROM_ENTITY})

UTTER_MEDIA = "utter_media"
DEFAULT_TEXTS = {
    "utter_default": "I'm sorry, I didn't understand that. Could you say it in other words?",
    "utter_clarify": "I want to be sure I answer the right thing. Which of these is it?",
    "utter_ask_rephrase": "I'm sorry, I didn't quite understand that. Could you say it in other words?",
    UTTER_MEDIA: "I can only read text so far. Could you tell me in words?",
    "utter_action_failed": "I'm sorry, something went wrong on my side. Please try again in a moment.",
    "utter_handoff": "I'm passing you on to a colleague, who will answer here.",
    "utter_handoff_closed": "My colleagues are not here at the moment. I can still try to help you.",
    "utter_handoff_timeout": "Nobody could take over just now. I can still try to help you.",
}


class Responses:
    """Says what the domain's responses say.

    Args:
        choose: Picks one of several variations; at random unless a test says otherwise.
    """

    def __init__(self, domain: Domain, choose: random.Random) -> None:
        self._domain = domain
        self._choose = choose

    def say(
        self,
        name: str,
        slots: Mapping[str, Any],
        channel: str,
        *,
        intent: str | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> BotMessage | None:
        """A variation of response `name` for `channel`, or None where the domain has no such response.

        As in Rasa, variations made for the channel win over general ones, and of these those whose conditions hold over
        those without; then those whose slots are all filled over others.

        Args:
            slots: What conditions are about and `{name}` stands for.
            intent: What was asked: for `utter_faq`, the response `utter_faq/ask_hours` is said to `faq/ask_hours`.
            values: What `{name}` stands for first.
        """
        variations: Sequence[Variation] = self._domain.responses.get(self.full_name(name, intent), ())
        if not variations and name in DEFAULT_TEXTS:
            variations = (Variation(text=DEFAULT_TEXTS[name]),)
        known = {**dict.fromkeys(self._domain.slots), **slots, **(values or {})}
        said = {name for name in slots if name not in (values or ()) and _is_said(self._domain.slots.get(name))}
        fitting = _fitting(variations, slots, channel)
        filled = [v for v in fitting if all(known.get(slot) is not None for slot in _slots_in(v))] or fitting
        return _render(self._choose.choice(filled), known, said) if filled else None

    def of_action(self, item: Mapping[str, Any], slots: Mapping[str, Any], channel: str) -> BotMessage | None:
        """What a custom action says: a response of the domain, and over it what the action gave itself."""
        name = item.get("response") or item.get("template")
        said = self.say(str(name), slots, channel, values=item) if name else None
        said = said or BotMessage()
        given = {key: item[key] for key in ("text", "image", "attachment", "custom") if item.get(key)}
        message = replace(
            said,
            **given,
            buttons=(*said.buttons, *_buttons(item.get("buttons") or ())),
            elements=tuple(item.get("elements") or said.elements),
        )
        return None if message == BotMessage() else message

    def full_name(self, name: str, intent: str | None) -> str:
        """The response that answers `intent`, where `name` is that of the retrieval intent which it belongs to."""
        whole, slash, part = (intent or "").partition("/")
        full = f"{name}/{part}"
        return full if slash and name == f"utter_{whole}" and full in self._domain.responses else name


def fill(text: str, slots: Mapping[str, Any]) -> str:
    """Puts slot values in place of `{name}`, as Rasa does: `None` for an empty slot; other names stay as they are.

    Only bare names are looked up: neither `{a.b}` nor `{a:>9}` means anything here, whatever a value holds.
    """
    return _SLOT.sub(lambda found: str(slots[found[1]]) if found[1] in slots else found[0], text)


def as_words(said: str) -> str:
    """What a customer said, so that no platform makes a tag, a mention or a named link of it; it looks the same."""
    return _MARK.sub("\\g<0>\N{WORD JOINER}", _TURNED.sub("", said))


def _is_said(slot: Slot | None) -> bool:
    """Whether a slot holds what customers say."""
    return slot is not None and any(mapping.type in _SAID_BY_CUSTOMERS for mapping in slot.mappings)


def _fitting(variations: Sequence[Variation], slots: Mapping[str, Any], channel: str) -> list[Variation]:
    holding = [v for v in variations if all(_holds(c.value, slots.get(c.slot)) for c in v.conditions)]
    for wanted in (channel, None):
        for conditional in (True, False):
            found = [v for v in holding if bool(v.conditions) is conditional and v.channel == wanted]
            if found:
                return found
    return []


def _holds(wanted: Any, found: Any) -> bool:
    return bool(wanted == found) and isinstance(wanted, bool) == isinstance(found, bool)


def _buttons(items: Sequence[Mapping[str, Any]]) -> list[Button]:
    return [
        Button(title=str(item.get("title", "")), payload=str(item.get("payload", item.get("title", ""))))
        for item in items
        if isinstance(item, Mapping)
    ]


def _slots_in(variation: Variation) -> list[str]:
    texts = [variation.text or "", *(button.title for button in variation.buttons)]
    return [name for text in texts for name in _SLOT.findall(text)]


def _render(variation: Variation, slots: Mapping[str, Any], said: Set[str]) -> BotMessage:
    """The message that a variation is.

    Args:
        said: The slots that hold what customers say.
    """
    # What is put into a payload comes back as a command: it must not end the text it stands in.
    quoted = {
        name: json.dumps(str(value), ensure_ascii=False)[1:-1] for name, value in slots.items() if value is not None
    }
    shown = {
        name: as_words(str(value)) if name in said and value is not None else value for name, value in slots.items()
    }
    return BotMessage(
        text=None if variation.text is None else fill(variation.text, shown),
        buttons=tuple(Button(title=fill(b.title, shown), payload=fill(b.payload, quoted)) for b in variation.buttons),
        image=None if variation.image is None else fill(variation.image, slots),
        attachment=_filled(variation.attachment, shown),
        custom=_filled(variation.custom, shown),
        elements=_filled(variation.elements, shown),
    )


def _filled(value: Any, slots: Mapping[str, Any]) -> Any:
    """`value` with every text in it filled in, as deep as it goes."""
    match value:
        case str():
            return fill(value, slots)
        case dict():
            return {key: _filled(item, slots) for key, item in value.items()}
        case list() | tuple():
            return type(value)(_filled(item, slots) for item in value)
    return value
