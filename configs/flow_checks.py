"""What makes rules and stories unusable: names that nothing has, and rules that contradict each other."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from configs.domain import Domain
from configs.errors import AssistantError
from configs.flows import ActionStep, LoopStep, Rule, SlotStep, Step, Story, UserStep
from configs.rasa_names import DEFAULT_ACTIONS, DEFAULT_INTENTS, TWO_STAGE_FALLBACK
from configs.slots import Slot, SlotType
from configs.steps import LISTEN
from configs.yaml_file import nearest

Token: TypeAlias = tuple[str, ...]


def check_flows(
    rules: Sequence[Rule], stories: Sequence[Story], domain: Domain, intents: Collection[str], root: Path
) -> None:
    """Refuses rules and stories that could not be followed as they are meant.

    Args:
        intents: Those that have examples.
        root: The assistant's folder.

    Raises:
        AssistantError: An intent, action or form is not known, or two rules contradict each other.
    """
    known_intents = {*domain.intents, *intents, *(intent.split("/")[0] for intent in intents), *DEFAULT_INTENTS}
    known_actions = known_action_names(domain)
    loops = {*domain.forms, TWO_STAGE_FALLBACK}
    flows: list[Rule | Story] = [*rules, *stories]
    for flow in flows:
        steps = (*flow.conditions, *flow.steps) if isinstance(flow, Rule) else flow.steps
        for step in steps:
            _check_step(flow, step, known_intents, known_actions, loops, root)
    _refuse_contradictions(rules, domain.slots, root)


def known_action_names(domain: Domain) -> set[str]:
    """What a rule or a story may name as an action."""
    retrieval = {name.split("/")[0] for name in domain.responses if "/" in name}
    return {*domain.responses, *retrieval, *domain.actions, *domain.forms, *DEFAULT_ACTIONS}


def flow_error(flow: Rule | Story, root: Path, problem: str, fix: str) -> AssistantError:
    """An error about `flow`, ready to raise."""
    path, _, line = flow.where.rpartition(":")
    return AssistantError(root / path, int(line) if line.isdigit() else None, problem, fix)


def seen(step: Step, slots: Mapping[str, Slot]) -> Token | None:
    """What can be told apart of a step, as the bot compares it; None for a slot that influences nothing."""
    match step:
        case UserStep(intent=intent, entities=entities):
            labels = {e.entity for e in entities} | {f"{e.entity}#{e.role}" for e in entities if e.role}
            return ("user", intent, *sorted(labels))
        case ActionStep(action=action):
            return ("action", action)
        case LoopStep(loop=loop):
            return ("loop", loop or "")
        case SlotStep(slot=name):
            slot = slots.get(name)
            if slot is None or not slot.influences:
                return None
            return ("slot", name, *_held(step, slot))


def _held(step: SlotStep, slot: Slot) -> Token:
    if step.is_any or (step.value is not None and slot.type in (SlotType.TEXT, SlotType.LIST)):
        return ("anything",)
    return () if step.value is None else ("value", str(step.value).casefold())


def _check_step(
    flow: Rule | Story,
    step: Step,
    intents: Collection[str],
    actions: Collection[str],
    loops: Collection[str],
    root: Path,
) -> None:
    kind = "rule" if isinstance(flow, Rule) else "story"
    match step:
        case UserStep(intent=intent) if intent not in intents:
            raise flow_error(
                flow,
                root,
                f"the {kind} {flow.name!r} waits for the intent {intent!r}, which has no examples",
                f"Add examples or mend the name.{nearest(intent, intents)}",
            )
        case ActionStep(action=action) if action not in actions:
            raise flow_error(
                flow,
                root,
                f"the {kind} {flow.name!r} uses {action!r}, which the domain does not define",
                f"Add it under `responses:` or `actions:`.{nearest(action, actions)}",
            )
        case LoopStep(loop=str(loop)) if loop not in loops:
            raise flow_error(
                flow,
                root,
                f"the {kind} {flow.name!r} has the form {loop!r}, which the domain does not define",
                f"Add it under `forms:`.{nearest(loop, loops)}",
            )


def _refuse_contradictions(rules: Sequence[Rule], slots: Mapping[str, Slot], root: Path) -> None:
    known: dict[tuple[object, ...], tuple[Rule, str]] = {}
    for rule in rules:
        conditions = frozenset(_tokens(rule.conditions, slots))
        for before, action in _choices(rule, slots):
            other, done = known.setdefault((conditions, rule.starts_conversation, before), (rule, action))
            if done != action:
                raise flow_error(
                    rule,
                    root,
                    f"the rules {other.name!r} and {rule.name!r} contradict each other: where {other.name!r} goes on "
                    f"with {done}, {rule.name!r} goes on with {action}",
                    f"Keep one of them, or give one a `condition:`. The other stands in {other.where}.",
                )


def _choices(rule: Rule, slots: Mapping[str, Slot]) -> Iterator[tuple[tuple[Token, ...], str]]:
    """Each action of `rule` with what was before it; not the first where nothing was."""
    before: list[Token] = []
    for step in rule.steps:
        if isinstance(step, UserStep) and before and before[-1][0] != "user":
            yield tuple(before), LISTEN
        if isinstance(step, ActionStep) and (before or rule.starts_conversation):
            yield tuple(before), step.action
        before += _tokens([step], slots)
    if rule.waits_for_user and before:
        yield tuple(before), LISTEN


def _tokens(steps: Iterable[Step], slots: Mapping[str, Slot]) -> list[Token]:
    return [token for step in steps if (token := seen(step, slots)) is not None]
