from collections.abc import Iterable
from pathlib import Path

import pytest

from configs import Rule, Slot, Story
from configs.rules import parse_rules
from configs.slots import SlotType
from configs.stories import join_stories, parse_stories
from configs.yaml_file import parse_yaml
from training.data_checks.contradictions import disagreeing_stories, overruled_stories

SLOTS = {
    slot.name: slot
    for slot in (
        Slot(name="name", type=SlotType.TEXT),
        Slot(name="tier", type=SlotType.CATEGORICAL, values=("gold", "silver")),
        Slot(name="unseen", type=SlotType.TEXT, influences=False),
    )
}


def flows(rules: Iterable[str], stories: Iterable[str]) -> tuple[list[Rule], list[Story]]:
    """Rules and stories whose steps are written as in YAML, named r1, r2 ... and s1, s2 ..."""
    text = "rules:\n" + "".join(f"- {{rule: r{n}, {rule}}}\n" for n, rule in enumerate(rules, 1))
    text += "stories:\n" + "".join(f"- {{story: s{n}, steps: [{steps}]}}\n" for n, steps in enumerate(stories, 1))
    file = parse_yaml(text, Path("data/flows.yml"))
    return parse_rules(file, Path())[0], join_stories(parse_stories(file, Path())[0])[0]


@pytest.mark.parametrize(
    ("rule", "story"),
    [
        ("steps: [{intent: a}, {action: x}]", "{intent: a}, {action: x}, {intent: b}, {action: y}"),
        ("steps: [{intent: a}, {action: x}]", "{intent: b}, {action: y}"),
        ("steps: [{intent: a, entities: [e]}, {action: x}]", "{intent: a}, {action: y}"),
        ("condition: [{slot_was_set: [name]}], steps: [{intent: a}, {action: x}]", "{intent: a}, {action: y}"),
        (
            "condition: [{slot_was_set: [{tier: gold}]}], steps: [{intent: a}, {action: x}]",
            "{slot_was_set: [{tier: silver}]}, {intent: a}, {action: y}",
        ),
        (
            "condition: [{slot_was_set: [{name: null}]}], steps: [{intent: a}, {action: x}]",
            "{slot_was_set: [name]}, {intent: a}, {action: y}",
        ),
        ("condition: [{active_loop: f}], steps: [{intent: a}, {action: x}]", "{intent: a}, {action: y}"),
        ("steps: [{intent: a}, {action: x}]", "{action: f}, {active_loop: f}, {intent: a}, {action: f}"),
        ("steps: [{intent: a}, {action: x}], wait_for_user_input: false", "{intent: a}, {action: x}, {action: y}"),
        (
            "steps: [{intent: a}, {action: f}, {active_loop: f}]",
            "{intent: a}, {action: f}, {active_loop: null}, {action: y}",
        ),
        (
            "steps: [{intent: b}, {action: z}, {intent: a}, {action: x}]",
            "{intent: c}, {action: z}, {intent: a}, {action: y}",
        ),
        ("conversation_start: true, steps: [{intent: a}, {action: x}]", "{intent: a}, {action: y}"),
    ],
)
def test_a_story_may_go_on_where_no_rule_fits(rule: str, story: str) -> None:
    rules, stories = flows([rule], [story])
    assert [finding.message for finding in overruled_stories(rules, stories, SLOTS)] == []


@pytest.mark.parametrize(
    ("rule", "story", "told", "ruled"),
    [
        ("steps: [{intent: a}, {action: x}]", "{intent: a}, {action: y}", "y", "x"),
        ("steps: [{intent: a}, {action: x}]", "{intent: b}, {action: z}, {intent: a}, {action: y}", "y", "x"),
        ("steps: [{intent: a}, {action: x}]", "{intent: a}, {action: x}, {action: y}", "y", "action_listen"),
        ("steps: [{intent: faq}, {action: x}]", "{intent: faq/hours}, {action: y}", "y", "x"),
        ("steps: [{intent: a}, {action: x}]", "{intent: a, entities: [e]}, {action: y}", "y", "x"),
        (
            "condition: [{slot_was_set: [name]}], steps: [{intent: a}, {action: x}]",
            "{slot_was_set: [{name: Ann}]}, {intent: b}, {action: z}, {intent: a}, {action: y}",
            "y",
            "x",
        ),
        (
            "condition: [{active_loop: null}, {slot_was_set: [{name: null}]}], steps: [{intent: a}, {action: x}]",
            "{intent: a}, {action: y}",
            "y",
            "x",
        ),
        (
            "condition: [{active_loop: f}], steps: [{action: f}, {active_loop: null}, {action: x}]",
            "{active_loop: f}, {intent: a}, {action: f}, {active_loop: null}, {action: y}",
            "y",
            "x",
        ),
        (
            "steps: [{intent: b}, {action: z}, {intent: a}, {action: x}]",
            "{intent: b}, {action: z}, {intent: a}, {action: y}",
            "y",
            "x",
        ),
    ],
)
def test_a_story_that_a_rule_overrules_is_found(rule: str, story: str, told: str, ruled: str) -> None:
    rules, stories = flows([rule], [story])
    (finding,) = overruled_stories(rules, stories, SLOTS)
    assert finding.message == f"Where the story s1 goes on with {told}, the rule r1 wins with {ruled}."
    assert [(str(passage.path), passage.line, passage.text) for passage in finding.passages] == [
        ("data/flows.yml", 2, "rule r1"),
        ("data/flows.yml", 4, "story s1"),
    ]


def test_the_rule_that_says_most_is_the_one_that_counts() -> None:
    rules, stories = flows(
        [
            "steps: [{intent: a}, {action: x}]",
            "condition: [{slot_was_set: [name]}], steps: [{intent: a}, {action: y}]",
        ],
        ["{slot_was_set: [name]}, {intent: a}, {action: y}"],
    )
    assert overruled_stories(rules, stories, SLOTS) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{intent: a}, {action: x}", "{intent: a}, {action: x}, {intent: b}, {action: y}"),
        ("{intent: a}, {action: x}", "{intent: b}, {action: y}"),
        ("{slot_was_set: [{tier: gold}]}, {intent: a}, {action: x}", "{intent: a}, {action: y}"),
        ("{intent: a, entities: [e]}, {action: x}", "{intent: a}, {action: y}"),
        ("{active_loop: f}, {intent: a}, {action: x}", "{intent: a}, {action: y}"),
        ("{intent: b}, {action: z}, {intent: a}, {action: x}", "{intent: c}, {action: z}, {intent: a}, {action: y}"),
    ],
)
def test_stories_that_can_be_told_apart_do_not_disagree(first: str, second: str) -> None:
    assert disagreeing_stories(flows([], [first, second])[1], SLOTS, 5) == []


@pytest.mark.parametrize(
    ("first", "second", "one", "other"),
    [
        ("{intent: a}, {action: x}", "{intent: a}, {action: y}", "x", "y"),
        ("{intent: a}, {action: x}", "{intent: a}, {action: x}, {action: y}", "action_listen", "y"),
        (
            "{slot_was_set: [{name: Ann}]}, {intent: a}, {action: x}",
            "{slot_was_set: [{name: Bob}]}, {intent: a}, {action: y}",
            "x",
            "y",
        ),
        ("{slot_was_set: [{unseen: 1}]}, {intent: a}, {action: x}", "{intent: a}, {action: y}", "x", "y"),
        ("{active_loop: null}, {intent: a}, {action: x}", "{intent: a}, {action: y}", "x", "y"),
    ],
)
def test_stories_that_go_on_differently_after_the_same_are_found(first: str, second: str, one: str, other: str) -> None:
    (finding,) = disagreeing_stories(flows([], [first, second])[1], SLOTS, 5)
    assert finding.message == f"After the same steps the story s1 goes on with {one}, and s2 with {other}."
    assert [(str(passage.path), passage.line) for passage in finding.passages] == [
        ("data/flows.yml", 3),
        ("data/flows.yml", 4),
    ]


@pytest.mark.parametrize(("max_history", "count"), [(1, 1), (2, 1), (3, 1), (4, 0), (1_000, 0)])
def test_only_so_much_of_a_story_is_compared_as_the_bot_remembers(max_history: int, count: int) -> None:
    end = "{intent: b}, {action: z}, {intent: a}"
    _, stories = flows(
        [],
        [
            f"{{intent: one}}, {{action: x}}, {end}, {{action: x}}",
            f"{{intent: two}}, {{action: y}}, {end}, {{action: y}}",
        ],
    )
    assert len(disagreeing_stories(stories, SLOTS, max_history)) == count
