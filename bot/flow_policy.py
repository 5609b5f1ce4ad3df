"""What rules and stories say comes next. Pure; made once from a release's flows.

Rules match as Rasa's RulePolicy matches: what a rule does not mention may be anything, and of several that fit the one
that says most is followed. Stories match as AugmentedMemoizationPolicy matches, with one thing more asked: the bot's
last turn must have been the story's too.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from bot.events import LISTEN
from bot.expectations import Expected, Point, Said, unroll
from bot.situation import MAX_SITUATIONS, Situation, features
from configs.bot_spec import BotSpec
from configs.flows import ActionStep, Rule, Story, UserStep
from configs.slots import Slot

_Index: TypeAlias = dict[tuple[str | None, str | None], list[Point]]

RULES = "RulePolicy"
STORIES = "MemoizationPolicy"
KEFU = "KefuPolicy"


@dataclass(frozen=True, slots=True, kw_only=True)
class NextAction:
    """What comes next.

    Attributes:
        policy: Who says so, by Rasa's names.
        general: Whether the flow says nothing of forms, so that one under way goes on when the flow has ended.
        is_hidden: Whether a rule says so, and no story does: stories leave the action out.
    """

    action: str
    policy: str
    flow: str = ""
    general: bool = False
    is_hidden: bool = False


class FlowPolicy:
    """A release's rules and stories.

    Args:
        exact: Whether a story is followed only where all that went before is as in the story, and only that.
        answerable: The intents that one of them waits for.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        stories: Iterable[Story],
        slots: Mapping[str, Slot],
        *,
        max_history: int,
        exact: bool = False,
        answerable: frozenset[str] = frozenset(),
    ) -> None:
        self.answerable = answerable
        self._exact = exact
        self._rules = _indexed([point for rule in rules for point in _rule_points(rule, slots)])
        initial = features({name: slot.initial_value for name, slot in slots.items()}, slots)
        begins = Expected(slots=initial) if exact else Expected()
        self._stories = _indexed(
            [p for s in stories for p in unroll(s.name, s.steps, slots, begins=begins, listens=True)]
        )
        self._max_history = min(max_history, MAX_SITUATIONS)

    @classmethod
    def of(cls, spec: BotSpec) -> "FlowPolicy":
        """Those of an assistant."""
        return cls(
            spec.rules,
            spec.stories,
            spec.domain.slots,
            max_history=spec.max_history,
            exact=spec.exact_stories,
            answerable=spec.answerable,
        )

    def next(self, history: Sequence[Situation], situation: Situation, *, from_start: bool) -> NextAction | None:
        """What a rule, else a story, says comes next.

        Args:
            history: What the actions before were taken in.
            from_start: Whether `history` reaches back to the session's start.
        """
        situations = without_form_turns((*history, situation))
        by_rule = self._by_rule(situations, from_start=from_start)
        told = [s for s in situations[:-1] if not s.is_hidden]
        by_story = self._by_story([*told, situations[-1]], from_start=from_start)
        if by_rule is None:
            return by_story
        return replace(by_rule, is_hidden=by_story is None or by_story.action != by_rule.action)

    def _by_rule(self, situations: Sequence[Situation], *, from_start: bool) -> NextAction | None:
        fitting = [
            point
            for point in _in_question(self._rules, situations[-1])
            if point.fitting(situations) == len(point.path)
            and (not point.starts_conversation or (from_start and len(point.path) == len(situations)))
        ]
        return _most_said(fitting, RULES)

    def _by_story(self, situations: Sequence[Situation], *, from_start: bool) -> NextAction | None:
        points = _in_question(self._stories, situations[-1])
        if self._exact:
            return _most_said([p for p in points if self._is_exact(p, situations, from_start=from_start)], STORIES)
        best: tuple[int, int] = (0, 0)
        chosen: Point | None = None
        for point in points:
            count = min(point.fitting(situations), self._max_history)
            if count < min(point.turn + 1, len(point.path), self._max_history):
                continue
            rank = (count, point.weight)
            if rank > best:
                best, chosen = rank, point
        return _most_said([chosen] if chosen else [], STORIES)

    def _is_exact(self, point: Point, situations: Sequence[Situation], *, from_start: bool) -> bool:
        """Whether the last `max_history` situations, the start counted as one, are those of the story's point."""
        count = min(len(point.path), self._max_history)
        if len(point.path) < self._max_history and not (from_start and len(situations) == len(point.path)):
            return False
        pairs = zip(point.path[-count:], situations[-count:], strict=False)
        return len(situations) >= count and all(expected.is_exactly(situation) for expected, situation in pairs)


def without_form_turns(situations: Sequence[Situation]) -> list[Situation]:
    """The situations without the turns in which a form under way took the message itself; stories leave these out.

    What follows such turns is as if the message that began the form were still the last one.
    """
    kept: list[Situation] = []
    asked: Situation | None = None
    for situation in situations:
        if situation.action == LISTEN:
            asked = None
        elif len(kept) >= 2 and _is_form_turn(kept[-2], kept[-1], situation):
            asked = kept[-2]
            del kept[-2:]
        same = situation if asked is None else replace(situation, intent=asked.intent, entities=asked.entities)
        kept.append(same)
    return kept


def _is_form_turn(asking: Situation, answered: Situation, now: Situation) -> bool:
    """Whether a form asked, the customer answered, and the form took the answer."""
    form = now.action
    return (asking.action, asking.loop) == (form, form) and (answered.action, answered.loop) == (LISTEN, form)


def _rule_points(rule: Rule, slots: Mapping[str, Slot]) -> list[Point]:
    points = unroll(rule.name, rule.steps, slots, conditions=rule.conditions, listens=rule.waits_for_user)
    if rule.starts_conversation:
        return [replace(point, starts_conversation=True) for point in points]
    first = next((step for step in rule.steps if isinstance(step, UserStep | ActionStep)), None)
    if isinstance(first, UserStep):
        return points
    # What was before the rule's first action may have been anything, so that action itself is no prediction.
    return [replace(point, path=point.path[1:], turn=point.turn - 1) for point in points[1:]]


def _indexed(points: Iterable[Point]) -> _Index:
    """The points by what their last situation must be like."""
    index: _Index = defaultdict(list)
    for point in points:
        action, intent = point.path[-1].action, point.path[-1].intent
        index[None if isinstance(action, Said) else action, intent].append(point)
    return index


def _in_question(index: _Index, situation: Situation) -> list[Point]:
    """The points that may fit `situation`: each that does is among them, once."""
    whole = (situation.intent or "").partition("/")[0] or None
    intents = dict.fromkeys((situation.intent, whole, None))
    actions = dict.fromkeys((situation.action, None))
    return [point for action in actions for intent in intents for point in index.get((action, intent), ())]


def _most_said(points: Sequence[Point], policy: str) -> NextAction | None:
    if not points:
        return None
    point = max(points, key=lambda point: (len(point.path) + point.starts_conversation, point.weight))
    return NextAction(action=point.action, policy=policy, flow=point.flow, general=point.path[-1].loop is Said.NOTHING)
