from pathlib import Path

import pytest

from configs import AssistantError, Rule
from configs.rules import parse_rules
from configs.yaml_file import parse_yaml

FILE = Path("data/rules.yml")


def read(text: str) -> tuple[list[Rule], list[str]]:
    return parse_rules(parse_yaml(text, FILE))


def test_an_intent_and_the_actions_after_it_are_a_rule() -> None:
    rules, notices = read(
        "rules:\n"
        "- rule: Greet back\n"
        "  steps:\n"
        "  - intent: greet\n"
        "  - action: utter_greet\n"
        "\n"
        "- steps:\n"
        "  - intent: bye\n"
        "  - action: utter_bye\n"
        "  - action: action_restart\n"
        "  - action: action_listen\n"
        "  wait_for_user_input: false\n"
    )
    assert rules == [
        Rule(name="Greet back", intent="greet", actions=("utter_greet",), path=FILE, line=2),
        Rule(name="bye", intent="bye", actions=("utter_bye", "action_restart"), path=FILE, line=7),
    ]
    assert notices == []


@pytest.mark.parametrize("text", ["", "nlu: []\n", "rules:\n", "rules: []\n", "stories: []\nrules: []\n"])
def test_a_file_without_rules_has_none(text: str) -> None:
    assert read(text) == ([], [])


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param("steps: []", id="no steps"),
        pytest.param("steps: [{intent: a}]", id="no action"),
        pytest.param("steps: [{action: a}]", id="no intent"),
        pytest.param("steps: [{intent: a}, {action: b}, {intent: c}, {action: d}]", id="two turns"),
        pytest.param("steps: [{intent: a, entities: [b]}, {action: c}]", id="entities"),
        pytest.param("steps: [{or: [{intent: a}]}, {action: c}]", id="or"),
        pytest.param("steps: [{intent: a}, {action: b}, {active_loop: b}]", id="form"),
        pytest.param("steps: [{intent: a}, {slot_was_set: [{b: c}]}, {action: d}]", id="slot"),
        pytest.param("steps: [{intent: a}, {bot: Hello}]", id="words instead of an action"),
        pytest.param("{steps: [{intent: a}, {action: b}], condition: [{active_loop: c}]}", id="condition"),
        pytest.param("{steps: [{intent: a}, {action: b}], conversation_start: true}", id="start of a conversation"),
    ],
)
def test_a_rule_of_another_shape_is_named_and_left_out(rule: str) -> None:
    body = rule.removeprefix("{").removesuffix("}") if rule.startswith("{") else rule
    rules, notices = read(
        f"rules:\n- rule: plain\n  steps: [{{intent: x}}, {{action: y}}]\n- {{rule: Ask first, {body}}}\n"
    )
    assert [rule.name for rule in rules] == ["plain"]
    assert notices == [
        "data/rules.yml:4: the rule 'Ask first' is not followed yet: only an intent followed by actions is"
    ]


def test_stories_are_named_and_the_rules_beside_them_read() -> None:
    rules, notices = read(
        "rules:\n- steps: [{intent: a}, {action: b}]\nstories:\n- story: long\n  steps: [{intent: a}]\n"
    )
    assert [(rule.intent, rule.actions) for rule in rules] == [("a", ("b",))]
    assert notices == ["data/rules.yml:3: stories are not followed yet; rules are"]


STEPS = ("a rule has no steps", "Write `steps:` with `- intent:` and `- action:`.")


@pytest.mark.parametrize(
    ("text", "line", "problem", "fix"),
    [
        ("version: 1\nrules: {}\n", 2, "`rules` must be a list", "Write `- rule: name` entries under it."),
        ("rules: greet\n", 1, "`rules` must be a list", "Write `- rule: name` entries under it."),
        ("rules:\n- greet\n", 2, *STEPS),
        ("rules:\n- steps: [{intent: a}, {action: b}]\n- rule: a\n", 3, *STEPS),
        ("rules:\n- rule: a\n  steps: {intent: b}\n", 2, *STEPS),
        ("rules:\n-\n", 2, *STEPS),
        ("rules:\n- steps:\n  - intent: a\n  - utter_b\n", 4, "'utter_b' is not a step", "Write `- action: name`."),
        ("rules:\n- steps:\n  - 1\n", 3, "1 is not a step", "Write `- action: name`."),
        ("rules:\n- steps:\n  - intent: [a]\n  - action: b\n", 3, "['a'] is not a name", "Write one name."),
        ("rules:\n- steps:\n  - intent: a\n  - action: b\n  - action: 5\n", 5, "5 is not a name", "Write one name."),
        ("rules:\n- steps:\n  - intent: a\n  - action:\n", 4, "None is not a name", "Write one name."),
    ],
)
def test_a_wrong_rule_is_refused_with_line_problem_and_fix(text: str, line: int, problem: str, fix: str) -> None:
    with pytest.raises(AssistantError) as caught:
        read(text)
    assert str(caught.value) == f"data/rules.yml:{line}: {problem}. {fix}"
