"""Turns a response's name into words: picks a variation and fills in the slots."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.messages import BotMessage
from configs.domain import Button, Domain, Variation

_SLOT = re.compile(r"\{(\w+)\}")

DEFAULT_TEXTS = {
    "utter_default": "I'm sorry, I didn't understand that. Could you say it in other words?",
    "utter_clarify": "I want to be sure I answer the right thing. Which of these is it?",
}


class Responses:
    """Says what the domain's responses say.

    Args:
        choose: Picks one of several variations; at random unless a test says otherwise.
    """

    def __init__(self, domain: Domain, choose: random.Random) -> None:
        self._domain = domain
        self._choose = choose

    def say(self, name: str, slots: Mapping[str, Any], channel: str) -> BotMessage | None:
        """A variation of response `name` for `channel`, or None where the domain has no such response.

        Variations made for the channel win over general ones, and those whose slots are all filled over others.
        """
        variations: Sequence[Variation] = self._domain.responses.get(name, ())
        if not variations and name in DEFAULT_TEXTS:
            variations = (Variation(text=DEFAULT_TEXTS[name]),)
        fitting = [v for v in variations if v.channel == channel] or [v for v in variations if v.channel is None]
        filled = [v for v in fitting if all(slots.get(slot) is not None for slot in _slots_in(v))] or fitting
        return _render(self._choose.choice(filled), slots) if filled else None


def fill(text: str, slots: Mapping[str, Any]) -> str:
    """Puts slot values in place of `{name}`; a slot that is not set is left as it stands.

    Only bare names are looked up: neither `{a.b}` nor `{a:>9}` means anything here, whatever a value holds.
    """
    return _SLOT.sub(lambda found: str(slots[found[1]]) if slots.get(found[1]) is not None else found[0], text)


def _slots_in(variation: Variation) -> list[str]:
    texts = [variation.text or "", *(button.title for button in variation.buttons)]
    return [name for text in texts for name in _SLOT.findall(text)]


def _render(variation: Variation, slots: Mapping[str, Any]) -> BotMessage:
    message = BotMessage(
        text=variation.text,
        buttons=variation.buttons,
        image=variation.image,
        attachment=variation.attachment,
        custom=variation.custom,
        elements=variation.elements,
    )
    return replace(
        message,
        text=None if message.text is None else fill(message.text, slots),
        buttons=tuple(Button(title=fill(b.title, slots), payload=b.payload) for b in message.buttons),
    )
