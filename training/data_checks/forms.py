"""Forms that cannot end, and slots that a form waits for without asking."""

from configs.domain import Domain
from configs.forms import Form
from configs.slots import MappingType, Slot, SlotMapping
from training.data_checks.domain_places import DomainPlaces
from training.data_checks.finding import Finding, Kind, Severity


def endless_forms(domain: Domain, places: DomainPlaces) -> list[Finding]:
    """An error for each slot that a form wants and nothing that is said in the form can fill."""
    return [
        Finding(
            kind=Kind.ENDLESS_FORM,
            severity=Severity.ERROR,
            message=f"The form {form.name} cannot end: nothing that is said in it fills the slot {name}.",
            advice=f"Give {name} a mapping that holds in {form.name}, or write the action validate_{form.name}.",
            passages=(places.passage("forms", form.name), places.passage("slots", name)),
        )
        for form in domain.forms.values()
        if f"validate_{form.name}" not in domain.actions
        for name in form.required_slots
        if not can_be_filled(domain.slots[name], form)
    ]


def unasked_slots(domain: Domain, places: DomainPlaces) -> list[Finding]:
    """A warning for each slot that a form wants and nothing asks for."""
    known = {*domain.responses, *domain.actions}
    return [
        Finding(
            kind=Kind.UNASKED_SLOT,
            severity=Severity.WARNING,
            message=f"The form {form.name} waits for the slot {name}, but nothing asks for it.",
            advice=f"Write the response utter_ask_{form.name}_{name} or utter_ask_{name}, or action_ask_{name}.",
            passages=(places.passage("forms", form.name),),
        )
        for form in domain.forms.values()
        for name in form.required_slots
        if known.isdisjoint(
            f"{kind}_ask_{slot}" for kind in ("action", "utter") for slot in (f"{form.name}_{name}", name)
        )
    ]


def can_be_filled(slot: Slot, form: Form) -> bool:
    """Whether `slot` holds something from the start, or a message in `form` can fill it."""
    return slot.initial_value is not None or any(_applies(mapping, slot, form) for mapping in slot.mappings)


def _applies(mapping: SlotMapping, slot: Slot, form: Form) -> bool:
    if mapping.type is MappingType.CUSTOM:
        return True
    if mapping.type is MappingType.FROM_TRIGGER_INTENT:  # only what begins the form, which may be something else
        return False
    if mapping.intents and set(mapping.intents) <= {*form.ignored_intents, *mapping.not_intents}:
        return False
    return not mapping.conditions or any(
        condition.active_loop == form.name and condition.requested_slot in (None, slot.name)
        for condition in mapping.conditions
    )
