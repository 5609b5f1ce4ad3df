"""Names of the domain that nothing uses. What the code of custom actions names counts as used."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from configs.assistant import Assistant
from configs.domain import REQUESTED_SLOT, SESSION_METADATA_SLOT
from configs.example_checks import unanswered_intents
from configs.flows import ActionStep, LoopStep, Rule, SlotStep, Story, UserStep
from configs.rasa_names import DEFAULT_ACTIONS, DEFAULT_INTENTS
from training.data_checks.domain_places import DomainPlaces
from training.data_checks.finding import Finding, Kind, Severity
from training.data_checks.references import payload_intents

_MADE_NAME = re.compile(r"\b((?:utter|action)_\w*)\{")
OWN_RESPONSES = frozenset(
    {
        "utter_default",
        "utter_clarify",
        "utter_restart",
        "utter_back",
        "utter_ask_rephrase",
        "utter_action_failed",
        "utter_media",
        "utter_handoff",
        "utter_handoff_closed",
        "utter_handoff_returned",
        "utter_handoff_timeout",
    }
)
OWN_SLOTS = frozenset({REQUESTED_SLOT, SESSION_METADATA_SLOT})
OWN_PREFIXES = ("validate_", "action_ask_", "action_validate_slot_mappings")
WHAT_TO_DO = {
    "intents": "Write examples of it, or take it out.",
    "entities": "Mark it in examples, or take it out.",
    "actions": "Let a rule or a story run it, or take it out.",
    "responses": "Let a rule or a story say it, or take it out.",
    "slots": "Let a form, a rule, a story or a response use it, or take it out.",
    "forms": "Let a rule or a story begin it, or take it out.",
}


def unused_names(assistant: Assistant, places: DomainPlaces) -> list[Finding]:
    """A hint for each name of the domain that nothing uses, and for each intent that nothing answers."""
    code = _code(assistant.root)
    flows: list[Rule | Story] = [*assistant.rules, *assistant.stories]
    used = {
        "intents": _used_intents(assistant, flows),
        "entities": _used_entities(assistant, flows),
        "actions": _done(assistant, flows),
        "responses": _said(assistant, flows),
        "slots": _used_slots(assistant, flows),
        "forms": _done(assistant, flows),
    }
    domain = assistant.domain
    found = [
        Finding(
            kind=Kind.UNUSED,
            severity=Severity.HINT,
            message=f"Nothing uses {name}, one of the {section} of the domain.",
            advice=WHAT_TO_DO[section],
            passages=(places.passage(section, name),),
        )
        for section in WHAT_TO_DO
        for name in getattr(domain, section)
        if name not in used[section] and not _is_in(name, code)
    ]
    return [*found, *_unanswered(assistant, flows, places)]


def _unanswered(assistant: Assistant, flows: list[Rule | Story], places: DomainPlaces) -> Iterator[Finding]:
    for line in unanswered_intents(assistant.domain, assistant.examples, flows):
        intent = line.split()[2]
        example = next(example for example in assistant.examples if example.intent == intent)
        yield Finding(
            kind=Kind.UNUSED,
            severity=Severity.HINT,
            message=f"No rule, no story and no response answers the intent {intent}.",
            advice=f"Write a rule for it, or the response utter_{intent}.",
            passages=(places.passage("intents", example.intent.split("/")[0]),),
        )


def _code(root: Path) -> str:
    """The text of the custom actions, if they lie beside the assistant's files."""
    paths = [*(root / "actions").rglob("*.py"), *root.glob("actions.py")]
    return "\n".join(path.read_text("utf-8", errors="replace") for path in sorted(paths))


def _is_in(name: str, code: str) -> bool:
    """Whether `code` holds `name`, or as in `f"utter_{status}"` makes such names."""
    alone = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", code)
    return alone is not None or any(name.startswith(found[1]) for found in _MADE_NAME.finditer(code))


def _used_intents(assistant: Assistant, flows: list[Rule | Story]) -> set[str]:
    domain = assistant.domain
    mappings = [mapping for slot in domain.slots.values() for mapping in slot.mappings]
    return {
        *(example.intent for example in assistant.examples),
        *(example.intent.split("/")[0] for example in assistant.examples),
        *(step.intent for flow in flows for step in flow.steps if isinstance(step, UserStep)),
        *(intent for mapping in mappings for intent in (*mapping.intents, *mapping.not_intents)),
        *(intent for _, intent in payload_intents(domain)),
        *DEFAULT_INTENTS,
    }


def _used_entities(assistant: Assistant, flows: list[Rule | Story]) -> set[str]:
    steps = [step for flow in flows for step in flow.steps if isinstance(step, UserStep)]
    return {
        *(mark.entity for example in assistant.examples for mark in example.entities),
        *(regex.name for regex in assistant.regexes),
        *(lookup.name for lookup in assistant.lookups),
        *assistant.config.entities.builtin,
        *(pattern.entity for step in steps for pattern in step.entities),
        *(m.entity for slot in assistant.domain.slots.values() for m in slot.mappings if m.entity),
    }


def _done(assistant: Assistant, flows: list[Rule | Story]) -> set[str]:
    """What rules and stories do, the forms in them, and what is done without being named there."""
    domain = assistant.domain
    return {
        *DEFAULT_ACTIONS,
        assistant.policies.fallback_action,
        *(step.action for flow in flows for step in flow.steps if isinstance(step, ActionStep)),
        *(step.loop for flow in flows for step in flow.steps if isinstance(step, LoopStep) and step.loop),
        *(m.action for slot in domain.slots.values() for m in slot.mappings if m.action),
        *(action for action in domain.actions if action.startswith(OWN_PREFIXES)),
    }


def _said(assistant: Assistant, flows: list[Rule | Story]) -> set[str]:
    domain, done = assistant.domain, _done(assistant, flows)
    asked = {
        f"utter_ask_{name}"
        for form in domain.forms.values()
        for slot in form.required_slots
        for name in (slot, f"{form.name}_{slot}")
    }
    return {*done, *OWN_RESPONSES, *asked, *(name for name in domain.responses if name.split("/")[0] in done)}


def _used_slots(assistant: Assistant, flows: list[Rule | Story]) -> set[str]:
    domain = assistant.domain
    steps = [step for flow in flows for step in flow.steps]
    steps += [step for rule in assistant.rules for step in rule.conditions]
    variations = [variation for said in domain.responses.values() for variation in said]
    words = json.dumps([asdict(variation) for variation in variations], ensure_ascii=False, default=str)
    return {
        *OWN_SLOTS,
        *(step.slot for step in steps if isinstance(step, SlotStep)),
        *(slot for form in domain.forms.values() for slot in form.required_slots),
        *(step.slot for variation in variations for step in variation.conditions),
        *(name for name in domain.slots if f"{{{name}}}" in words),
    }
