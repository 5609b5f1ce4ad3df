"""A domain's slots: what is remembered of a conversation, and what fills it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class SlotType(StrEnum):
    """Rasa's types."""

    TEXT = "text"
    BOOL = "bool"
    CATEGORICAL = "categorical"
    FLOAT = "float"
    LIST = "list"
    ANY = "any"


class MappingType(StrEnum):
    """Where a slot's value comes from."""

    FROM_ENTITY = "from_entity"
    FROM_INTENT = "from_intent"
    FROM_TRIGGER_INTENT = "from_trigger_intent"
    FROM_TEXT = "from_text"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingCondition:
    """When a mapping holds: in this form (None: in no form), and while this slot is asked for if one is named."""

    active_loop: str | None
    requested_slot: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMapping:
    """One way in which a slot is filled.

    Attributes:
        entity: For `from_entity`; with `role` and `group` where only such a one counts.
        intents: Only with these; all if empty.
        not_intents: Never with these.
        value: For the mappings from an intent.
        conditions: One of them must hold; always if empty.
        action: The custom action that fills the slot, for `custom`; None if the actions of the dialogue do.
    """

    type: MappingType
    entity: str | None = None
    role: str | None = None
    group: str | None = None
    intents: tuple[str, ...] = ()
    not_intents: tuple[str, ...] = ()
    value: Any = None
    conditions: tuple[MappingCondition, ...] = ()
    action: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Something that is remembered.

    Attributes:
        influences: Whether stories and rules may depend on it (Rasa's `influence_conversation`).
        values: What a categorical slot may hold.
        min_value, max_value: The range of a float slot.
    """

    name: str
    type: SlotType = SlotType.ANY
    initial_value: Any = None
    influences: bool = True
    values: tuple[str, ...] = ()
    min_value: float = 0.0
    max_value: float = 1.0
    mappings: tuple[SlotMapping, ...] = ()
