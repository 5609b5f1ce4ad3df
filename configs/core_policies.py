"""What Rasa's `policies` in `config.yml` say of rules and stories."""

from dataclasses import dataclass, replace
from typing import Any

from configs.yaml_file import Place, YamlFile, nearest
from configs.yaml_values import flag_at, list_at, name_at, unknown_keys

MAX_HISTORY = 5
UNLIMITED_HISTORY = 1_000
DEFAULT_FALLBACK = "action_default_fallback"
STORY_POLICIES = ("MemoizationPolicy", "AugmentedMemoizationPolicy")
RULE_POLICY = "RulePolicy"
LEARNED_POLICIES = ("TEDPolicy", "UnexpecTEDIntentPolicy")
POLICY_KEYS = {
    RULE_POLICY: {
        "core_fallback_action_name",
        "core_fallback_threshold",
        "enable_fallback_prediction",
        "restrict_rules",
        "check_for_contradictions",
    },
    **{name: {"max_history"} for name in STORY_POLICIES},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CorePolicies:
    """How rules and stories are followed.

    Attributes:
        max_history: How many of the bot's last steps a story is compared with.
        fallback_action: What is done where nothing else fits.
        falls_back: Whether anything is done then (Rasa's `enable_fallback_prediction`).
        exact_stories: Whether a story is followed only where all that went before is as in the story: Rasa's
            MemoizationPolicy, where neither AugmentedMemoizationPolicy nor a learned policy stands beside it.
    """

    max_history: int = MAX_HISTORY
    fallback_action: str = DEFAULT_FALLBACK
    falls_back: bool = True
    exact_stories: bool = False


def parse_policies(file: YamlFile) -> tuple[CorePolicies, list[str]]:
    """What `policies` says, and a line for whatever of it is not honoured.

    Raises:
        AssistantError: It has the wrong shape.
    """
    policies, notices = CorePolicies(), []
    listed = list_at(file, file.data.get("policies"), ("policies",), "Write one `- name: RulePolicy` a line.")
    names = []
    for index, item in enumerate(listed):
        place: Place = ("policies", index)
        options = item if isinstance(item, dict) else {"name": item}
        name = name_at(file, options.get("name"), (*place, "name")).rpartition(".")[2]
        names.append(name)
        if name in POLICY_KEYS:
            known = {"name", "priority", *POLICY_KEYS[name]}
            notices += unknown_keys(file, options, place, known, name)
        if name in STORY_POLICIES:
            policies = _with_history(file, place, options, policies)
        elif name == RULE_POLICY:
            policies = _with_fallback(file, place, options, policies)
        else:
            notices.append(f"{file.path}:{file.line(*place)}: {name} is not used: {_instead(name)}")
    lenient = {*LEARNED_POLICIES, "AugmentedMemoizationPolicy"}
    return replace(policies, exact_stories=bool(names) and lenient.isdisjoint(names)), notices


def _with_history(file: YamlFile, place: Place, options: dict[str, Any], policies: CorePolicies) -> CorePolicies:
    given = options.get("max_history", MAX_HISTORY)
    if given is not None and (not isinstance(given, int) or isinstance(given, bool) or given < 1):
        raise file.error((*place, "max_history"), f"max_history is {given!r}", "Write a number from 1 on.")
    return replace(policies, max_history=UNLIMITED_HISTORY if given is None else min(given, UNLIMITED_HISTORY))


def _with_fallback(file: YamlFile, place: Place, options: dict[str, Any], policies: CorePolicies) -> CorePolicies:
    key = "core_fallback_action_name"
    return replace(
        policies,
        fallback_action=name_at(file, options.get(key, DEFAULT_FALLBACK), (*place, key)),
        falls_back=flag_at(file, options, "enable_fallback_prediction", place, default=True),
    )


def _instead(name: str) -> str:
    if name in LEARNED_POLICIES:
        return "stories are followed where they match word for word"
    return f"Kefu follows rules and stories by itself.{nearest(name, (RULE_POLICY, *STORY_POLICIES))}"
