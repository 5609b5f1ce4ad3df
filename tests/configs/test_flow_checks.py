from pathlib import Path

import pytest

from configs import AssistantError, Domain, Rule, Slot
from configs.flow_checks import check_flows
from configs.rules import parse_rules
from configs.slots import SlotType
from configs.yaml_file import parse_yaml

ROOT = Path("shop")
SLOTS = [
    Slot(name="text", type=SlotType.TEXT),
    Slot(name="tier", type=SlotType.CATEGORICAL, values=("gold", "silver")),
    Slot(name="open", type=SlotType.BOOL),
    Slot(name="unseen", type=SlotType.TEXT, influences=False),
]
DOMAIN = Domain(intents=("a", "b"), actions=("x", "y", "z", "form"), slots={slot.name: slot for slot in SLOTS})


def rules(*written: str) -> list[Rule]:
    text = "rules:\n" + "".join(f"- {{rule: r{number}, {rule}}}\n" for number, rule in enumerate(written, start=1))
    return parse_rules(parse_yaml(text, ROOT / "data" / "rules.yml"), ROOT)[0]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("steps: [{intent: a}, {action: x}]", "steps: [{intent: a}, {action: x}]"),
        ("steps: [{intent: a}, {action: x}]", "steps: [{intent: b}, {action: y}]"),
        ("steps: [{intent: a}, {action: x}]", "condition: [{active_loop: null}], steps: [{intent: a}, {action: y}]"),
        ("steps: [{intent: a}, {action: x}]", "conversation_start: true, steps: [{intent: a}, {action: y}]"),
        ("steps: [{intent: a}, {action: x}]", "steps: [{intent: a, entities: [e]}, {action: y}]"),
        (
            "steps: [{intent: a}, {action: x}], wait_for_user_input: false",
            "steps: [{intent: a}, {action: x}, {action: y}]",
        ),
        (
            "condition: [{slot_was_set: [{tier: gold}]}], steps: [{intent: a}, {action: x}]",
            "condition: [{slot_was_set: [{tier: silver}]}], steps: [{intent: a}, {action: y}]",
        ),
        (
            "steps: [{intent: a}, {action: x}, {slot_was_set: [{open: true}]}, {action: y}]",
            "steps: [{intent: a}, {action: x}, {slot_was_set: [{open: false}]}, {action: z}]",
        ),
        (
            "condition: [{active_loop: null}], steps: [{action: form}, {action: x}]",
            "condition: [{active_loop: null}], steps: [{action: z}, {action: y}]",
        ),
    ],
)
def test_rules_that_say_the_same_or_hold_at_different_times_may_stand_together(first: str, second: str) -> None:
    check_flows(rules(first, second), [], DOMAIN, [], ROOT)


@pytest.mark.parametrize(
    ("first", "second", "one", "other"),
    [
        ("steps: [{intent: a}, {action: x}]", "steps: [{intent: a}, {action: y}]", "x", "y"),
        (
            "steps: [{intent: a}, {action: x}]",
            "steps: [{intent: a}, {action: x}, {action: y}]",
            "action_listen",
            "y",
        ),
        (
            "steps: [{intent: a}, {action: x}, {intent: b}, {action: y}]",
            "steps: [{intent: a}, {action: x}, {intent: b}, {action: z}]",
            "y",
            "z",
        ),
        (
            "condition: [{active_loop: null}, {slot_was_set: [{text: q}]}], steps: [{intent: a}, {action: x}]",
            "condition: [{slot_was_set: [text]}, {active_loop: null}], steps: [{intent: a}, {action: y}]",
            "x",
            "y",
        ),
        (
            "steps: [{intent: a}, {slot_was_set: [{tier: Gold}]}, {action: x}]",
            "steps: [{intent: a}, {slot_was_set: [{tier: gold}]}, {action: y}]",
            "x",
            "y",
        ),
        (
            "steps: [{intent: a}, {slot_was_set: [{unseen: 1}]}, {action: x}]",
            "steps: [{intent: a}, {slot_was_set: [{unseen: 2}]}, {action: y}]",
            "x",
            "y",
        ),
        (
            "conversation_start: true, steps: [{action: x}]",
            "conversation_start: true, steps: [{action: y}]",
            "x",
            "y",
        ),
    ],
)
def test_rules_that_go_on_differently_after_the_same_are_refused(first: str, second: str, one: str, other: str) -> None:
    with pytest.raises(AssistantError) as caught:
        check_flows(rules(first, second), [], DOMAIN, [], ROOT)
    assert str(caught.value) == (
        f"shop/data/rules.yml:3: the rules 'r1' and 'r2' contradict each other: where 'r1' goes on with {one}, "
        f"'r2' goes on with {other}. "
        "Keep one of them, or give one a `condition:`. The other stands in data/rules.yml:2."
    )
