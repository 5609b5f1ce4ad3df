"""Fills slots from a message, by the mappings of the domain, as Rasa's `action_extract_slots` does."""

from collections.abc import Iterable, Mapping
from typing import Any

from bot.conversation import Conversation
from bot.events import REQUESTED_SLOT, Event, slot_event
from bot.expectations import is_intent
from configs.domain import Domain
from configs.forms import Form
from configs.slots import MappingCondition, MappingType, Slot, SlotMapping, SlotType


def filled_slots(conversation: Conversation, domain: Domain, now: float) -> list[Event]:
    """The slots that the conversation's last message fills; of a slot's mappings the first that gives a value."""
    form = domain.forms.get(conversation.loop.name) if conversation.loop else None
    events = []
    for slot in domain.slots.values():
        for mapping in slot.mappings:
            value = _value(slot, mapping, conversation, domain, form)
            if value is not None:
                events.append(slot_event(slot.name, value, now))
                break
    return events


def custom_extractions(conversation: Conversation, domain: Domain) -> tuple[str, ...]:
    """The custom actions that fill slots of their own from this message, each once."""
    actions = [
        mapping.action
        for slot in domain.slots.values()
        for mapping in slot.mappings
        if mapping.type is MappingType.CUSTOM and mapping.action and _conditions_hold(mapping.conditions, conversation)
    ]
    return tuple(dict.fromkeys(actions))


def _value(
    slot: Slot, mapping: SlotMapping, conversation: Conversation, domain: Domain, form: Form | None
) -> Any | None:
    in_form = form if form is not None and slot.name in form.required_slots else None
    holds = _intent_fits(mapping, conversation.intent, in_form) and _conditions_hold(mapping.conditions, conversation)
    value = None
    match mapping.type:
        case MappingType.FROM_ENTITY if holds:
            asked = not in_form or conversation.requested_slot == slot.name or _is_unique(mapping, in_form, domain)
            values = [entity.get("value") for entity in conversation.entities if asked and _is_meant(mapping, entity)]
            value = (values if slot.type is SlotType.LIST else values[-1]) if values else None
        case MappingType.FROM_INTENT if holds:
            value = mapping.value
        case MappingType.FROM_TRIGGER_INTENT if holds and conversation.loop:
            value = mapping.value
        case MappingType.FROM_TEXT if holds:
            value = (conversation.now.message or {}).get("text")
    return value


def _intent_fits(mapping: SlotMapping, intent: str | None, form: Form | None) -> bool:
    refused = (*mapping.not_intents, *(form.ignored_intents if form else ()))
    if any(is_intent(intent, name) for name in refused):
        return False
    return not mapping.intents or any(is_intent(intent, name) for name in mapping.intents)


def _conditions_hold(conditions: Iterable[MappingCondition], conversation: Conversation) -> bool:
    conditions = tuple(conditions)
    loop = conversation.loop.name if conversation.loop else None
    return not conditions or any(
        condition.active_loop == loop
        and (condition.requested_slot is None or condition.requested_slot == conversation.slots.get(REQUESTED_SLOT))
        for condition in conditions
    )


def _is_meant(mapping: SlotMapping, entity: Mapping[str, Any]) -> bool:
    """As in Rasa, a mapping without a role means entities without one."""
    return (entity.get("entity"), entity.get("role"), entity.get("group")) == (
        mapping.entity,
        mapping.role,
        mapping.group,
    )


def _is_unique(mapping: SlotMapping, form: Form, domain: Domain) -> bool:
    """Whether no other slot of the form is filled by such an entity; else only the one that is asked for takes it."""
    alike = {
        name
        for name in form.required_slots
        if name in domain.slots
        for other in domain.slots[name].mappings
        if other.type is MappingType.FROM_ENTITY
        and (other.entity, other.role, other.group) == (mapping.entity, mapping.role, mapping.group)
    }
    return len(alike) <= 1
