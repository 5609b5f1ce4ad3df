from pathlib import Path

import pytest

from configs import AssistantError, Slot
from configs.slot_parsing import parse_slots
from configs.slots import MappingCondition, MappingType, SlotMapping, SlotType
from configs.yaml_file import parse_yaml

FILE = Path("domain.yml")


def read(text: str) -> tuple[dict[str, Slot], list[str]]:
    return parse_slots(parse_yaml(text, FILE))


@pytest.mark.parametrize(
    ("written", "slot"),
    [
        ("{type: text}", Slot(name="a", type=SlotType.TEXT)),
        ("{type: bool, initial_value: false}", Slot(name="a", type=SlotType.BOOL, initial_value=False)),
        (
            "{type: categorical, values: [Low, 3, true]}",
            Slot(name="a", type=SlotType.CATEGORICAL, values=("Low", "3", "true")),
        ),
        ("{type: float}", Slot(name="a", type=SlotType.FLOAT, min_value=0.0, max_value=1.0)),
        (
            "{type: float, min_value: -1, max_value: 9.5}",
            Slot(name="a", type=SlotType.FLOAT, min_value=-1, max_value=9.5),
        ),
        ("{type: list, influence_conversation: false}", Slot(name="a", type=SlotType.LIST, influences=False)),
        ("{type: any}", Slot(name="a", type=SlotType.ANY, influences=False)),
        ("{type: text, value_reset_delay: 2, mappings: []}", Slot(name="a", type=SlotType.TEXT)),
    ],
)
def test_a_slot_of_each_type_is_read(written: str, slot: Slot) -> None:
    assert read(f"slots:\n  a: {written}\n") == ({"a": slot}, [])


@pytest.mark.parametrize(
    ("written", "mapping"),
    [
        ("{type: from_entity, entity: city}", SlotMapping(type=MappingType.FROM_ENTITY, entity="city")),
        (
            "{type: from_entity, entity: city, role: to, group: first, intent: go, not_intent: [stop, wait]}",
            SlotMapping(
                type=MappingType.FROM_ENTITY,
                entity="city",
                role="to",
                group="first",
                intents=("go",),
                not_intents=("stop", "wait"),
            ),
        ),
        (
            "{type: from_intent, intent: [yes, sure], value: true}",
            SlotMapping(type=MappingType.FROM_INTENT, intents=("yes", "sure"), value=True),
        ),
        ("{type: from_intent, value: null}", SlotMapping(type=MappingType.FROM_INTENT)),
        (
            "{type: from_trigger_intent, intent: book, value: [1, {b: 2}]}",
            SlotMapping(type=MappingType.FROM_TRIGGER_INTENT, intents=("book",), value=[1, {"b": 2}]),
        ),
        (
            "{type: from_text, intent: null, conditions: [{active_loop: f, requested_slot: a}, {active_loop: null}]}",
            SlotMapping(
                type=MappingType.FROM_TEXT,
                conditions=(
                    MappingCondition(active_loop="f", requested_slot="a"),
                    MappingCondition(active_loop=None),
                ),
            ),
        ),
        ("{type: custom}", SlotMapping(type=MappingType.CUSTOM)),
        ("{type: custom, action: action_look}", SlotMapping(type=MappingType.CUSTOM, action="action_look")),
    ],
)
def test_a_mapping_of_each_type_is_read(written: str, mapping: SlotMapping) -> None:
    slots, notices = read(f"slots:\n  a:\n    type: text\n    mappings:\n      - {written}\n")
    assert slots["a"].mappings == (mapping,)
    assert notices == []


@pytest.mark.parametrize(
    ("written", "notice"),
    [
        ("{initial_value: 1}", "domain.yml:2: slot a has no `type`; it is taken for one of the type any"),
        ("", "domain.yml:2: slot a has no `type`; it is taken for one of the type any"),
        (
            "{type: shop.slots.Basket}",
            "domain.yml:2: slot a is of the type shop.slots.Basket, which is not run; it is taken for any",
        ),
        (
            "{type: unfeaturized}",
            "domain.yml:2: slot a is of the type unfeaturized, which is not run; it is taken for any",
        ),
        ("{type: categorical}", "domain.yml:2: slot a is categorical, but has no `values`"),
        ("{type: text, auto_fill: true}", "domain.yml:2: unknown key `auto_fill` in slot a is ignored."),
        (
            "{type: text, initial_vale: x}",
            "domain.yml:2: unknown key `initial_vale` in slot a is ignored. Did you mean 'initial_value'?",
        ),
        (
            "{type: any, influence_conversation: true}",
            "domain.yml:2: slot a influences nothing: no rule and no story sees what a slot of the type any holds",
        ),
        (
            "{type: text, mappings: [{type: custom, actoin: b}]}",
            "domain.yml:2: unknown key `actoin` in a mapping of slot a is ignored. Did you mean 'action'?",
        ),
        (
            "{type: text, mappings: [{type: custom, conditions: [{active_loop: f, slot: b}]}]}",
            "domain.yml:2: unknown key `slot` in a condition of a mapping of slot a is ignored.",
        ),
    ],
)
def test_what_is_not_honoured_is_said(written: str, notice: str) -> None:
    slots, notices = read(f"slots:\n  a: {written}\n")
    assert [line.removesuffix(" Did you mean 'requested_slot'?") for line in notices] == [notice]
    assert list(slots) == ["a"]


MAPPINGS = "slots:\n  a:\n    type: text\n    mappings:\n      - "
TYPES = "Write one of from_entity, from_intent, from_trigger_intent, from_text, custom."


@pytest.mark.parametrize(
    ("text", "line", "problem", "fix"),
    [
        (
            "slots:\n  a:\n    type: txt\n",
            3,
            "the type of slot a is 'txt'",
            "Write one of text, bool, categorical, float, list, any. Did you mean 'text'?",
        ),
        (
            "slots:\n  a:\n    type: [text]\n",
            3,
            "the type of slot a is ['text']",
            "Write one of text, bool, categorical, float, list, any. Did you mean 'text'?",
        ),
        (
            "slots:\n  a: {type: text, influence_conversation: no}\n",
            2,
            "influence_conversation is 'no'",
            "Write true or false.",
        ),
        (
            "slots:\n  a:\n    type: categorical\n    values: x\n",
            4,
            "`values` must be a list",
            "Write one `- value` a line.",
        ),
        ("slots:\n  a:\n    type: float\n    min_value: low\n", 4, "min_value of slot a is 'low'", "Write a number."),
        ("slots:\n  a:\n    type: float\n    max_value: true\n", 4, "max_value of slot a is True", "Write a number."),
        ("slots:\n  a: {type: float, min_value: 2}\n", 2, "slot a goes from 2 to 1", "Write a greater `max_value`."),
        (
            "slots:\n  a: {type: text, mappings: {type: custom}}\n",
            2,
            "`mappings` must be a list",
            "Write `- type: from_entity` and so on.",
        ),
        (f"{MAPPINGS}custom\n", 5, "'custom' is not a mapping of slot a", "Write `- type: from_entity`."),
        (f"{MAPPINGS}entity: city\n", 5, "the type of a mapping of slot a is None", TYPES),
        (
            f"{MAPPINGS}type: from_entiti\n",
            5,
            "the type of a mapping of slot a is 'from_entiti'",
            f"{TYPES} Did you mean 'from_entity'?",
        ),
        (
            f"{MAPPINGS}type: from_entity\n",
            5,
            "a mapping of slot a has no `entity`",
            "A mapping from_entity needs `entity:`.",
        ),
        (
            f"{MAPPINGS}type: from_intent\n",
            5,
            "a mapping of slot a has no `value`",
            "A mapping from_intent needs `value:`.",
        ),
        (f"{MAPPINGS}type: from_text\n        intent: [1]\n", 6, "1 is not a name", "Write a word, quoted if need be."),
        (
            f"{MAPPINGS}type: from_text\n        conditions: f\n",
            6,
            "`conditions` must be a list",
            "Write `- active_loop: ...` and, if need be, `requested_slot: ...`.",
        ),
        (
            f"{MAPPINGS}type: from_text\n        conditions:\n          - requested_slot: a\n",
            7,
            "{'requested_slot': 'a'} is not a condition of a mapping of slot a",
            "Write `- active_loop: ...` and, if need be, `requested_slot: ...`.",
        ),
    ],
)
def test_a_wrong_slot_is_refused_with_line_problem_and_fix(text: str, line: int, problem: str, fix: str) -> None:
    with pytest.raises(AssistantError) as caught:
        read(text)
    assert str(caught.value) == f"domain.yml:{line}: {problem}. {fix}"
