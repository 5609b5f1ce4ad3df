from pathlib import Path

import pytest
from checked_project import project

from training.data_checks.domain_places import DomainPlaces
from training.data_checks.references import undefined_names

DOMAIN = """\
intents: [greet, bye, yes]
entities: [city]
slots:
  tier: {type: categorical, values: [Gold, silver], mappings: [%(mapping)s]}
  city: {type: text, mappings: [{type: from_entity, entity: city}]}
forms:
  trip: {required_slots: [city], ignored_intents: [%(ignored)s]}
responses:
  utter_greet:
    - text: Hi
      buttons: [{title: A, payload: "%(payload)s"}]
      condition: [%(condition)s]
"""
PLAIN = {"mapping": "", "ignored": "", "payload": "/greet", "condition": ""}


def check(folder: Path, rules: str = "rules: []\n", **written: str) -> list[tuple[str, str, str, str, int]]:
    assistant = project(folder, {"domain.yml": DOMAIN % {**PLAIN, **written}, "data/rules.yml": rules})
    return [
        (found.severity, found.message, found.advice, found.passages[0].path.name, found.passages[0].line)
        for found in undefined_names(assistant, DomainPlaces.of(assistant.root))
    ]


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"payload": "words"},
        {"payload": '/bye{\\"city\\": \\"Leeds\\"}'},
        {"payload": "/restart"},
        {"mapping": "{type: from_intent, intent: yes, value: GOLD}"},
        {"mapping": "{type: from_text, conditions: [{active_loop: trip, requested_slot: tier}]}"},
        {"condition": "{type: slot, name: tier, value: gold}"},
        {"condition": "{type: slot, name: city, value: Anything}"},
        {"condition": "{type: slot, name: requested_slot, value: null}"},
        {"ignored": "bye"},
    ],
)
def test_names_that_are_defined_are_no_finding(written: dict[str, str], tmp_path: Path) -> None:
    assert check(tmp_path, **written) == []


@pytest.mark.parametrize(
    ("written", "severity", "message", "advice", "line"),
    [
        (
            {"payload": '/gret{\\"city\\": \\"x\\"}'},
            "error",
            "A button of utter_greet sends /gret, which is no intent.",
            "Mend the payload, or add the intent. Did you mean 'greet'?",
            9,
        ),
        (
            {"condition": "{type: slot, name: teir, value: gold}"},
            "error",
            "A condition of utter_greet looks at the slot teir, which there is not.",
            "Mend the name, or add the slot. Did you mean 'tier'?",
            9,
        ),
        (
            {"condition": "{type: slot, name: tier, value: golden}"},
            "warning",
            "A condition of utter_greet wants the slot tier to hold 'golden', which its `values` do not list.",
            "Mend the value, or add it to `values`. Did you mean 'Gold'?",
            9,
        ),
        (
            {"mapping": "{type: from_intent, intent: yess, value: gold}"},
            "warning",
            "A mapping of the slot tier names the intent yess, which there is not.",
            "Mend the name, or add the intent. Did you mean 'yes'?",
            4,
        ),
        (
            {"mapping": "{type: from_intent, not_intent: [qqq], value: gold}"},
            "warning",
            "A mapping of the slot tier names the intent qqq, which there is not.",
            "Mend the name, or add the intent.",
            4,
        ),
        (
            {"mapping": "{type: from_intent, value: bronze}"},
            "warning",
            "A mapping fills the slot tier with 'bronze', which its `values` do not list.",
            "Mend the value, or add it to `values`.",
            4,
        ),
        (
            {"mapping": "{type: from_entity, entity: town}"},
            "warning",
            "A mapping of the slot tier names the entity town, which there is not.",
            "Mend the name, or add the entity.",
            4,
        ),
        (
            {"mapping": "{type: from_text, conditions: [{active_loop: trp}]}"},
            "error",
            "A mapping of the slot tier names the form trp, which there is not.",
            "Mend the name, or add the form. Did you mean 'trip'?",
            4,
        ),
        (
            {"mapping": "{type: from_text, conditions: [{active_loop: trip, requested_slot: cty}]}"},
            "warning",
            "A mapping of the slot tier names the slot cty, which there is not.",
            "Mend the name, or add the slot. Did you mean 'city'?",
            4,
        ),
        (
            {"ignored": "by"},
            "warning",
            "The form trip ignores the intent by, which there is not.",
            "Mend the name, or take it out. Did you mean 'bye'?",
            7,
        ),
    ],
)
def test_what_a_domain_names_and_does_not_define_is_found(
    written: dict[str, str], severity: str, message: str, advice: str, line: int, tmp_path: Path
) -> None:
    assert check(tmp_path, **written) == [(severity, message, advice, "domain.yml", line)]


@pytest.mark.parametrize(
    ("flow", "severity", "message", "advice"),
    [
        (
            "rules:\n- {rule: r, condition: [{slot_was_set: [cty]}], steps: [{intent: bye}]}\n",
            "error",
            "The rule r looks at the slot cty, which there is not.",
            "Mend the name, or add the slot. Did you mean 'city'?",
        ),
        (
            "stories:\n- {story: s, steps: [{or: [{intent: bye}, {intent: greet}]}, {slot_was_set: [{tier: [1]}]}]}\n",
            "warning",
            "The story s wants the slot tier to hold [1], which its `values` do not list.",
            "Mend the value, or add it to `values`.",
        ),
        (
            "stories:\n- {story: s, steps: [{intent: bye, entities: [{cty: x}]}]}\n",
            "warning",
            "The story s waits for the entity cty, which there is not.",
            "Mend the name, or add the entity. Did you mean 'city'?",
        ),
    ],
)
def test_what_a_rule_or_story_names_and_nothing_defines_is_found(
    flow: str, severity: str, message: str, advice: str, tmp_path: Path
) -> None:
    assert check(tmp_path, flow) == [(severity, message, advice, "rules.yml", 2)]
