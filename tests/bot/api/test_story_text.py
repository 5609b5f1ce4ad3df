"""A conversation written as a test story, which the reader of stories takes back."""

from pathlib import Path
from typing import Any

from bot.api.story_text import story_text
from bot.events import Event, action_event, loop_event, slot_event
from configs.flows import ActionStep, LoopStep, SlotStep, UserStep
from configs.stories import join_stories, parse_stories
from configs.yaml_file import parse_yaml


def user(text: str, intent: str | None, *entities: dict[str, Any]) -> Event:
    return {
        "event": "user",
        "timestamp": 1.0,
        "text": text,
        "parse_data": {"intent": {"name": intent}, "entities": list(entities)},
    }


ORDER = [
    action_event("action_session_start", 0.0),
    {"event": "session_started", "timestamp": 0.0},
    action_event("action_listen", 0.0),
    user("a red bike: for Ann", "order", {"entity": "colour", "start": 2, "end": 5, "value": "#f00"}),
    slot_event("colour", "#f00", 1.0),
    slot_event("count", 1, 1.0),
    action_event("order_form", 1.0),
    loop_event("order_form", 1.0),
    loop_event(None, 1.0),
    action_event("utter_done", 1.0),
    {"event": "bot", "timestamp": 1.0, "text": "Done."},
    action_event("action_listen", 1.0),
]


def test_each_step_stands_in_its_order_and_silent_actions_are_left_out() -> None:
    data = parse_yaml(story_text("ann", [ORDER]), Path("story.yml")).data

    assert data == {
        "version": "3.1",
        "stories": [
            {
                "story": "ann",
                "steps": [
                    {"user": 'a [red]{"entity": "colour", "value": "#f00"} bike: for Ann', "intent": "order"},
                    {"slot_was_set": [{"colour": "#f00"}, {"count": 1}]},
                    {"action": "order_form"},
                    {"active_loop": "order_form"},
                    {"active_loop": None},
                    {"action": "utter_done"},
                ],
            }
        ],
    }


def test_the_reader_of_stories_takes_it_back() -> None:
    file = parse_yaml(story_text("ann", [ORDER]), Path("story.yml"))

    (story,) = join_stories(parse_stories(file, Path())[0])[0]

    assert [type(step) for step in story.steps] == [
        UserStep,
        SlotStep,
        SlotStep,
        ActionStep,
        LoopStep,
        LoopStep,
        ActionStep,
    ]


def test_several_sessions_are_several_stories_and_one_without_steps_is_none() -> None:
    text = story_text("a/b", [ORDER[:3], [user("hi", "greet")], [user("yes: no", None)]])

    assert parse_yaml(text, Path("x")).data["stories"] == [
        {"story": "a/b, story 1", "steps": [{"user": "hi", "intent": "greet"}]},
        {"story": "a/b, story 2", "steps": [{"user": "yes: no"}]},
    ]


def test_of_entities_that_overlap_the_first_is_marked_and_odd_places_are_not() -> None:
    entities = [
        {"entity": "a", "start": 0, "end": 5, "value": "hello"},
        {"entity": "b", "start": 3, "end": 8, "value": "lo w"},
        {"entity": "c", "start": 6, "end": 99, "value": "x"},
        {"entity": "d", "start": None, "end": None},
        {"entity": "e", "start": 6, "end": 11, "value": "world", "role": "to"},
    ]

    text = story_text("x", [[user("hello world", "greet", *entities)]])

    (step,) = parse_yaml(text, Path("x")).data["stories"][0]["steps"]
    assert step["user"] == '[hello](a) [world]{"entity": "e", "role": "to"}'
