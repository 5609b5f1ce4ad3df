"""What is said of the examples as a whole: those that contradict each other, and intents that nothing answers."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from configs.domain import Domain
from configs.errors import AssistantError
from configs.flows import Rule, Story
from configs.implied_rules import intents_of
from configs.nlu_data import Example
from configs.rasa_names import DEFAULT_INTENTS
from configs.slots import Slot


def usable_examples(root: Path, examples: Sequence[Example]) -> list[Example]:
    """The examples whose text stands under one intent, or first stands there; `contradictions` names the others.

    Raises:
        AssistantError: They are of fewer than two intents.
    """
    first: dict[str, str] = {}
    kept = [e for e in examples if first.setdefault(e.text.casefold(), e.intent) == e.intent]
    intents = {example.intent for example in kept}
    if len(intents) < 2:
        raise AssistantError(
            root / "data",
            None,
            f"has examples of {len(intents)} intents",
            "Write examples of at least two intents.",
        )
    return kept


def contradictions(examples: Iterable[Example]) -> list[str]:
    """A line for each example whose text stands under another intent already."""
    first: dict[str, Example] = {}
    return [
        f"{example.path}:{example.line}: {example.text!r} is not used as an example of {example.intent}: it is one of "
        f"{other.intent} in {other.path.name}:{other.line}"
        for example in examples
        if (other := first.setdefault(example.text.casefold(), example)).intent != example.intent
    ]


def unanswered_intents(domain: Domain, examples: Sequence[Example], flows: Iterable[Rule | Story]) -> list[str]:
    """A line for each intent that no rule, story or response answers, and that is not there to fill a slot."""
    known = intents_of(flows) | DEFAULT_INTENTS | filling_intents(domain.slots, examples)
    return [
        f"the intent {intent} has neither a rule nor a story nor a response utter_{intent}: "
        "it is never answered from a template"
        for intent in dict.fromkeys(example.intent for example in examples)
        if intent not in known and intent.split("/")[0] not in known
    ]


def filling_intents(slots: Mapping[str, Slot], examples: Iterable[Example]) -> set[str]:
    """The intents that fill a slot, by themselves or by an entity that one of their examples marks."""
    mappings = [mapping for slot in slots.values() for mapping in slot.mappings]
    entities = {mapping.entity for mapping in mappings if mapping.entity}
    by_entity = {e.intent for e in examples if any(mark.entity in entities for mark in e.entities)}
    return by_entity.union(*(mapping.intents for mapping in mappings))


def unlisted_intents(domain: Domain, examples: Iterable[Example]) -> list[str]:
    """A line for each intent that has examples and does not stand in the domain."""
    listed = set(domain.intents)
    return [
        f"the intent {intent} has examples but is not listed in the domain; it is used all the same"
        for intent in sorted({example.intent for example in examples} - listed)
        if intent.split("/")[0] not in listed
    ]
