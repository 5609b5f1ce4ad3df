"""A domain's forms: slots that are asked for one after another."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from configs.slot_parsing import parse_mapping
from configs.slots import MappingCondition, MappingType, SlotMapping
from configs.yaml_file import Place, YamlFile
from configs.yaml_values import list_at, mapping_at, name_at, names_at, unknown_keys

FORM_KEYS = {"required_slots", "ignored_intents"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Asks until every slot in `required_slots` is filled; messages of `ignored_intents` fill none."""

    name: str
    required_slots: tuple[str, ...]
    ignored_intents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedForms:
    """The forms of one file, and by slot the mappings that Rasa 2 had under a form."""

    forms: Mapping[str, Form] = field(default_factory=dict)
    mappings: Mapping[str, tuple[SlotMapping, ...]] = field(default_factory=dict)


def parse_forms(file: YamlFile) -> tuple[ParsedForms, list[str]]:
    """The forms of one file, and a line for each key that means nothing.

    Raises:
        AssistantError: A form has the wrong shape.
    """
    forms: dict[str, Form] = {}
    mappings: dict[str, tuple[SlotMapping, ...]] = {}
    notices: list[str] = []
    for name, value in mapping_at(file, file.data.get("forms"), ("forms",)).items():
        place: Place = ("forms", name)
        item = mapping_at(file, value, place)
        notices += unknown_keys(file, item, place, FORM_KEYS, f"form {name}")
        required = item.get("required_slots")
        at = (*place, "required_slots")
        if isinstance(required, dict):
            for slot, given in required.items():
                mappings[slot] = (*mappings.get(slot, ()), *_mappings(file, (*at, slot), given, name, slot, notices))
        forms[name] = Form(
            name=name,
            required_slots=tuple(required) if isinstance(required, dict) else _slots(file, at, required),
            ignored_intents=names_at(file, item.get("ignored_intents"), (*place, "ignored_intents")),
        )
    return ParsedForms(forms=forms, mappings=mappings), notices


def _slots(file: YamlFile, place: Place, value: Any) -> tuple[str, ...]:
    listed = list_at(file, value, place, "Write one `- slot` a line.")
    return tuple(name_at(file, name, (*place, index)) for index, name in enumerate(listed))


def _mappings(
    file: YamlFile, place: Place, value: Any, form: str, slot: str, notices: list[str]
) -> tuple[SlotMapping, ...]:
    """What Rasa 2 had under a form: it holds in this form, and a text or an intent only where its slot is asked for."""
    listed = list_at(file, value, place, "Write `- type: from_entity` and so on.")
    mappings = []
    for index, item in enumerate(listed):
        mapping = parse_mapping(file, (*place, index), item, slot, notices)
        anywhere = mapping.type in (MappingType.FROM_ENTITY, MappingType.FROM_TRIGGER_INTENT)
        condition = MappingCondition(active_loop=form, requested_slot=None if anywhere else slot)
        mappings.append(replace(mapping, conditions=(*mapping.conditions, condition)))
    return tuple(mappings)
