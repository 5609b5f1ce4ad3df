"""Stories that a rule overrules, and stories that go on differently after the same."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from configs.flows import Rule, Story
from configs.slots import Slot
from training.data_checks.domain_places import flow_passage
from training.data_checks.finding import Finding, Kind, Severity
from training.data_checks.moments import Choice, choices_of_rule, choices_of_story, fits


def overruled_stories(rules: Sequence[Rule], stories: Sequence[Story], slots: Mapping[str, Slot]) -> list[Finding]:
    """A warning for each rule and story of which the rule does something else where the story stands."""
    by_last: dict[str, list[tuple[Choice, Rule]]] = defaultdict(list)
    for rule in rules:
        for choice in choices_of_rule(rule, slots):
            if not rule.starts_conversation:
                by_last[_last(choice)].append((choice, rule))
    found: dict[tuple[str, str], Finding] = {}
    for story in stories:
        for choice in choices_of_story(story.steps, slots):
            fitting = [pair for pair in (*by_last[_last(choice)], *by_last[""]) if fits(pair[0], choice)]
            if not fitting:
                continue
            best, rule = max(fitting, key=lambda pair: pair[0].rank)
            if best.action != choice.action:
                found.setdefault((rule.where, story.where), _overruled(rule, best, story, choice))
    return list(found.values())


def disagreeing_stories(stories: Sequence[Story], slots: Mapping[str, Slot], max_history: int) -> list[Finding]:
    """A warning for each two stories that do different things after the same last `max_history` steps."""
    known: dict[tuple[object, ...], tuple[Story, str]] = {}
    found: dict[tuple[str, str], Finding] = {}
    for story in stories:
        for choice in choices_of_story(story.steps, slots):
            key = tuple(moment.key for moment in choice.moments[-max_history:])
            other, action = known.setdefault(key, (story, choice.action))
            if action != choice.action:
                found.setdefault((other.where, story.where), _disagreeing(other, action, story, choice.action))
    return list(found.values())


def _last(choice: Choice) -> str:
    """What a choice and another that fits it have in common: the intent, whole, or the action before it."""
    did = choice.moments[-1].did
    return "" if not did else f"{did[0]} {did[1].split('/')[0] if did[0] == 'user' else did[1]}"


def _overruled(rule: Rule, rules: Choice, story: Story, told: Choice) -> Finding:
    return Finding(
        kind=Kind.CONTRADICTION,
        severity=Severity.WARNING,
        message=f"Where the story {story.name} goes on with {told.action}, the rule {rule.name} wins with "
        f"{rules.action}.",
        advice="Give the rule a condition that does not hold in the story, or change one of them.",
        passages=(flow_passage(rule), flow_passage(story)),
    )


def _disagreeing(first: Story, one: str, second: Story, other: str) -> Finding:
    return Finding(
        kind=Kind.CONTRADICTION,
        severity=Severity.WARNING,
        message=f"After the same steps the story {first.name} goes on with {one}, and {second.name} with {other}.",
        advice="Only the first is followed. Add what tells them apart, such as a slot, or a greater `max_history`.",
        passages=(flow_passage(first), flow_passage(second)),
    )
