from pathlib import Path
from typing import Any

import pytest

from configs import AssistantError
from configs.flows import ActionStep, EntityPattern, LoopStep, SlotStep, UserStep
from configs.steps import MAX_VARIANTS, CheckpointStep, NotFollowed, OrStep, parse_steps, variants
from configs.yaml_file import parse_yaml

FILE = Path("data/stories.yml")


def read(*steps: str, notices: list[str] | None = None) -> list[Any]:
    file = parse_yaml("steps:\n" + "".join(f"- {step}\n" for step in steps), FILE)
    return parse_steps(file, ("steps",), file.data["steps"], [] if notices is None else notices)


def user(intent: str, *entities: EntityPattern) -> UserStep:
    return UserStep(intent=intent, entities=entities)


@pytest.mark.parametrize(
    ("written", "steps"),
    [
        ("intent: greet", [user("greet")]),
        ("intent: /greet", [user("greet")]),
        ("intent: faq/hours", [user("faq/hours")]),
        ("{intent: go, entities: [city]}", [user("go", EntityPattern(entity="city"))]),
        (
            "{intent: go, entities: [{city: Leeds, role: to, group: a}, {n: 2}, {city: null}]}",
            [
                user(
                    "go",
                    EntityPattern(entity="city", value="Leeds", role="to", group="a"),
                    EntityPattern(entity="n", value=2),
                    EntityPattern(entity="city"),
                )
            ],
        ),
        (
            '{user: "to [Leeds](city)", intent: go}',
            [user("go", EntityPattern(entity="city", value="Leeds"))],
        ),
        (
            '{user: "to [Leeds](city)", intent: go, entities: [n]}',
            [user("go", EntityPattern(entity="n"))],
        ),
        ("action: utter_a", [ActionStep(action="utter_a")]),
        ("action: action_listen", []),
        ("active_loop: order_form", [LoopStep(loop="order_form")]),
        ("active_loop: null", [LoopStep(loop=None)]),
        ("slot_was_set: [city]", [SlotStep(slot="city", is_any=True)]),
        (
            "slot_was_set: [{city: Leeds}, {n: null, open: false}]",
            [SlotStep(slot="city", value="Leeds"), SlotStep(slot="n"), SlotStep(slot="open", value=False)],
        ),
        ("checkpoint: asked", [CheckpointStep(name="asked")]),
        (
            "{checkpoint: asked, slot_was_set: [{n: 1}]}",
            [CheckpointStep(name="asked", slots=(SlotStep(slot="n", value=1),))],
        ),
        ("or: [{intent: a}, {intent: b}]", [OrStep(options=(user("a"), user("b")))]),
        (
            "or: [{slot_was_set: [{n: 1}, {n: 2}]}, {slot_was_set: [m]}]",
            [
                OrStep(
                    options=(SlotStep(slot="n", value=1), SlotStep(slot="n", value=2), SlotStep(slot="m", is_any=True))
                )
            ],
        ),
        ("metadata: {a: 1}", []),
    ],
)
def test_each_kind_of_step_is_read(written: str, steps: list[Any]) -> None:
    notices: list[str] = []
    assert read(written, notices=notices) == steps
    assert notices == []


def test_a_key_that_means_nothing_is_said() -> None:
    notices: list[str] = []
    assert read("{action: a, entitis: [b]}", "{intent: a, entitis: [b]}", notices=notices) == [
        ActionStep(action="a"),
        user("a"),
    ]
    assert notices == [
        "data/stories.yml:2: unknown key `entitis` in a step is ignored.",
        "data/stories.yml:3: unknown key `entitis` in a step is ignored. Did you mean 'entities'?",
    ]


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("bot: Hello", "it says `bot:` words instead of an `action:`"),
        ("user: hi there", "it has `user:` words without an `intent:`"),
        ("or: [{user: hi}, {intent: a}]", "it has `user:` words without an `intent:`"),
    ],
)
def test_words_instead_of_intents_and_actions_cannot_be_followed(written: str, reason: str) -> None:
    with pytest.raises(NotFollowed) as caught:
        read(written)
    assert str(caught.value) == reason


NAME = "Write a word, quoted if need be."
OR = "Write `- intent: ...` or `- slot_was_set: ...` lines under it."


@pytest.mark.parametrize(
    ("written", "problem", "fix"),
    [
        ("utter_a", "'utter_a' is not a step", "Write `- action: name`."),
        ("{}", "{} is not a step", "Write `- action: name`."),
        ("acton: a", "{'acton': 'a'} is not a step", "Write `- action: name`. Did you mean 'action'?"),
        ("intent: [a]", "['a'] is not a name", NAME),
        ("action:", "None is not a name", NAME),
        ("action: 5", "5 is not a name", NAME),
        ("active_loop: 5", "5 is not a name", NAME),
        ("checkpoint: ''", "'' is not a name", NAME),
        ("slot_was_set: {a: 1}", "`slot_was_set` must be a list", "Write `- name: value`, or `- name` for any value."),
        ("slot_was_set: [1]", "1 is not a slot", "Write `- name: value`, or `- name` for any value."),
        ("{intent: a, entities: city}", "`entities` must be a list", "Write `- name`, or `- name: value`."),
        ("{intent: a, entities: [1]}", "1 is not an entity", "Write `- name`, or `- name: value`."),
        ("{intent: a, entities: [{role: a}]}", "{'role': 'a'} is not an entity", "Write `- name`, or `- name: value`."),
        (
            "{intent: a, entities: [{b: 1, c: 2}]}",
            "{'b': 1, 'c': 2} is not an entity",
            "Write `- name`, or `- name: value`.",
        ),
        ("{intent: a, user: 5}", "user is 5, not text", "Put it in quotes."),
        ("or: {intent: a}", "`or` must be a list", OR),
        ("or: []", "an `or` has nothing to choose from", OR),
        ("or: [{action: a}]", "{'action': 'a'} cannot stand under `or`", OR),
        ("or: [{or: [{intent: a}]}]", "{'or': [{'intent': 'a'}]} cannot stand under `or`", OR),
    ],
)
def test_a_wrong_step_is_refused_with_line_problem_and_fix(written: str, problem: str, fix: str) -> None:
    with pytest.raises(AssistantError) as caught:
        read("intent: first", written)
    assert str(caught.value) == f"data/stories.yml:3: {problem}. {fix}"


def test_every_way_through_the_alternatives_is_taken() -> None:
    steps = read(
        "or: [{intent: a}, {intent: b}]", "action: x", "or: [{slot_was_set: [n]}, {slot_was_set: [{n: null}]}]"
    )
    ways, cut = variants(steps)
    known, unknown, act = SlotStep(slot="n", is_any=True), SlotStep(slot="n"), ActionStep(action="x")
    assert ways == [
        [user("a"), act, known],
        [user("a"), act, unknown],
        [user("b"), act, known],
        [user("b"), act, unknown],
    ]
    assert not cut


def test_too_many_ways_are_cut() -> None:
    steps = read(*["or: [{intent: a}, {intent: b}]"] * 40)
    ways, cut = variants(steps)
    assert (len(ways), cut) == (MAX_VARIANTS, True)
