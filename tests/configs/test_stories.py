from pathlib import Path

import pytest

from configs import AssistantError, Story
from configs.flows import ActionStep, SlotStep, Step, UserStep
from configs.stories import MAX_STORIES, StoryBlock, join_stories, parse_stories
from configs.yaml_file import parse_yaml

ROOT = Path("shop")
FILE = ROOT / "data" / "stories.yml"


def pieces(text: str) -> tuple[list[StoryBlock], list[str]]:
    return parse_stories(parse_yaml(text, FILE), ROOT)


def read(text: str) -> tuple[list[Story], list[str]]:
    return join_stories(pieces(text)[0])


def stories(**written: str) -> str:
    """Stories by name: a lower-case word is an intent, an upper-case one an action, >x a checkpoint."""
    lines = ["stories:"]
    for name, steps in written.items():
        kinds = [
            f"{{checkpoint: {step[1:]}}}"
            if step[0] == ">"
            else f"{{{'action' if step.isupper() else 'intent'}: {step}}}"
            for step in steps.split()
        ]
        lines.append(f"- {{story: {name}, steps: [{', '.join(kinds)}]}}")
    return "\n".join(lines) + "\n"


def short(steps: tuple[Step, ...]) -> str:
    words = []
    for step in steps:
        match step:
            case UserStep(intent=word) | ActionStep(action=word):
                words.append(word)
            case SlotStep(slot=slot, value=value):
                words.append(f"{slot}={value}")
    return " ".join(words)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"a": "hi HI bye BYE"}, ["hi HI bye BYE"]),
        ({"a": "hi HI >x", "b": ">x bye BYE"}, ["hi HI bye BYE"]),
        ({"a": "hi HI >x", "b": ">x yes YES", "c": ">x no NO"}, ["hi HI yes YES", "hi HI no NO"]),
        ({"a": "hi HI >x", "b": "oh OH >x", "c": ">x no NO"}, ["hi HI no NO", "oh OH no NO"]),
        ({"a": "hi HI >x yes YES", "b": ">x no NO"}, ["hi HI yes YES", "hi HI no NO"]),
        ({"a": "hi HI >x >y", "b": ">x yes YES", "c": ">y no NO"}, ["hi HI yes YES", "hi HI no NO"]),
        ({"a": "hi HI >x", "b": "oh OH >y", "c": ">x >y no NO"}, ["hi HI no NO", "oh OH no NO"]),
        ({"a": "hi HI >x", "b": ">x ok OK >y", "c": ">y no NO"}, ["hi HI ok OK no NO"]),
        ({"a": "hi HI >x", "b": ">x more MORE >x"}, ["hi HI more MORE more MORE"]),
        (
            {"a": "hi HI >x", "b": ">x more MORE >x", "c": ">x end END"},
            ["hi HI more MORE more MORE", "hi HI more MORE end END", "hi HI end END"],
        ),
    ],
)
def test_checkpoints_are_joined(written: dict[str, str], expected: list[str]) -> None:
    found, notices = read(stories(**written))
    assert [short(story.steps) for story in found] == expected
    assert notices == []


def test_a_joined_story_has_the_names_of_its_parts_and_the_place_where_it_begins() -> None:
    found, _ = read(stories(a="hi HI >x", b=">x bye BYE"))
    assert [(story.name, story.where) for story in found] == [("a > b", "data/stories.yml:2")]


def test_a_checkpoint_may_hang_on_slots() -> None:
    found, _ = read(
        "stories:\n- {story: a, steps: [{intent: hi}, {action: HI}, {checkpoint: x}]}\n"
        "- {story: b, steps: [{checkpoint: x, slot_was_set: [{n: 1}]}, {intent: yes}, {action: YES}]}\n"
        "- {story: c, steps: [{checkpoint: x, slot_was_set: [{n: null}]}, {intent: yes}, {action: NO}]}\n"
    )
    assert [short(story.steps) for story in found] == ["hi HI n=1 yes YES", "hi HI n=None yes NO"]


def test_alternatives_make_several_stories_and_no_piece_twice() -> None:
    text = (
        "stories:\n- {story: a, steps: [{or: [{intent: hi}, {intent: hey}]}, {action: HI}, {checkpoint: x}, "
        "{or: [{slot_was_set: [{n: 1}]}, {slot_was_set: [{n: [2]}]}]}, {action: N}]}\n"
    )
    found, notices = read(text)
    assert len(pieces(text)[0]) == 4
    assert [short(story.steps) for story in found] == ["hi HI n=1 N", "hi HI n=[2] N", "hey HI n=1 N", "hey HI n=[2] N"]
    assert notices == []


def test_checkpoints_that_lead_nowhere_or_are_never_reached_are_said() -> None:
    found, notices = read(stories(a="hi HI >asked", b=">askd no NO"))
    assert [short(story.steps) for story in found] == ["hi HI"]
    assert notices == [
        "shop/data/stories.yml:2: the story 'a' ends with the checkpoint 'asked': no story begins with it. "
        "Did you mean 'askd'?",
        "shop/data/stories.yml:3: the story 'b' is not followed from the checkpoint 'askd' on: no story ends with it. "
        "Did you mean 'asked'?",
    ]


def test_a_circle_that_no_story_enters_makes_no_story() -> None:
    assert read(stories(a=">x no NO >x")) == ([], [])


def test_too_many_joined_stories_are_cut_and_said() -> None:
    hub = {f"s{number}": f">x i{number} A{number} >x" for number in range(12)}
    found, notices = read(stories(a="hi HI >x", **hub))
    assert len(found) == MAX_STORIES
    assert notices == [
        "shop/data/stories.yml:2: checkpoints and `or` make more than 2,000 stories of those written; "
        "only the first 2,000 are followed"
    ]


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ("[{intent: a}, {bot: Hello}]", "it says `bot:` words instead of an `action:`"),
        ("[{user: hi}, {action: a}]", "it has `user:` words without an `intent:`"),
        ("[]", "it has no steps"),
    ],
)
def test_a_story_that_cannot_be_followed_is_named_and_left_out(steps: str, reason: str) -> None:
    found, notices = pieces(f"stories:\n- {{story: long, steps: {steps}}}\n- steps: [{{intent: a}}]\n  stps: []\n")
    assert [block.story for block in found] == ["story 2"]
    assert notices == [
        f"shop/data/stories.yml:2: the story 'long' is not followed: {reason}",
        "shop/data/stories.yml:4: unknown key `stps` in the story 'story 2' is ignored. Did you mean 'steps'?",
    ]


@pytest.mark.parametrize(
    ("text", "line", "problem", "fix"),
    [
        ("stories: {}\n", 1, "`stories` must be a list", "Write `- story: name` entries under it."),
        ("stories:\n- a\n", 2, "a story has no steps", "Write `steps:` with `- intent:` and `- action:`."),
        ("stories:\n- story: a\n  steps:\n  - intent:\n", 4, "None is not a name", "Write a word, quoted if need be."),
    ],
)
def test_a_wrong_story_is_refused_with_line_problem_and_fix(text: str, line: int, problem: str, fix: str) -> None:
    with pytest.raises(AssistantError) as caught:
        pieces(text)
    assert str(caught.value) == f"shop/data/stories.yml:{line}: {problem}. {fix}"
