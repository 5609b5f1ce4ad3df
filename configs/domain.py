"""A Rasa domain: the intents there are, what the bot can say, its slots and its sessions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from configs.yaml_file import Place, YamlFile, read_yaml

SECTIONS_KNOWN = {
    "version",
    "intents",
    "responses",
    "slots",
    "actions",
    "session_config",
    "entities",
    "forms",
    "e2e_actions",
}
SECTIONS_IGNORED = {"forms": "forms are not run yet"}
RESPONSE_KEYS_USED = {
    "text",
    "buttons",
    "quick_replies",
    "image",
    "attachment",
    "custom",
    "elements",
    "channel",
    "metadata",
    "id",
    "button_type",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """One choice shown under a message; `payload` comes back as the customer's next message."""

    title: str
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """One way to say a response; at least one part is set.

    Attributes:
        channel: The only channel it is meant for, or None for all.
    """

    text: str | None = None
    buttons: tuple[Button, ...] = ()
    image: str | None = None
    attachment: Any = None
    custom: Any = None
    elements: tuple[Mapping[str, Any], ...] = ()
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """What an assistant knows to say and to remember.

    Attributes:
        slots: Each slot's initial value.
        session_minutes: Silence after which a new session starts; 0 for never.
        carry_over_slots: Whether a new session keeps the slots.
    """

    intents: tuple[str, ...] = ()
    responses: Mapping[str, tuple[Variation, ...]] = field(default_factory=dict)
    slots: Mapping[str, Any] = field(default_factory=dict)
    entities: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    session_minutes: float = 60.0
    carry_over_slots: bool = True


def read_domain(paths: Sequence[Path]) -> tuple[Domain, list[str]]:
    """Reads one or several domain files as one domain, and says what in them is not honoured.

    Raises:
        AssistantError: A section has the wrong shape, or two files define the same response or slot.
    """
    merged = Domain()
    notices: list[str] = []
    for path in paths:
        file = read_yaml(path)
        if not isinstance(file.data, dict):
            raise file.error((), "must be a mapping", "Start with `intents:` and `responses:`.")
        part, said = _parse_domain(file)
        notices += said
        for section, names, known in (
            ("responses", part.responses, merged.responses),
            ("slots", part.slots, merged.slots),
        ):
            for name in names:
                if name in known:
                    raise file.error((section, name), f"{name} is defined in another file too", "Keep one.")
        merged = Domain(
            intents=tuple(dict.fromkeys((*merged.intents, *part.intents))),
            responses={**merged.responses, **part.responses},
            slots={**merged.slots, **part.slots},
            entities=tuple(dict.fromkeys((*merged.entities, *part.entities))),
            actions=tuple(dict.fromkeys((*merged.actions, *part.actions))),
            forms=tuple(dict.fromkeys((*merged.forms, *part.forms))),
            session_minutes=part.session_minutes if "session_config" in file.data else merged.session_minutes,
            carry_over_slots=part.carry_over_slots if "session_config" in file.data else merged.carry_over_slots,
        )
    return merged, notices


def _parse_domain(file: YamlFile) -> tuple[Domain, list[str]]:
    data = file.data
    notices = [
        f"{file.path}:{file.line(key)}: `{key}` is not used: {SECTIONS_IGNORED.get(key, 'unknown section')}"
        for key in data
        if data[key] and (key in SECTIONS_IGNORED or key not in SECTIONS_KNOWN)
    ]
    session = _mapping(file, ("session_config",))
    minutes = session.get("session_expiration_time", 60)
    if not isinstance(minutes, int | float) or isinstance(minutes, bool) or minutes < 0:
        raise file.error(
            ("session_config", "session_expiration_time"), f"is {minutes!r}", "Write minutes, 0 for never."
        )
    carry_over = session.get("carry_over_slots_to_new_session", True)
    if not isinstance(carry_over, bool):
        raise file.error(
            ("session_config", "carry_over_slots_to_new_session"), f"is {carry_over!r}", "Write true or false."
        )
    domain = Domain(
        intents=_names(file, "intents"),
        responses={
            name: _variations(file, name, value, notices) for name, value in _mapping(file, ("responses",)).items()
        },
        slots={name: _initial_value(file, name, value) for name, value in _mapping(file, ("slots",)).items()},
        entities=_names(file, "entities"),
        actions=_names(file, "actions"),
        forms=tuple(_mapping(file, ("forms",))),
        session_minutes=float(minutes),
        carry_over_slots=carry_over,
    )
    return domain, notices


def _mapping(file: YamlFile, place: Place) -> dict[str, Any]:
    value = file.data
    for key in place:
        value = value.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise file.error(place, f"`{place[-1]}` must be a mapping", "Indent `name: value` lines under it.")
    return value


def _names(file: YamlFile, section: str) -> tuple[str, ...]:
    """A list of names, each given alone or as a mapping with options (`- greet: {use_entities: []}`)."""
    value = file.data.get(section)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise file.error((section,), f"`{section}` must be a list", "Write one `- name` a line.")
    names = []
    for index, item in enumerate(value):
        name = next(iter(item)) if isinstance(item, dict) and len(item) == 1 else item
        if not isinstance(name, str) or not name.strip():
            raise file.error((section, index), f"{item!r} is not a name", "Write a word, quoted if need be.")
        names.append(name)
    return tuple(names)


def _initial_value(file: YamlFile, name: str, value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise file.error(("slots", name), f"slot {name} must be a mapping", "Write `type: text` under it.")
    return value.get("initial_value")


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
    unused = sorted(set(item) - RESPONSE_KEYS_USED)
    if unused:
        notices.append(f"{file.path}:{file.line(*place)}: `{'`, `'.join(unused)}` in {place[1]} is not used yet")
    text, image, channel = (_optional_text(file, place, item, key) for key in ("text", "image", "channel"))
    elements = item.get("elements") or []
    if not isinstance(elements, list) or not all(isinstance(element, dict) for element in elements):
        raise file.error((*place, "elements"), "elements must be a list of mappings", "Mend the indentation.")
    variation = Variation(
        text=text,
        buttons=_buttons(file, place, item),
        image=image,
        attachment=item.get("attachment"),
        custom=item.get("custom"),
        elements=tuple(elements),
        channel=channel,
    )
    if variation == Variation(channel=channel):
        raise file.error(place, f"a variation of {place[1]} says nothing", "Give it a `text:`.")
    return variation


def _optional_text(file: YamlFile, place: Place, item: dict[str, Any], key: str) -> str | None:
    value = item.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise file.error((*place, key), f"{key} is {value!r}, not text", "Put it in quotes.")
    return value


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
