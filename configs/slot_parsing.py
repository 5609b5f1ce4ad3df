"""Reads the `slots` of a domain, with everything that fills them."""

import re
from typing import Any

from configs.slots import MappingCondition, MappingType, Slot, SlotMapping, SlotType
from configs.yaml_file import Place, YamlFile
from configs.yaml_values import flag_at, list_at, mapping_at, name_at, names_at, unknown_keys, word_at

SLOT_KEYS = {
    "type",
    "initial_value",
    "influence_conversation",
    "values",
    "min_value",
    "max_value",
    "mappings",
    "value_reset_delay",
}
MAPPING_KEYS = {"type", "entity", "role", "group", "intent", "not_intent", "value", "conditions", "action"}
CONDITION_KEYS = {"active_loop", "requested_slot"}
SLOT_TYPES = [kind.value for kind in SlotType]
MAPPING_TYPES = [kind.value for kind in MappingType]
_OWN_TYPE = re.compile(r"\w+(\.\w+)+\Z")
_NEEDED = {
    MappingType.FROM_ENTITY: "entity",
    MappingType.FROM_INTENT: "value",
    MappingType.FROM_TRIGGER_INTENT: "value",
}


def parse_slots(file: YamlFile) -> tuple[dict[str, Slot], list[str]]:
    """The slots of one file, and a line for whatever is not honoured.

    Raises:
        AssistantError: A slot has the wrong shape, or a type or a mapping that there is not.
    """
    notices: list[str] = []
    found = mapping_at(file, file.data.get("slots"), ("slots",))
    return {name: _slot(file, name, value, notices) for name, value in found.items()}, notices


def parse_mapping(file: YamlFile, place: Place, item: Any, slot: str, notices: list[str]) -> SlotMapping:
    """One mapping of `slot`, which stands at `place`.

    Raises:
        AssistantError: It has the wrong shape or lacks what its type needs.
    """
    if not isinstance(item, dict):
        raise file.error(place, f"{item!r} is not a mapping of slot {slot}", "Write `- type: from_entity`.")
    where = f"a mapping of slot {slot}"
    kind = MappingType(word_at(file, item.get("type"), (*place, "type"), MAPPING_TYPES, f"the type of {where}"))
    notices += unknown_keys(file, item, place, MAPPING_KEYS, where)
    needed = _NEEDED.get(kind)
    if needed is not None and needed not in item:
        raise file.error(place, f"{where} has no `{needed}`", f"A mapping {kind} needs `{needed}:`.")
    return SlotMapping(
        type=kind,
        **{
            key: name_at(file, item[key], (*place, key))
            for key in ("entity", "role", "group", "action")
            if item.get(key) is not None
        },
        intents=names_at(file, item.get("intent"), (*place, "intent")),
        not_intents=names_at(file, item.get("not_intent"), (*place, "not_intent")),
        value=item.get("value"),
        conditions=_conditions(file, (*place, "conditions"), item.get("conditions"), where, notices),
    )


def _slot(file: YamlFile, name: str, value: Any, notices: list[str]) -> Slot:
    place: Place = ("slots", name)
    if value is not None and not isinstance(value, dict):
        raise file.error(place, f"slot {name} must be a mapping", "Write `type: text` under it.")
    item = value or {}
    notices += unknown_keys(file, item, place, SLOT_KEYS, f"slot {name}")
    kind = _type(file, (*place, "type"), name, item.get("type"), notices)
    influences = flag_at(file, item, "influence_conversation", place, default=kind is not SlotType.ANY)
    if influences and kind is SlotType.ANY:
        notices.append(
            f"{file.path}:{file.line(*place, 'influence_conversation')}: slot {name} influences nothing: "
            "no rule and no story sees what a slot of the type any holds"
        )
    least, most = _limits(file, place, name, item)
    mappings = list_at(file, item.get("mappings"), (*place, "mappings"), "Write `- type: from_entity` and so on.")
    return Slot(
        name=name,
        type=kind,
        initial_value=item.get("initial_value"),
        influences=influences and kind is not SlotType.ANY,
        values=_values(file, place, name, item, kind, notices),
        min_value=least,
        max_value=most,
        mappings=tuple(
            parse_mapping(file, (*place, "mappings", index), mapping, name, notices)
            for index, mapping in enumerate(mappings)
        ),
    )


def _type(file: YamlFile, place: Place, name: str, value: Any, notices: list[str]) -> SlotType:
    at = f"{file.path}:{file.line(*place)}"
    if value is None:
        notices.append(f"{at}: slot {name} has no `type`; it is taken for one of the type any")
        return SlotType.ANY
    if isinstance(value, str) and (_OWN_TYPE.match(value) or value == "unfeaturized"):
        notices.append(f"{at}: slot {name} is of the type {value}, which is not run; it is taken for any")
        return SlotType.ANY
    return SlotType(word_at(file, value, place, SLOT_TYPES, f"the type of slot {name}"))


def _values(
    file: YamlFile, place: Place, name: str, item: dict[str, Any], kind: SlotType, notices: list[str]
) -> tuple[str, ...]:
    values = list_at(file, item.get("values"), (*place, "values"), "Write one `- value` a line.")
    if kind is SlotType.CATEGORICAL and not values:
        notices.append(f"{file.path}:{file.line(*place)}: slot {name} is categorical, but has no `values`")
    return tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in values)


def _limits(file: YamlFile, place: Place, name: str, item: dict[str, Any]) -> tuple[float, float]:
    limits = []
    for key, default in (("min_value", 0.0), ("max_value", 1.0)):
        value = item.get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise file.error((*place, key), f"{key} of slot {name} is {value!r}", "Write a number.")
        limits.append(float(value))
    least, most = limits
    if least >= most:
        raise file.error(place, f"slot {name} goes from {least:g} to {most:g}", "Write a greater `max_value`.")
    return least, most


def _conditions(
    file: YamlFile, place: Place, value: Any, where: str, notices: list[str]
) -> tuple[MappingCondition, ...]:
    fix = "Write `- active_loop: ...` and, if need be, `requested_slot: ...`."
    conditions = []
    for index, item in enumerate(list_at(file, value, place, fix)):
        at = (*place, index)
        if not isinstance(item, dict) or "active_loop" not in item:
            raise file.error(at, f"{item!r} is not a condition of {where}", fix)
        notices += unknown_keys(file, item, at, CONDITION_KEYS, f"a condition of {where}")
        loop, slot = (
            None if item.get(key) is None else name_at(file, item[key], (*at, key))
            for key in ("active_loop", "requested_slot")
        )
        conditions.append(MappingCondition(active_loop=loop, requested_slot=slot))
    return tuple(conditions)
