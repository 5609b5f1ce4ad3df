"""Rules that nobody wrote: an intent that no rule and no story knows is answered by the response of its name."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from configs.flows import ActionStep, Rule, Story, UserStep
from configs.nlu_data import Example
from configs.responses import Variation


def intents_of(flows: Iterable[Rule | Story]) -> set[str]:
    """The intents that rules or stories wait for."""
    return {step.intent for flow in flows for step in flow.steps if isinstance(step, UserStep)}


def implied_rules(
    responses: Mapping[str, Sequence[Variation]],
    examples: Sequence[Example],
    flows: Iterable[Rule | Story],
    root: Path,
) -> list[Rule]:
    """For each intent that no flow waits for, one that says `utter_<intent>`, where there is such a response."""
    known = intents_of(flows)
    first_example = {example.intent: example for example in reversed(examples)}
    return [
        Rule(
            name=f"utter_{intent}",
            steps=(UserStep(intent=intent), ActionStep(action=f"utter_{intent}")),
            where=f"{_within(example.path, root).as_posix()}:{example.line}",
        )
        for intent, example in first_example.items()
        if intent not in known and intent.split("/")[0] not in known and f"utter_{intent}" in responses
    ]


def _within(path: Path, root: Path) -> Path:
    """`path` from the assistant's folder on; what was learned lies elsewhere."""
    return path.relative_to(root) if path.is_relative_to(root) else Path("learned", path.name)
