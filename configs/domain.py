"""A Rasa domain: the intents there are, what the bot can say, its slots, its forms and its sessions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import PlainSerializer

from configs.domain_names import (
    DomainEntity,
    DomainIntent,
    parse_actions,
    parse_entities,
    parse_intents,
    used_entities,
)
from configs.forms import Form, ParsedForms, parse_forms
from configs.responses import RESPONSE_KEYS_USED, Button, Variation, parse_responses
from configs.slot_parsing import parse_slots
from configs.slots import Slot, SlotType
from configs.yaml_file import YamlFile, nearest, read_yaml
from configs.yaml_values import flag_at, mapping_at, unknown_keys

__all__ = ["RESPONSE_KEYS_USED", "SECTIONS_KNOWN", "Button", "Domain", "Variation", "read_domain"]

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
    "config",
}
SESSION_KEYS = {"session_expiration_time", "carry_over_slots_to_new_session"}
REQUESTED_SLOT = "requested_slot"
SESSION_METADATA_SLOT = "session_started_metadata"

Names: TypeAlias = Annotated[frozenset[str], PlainSerializer(sorted, return_type=list[str])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """What an assistant knows to say, to ask for and to remember.

    Attributes:
        used_entities: By intent, the entities beside it that rules and stories see; all of an intent not named here.
        roles, groups: By entity, those that the domain lists.
        session_minutes: Silence after which a new session starts; 0 for never.
        carry_over_slots: Whether a new session keeps the slots.
        source: The sections as they are written, those of all files together.
    """

    intents: tuple[str, ...] = ()
    used_entities: Mapping[str, Names] = field(default_factory=dict)
    entities: tuple[str, ...] = ()
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    responses: Mapping[str, tuple[Variation, ...]] = field(default_factory=dict)
    slots: Mapping[str, Slot] = field(default_factory=dict)
    forms: Mapping[str, Form] = field(default_factory=dict)
    actions: tuple[str, ...] = ()
    session_minutes: float = 60.0
    carry_over_slots: bool = True
    source: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one file says."""

    file: YamlFile
    intents: Sequence[DomainIntent] = ()
    entities: Sequence[DomainEntity] = ()
    actions: Sequence[str] = ()
    responses: Mapping[str, tuple[Variation, ...]] = field(default_factory=dict)
    slots: Mapping[str, Slot] = field(default_factory=dict)
    forms: ParsedForms = field(default_factory=ParsedForms)


def read_domain(paths: Sequence[Path], data_files: Sequence[YamlFile] = ()) -> tuple[Domain, list[str]]:
    """Reads one or several domain files as one domain, and says what in them is not honoured.

    Args:
        data_files: Files whose `responses` belong to the domain too.

    Raises:
        AssistantError: A section has the wrong shape, or two files define the same response, slot or form.
    """
    notices: list[str] = []
    parts = [_part(_mapping_file(path), notices) for path in paths]
    for file in data_files:
        responses, said = parse_responses(file)
        notices += said
        parts.append(_Part(file=replace(file, data={"responses": file.data.get("responses")}), responses=responses))
    _refuse_clashes(parts)
    intents = [intent for part in parts for intent in part.intents]
    entities = [entity for part in parts for entity in part.entities]
    forms = {name: form for part in parts for name, form in part.forms.forms.items()}
    minutes, carry_over = _session(parts, notices)
    domain = Domain(
        intents=_once(intent.name for intent in intents),
        used_entities=used_entities(intents, entities),
        entities=_once(entity.name for entity in entities),
        roles={entity.name: entity.roles for entity in entities if entity.roles},
        groups={entity.name: entity.groups for entity in entities if entity.groups},
        responses={name: said for part in parts for name, said in part.responses.items()},
        slots=_with_own_slots(_slots(parts), forms),
        forms=forms,
        actions=_once(action for part in parts for action in part.actions),
        session_minutes=minutes,
        carry_over_slots=carry_over,
        source=_merged([part.file.data for part in parts]),
    )
    _check_forms(parts, domain.slots)
    return domain, notices


def _mapping_file(path: Path) -> YamlFile:
    file = read_yaml(path)
    if not isinstance(file.data, dict):
        raise file.error((), "must be a mapping", "Start with `intents:` and `responses:`.")
    return file


def _part(file: YamlFile, notices: list[str]) -> _Part:
    given = [key for key, value in file.data.items() if value]
    notices += unknown_keys(file, given, (), SECTIONS_KNOWN, "the domain")
    if file.data.get("e2e_actions"):
        notices.append(f"{file.path}:{file.line('e2e_actions')}: `e2e_actions` is not used: the bot says responses")
    intents, of_intents = parse_intents(file)
    entities, of_entities = parse_entities(file)
    actions, of_actions = parse_actions(file)
    responses, of_responses = parse_responses(file)
    slots, of_slots = parse_slots(file)
    forms, of_forms = parse_forms(file)
    notices += [*of_intents, *of_entities, *of_actions, *of_responses, *of_slots, *of_forms]
    return _Part(
        file=file, intents=intents, entities=entities, actions=actions, responses=responses, slots=slots, forms=forms
    )


def _refuse_clashes(parts: Sequence[_Part]) -> None:
    known: set[tuple[str, str]] = set()
    for part in parts:
        here = [
            (section, name)
            for section, names in (("responses", part.responses), ("slots", part.slots), ("forms", part.forms.forms))
            for name in names
        ]
        for place in here:
            if place in known:
                raise part.file.error(place, f"{place[1]} is defined in another file too", "Keep one.")
        known.update(here)


def _slots(parts: Sequence[_Part]) -> dict[str, Slot]:
    """All slots, each with what fills it, be it said under the slot or, as in Rasa 2, under a form."""
    slots = {name: slot for part in parts for name, slot in part.slots.items()}
    for part in parts:
        for name, mappings in part.forms.mappings.items():
            slot = slots.get(name, Slot(name=name, influences=False))
            slots[name] = replace(slot, mappings=(*slot.mappings, *mappings))
    return slots


def _with_own_slots(slots: Mapping[str, Slot], forms: Mapping[str, Form]) -> dict[str, Slot]:
    """The slots, and those that every domain has: what is asked for, where there are forms, and how a session began."""
    own = [Slot(name=REQUESTED_SLOT, type=SlotType.TEXT, influences=False)] if forms else []
    own.append(Slot(name=SESSION_METADATA_SLOT, influences=False))
    return {**slots, **{slot.name: slot for slot in own if slot.name not in slots}}


def _check_forms(parts: Sequence[_Part], slots: Mapping[str, Slot]) -> None:
    for part in parts:
        for form in part.forms.forms.values():
            for index, slot in enumerate(form.required_slots):
                if slot not in slots:
                    raise part.file.error(
                        ("forms", form.name, "required_slots", index),
                        f"the form {form.name} asks for {slot!r}, which is no slot of the domain",
                        f"Add it under `slots:`.{nearest(slot, slots)}",
                    )


def _session(parts: Sequence[_Part], notices: list[str]) -> tuple[float, bool]:
    minutes, carry_over = 60.0, True
    for file in (part.file for part in parts if "session_config" in part.file.data):
        place = ("session_config",)
        session = mapping_at(file, file.data["session_config"], place)
        notices += unknown_keys(file, session, place, SESSION_KEYS, "session_config")
        given = session.get("session_expiration_time", 60)
        if not isinstance(given, int | float) or isinstance(given, bool) or given < 0:
            at = (*place, "session_expiration_time")
            raise file.error(at, f"session_expiration_time is {given!r}", "Write minutes, 0 for never.")
        minutes = float(given)
        carry_over = flag_at(file, session, "carry_over_slots_to_new_session", place, default=True)
    return minutes, carry_over


def _merged(sections_of_files: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for sections in sections_of_files:
        for name, section in sections.items():
            before = merged.get(name)
            if isinstance(before, list) and isinstance(section, list):
                merged[name] = [*before, *(item for item in section if item not in before)]
            elif isinstance(before, dict) and isinstance(section, dict):
                merged[name] = {**before, **section}
            elif section is not None or name not in merged:
                merged[name] = section
    return merged


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
