"""Events sent over HTTP: Rasa's pass as they stand, others are refused, and nothing that passes breaks a state."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasa_sdk import events as sdk

from bot.actions.event_check import EVENT_TYPES
from bot.api.checked_events import MAX_EVENTS, checked_events, checked_parse_data
from bot.conversation import Conversation
from bot.errors import Refused
from configs.domain import Domain

LIMIT = 100


def check(data: Any) -> list[dict[str, Any]]:
    return checked_events(data, max_text_chars=LIMIT)


@pytest.mark.parametrize(
    "event",
    [
        sdk.SlotSet("city", "Paris"),
        sdk.SlotSet("city", None),
        sdk.UserUttered("hello", {"intent": {"name": "greet", "confidence": 0.9}, "entities": [{"entity": "a"}]}),
        sdk.UserUttered("hello"),
        sdk.BotUttered("hi", {"buttons": [{"title": "a", "payload": "/a"}]}),
        sdk.ActionExecuted("utter_greet", policy="RulePolicy", confidence=1.0),
        sdk.ActiveLoop("order_form"),
        sdk.ActiveLoop(None),
        sdk.FollowupAction("utter_bye"),
        sdk.Restarted(),
        sdk.SessionStarted(),
        sdk.AllSlotsReset(),
        sdk.UserUtteranceReverted(),
        sdk.ActionReverted(),
        sdk.ConversationPaused(),
        sdk.ConversationResumed(),
        sdk.ActionExecutionRejected("order_form"),
        {"event": "handoff", "state": "waiting", "reason": "api"},
        {"event": "slot", "name": "x", "value": {"deep": [1, None]}, "timestamp": 1.5, "metadata": {"a": 1}},
    ],
)
def test_events_of_rasas_pass_as_they_stand(event: dict[str, Any]) -> None:
    assert check(event) == [event]
    assert check([event, event]) == [event, event]


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ([], "body"),
        ([{"event": "restart"}] * (MAX_EVENTS + 1), "body"),
        ("restart", "events[0].event"),
        (None, "events[0].event"),
        ({}, "events[0].event"),
        ({"event": "restarted"}, "events[0].event"),
        ({"event": 3}, "events[0].event"),
        ({"event": ["restart"]}, "events[0].event"),
        ([{"event": "restart"}, {"event": "slot"}], "events[1].event"),
        ({"event": "restart", "timestamp": "now"}, "events[0].event"),
        ({"event": "restart", "timestamp": -1}, "events[0].event"),
        ({"event": "restart", "timestamp": 1e14}, "events[0].event"),
        ({"event": "user", "text": 5}, "events[0].event"),
        ({"event": "user", "text": "x" * (LIMIT + 1)}, "events[0].text"),
        ({"event": "user", "text": "a\x00"}, "events[0].text"),
        ({"event": "user", "text": "a", "parse_data": {"intent": "greet"}}, "events[0].parse_data.intent"),
        ({"event": "user", "text": "a", "parse_data": {"intent": ["greet"]}}, "events[0].parse_data.intent"),
        ({"event": "user", "text": "a", "parse_data": {"intent": {"name": 5}}}, "events[0].parse_data.intent.name"),
        (
            {"event": "user", "text": "a", "parse_data": {"intent": {"name": "\x00"}}},
            "events[0].parse_data.intent.name",
        ),
        ({"event": "user", "text": "a", "parse_data": {"entities": "x"}}, "events[0].parse_data.entities"),
        ({"event": "user", "text": "a", "parse_data": {"entities": ["x"]}}, "events[0].parse_data.entities.0"),
        ({"event": "user", "text": "a", "parse_data": {"entities": [{}]}}, "events[0].parse_data.entities.0.entity"),
        ({"event": "bot", "text": "a", "data": {"buttons": "x"}}, "events[0].data.buttons"),
        ({"event": "bot", "text": "a", "data": {"buttons": [5]}}, "events[0].data.buttons.0"),
        ({"event": "bot", "text": "a", "data": {"elements": [[]]}}, "events[0].data.elements.0"),
        ({"event": "slot", "name": "n" * 256}, "events[0].name"),
        ({"event": "slot", "name": "a\x1b[2J"}, "events[0].name"),
        ({"event": "slot", "name": "a", "value": "\ud800"}, "body"),
        ({"event": "handoff", "state": "gone"}, "events[0].event.state"),
    ],
)
def test_what_is_no_event_is_refused_and_the_field_named(data: Any, field: str) -> None:
    with pytest.raises(Refused) as refused:
        check(data)

    assert (refused.value.status, refused.value.field) == (422, field)


@pytest.mark.parametrize("data", [{"intent": 1}, {"entities": {}}, {"intent": {"name": []}}, {"entities": [None]}])
def test_parse_data_that_is_none_is_refused(data: Any) -> None:
    with pytest.raises(Refused, match="parse_data"):
        checked_parse_data(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "greet", "/a", "waiting", "human"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "name",
                    "intent",
                    "entities",
                    "entity",
                    "buttons",
                    "elements",
                    "payload",
                    "kefu",
                    "mood",
                    "felt",
                    "agent",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
FIELDS = "name text value data parse_data entities metadata is_interrupted state by reason input_channel from"
fields = st.sampled_from(FIELDS.split())
any_event = st.builds(
    lambda kind, rest: {**rest, "event": kind},
    st.sampled_from(sorted({*EVENT_TYPES, "handoff"})),
    st.dictionaries(fields, json_values, max_size=5),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(any_event, min_size=1, max_size=6))
def test_whatever_passes_can_happen_to_a_conversation(sent: list[dict[str, Any]]) -> None:
    try:
        taken = check(sent)
    except Refused:
        return
    state = Conversation(id="ann").after(taken, Domain())

    assert Conversation.from_json(state.to_json()) == state
    state.situation(Domain())
