from pathlib import Path

from checked_project import project

from training.data_checks import Kind, Severity
from training.data_checks.dialogue import dialogue_findings
from training.data_checks.domain_places import DomainPlaces
from training.data_checks.usage import unused_names

FULL = """\
intents: [greet, bye, idle, back]
entities: [city, colour]
actions: [action_look, action_idle, validate_trip, action_ask_city]
slots:
  city: {type: text, mappings: [{type: from_entity, entity: city}]}
  mood: {type: text}
  shop: {type: text}
  found: {type: text, mappings: [{type: custom, action: action_look}]}
forms:
  trip: {required_slots: [city]}
  walk: {required_slots: []}
responses:
  utter_greet: ["Hi from {shop}"]
  utter_bye: [Bye]
  utter_idle: [Hm]
  utter_default: [What?]
  utter_ask_city: [Where to?]
  utter_faq/hours: [At nine]
"""
FLOWS = "rules:\n- {rule: r, steps: [{intent: greet}, {action: trip}, {active_loop: trip}]}\n"


def check(folder: Path, **changed: str) -> list[tuple[str, str, int]]:
    files = {"domain.yml": FULL, "data/rules.yml": FLOWS, **changed}
    assistant = project(folder, files)
    found = unused_names(assistant, DomainPlaces.of(assistant.root))
    assert {finding.severity for finding in found} <= {Severity.HINT}
    assert {finding.kind for finding in found} <= {Kind.UNUSED}
    return [(found.message, found.advice, found.passages[0].line) for found in found]


def test_what_nothing_uses_is_found_where_it_stands(tmp_path: Path) -> None:
    assert check(tmp_path) == [
        ("Nothing uses idle, one of the intents of the domain.", "Write examples of it, or take it out.", 1),
        ("Nothing uses colour, one of the entities of the domain.", "Mark it in examples, or take it out.", 2),
        (
            "Nothing uses action_idle, one of the actions of the domain.",
            "Let a rule or a story run it, or take it out.",
            3,
        ),
        (
            "Nothing uses utter_greet, one of the responses of the domain.",
            "Let a rule or a story say it, or take it out.",
            13,
        ),
        (
            "Nothing uses utter_idle, one of the responses of the domain.",
            "Let a rule or a story say it, or take it out.",
            15,
        ),
        (
            "Nothing uses utter_faq/hours, one of the responses of the domain.",
            "Let a rule or a story say it, or take it out.",
            18,
        ),
        (
            "Nothing uses mood, one of the slots of the domain.",
            "Let a form, a rule, a story or a response use it, or take it out.",
            6,
        ),
        (
            "Nothing uses found, one of the slots of the domain.",
            "Let a form, a rule, a story or a response use it, or take it out.",
            8,
        ),
        ("Nothing uses walk, one of the forms of the domain.", "Let a rule or a story begin it, or take it out.", 11),
    ]


def test_what_the_code_of_custom_actions_names_is_used(tmp_path: Path) -> None:
    code = (
        'tracker.get_slot("mood")\ndispatcher.utter_message(response=f"utter_{kind}")\nSlotSet("found", 1)\n'
        'FollowupAction("action_idle")\nActiveLoop("walk")\n'
    )
    assert [message for message, _, _ in check(tmp_path, **{"actions/shop.py": code})] == [
        "Nothing uses idle, one of the intents of the domain.",
        "Nothing uses colour, one of the entities of the domain.",
    ]


def test_an_intent_that_nothing_answers_is_found(tmp_path: Path) -> None:
    domain = "intents: [greet, bye]\nresponses: {utter_bye: [Bye]}\n"
    assert check(tmp_path, **{"domain.yml": domain, "data/rules.yml": "rules: []\n"}) == [
        (
            "No rule, no story and no response answers the intent greet.",
            "Write a rule for it, or the response utter_greet.",
            1,
        )
    ]


def test_all_checks_of_the_dialogue_come_together(tmp_path: Path) -> None:
    assistant = project(
        tmp_path,
        {
            "domain.yml": "intents: [greet, bye]\nslots: {a: {type: text}}\nforms: {f: {required_slots: [a]}}\n"
            "responses:\n  utter_greet: [{text: Hi, buttons: [{title: A, payload: /gret}]}]\n  utter_bye: [Bye]\n",
            "data/rules.yml": "rules:\n- {rule: r, steps: [{intent: greet}, {action: utter_greet}]}\nstories:\n"
            "- {story: s, steps: [{intent: greet}, {action: utter_bye}]}\n"
            "- {story: t, steps: [{intent: greet}, {action: utter_greet}]}\n",
        },
    )
    assert [finding.kind for finding in dialogue_findings(assistant)] == [
        Kind.ENDLESS_FORM,
        Kind.UNASKED_SLOT,
        Kind.UNDEFINED,
        Kind.CONTRADICTION,
        Kind.CONTRADICTION,
        Kind.UNUSED,
    ]
