"""What rules and stories expect: a flow, unrolled into the situations it is in before each of its actions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeAlias

from bot.events import LISTEN
from bot.situation import Feature, Situation, feature
from configs.flows import ActionStep, LoopStep, SlotStep, Step, UserStep
from configs.slots import Slot


class Said(Enum):
    """What stands in place of a value."""

    NOTHING = "nothing"  # the flow says nothing of it, so that anything fits
    SET = "set"  # anything but nothing


Wanted: TypeAlias = Feature | Said | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What one situation must be like; an intent that is None may be any, a slot that is None must hold nothing."""

    action: str | Said | None = Said.NOTHING
    intent: str | None = None
    entities: frozenset[str] = frozenset()
    slots: Mapping[str, Wanted] = field(default_factory=dict)
    loop: str | Said | None = Said.NOTHING

    @property
    def weight(self) -> int:
        """How much it asks for: of two that fit, the one that asks for more is meant."""
        said = (self.action is not Said.NOTHING, self.intent is not None, self.loop is not Said.NOTHING)
        return sum(said) + len(self.slots) + len(self.entities)

    def fits(self, situation: Situation) -> bool:
        """Whether `situation` is like that."""
        return (
            (self.action is Said.NOTHING or self.action == situation.action)
            and (self.loop is Said.NOTHING or self.loop == situation.loop)
            and (self.intent is None or is_intent(situation.intent, self.intent))
            and self.entities <= situation.entities
            and all(_holds(wanted, situation.slots.get(name)) for name, wanted in self.slots.items())
        )

    def is_exactly(self, situation: Situation) -> bool:
        """Whether `situation` is like that, and nothing else is in it."""
        loop = None if self.loop is Said.NOTHING else self.loop
        said = {name for name, wanted in self.slots.items() if wanted is not None}
        return (
            self.fits(situation)
            and (loop, self.entities) == (situation.loop, situation.entities)
            and said == set(situation.slots)
            and (self.intent is not None or situation.intent is None)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One action of a flow, with what led to it.

    Attributes:
        path: What the situations must be like, the last being the one in which the action is taken.
        turn: How many of them have been since the flow's last message.
        action: What is to be done.
        flow: The flow's name.
        starts_conversation: Whether the path must be all there has been since the session's start.
    """

    path: tuple[Expected, ...]
    turn: int
    action: str
    flow: str
    starts_conversation: bool = False

    @property
    def weight(self) -> int:
        """How much its path asks for."""
        return sum(expected.weight for expected in self.path)

    def fitting(self, situations: Sequence[Situation]) -> int:
        """How many of the path's situations, counted from its end, are like the last ones of a conversation."""
        count = 0
        for expected, situation in zip(reversed(self.path), reversed(situations), strict=False):
            if not expected.fits(situation):
                break
            count += 1
        return count


def is_intent(found: str | None, wanted: str) -> bool:
    """Whether the intent `found` is `wanted`, or one of the retrieval intent `wanted`."""
    return found is not None and (found == wanted or found.startswith(f"{wanted}/"))


def unroll(
    name: str,
    steps: Sequence[Step],
    slots: Mapping[str, Slot],
    *,
    conditions: Iterable[Step] = (),
    begins: Expected = Expected(),
    listens: bool,
) -> list[Point]:
    """Each action of a flow as a point.

    Args:
        begins: What is expected before the conditions and the first step.
        listens: Whether the last point is that the bot listens again.
    """
    points: list[Point] = []
    path: list[Expected] = []
    now, turn = begins, 0

    def act(action: str) -> None:
        nonlocal now, turn
        path.append(now)
        turn += 1
        points.append(Point(path=tuple(path), turn=turn, action=action, flow=name))
        now = replace(now, action=action)

    for step in conditions:
        now = _with(now, step, slots)
    for step in steps:
        match step:
            case ActionStep(action=action):
                act(action)
            case UserStep(intent=intent, entities=entities):
                if path:
                    act(LISTEN)
                labels = frozenset(label for entity in entities for label in _labels(entity.entity, entity.role))
                now, turn = replace(now, action=LISTEN, intent=intent, entities=labels), 0
            case _:
                now = _with(now, step, slots)
    if listens:
        act(LISTEN)
    return points


def _with(now: Expected, step: Step, slots: Mapping[str, Slot]) -> Expected:
    match step:
        case LoopStep(loop=loop):
            return replace(now, loop=loop)
        case SlotStep(slot=name, value=value, is_any=is_any):
            slot = slots.get(name)
            wanted: Wanted = Said.SET if is_any else feature(slot, value) if slot else None
            seen = slot is not None and slot.influences and (value is None or wanted is not None)
            return replace(now, slots={**now.slots, name: wanted}) if seen else now
    return now


def _labels(entity: str, role: str | None) -> list[str]:
    return [entity, f"{entity}#{role}"] if role else [entity]


def _holds(wanted: Wanted, found: Feature | None) -> bool:
    return found is not None if wanted is Said.SET else found == wanted
