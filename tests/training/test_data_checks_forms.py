from pathlib import Path

import pytest
from checked_project import project

from training.data_checks import Severity
from training.data_checks.domain_places import DomainPlaces
from training.data_checks.forms import endless_forms, unasked_slots

DOMAIN = """\
intents: [greet, bye, book]
entities: [size]
responses: {utter_greet: [Hi]}
slots:
  size:
    type: text
    %s
forms:
  other: {}
  buy:
    required_slots: [size]
    ignored_intents: [bye]
"""


def check(folder: Path, slot: str, more: str = "") -> list[str]:
    assistant = project(folder, {"domain.yml": DOMAIN % slot + more})
    return [
        f"{finding.severity} {finding.message} {finding.advice} {[passage.line for passage in finding.passages]}"
        for finding in endless_forms(assistant.domain, DomainPlaces.of(assistant.root))
    ]


@pytest.mark.parametrize(
    "slot",
    [
        "mappings: [{type: from_entity, entity: size}]",
        "mappings: [{type: from_text, conditions: [{active_loop: buy}]}]",
        "mappings: [{type: from_text, conditions: [{active_loop: other}, {active_loop: buy, requested_slot: size}]}]",
        "mappings: [{type: from_intent, intent: [bye, greet], value: 1}]",
        "mappings: [{type: custom}]",
        "initial_value: big",
    ],
)
def test_a_slot_that_can_be_filled_in_the_form_is_no_finding(slot: str, tmp_path: Path) -> None:
    assert check(tmp_path, slot) == []


@pytest.mark.parametrize(
    "slot",
    [
        "mappings: []",
        "influence_conversation: true",
        "mappings: [{type: from_text, conditions: [{active_loop: other}]}]",
        "mappings: [{type: from_text, conditions: [{active_loop: null}]}]",
        "mappings: [{type: from_text, conditions: [{active_loop: buy, requested_slot: colour}]}]",
        "mappings: [{type: from_trigger_intent, intent: book, value: 1}]",
        "mappings: [{type: from_intent, intent: bye, value: 1}]",
    ],
)
def test_a_form_whose_slot_nothing_in_it_fills_cannot_end(slot: str, tmp_path: Path) -> None:
    assert check(tmp_path, slot) == [
        "error The form buy cannot end: nothing that is said in it fills the slot size. "
        "Give size a mapping that holds in buy, or write the action validate_buy. [10, 5]"
    ]


def test_an_owners_own_validation_may_fill_it(tmp_path: Path) -> None:
    assert check(tmp_path, "mappings: []", "actions: [validate_buy]\n") == []


@pytest.mark.parametrize(
    "asks",
    [
        "actions: [action_ask_size]\n",
        "actions: [action_ask_buy_size]\n",
    ],
)
def test_an_action_may_ask_for_a_slot(asks: str, tmp_path: Path) -> None:
    assistant = project(tmp_path, {"domain.yml": DOMAIN % "mappings: []" + asks})
    assert unasked_slots(assistant.domain, DomainPlaces.of(tmp_path)) == []


@pytest.mark.parametrize("response", ["utter_ask_size", "utter_ask_buy_size"])
def test_a_response_may_ask_for_a_slot(response: str, tmp_path: Path) -> None:
    assistant = project(tmp_path, {"domain.yml": (DOMAIN % "mappings: []").replace("utter_greet", response)})
    assert unasked_slots(assistant.domain, DomainPlaces.of(tmp_path)) == []


def test_a_slot_that_nothing_asks_for_is_found(tmp_path: Path) -> None:
    assistant = project(tmp_path, {"domain.yml": DOMAIN % "mappings: []" + "actions: [action_ask_other_size]\n"})
    (finding,) = unasked_slots(assistant.domain, DomainPlaces.of(tmp_path))
    assert finding.severity is Severity.WARNING
    assert finding.message == "The form buy waits for the slot size, but nothing asks for it."
    assert finding.advice == "Write the response utter_ask_buy_size or utter_ask_size, or action_ask_size."
    assert [(passage.path.name, passage.line) for passage in finding.passages] == [("domain.yml", 10)]
