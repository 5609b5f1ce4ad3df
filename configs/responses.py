"""What the bot can say: the `responses` of a domain."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from configs.flows import SlotStep
from configs.yaml_file import Place, YamlFile
from configs.yaml_values import list_at, mapping_at, name_at, text_at, unknown_keys

RESPONSE_KEYS_USED = {
    "text",
    "buttons",
    "quick_replies",
    "image",
    "attachment",
    "custom",
    "elements",
    "channel",
    "condition",
    "metadata",
    "id",
    "button_type",
}
CONDITION_KEYS = {"type", "name", "value"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """One choice shown under a message; `payload` comes back as the customer's next message."""

    title: str
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """One way to say a response; at least one part of it says something.

    Attributes:
        channel: The only channel it is meant for, or None for all.
        conditions: What the slots must hold for it to be said.
        id: What an owner calls it.
        metadata: What goes along with the message, unread.
    """

    text: str | None = None
    buttons: tuple[Button, ...] = ()
    image: str | None = None
    attachment: Any = None
    custom: Any = None
    elements: tuple[Mapping[str, Any], ...] = ()
    channel: str | None = None
    conditions: tuple[SlotStep, ...] = ()
    id: str | None = None
    metadata: Any = None

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        said = (self.text, self.buttons, self.image, self.attachment, self.custom, self.elements)
        return all(part is None or part == () for part in said)


def parse_responses(file: YamlFile) -> tuple[dict[str, tuple[Variation, ...]], list[str]]:
    """The responses of one file, and a line for each key that means nothing.

    Raises:
        AssistantError: A response has the wrong shape or says nothing.
    """
    notices: list[str] = []
    responses = {
        name: _variations(file, name, value, notices)
        for name, value in mapping_at(file, file.data.get("responses"), ("responses",)).items()
    }
    return responses, notices


def _variations(file: YamlFile, name: str, value: Any, notices: list[str]) -> tuple[Variation, ...]:
    place: Place = ("responses", name)
    if not isinstance(value, list) or not value:
        raise file.error(place, f"response {name} has no variations", "Write `- text: ...` under it.")
    return tuple(_variation(file, (*place, index), item, notices) for index, item in enumerate(value))


def _variation(file: YamlFile, place: Place, item: Any, notices: list[str]) -> Variation:
    if isinstance(item, str):
        return Variation(text=item)
    if not isinstance(item, dict):
        raise file.error(place, f"{item!r} is not a response", "Write `- text: ...`.")
    notices += unknown_keys(file, item, place, RESPONSE_KEYS_USED, str(place[1]))
    elements = item.get("elements") or []
    if not isinstance(elements, list) or not all(isinstance(element, dict) for element in elements):
        raise file.error((*place, "elements"), "elements must be a list of mappings", "Mend the indentation.")
    variation = Variation(
        text=text_at(file, item, "text", place),
        buttons=_buttons(file, place, item),
        image=text_at(file, item, "image", place),
        attachment=item.get("attachment"),
        custom=item.get("custom"),
        elements=tuple(elements),
        channel=text_at(file, item, "channel", place),
        conditions=_conditions(file, (*place, "condition"), item.get("condition"), notices),
        id=text_at(file, item, "id", place),
        metadata=item.get("metadata"),
    )
    if variation.is_empty:
        raise file.error(place, f"a variation of {place[1]} says nothing", "Give it a `text:`.")
    return variation


def _buttons(file: YamlFile, place: Place, item: dict[str, Any]) -> tuple[Button, ...]:
    key = "quick_replies" if item.get("quick_replies") else "buttons"
    value = item.get(key) or []
    if not isinstance(value, list):
        raise file.error((*place, key), f"{key} must be a list", "Write `- title: ...` and `payload: ...`.")
    buttons = []
    for index, button in enumerate(value):
        title = button.get("title") if isinstance(button, dict) else None
        payload = button.get("payload", title) if isinstance(button, dict) else None
        if not isinstance(title, str) or not isinstance(payload, str):
            raise file.error((*place, key, index), "a button needs a title and a payload", "Write both as text.")
        buttons.append(Button(title=title, payload=payload))
    return tuple(buttons)


def _conditions(file: YamlFile, place: Place, value: Any, notices: list[str]) -> tuple[SlotStep, ...]:
    fix = "Write `- type: slot`, `name: ...` and `value: ...`."
    conditions = []
    for index, item in enumerate(list_at(file, value, place, fix)):
        at = (*place, index)
        if not isinstance(item, dict) or item.get("type") != "slot" or "value" not in item:
            raise file.error(at, f"{item!r} is not a condition", fix)
        notices += unknown_keys(file, item, at, CONDITION_KEYS, f"a condition of {place[1]}")
        conditions.append(SlotStep(slot=name_at(file, item.get("name"), (*at, "name")), value=item["value"]))
    return tuple(conditions)
