"""Reads the steps of rules and stories, which have the same form."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any, TypeAlias

from configs.entity_markup import FIX, MarkupError, parse_markup
from configs.flows import ActionStep, EntityPattern, LoopStep, SlotStep, Step, UserStep
from configs.yaml_file import Place, YamlFile, nearest
from configs.yaml_values import list_at, name_at, text_at, unknown_keys

LISTEN = "action_listen"
MAX_VARIANTS = 200  # that the `or` steps of one rule or story may stand for
STEP_KEYS = ("intent", "user", "or", "action", "bot", "checkpoint", "slot_was_set", "active_loop", "metadata")
KEYS_BESIDE = {"intent": {"user", "entities"}, "user": {"intent", "entities"}, "checkpoint": {"slot_was_set"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrStep:
    """One of these."""

    options: tuple[UserStep | SlotStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointStep:
    """Where stories are joined; what the slots must hold counts only where a story begins with it."""

    name: str
    slots: tuple[SlotStep, ...] = ()


RawStep: TypeAlias = Step | OrStep | CheckpointStep


class NotFollowed(Exception):
    """A step is of a kind that the bot cannot follow; the message says which."""


def parse_steps(file: YamlFile, place: Place, value: Any, notices: list[str]) -> list[RawStep]:
    """The steps in `value`, which stands at `place`; those in which the bot only listens are left out.

    Raises:
        AssistantError: A step has the wrong shape.
        NotFollowed: There is none, or one is of words instead of intents and actions.
    """
    steps: list[RawStep] = []
    items = list_at(file, value, place, "Write `- intent: ...` and `- action: ...` under it.")
    if not items:
        raise NotFollowed("it has no steps")
    for index, item in enumerate(items):
        steps += _step(file, (*place, index), item, notices)
    return steps


def variants(steps: Sequence[RawStep]) -> tuple[list[list[Step | CheckpointStep]], bool]:
    """Every way through the `or` steps, and whether there were too many to take all."""
    choices = [step.options if isinstance(step, OrStep) else (step,) for step in steps]
    ways = list(islice(product(*choices), MAX_VARIANTS + 1))
    return [list(way) for way in ways[:MAX_VARIANTS]], len(ways) > MAX_VARIANTS


def _step(file: YamlFile, place: Place, item: Any, notices: list[str]) -> list[RawStep]:
    kind = next((key for key in STEP_KEYS if key in item), None) if isinstance(item, dict) else None
    if kind is None:
        near = nearest(str(next(iter(item), "")), STEP_KEYS) if isinstance(item, dict) else ""
        raise file.error(place, f"{item!r} is not a step", f"Write `- action: name`.{near}")
    notices += unknown_keys(file, item, place, {kind, "metadata", *KEYS_BESIDE.get(kind, ())}, "a step")
    match kind:
        case "intent" | "user":
            return [_user(file, place, item)]
        case "or":
            return [_alternatives(file, place, item["or"], notices)]
        case "action":
            action = name_at(file, item["action"], (*place, "action"))
            return [] if action == LISTEN else [ActionStep(action=action)]
        case "checkpoint":
            slots = parse_slots_set(file, (*place, "slot_was_set"), item.get("slot_was_set"))
            name = name_at(file, item["checkpoint"], (*place, "checkpoint"))
            return [CheckpointStep(name=name, slots=tuple(slots))]
        case "active_loop":
            return [parse_loop(file, place, item["active_loop"])]
        case "bot":
            raise NotFollowed("it says `bot:` words instead of an `action:`")
    return list(parse_slots_set(file, (*place, "slot_was_set"), item.get("slot_was_set")))


def parse_slots_set(file: YamlFile, place: Place, value: Any) -> list[SlotStep]:
    """What `slot_was_set` says at `place`: `- name` for anything, `- name: value`, `- name: null` for nothing.

    Raises:
        AssistantError: It has another shape.
    """
    fix = "Write `- name: value`, or `- name` for any value."
    steps: list[SlotStep] = []
    for index, item in enumerate(list_at(file, value, place, fix)):
        if isinstance(item, dict):
            steps += [SlotStep(slot=str(name), value=held) for name, held in item.items()]
        elif isinstance(item, str):
            steps.append(SlotStep(slot=item, is_any=True))
        else:
            raise file.error((*place, index), f"{item!r} is not a slot", fix)
    return steps


def parse_loop(file: YamlFile, place: Place, value: Any) -> LoopStep:
    """What `active_loop` says at `place`.

    Raises:
        AssistantError: It is neither a form's name nor null.
    """
    return LoopStep(loop=None if value is None else name_at(file, value, (*place, "active_loop")))


def _user(file: YamlFile, place: Place, item: dict[str, Any]) -> UserStep:
    if "intent" not in item:
        raise NotFollowed("it has `user:` words without an `intent:`")
    intent = name_at(file, item["intent"], (*place, "intent")).strip().removeprefix("/")
    words = text_at(file, item, "user", place)
    if words is None or "entities" in item:
        return UserStep(intent=intent, entities=_entities(file, (*place, "entities"), item.get("entities")))
    return UserStep(intent=intent, entities=_marked(file, (*place, "user"), words))


def _entities(file: YamlFile, place: Place, value: Any) -> tuple[EntityPattern, ...]:
    """`- city`, or `- city: Leeds` with `role` and `group` beside it."""
    fix = "Write `- name`, or `- name: value`."
    patterns = []
    for index, item in enumerate(list_at(file, value, place, fix)):
        given = dict(item) if isinstance(item, dict) else {item: None}
        role, group = given.pop("role", None), given.pop("group", None)
        name, held = next(iter(given.items())) if len(given) == 1 else (None, None)
        if not isinstance(name, str):
            raise file.error((*place, index), f"{item!r} is not an entity", fix)
        patterns.append(EntityPattern(entity=name, value=held, role=role, group=group))
    return tuple(patterns)


def _marked(file: YamlFile, place: Place, words: str) -> tuple[EntityPattern, ...]:
    try:
        _, entities = parse_markup(words.strip())
    except MarkupError as error:
        raise file.error(place, str(error), FIX) from error
    return tuple(EntityPattern(entity=e.entity, value=e.value, role=e.role, group=e.group) for e in entities)


def _alternatives(file: YamlFile, place: Place, value: Any, notices: list[str]) -> OrStep:
    fix = "Write `- intent: ...` or `- slot_was_set: ...` lines under it."
    options: list[UserStep | SlotStep] = []
    for index, item in enumerate(list_at(file, value, (*place, "or"), fix)):
        for step in _step(file, (*place, "or", index), item, notices):
            if not isinstance(step, UserStep | SlotStep):
                raise file.error((*place, "or", index), f"{item!r} cannot stand under `or`", fix)
            options.append(step)
    if not options:
        raise file.error(place, "an `or` has nothing to choose from", fix)
    return OrStep(options=tuple(options))
