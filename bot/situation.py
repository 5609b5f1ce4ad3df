"""What an action is taken in, as rules and stories see it: the action before, the message, the slots, the form.

Source: the states of Rasa Open Source 3.6, whose rules and stories are compared with them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from configs.slots import Slot, SlotType

Feature: TypeAlias = bool | float | str

MAX_SITUATIONS = 20  # kept of a conversation; no rule or story looks further back
OTHER = "__other__"  # what a categorical slot shows of a value that it does not list


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What an action is taken in.

    Attributes:
        action: The action before.
        entities: `city`, and `city#to` for each role and group it has.
        slots: What can be seen of those that hold something and influence the conversation.
        is_hidden: Whether the action was taken by a rule that no story tells of: stories leave it out.
    """

    action: str | None = None
    intent: str | None = None
    entities: frozenset[str] = frozenset()
    slots: Mapping[str, Feature] = field(default_factory=dict)
    loop: str | None = None
    is_hidden: bool = False


def features(values: Mapping[str, Any], slots: Mapping[str, Slot]) -> dict[str, Feature]:
    """What rules and stories see of `values`."""
    seen = {name: feature(slot, values.get(name)) for name, slot in slots.items() if slot.influences and name in values}
    return {name: value for name, value in seen.items() if value is not None}


def feature(slot: Slot, value: Any) -> Feature | None:
    """What rules and stories see of `value` in `slot`; None for nothing."""
    match slot.type:
        case _ if value is None:
            seen: Feature | None = None
        case SlotType.TEXT:
            seen = True
        case SlotType.BOOL:
            seen = value if isinstance(value, bool) else str(value).strip().lower() in ("true", "1", "yes")
        case SlotType.CATEGORICAL:
            listed = str(value).strip().lower()
            seen = listed if listed in {str(known).strip().lower() for known in slot.values} else OTHER
        case SlotType.FLOAT:
            seen = _scaled(slot, value)
        case SlotType.LIST:
            seen = True if value else None
        case SlotType.ANY:  # as in Rasa, such a slot influences nothing
            seen = None
    return seen


def _scaled(slot: Slot, value: Any) -> float | None:
    """Where `value` lies between the slot's limits, in [0, 1]."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    width = slot.max_value - slot.min_value
    return (min(max(number, slot.min_value), slot.max_value) - slot.min_value) / width if width else 0.0


def entity_labels(entities: Iterable[Mapping[str, Any]], used: frozenset[str] | None) -> frozenset[str]:
    """The names of `entities`, and with `#` each role and group that one has.

    Args:
        used: The only ones that count; None for all.
    """
    labels = set()
    for entity in entities:
        name = str(entity.get("entity"))
        if used is not None and name not in used:
            continue
        labels.add(name)
        labels.update(f"{name}#{entity[key]}" for key in ("role", "group") if entity.get(key))
    return frozenset(labels)
