"""Rasa rules of one turn: when the customer means this, do that."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.yaml_file import Place, YamlFile

_STEPS_OF_ONE_TURN = {"intent", "action"}
_KEYS_OF_ONE_TURN = {"rule", "steps", "wait_for_user_input"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An intent and the actions that answer it, in order."""

    name: str
    intent: str
    actions: tuple[str, ...]
    path: Path
    line: int


def parse_rules(file: YamlFile) -> tuple[list[Rule], list[str]]:
    """The one-turn rules of one file, and a line for every rule and story of another shape.

    Raises:
        AssistantError: A rule has the wrong shape.
    """
    notices = []
    if file.data.get("stories"):
        notices.append(f"{file.path}:{file.line('stories')}: stories are not followed yet; rules are")
    entries = file.data.get("rules")
    if entries is None:
        return [], notices
    if not isinstance(entries, list):
        raise file.error(("rules",), "`rules` must be a list", "Write `- rule: name` entries under it.")
    rules = []
    for index, entry in enumerate(entries):
        place: Place = ("rules", index)
        if not isinstance(entry, dict) or not isinstance(entry.get("steps"), list):
            raise file.error(place, "a rule has no steps", "Write `steps:` with `- intent:` and `- action:`.")
        rule = _parse_rule(file, place, entry)
        if rule is None:
            notices.append(
                f"{file.path}:{file.line(*place)}: the rule {entry.get('rule')!r} is not followed yet: "
                "only an intent followed by actions is"
            )
        else:
            rules.append(rule)
    return rules, notices


def _parse_rule(file: YamlFile, place: Place, entry: dict[str, Any]) -> Rule | None:
    steps = entry["steps"]
    for index, step in enumerate(steps):
        if not isinstance(step, dict):
            raise file.error((*place, "steps", index), f"{step!r} is not a step", "Write `- action: name`.")
    first, *rest = steps or [{}]
    one_turn = (
        set(entry) <= _KEYS_OF_ONE_TURN
        and set(first) == {"intent"}
        and rest
        and all(set(step) == {"action"} for step in rest)
    )
    if not one_turn:
        return None
    values = (first["intent"], *(step["action"] for step in rest))
    for index, value in enumerate(values):
        if not isinstance(value, str):
            raise file.error((*place, "steps", index), f"{value!r} is not a name", "Write one name.")
    return Rule(
        name=str(entry.get("rule") or first["intent"]),
        intent=values[0],
        actions=tuple(action for action in values[1:] if action != "action_listen"),
        path=file.path,
        line=file.line(*place) or 0,
    )
