"""What an action answers is checked before a conversation takes it, and what is wrong is named without its words."""

import datetime
import json
from typing import Any

import pytest
from rasa_sdk import events as sdk

from bot.actions import ActionFailed, ActionResult
from bot.actions.event_check import EVENT_TYPES, event_problem
from bot.actions.result import MAX_EVENTS, MAX_RESPONSES, parse_result

NOW = 1_700_000_000.0
WORDS = "a secret word"


def parse(payload: object) -> ActionResult:
    return parse_result(payload, action="action_a", now=NOW)


def reason(payload: object) -> str:
    with pytest.raises(ActionFailed) as caught:
        parse(payload)
    assert caught.value.action == "action_a"
    assert WORDS not in str(caught.value)
    return caught.value.reason


def events(*found: Any) -> dict[str, Any]:
    return {"events": list(found), "responses": []}


FROM_THE_SDK = [
    sdk.UserUttered("hi", {"intent": {"name": "greet"}}, input_channel="rest"),
    sdk.BotUttered("hello", {"buttons": []}, {"utter_action": "utter_greet"}),
    sdk.SlotSet("city", ["Leeds", 1, None]),
    sdk.SlotSet("city"),
    sdk.Restarted(),
    sdk.SessionStarted(),
    sdk.SessionEnded(metadata={"why": "done"}),
    sdk.UserUtteranceReverted(),
    sdk.AllSlotsReset(),
    sdk.ReminderScheduled("remind", datetime.datetime(2026, 1, 2, 3, 4, 5), {"city": "Leeds"}, "r1"),
    sdk.ReminderScheduled("remind", datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), [{"entity": "city"}]),
    sdk.ReminderCancelled("r1"),
    sdk.ReminderCancelled(),
    sdk.ActionReverted(),
    sdk.StoryExported(),
    sdk.FollowupAction("action_listen"),
    sdk.ConversationPaused(),
    sdk.ConversationResumed(),
    sdk.ActionExecuted("action_a", "RulePolicy", 1.0),
    sdk.AgentUttered("hello", {"a": 1}),
    sdk.ActiveLoop("book_form"),
    sdk.ActiveLoop(None),
    sdk.LoopInterrupted(True),
    sdk.ActionExecutionRejected("book_form"),
]


@pytest.mark.parametrize("event", FROM_THE_SDK, ids=lambda event: event["event"])
def test_every_event_that_rasa_sdk_makes_is_taken(event: dict[str, Any]) -> None:
    assert parse(events(event)).events == ({**event, "timestamp": NOW},)


def test_the_other_events_of_rasa_are_known_too() -> None:
    made = {event["event"] for event in FROM_THE_SDK}
    assert EVENT_TYPES - made == {"entities", "form", "form_validation", "user_featurization"}


def test_a_timestamp_that_is_given_stays() -> None:
    first, second = parse(events(sdk.Restarted(timestamp=12.5), sdk.Restarted())).events
    assert (first["timestamp"], second["timestamp"]) == (12.5, NOW)


def test_what_is_taken_is_nobody_elses() -> None:
    value = {"city": ["Leeds"]}
    result = parse({"events": [sdk.SlotSet("trip", value)], "responses": [{"text": "a", "custom": value}]})
    value["city"].append("York")
    assert result.events[0]["value"] == result.responses[0]["custom"] == {"city": ["Leeds"]}


def test_tuples_and_numbers_as_keys_become_what_json_makes_of_them() -> None:
    payload = events(sdk.SlotSet("x", {1: (2, 3)}))
    assert parse(payload).events[0]["value"] == json.loads(json.dumps({1: (2, 3)}))


@pytest.mark.parametrize("payload", [{}, {"events": None, "responses": None}, {"events": [], "extra": 1}])
def test_what_is_left_out_is_nothing(payload: object) -> None:
    assert parse(payload) == ActionResult()


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (None, "answered null, not an object"),
        ([WORDS], "answered a list, not an object"),
        (WORDS, "answered a text, not an object"),
        ({"events": {"a": WORDS}}, "events is an object, not a list"),
        ({"responses": WORDS}, "responses is a text, not a list"),
        (events(WORDS), "events[0] is a text, not an object"),
        (events({"name": WORDS}), "events[0] has null as its `event`"),
        (events(sdk.Restarted(), {"event": "slots"}), "events[1] is of the type 'slots', which is no event of Rasa's."),
        (events({"event": "slot", "value": WORDS}), "events[0] (slot) has null as its `name`; that must be a name"),
        (events({"event": "slot", "name": " "}), "events[0] (slot) has a text as its `name`"),
        (events({"event": "slot", "name": ""}), "events[0] (slot) has an empty text as its `name`"),
        (events({"event": "followup", "name": ["a"]}), "events[0] (followup) has a list as its `name`"),
        (events({"event": "restart", "timestamp": "now"}), "events[0] (restart) has a text as its `timestamp`"),
        (events({"event": "restart", "timestamp": 1.7e12}), "a Unix time in seconds or null"),
        (events({"event": "restart", "timestamp": -1}), "a Unix time in seconds or null"),
        (events({"event": "restart", "timestamp": True}), "has true or false as its `timestamp`"),
        (events({"event": "restart", "metadata": [WORDS]}), "has a list as its `metadata`"),
        (events({"event": "reminder", "intent": "a", "date_time": WORDS}), "a day and time in ISO 8601"),
        (events({"event": "reminder", "intent": "a", "date_time": 5}), "a day and time in ISO 8601"),
        (events({"event": "loop_interrupted", "is_interrupted": 1}), "that must be true or false"),
        (events({"event": "bot", "text": {"a": WORDS}}), "(bot) has an object as its `text`"),
        (events({"event": "user", "text": "a", "parse_data": WORDS}), "(user) has a text as its `parse_data`"),
        (events({"event": "entities", "entities": [WORDS]}), "a list or a map of entities"),
        (events(*[sdk.Restarted()] * (MAX_EVENTS + 1)), "events holds 1,001 items; at most 1,000 are taken"),
        ({"responses": [{"text": "a"}] * (MAX_RESPONSES + 1)}, "responses holds 101 items; at most 100 are taken"),
        ({"responses": [WORDS]}, "responses[0] is a text, not an object"),
        ({"responses": [{"text": "a"}, {"text": 5}]}, "responses[1] has a number as its `text`"),
        ({"responses": [{"response": [WORDS]}]}, "responses[0] has a list as its `response`"),
        ({"responses": [{"buttons": {"title": WORDS}}]}, "responses[0] has as its `buttons` something other than"),
        ({"responses": [{"elements": [WORDS]}]}, "responses[0] has as its `elements` something other than"),
        (events(sdk.SlotSet("x", float("inf"))), "Infinity is not a JSON number"),
        (events(sdk.SlotSet("x", object())), "what is not JSON: Object of type object is not JSON serializable"),
        (events(sdk.SlotSet("x", {(1, 2): 3})), "what is not JSON: keys must be str"),
        (events(sdk.SlotSet("x", "\ud800")), "half of a surrogate pair"),
        (events(sdk.SlotSet("x", "y" * 1_000_000)), "answered 1,000,"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_field(payload: object, said: str) -> None:
    assert said in reason(payload)


@pytest.mark.parametrize("depth", [40, 100_000])
def test_what_is_nested_deeply_is_refused(depth: int) -> None:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    assert "nested" in reason(events(sdk.SlotSet("x", value)))


def test_what_holds_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    assert "Circular reference" in reason(events(sdk.SlotSet("x", value)))


@pytest.mark.parametrize(
    "event", [None, 5, "slot", [], {"event": None}, {"event": {}}, {"event": "\ud800" * 1_000_000}]
)
def test_whatever_comes_is_judged_in_a_few_words(event: object) -> None:
    assert len(event_problem(event) or "") in range(1, 500)
