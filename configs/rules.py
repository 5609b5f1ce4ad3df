"""Rasa rules: what always happens."""

from pathlib import Path
from typing import Any

from configs.flows import Condition, Rule, Step
from configs.steps import CheckpointStep, NotFollowed, parse_loop, parse_slots_set, parse_steps, variants
from configs.yaml_file import Place, YamlFile
from configs.yaml_values import flag_at, list_at, unknown_keys

RULE_KEYS = {"rule", "steps", "condition", "conversation_start", "wait_for_user_input", "metadata"}
CONDITION_KEYS = {"active_loop", "slot_was_set"}


def parse_rules(file: YamlFile, root: Path) -> tuple[list[Rule], list[str]]:
    """The rules of one file, one for each way through an `or`, and a line for whatever is not followed.

    Args:
        root: The assistant's folder, in which the rules say where they stand.

    Raises:
        AssistantError: A rule has the wrong shape.
    """
    rules: list[Rule] = []
    notices: list[str] = []
    entries = list_at(file, file.data.get("rules"), ("rules",), "Write `- rule: name` entries under it.")
    for index, entry in enumerate(entries):
        place: Place = ("rules", index)
        if not isinstance(entry, dict) or not isinstance(entry.get("steps"), list):
            raise file.error(place, "a rule has no steps", "Write `steps:` with `- intent:` and `- action:`.")
        name = str(entry.get("rule") or f"rule {index + 1}")
        notices += unknown_keys(file, entry, place, RULE_KEYS, f"the rule {name!r}")
        try:
            rules += _parse_rule(file, place, entry, name, root, notices)
        except NotFollowed as reason:
            notices.append(f"{file.path}:{file.line(*place)}: the rule {name!r} is not followed: {reason}")
    return rules, notices


def where(file: YamlFile, place: Place, root: Path) -> str:
    """File, relative to the assistant's folder, and line of what stands at `place`."""
    path = file.path.relative_to(root) if file.path.is_relative_to(root) else file.path
    return f"{path.as_posix()}:{file.line(*place)}"


def _parse_rule(
    file: YamlFile, place: Place, entry: dict[str, Any], name: str, root: Path, notices: list[str]
) -> list[Rule]:
    ways, cut = variants(parse_steps(file, (*place, "steps"), entry["steps"], notices))
    if cut:
        notices.append(
            f"{file.path}:{file.line(*place)}: only the first {len(ways)} of the ways through {name!r} count"
        )
    return [
        Rule(
            name=name,
            steps=tuple(_plain(file, place, name, step) for step in way),
            conditions=_conditions(file, (*place, "condition"), entry.get("condition"), notices),
            starts_conversation=flag_at(file, entry, "conversation_start", place, default=False),
            waits_for_user=flag_at(file, entry, "wait_for_user_input", place, default=True),
            where=where(file, place, root),
        )
        for way in ways
    ]


def _plain(file: YamlFile, place: Place, name: str, step: Step | CheckpointStep) -> Step:
    if isinstance(step, CheckpointStep):
        raise file.error(place, f"the rule {name!r} has the checkpoint {step.name!r}", "Write it as a story.")
    return step


def _conditions(file: YamlFile, place: Place, value: Any, notices: list[str]) -> tuple[Condition, ...]:
    fix = "Write `- active_loop: ...` or `- slot_was_set: ...`."
    conditions: list[Condition] = []
    for index, item in enumerate(list_at(file, value, place, fix)):
        at = (*place, index)
        if not isinstance(item, dict) or not CONDITION_KEYS & set(item):
            raise file.error(at, f"{item!r} is not a condition", fix)
        if "active_loop" in item:
            conditions.append(parse_loop(file, at, item["active_loop"]))
        conditions += parse_slots_set(file, (*at, "slot_was_set"), item.get("slot_was_set"))
        notices += unknown_keys(file, item, at, CONDITION_KEYS, "a condition")
    return tuple(conditions)
