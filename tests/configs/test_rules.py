from pathlib import Path

import pytest

from configs import AssistantError, Rule
from configs.flows import ActionStep, LoopStep, SlotStep, UserStep
from configs.rules import parse_rules
from configs.yaml_file import parse_yaml

ROOT = Path("shop")
FILE = ROOT / "data" / "rules.yml"


def read(text: str) -> tuple[list[Rule], list[str]]:
    return parse_rules(parse_yaml(text, FILE), ROOT)


def intent(name: str) -> UserStep:
    return UserStep(intent=name)


def action(name: str) -> ActionStep:
    return ActionStep(action=name)


def test_a_rule_is_its_conditions_and_its_steps() -> None:
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
        "- rule: Submit\n"
        "  condition:\n"
        "  - active_loop: order_form\n"
        "  - slot_was_set: [city, {n: 2}, {m: null}]\n"
        "  metadata: {a: b}\n"
        "  steps:\n"
        "  - action: order_form\n"
        "  - active_loop: null\n"
        "  - slot_was_set:\n"
        "    - requested_slot: null\n"
        "  - action: utter_done\n"
        "- {rule: First, conversation_start: true, steps: [{intent: greet}, {action: a}, {intent: b}, {action: c}]}\n"
        "- {rule: Not in a form, condition: [{active_loop: null}], steps: [{intent: a}]}\n"
    )
    assert rules == [
        Rule(name="Greet back", steps=(intent("greet"), action("utter_greet")), where="data/rules.yml:2"),
        Rule(
            name="rule 2",
            steps=(intent("bye"), action("utter_bye"), action("action_restart")),
            waits_for_user=False,
            where="data/rules.yml:7",
        ),
        Rule(
            name="Submit",
            conditions=(
                LoopStep(loop="order_form"),
                SlotStep(slot="city", is_any=True),
                SlotStep(slot="n", value=2),
                SlotStep(slot="m"),
            ),
            steps=(action("order_form"), LoopStep(loop=None), SlotStep(slot="requested_slot"), action("utter_done")),
            where="data/rules.yml:13",
        ),
        Rule(
            name="First",
            steps=(intent("greet"), action("a"), intent("b"), action("c")),
            starts_conversation=True,
            where="data/rules.yml:24",
        ),
        Rule(
            name="Not in a form",
            conditions=(LoopStep(loop=None),),
            steps=(intent("a"),),
            where="data/rules.yml:25",
        ),
    ]
    assert notices == []


@pytest.mark.parametrize("text", ["", "nlu: []\n", "rules:\n", "rules: []\n", "stories: []\nrules: []\n"])
def test_a_file_without_rules_has_none(text: str) -> None:
    assert read(text) == ([], [])


def test_alternatives_make_several_rules() -> None:
    rules, _ = read("rules:\n- {rule: r, steps: [{or: [{intent: a}, {intent: b}]}, {action: c}]}\n")
    assert rules == [
        Rule(name="r", steps=(intent("a"), action("c")), where="data/rules.yml:2"),
        Rule(name="r", steps=(intent("b"), action("c")), where="data/rules.yml:2"),
    ]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("steps: [{intent: a}, {bot: Hello}]", "it says `bot:` words instead of an `action:`"),
        ("steps: [{user: hi}, {action: a}]", "it has `user:` words without an `intent:`"),
        ("steps: []", "it has no steps"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_named_and_left_out(rule: str, reason: str) -> None:
    rules, notices = read(
        f"rules:\n- rule: plain\n  steps: [{{intent: x}}, {{action: y}}]\n- {{rule: Ask first, {rule}}}\n"
    )
    assert [rule.name for rule in rules] == ["plain"]
    assert notices == [f"shop/data/rules.yml:4: the rule 'Ask first' is not followed: {reason}"]


def test_a_key_that_means_nothing_is_said() -> None:
    _, notices = read(
        "rules:\n- rule: a\n  conditions: []\n  steps: [{intent: x}]\n  condition:\n  - {active_loop: f, slot: b}\n"
    )
    assert notices == [
        "shop/data/rules.yml:3: unknown key `conditions` in the rule 'a' is ignored. Did you mean 'condition'?",
        "shop/data/rules.yml:6: unknown key `slot` in a condition is ignored.",
    ]


def test_only_so_many_ways_through_a_rule_count() -> None:
    steps = ", ".join(["{or: [{intent: a}, {intent: b}]}"] * 10)
    rules, notices = read(f"rules:\n- {{rule: wide, steps: [{steps}]}}\n")
    assert len(rules) == 200
    assert notices == ["shop/data/rules.yml:2: only the first 200 of the ways through 'wide' count"]


STEPS = ("a rule has no steps", "Write `steps:` with `- intent:` and `- action:`.")
NAME = "Write a word, quoted if need be."
CONDITION = "Write `- active_loop: ...` or `- slot_was_set: ...`."


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
        ("rules:\n- steps:\n  - intent: a\n  - action: b\n  - action: 5\n", 5, "5 is not a name", NAME),
        (
            "rules:\n- rule: a\n  steps: [{intent: b}, {checkpoint: c}]\n",
            2,
            "the rule 'a' has the checkpoint 'c'",
            "Write it as a story.",
        ),
        ("rules:\n- steps: [{intent: a}]\n  condition: f\n", 3, "`condition` must be a list", CONDITION),
        (
            "rules:\n- steps: [{intent: a}]\n  condition:\n  - intent: b\n",
            4,
            "{'intent': 'b'} is not a condition",
            CONDITION,
        ),
        ("rules:\n- steps: [{intent: a}]\n  condition:\n  - active_loop: [b]\n", 4, "['b'] is not a name", NAME),
        (
            "rules:\n- steps: [{intent: a}]\n  conversation_start: yes\n",
            3,
            "conversation_start is 'yes'",
            "Write true or false.",
        ),
        (
            "rules:\n- steps: [{intent: a}]\n  wait_for_user_input: 0\n",
            3,
            "wait_for_user_input is 0",
            "Write true or false.",
        ),
    ],
)
def test_a_wrong_rule_is_refused_with_line_problem_and_fix(text: str, line: int, problem: str, fix: str) -> None:
    with pytest.raises(AssistantError) as caught:
        read(text)
    assert str(caught.value) == f"shop/data/rules.yml:{line}: {problem}. {fix}"
