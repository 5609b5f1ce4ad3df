"""Names that rules, stories, slots, forms and responses use and that nothing defines, and values that no slot lists."""

import re
from collections.abc import Collection, Iterable, Iterator

from configs.assistant import Assistant
from configs.domain import Domain
from configs.flows import EntityPattern, Rule, SlotStep, Story, UserStep
from configs.rasa_names import DEFAULT_INTENTS
from configs.slots import SlotMapping, SlotType
from configs.yaml_file import nearest
from training.data_checks.domain_places import DomainPlaces, flow_passage
from training.data_checks.finding import Finding, Kind, Passage, Severity

_PAYLOAD = re.compile(r"/([^\s{@(]+)")


def undefined_names(assistant: Assistant, places: DomainPlaces) -> list[Finding]:
    """A finding for each name that is used and defined nowhere; an error where something can never happen."""
    domain = assistant.domain
    intents = known_intents(assistant)
    entities = {*assistant.entity_names, *assistant.config.entities.builtin}
    found = [
        *_in_buttons(domain, intents, places),
        *_in_mappings(domain, intents, entities, places),
        *_in_forms(domain, intents, places),
        *_in_flows([*assistant.rules, *assistant.stories], domain, entities),
        *_in_conditions(domain, places),
    ]
    return list(dict.fromkeys(found))  # the flows that an `or` makes name the same


def known_intents(assistant: Assistant) -> set[str]:
    """Every intent that a message or a payload can mean."""
    taught = {example.intent for example in assistant.examples}
    return {*assistant.domain.intents, *taught, *(intent.split("/")[0] for intent in taught), *DEFAULT_INTENTS}


def payload_intents(domain: Domain) -> Iterator[tuple[str, str]]:
    """Each response with the intent that one of its buttons names."""
    for name, variations in domain.responses.items():
        for variation in variations:
            for button in variation.buttons:
                if found := _PAYLOAD.match(button.payload):
                    yield name, found[1]


def _in_buttons(domain: Domain, intents: Collection[str], places: DomainPlaces) -> Iterator[Finding]:
    for response, intent in payload_intents(domain):
        if intent not in intents:
            yield _undefined(
                f"A button of {response} sends /{intent}, which is no intent.",
                f"Mend the payload, or add the intent.{nearest(intent, intents)}",
                places.passage("responses", response),
                Severity.ERROR,
            )


def _in_mappings(
    domain: Domain, intents: Collection[str], entities: Collection[str], places: DomainPlaces
) -> Iterator[Finding]:
    for slot in domain.slots.values():
        passage = places.passage("slots", slot.name)
        for mapping in slot.mappings:
            yield from _in_mapping(slot.name, mapping, domain, intents, entities, passage)
            wrong = slot.type is SlotType.CATEGORICAL and mapping.value is not None
            if wrong and not _is_listed(mapping.value, slot.values):
                yield _unlisted(f"A mapping fills the slot {slot.name} with", mapping.value, slot.values, passage)


def _in_mapping(
    slot: str,
    mapping: SlotMapping,
    domain: Domain,
    intents: Collection[str],
    entities: Collection[str],
    passage: Passage,
) -> Iterator[Finding]:
    named = [("intent", name, intents) for name in (*mapping.intents, *mapping.not_intents)]
    named += [("entity", name, entities) for name in (mapping.entity,) if name]
    for condition in mapping.conditions:
        named += [("form", name, domain.forms) for name in (condition.active_loop,) if name]
        named += [("slot", name, domain.slots) for name in (condition.requested_slot,) if name]
    for kind, name, known in named:
        if name not in known:
            yield _undefined(
                f"A mapping of the slot {slot} names the {kind} {name}, which there is not.",
                f"Mend the name, or add the {kind}.{nearest(name, known)}",
                passage,
                Severity.ERROR if kind == "form" else Severity.WARNING,
            )


def _in_forms(domain: Domain, intents: Collection[str], places: DomainPlaces) -> Iterator[Finding]:
    for form in domain.forms.values():
        for intent in form.ignored_intents:
            if intent not in intents:
                yield _undefined(
                    f"The form {form.name} ignores the intent {intent}, which there is not.",
                    f"Mend the name, or take it out.{nearest(intent, intents)}",
                    places.passage("forms", form.name),
                    Severity.WARNING,
                )


def _in_flows(flows: Iterable[Rule | Story], domain: Domain, entities: Collection[str]) -> Iterator[Finding]:
    for flow in flows:
        passage = flow_passage(flow)
        steps = (*flow.conditions, *flow.steps) if isinstance(flow, Rule) else flow.steps
        for step in steps:
            if isinstance(step, SlotStep):
                yield from _of_slot(step, f"The {passage.text}", domain, passage)
            elif isinstance(step, UserStep):
                yield from _of_entities(step.entities, f"The {passage.text}", entities, passage)


def _of_entities(
    patterns: Iterable[EntityPattern], where: str, entities: Collection[str], passage: Passage
) -> Iterator[Finding]:
    for pattern in patterns:
        if pattern.entity not in entities:
            yield _undefined(
                f"{where} waits for the entity {pattern.entity}, which there is not.",
                f"Mend the name, or add the entity.{nearest(pattern.entity, entities)}",
                passage,
                Severity.WARNING,
            )


def _in_conditions(domain: Domain, places: DomainPlaces) -> Iterator[Finding]:
    for name, variations in domain.responses.items():
        for step in (step for variation in variations for step in variation.conditions):
            yield from _of_slot(step, f"A condition of {name}", domain, places.passage("responses", name))


def _of_slot(step: SlotStep, where: str, domain: Domain, passage: Passage) -> Iterator[Finding]:
    slot = domain.slots.get(step.slot)
    if slot is None:
        yield _undefined(
            f"{where} looks at the slot {step.slot}, which there is not.",
            f"Mend the name, or add the slot.{nearest(step.slot, domain.slots)}",
            passage,
            Severity.ERROR,
        )
    elif slot.type is SlotType.CATEGORICAL and step.value is not None and not _is_listed(step.value, slot.values):
        yield _unlisted(f"{where} wants the slot {step.slot} to hold", step.value, slot.values, passage)


def _is_listed(value: object, values: Collection[str]) -> bool:
    return str(value).strip().casefold() in {known.strip().casefold() for known in values}


def _unlisted(what: str, value: object, values: Collection[str], passage: Passage) -> Finding:
    return _undefined(
        f"{what} {value!r}, which its `values` do not list.",
        f"Mend the value, or add it to `values`.{nearest(str(value), values)}",
        passage,
        Severity.WARNING,
    )


def _undefined(message: str, advice: str, passage: Passage, severity: Severity) -> Finding:
    return Finding(kind=Kind.UNDEFINED, severity=severity, message=message, advice=advice, passages=(passage,))
