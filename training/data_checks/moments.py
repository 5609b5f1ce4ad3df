"""Rules and stories as what was before each of their actions, so that two of them can be compared."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from configs.flow_checks import Token, seen
from configs.flows import ActionStep, LoopStep, Rule, SlotStep, Step, UserStep
from configs.slots import Slot
from configs.steps import LISTEN

ANYTHING: Token = ("anything",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What is known where something is to be done.

    Attributes:
        did: What was last: the customer's intent and entities, or the bot's action; () where that may be anything.
        slots: By name what one holds; () for nothing. Of a story, what it does not name holds nothing.
        loop: The form under way, "" for none; None where nothing was said of it.
    """

    did: Token = ()
    slots: Mapping[str, Token] = field(default_factory=dict)
    loop: str | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for moments between which no story can tell."""
        held = frozenset((name, token) for name, token in self.slots.items() if token)
        return (self.did, held, self.loop or "")

    @property
    def weight(self) -> int:
        """How much it asks for."""
        return len(self.did) + len(self.slots) + (self.loop is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An action, and the moments up to it."""

    moments: tuple[Moment, ...]
    action: str

    @property
    def rank(self) -> tuple[int, int]:
        """Of the choices that fit, the one with the highest is made."""
        return len(self.moments), sum(moment.weight for moment in self.moments)


def choices_of_rule(rule: Rule, slots: Mapping[str, Slot]) -> list[Choice]:
    """What `rule` does, and when; its first action only where something is before it."""
    choices = list(_choices(rule.steps, rule.conditions, slots, listens=rule.waits_for_user))
    if rule.starts_conversation or not choices or choices[0].moments[0].did:
        return choices
    return [Choice(moments=choice.moments[1:], action=choice.action) for choice in choices[1:]]


def choices_of_story(steps: Sequence[Step], slots: Mapping[str, Slot]) -> list[Choice]:
    """What a story does, and when."""
    return list(_choices(steps, (), slots, listens=True))


def fits(rule: Choice, story: Choice) -> bool:
    """Whether the rule's choice is made where the story stands."""
    now = story.moments[-1]
    in_form = bool(now.loop) and rule.moments[-1].loop is None  # the form is asked before such a rule
    pairs = zip(reversed(rule.moments), reversed(story.moments), strict=False)
    return not in_form and len(rule.moments) <= len(story.moments) and all(_holds(*pair) for pair in pairs)


def _choices(
    steps: Iterable[Step], conditions: Iterable[Step], slots: Mapping[str, Slot], *, listens: bool
) -> Iterator[Choice]:
    now = Moment()
    for step in conditions:
        now = _with(now, step, slots)
    path: list[Moment] = []
    for step in steps:
        token = seen(step, slots) or ()
        if isinstance(step, UserStep):
            if path:
                path.append(now)
                yield Choice(moments=tuple(path), action=LISTEN)
            now = replace(now, did=token)
        elif isinstance(step, ActionStep):
            path.append(now)
            yield Choice(moments=tuple(path), action=step.action)
            now = replace(now, did=token)
        else:
            now = _with(now, step, slots)
    if listens and path:
        yield Choice(moments=(*path, now), action=LISTEN)


def _with(now: Moment, step: Step, slots: Mapping[str, Slot]) -> Moment:
    token = seen(step, slots)
    match step:
        case LoopStep(loop=loop):
            return replace(now, loop=loop or "")
        case SlotStep(slot=name) if token is not None:
            return replace(now, slots={**now.slots, name: token[2:]})
    return now


def _holds(wanted: Moment, found: Moment) -> bool:
    return (
        _did(wanted.did, found.did)
        and (wanted.loop is None or wanted.loop == (found.loop or ""))
        and all(_held(token, found.slots.get(name, ())) for name, token in wanted.slots.items())
    )


def _did(wanted: Token, found: Token) -> bool:
    if wanted[:1] != ("user",) or found[:1] != ("user",):
        return not wanted or wanted == found
    same = found[1] == wanted[1] or found[1].startswith(f"{wanted[1]}/")
    return same and set(wanted[2:]) <= set(found[2:])


def _held(wanted: Token, found: Token) -> bool:
    return bool(found) if wanted == ANYTHING else wanted == found
