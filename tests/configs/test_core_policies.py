from pathlib import Path

import pytest

from configs import AssistantError
from configs.core_policies import UNLIMITED_HISTORY, CorePolicies, parse_policies
from configs.yaml_file import parse_yaml


def read(text: str) -> tuple[CorePolicies, list[str]]:
    return parse_policies(parse_yaml(text, Path("config.yml")))


@pytest.mark.parametrize(
    ("text", "policies"),
    [
        ("language: en\n", CorePolicies(max_history=5, fallback_action="action_default_fallback", falls_back=True)),
        ("policies:\n", CorePolicies()),
        ("policies: [RulePolicy, {name: MemoizationPolicy}]\n", CorePolicies(exact_stories=True)),
        ("policies: [{name: MemoizationPolicy, max_history: 7}]\n", CorePolicies(max_history=7, exact_stories=True)),
        ("policies: [{name: AugmentedMemoizationPolicy, max_history: 2}]\n", CorePolicies(max_history=2)),
        (
            "policies: [{name: MemoizationPolicy, max_history: null}]\n",
            CorePolicies(max_history=UNLIMITED_HISTORY, exact_stories=True),
        ),
        (
            "policies: [{name: MemoizationPolicy, max_history: 100000}]\n",
            CorePolicies(max_history=UNLIMITED_HISTORY, exact_stories=True),
        ),
        (
            "policies:\n- {name: rasa.core.policies.rule_policy.RulePolicy, core_fallback_action_name: utter_sorry}\n"
            "- {name: MemoizationPolicy, max_history: 4, priority: 3}\n",
            CorePolicies(max_history=4, fallback_action="utter_sorry", exact_stories=True),
        ),
        (
            "policies:\n- name: RulePolicy\n  core_fallback_threshold: 0.3\n  enable_fallback_prediction: false\n"
            "  restrict_rules: true\n  check_for_contradictions: true\n",
            CorePolicies(falls_back=False, exact_stories=True),
        ),
    ],
)
def test_policies_say_how_rules_and_stories_are_followed(text: str, policies: CorePolicies) -> None:
    assert read(text) == (policies, [])


def test_policies_that_are_not_run_are_said() -> None:
    policies, notices = read(
        "policies:\n- name: TEDPolicy\n  max_history: 9\n- name: UnexpecTEDIntentPolicy\n- name: shop.policy.Mine\n"
        "- name: RulesPolicy\n- name: MemoizationPolicy\n  max_histroy: 2\n"
    )
    assert policies == CorePolicies()
    assert notices == [
        "config.yml:2: TEDPolicy is not used: stories are followed where they match word for word",
        "config.yml:4: UnexpecTEDIntentPolicy is not used: stories are followed where they match word for word",
        "config.yml:5: Mine is not used: Kefu follows rules and stories by itself.",
        "config.yml:6: RulesPolicy is not used: Kefu follows rules and stories by itself. Did you mean 'RulePolicy'?",
        "config.yml:8: unknown key `max_histroy` in MemoizationPolicy is ignored. Did you mean 'max_history'?",
    ]


@pytest.mark.parametrize(
    ("text", "line", "problem", "fix"),
    [
        ("policies: RulePolicy\n", 1, "`policies` must be a list", "Write one `- name: RulePolicy` a line."),
        ("policies:\n- {max_history: 2}\n", 2, "None is not a name", "Write a word, quoted if need be."),
        ("policies:\n- 5\n", 2, "5 is not a name", "Write a word, quoted if need be."),
        *(
            (
                f"policies:\n- name: MemoizationPolicy\n  max_history: {written}\n",
                3,
                f"max_history is {value}",
                "Write a number from 1 on.",
            )
            for written, value in (("0", "0"), ("two", "'two'"), ("1.5", "1.5"), ("true", "True"))
        ),
        (
            "policies:\n- name: RulePolicy\n  core_fallback_action_name:\n",
            3,
            "None is not a name",
            "Write a word, quoted if need be.",
        ),
        (
            "policies:\n- name: RulePolicy\n  enable_fallback_prediction: 1\n",
            3,
            "enable_fallback_prediction is 1",
            "Write true or false.",
        ),
    ],
)
def test_wrong_policies_are_refused_with_line_problem_and_fix(text: str, line: int, problem: str, fix: str) -> None:
    with pytest.raises(AssistantError) as caught:
        read(text)
    assert str(caught.value) == f"config.yml:{line}: {problem}. {fix}"
