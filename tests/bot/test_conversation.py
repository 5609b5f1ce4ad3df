"""State is what follows from events, and survives being written down."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.conversation import (
    MAX_OFFERED,
    Conversation,
    Event,
    action_event,
    bot_event,
    session_events,
    slot_events,
    user_event,
)
from bot.messages import BotMessage, UserMessage
from configs import Button

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
times = st.floats(min_value=0, max_value=4e9)


def said(payloads: list[str], now: float = 1.0) -> Event:
    buttons = tuple(Button(title=payload.upper(), payload=payload) for payload in payloads)
    return bot_event(BotMessage(text="?", buttons=buttons), {}, now)


events = st.one_of(
    st.builds(lambda name, value, now: slot_events({name: value}, now)[0], names, values, times),
    st.builds(said, st.lists(names, max_size=6), times),
    st.builds(lambda now: {"event": "restart", "timestamp": now}, times),
    st.builds(lambda now: {"event": "session_started", "timestamp": now}, times),
    st.builds(action_event, names, times),
    st.builds(
        lambda text, now: user_event(UserMessage(conversation_id="c", text=text, channel="rest"), {}, "1", now),
        names,
        times,
    ),
)


@settings(max_examples=100, deadline=None)
@given(happened=st.lists(events, max_size=20))
def test_state_survives_being_written_as_json(happened: list[Event]) -> None:
    state = Conversation(id="c").after(happened)

    assert Conversation.from_json(state.to_json()) == state


@settings(max_examples=100, deadline=None)
@given(happened=st.lists(events, max_size=20), cut=st.integers(0, 20))
def test_state_does_not_depend_on_how_events_are_grouped_into_turns(happened: list[Event], cut: int) -> None:
    at_once = Conversation(id="c").after(happened)
    in_turns = Conversation(id="c").after(happened[:cut]).after(happened[cut:])

    assert in_turns == at_once
    assert at_once.last_event_at == (happened[-1]["timestamp"] if happened else None)


@settings(max_examples=50, deadline=None)
@given(shown=st.lists(st.lists(st.integers(0, 80), max_size=30), max_size=8))
def test_the_newest_fifty_payloads_are_kept_each_once(shown: list[list[int]]) -> None:
    state = Conversation(id="c").after(said([f"/{number}" for number in row]) for row in shown)

    assert len(state.offered) <= MAX_OFFERED == 50
    newest = [f"/{number}" for row in shown for number in row][::-1]
    expected = list(dict.fromkeys(newest))[:MAX_OFFERED]
    assert set(expected) == set(state.offered)


def test_of_more_than_fifty_payloads_the_oldest_go() -> None:
    state = Conversation(id="c").after(said([f"/{number}"]) for number in range(60))
    again = state.after([said(["/12", "/new"])])

    assert state.offered == tuple(f"/{number}" for number in range(10, 60))
    assert again.offered == (*(f"/{number}" for number in range(11, 60) if number != 12), "/12", "/new")


def test_a_slot_keeps_its_last_value_and_may_be_emptied() -> None:
    state = Conversation(id="c").after(
        [*slot_events({"name": "Ann", "city": "Leeds"}, 1.0), *slot_events({"name": "Bo", "city": None}, 2.0)]
    )

    assert state.slots == {"name": "Bo", "city": None}
    assert state.last_event_at == 2.0


def test_a_restart_forgets_slots_and_buttons() -> None:
    before = [*slot_events({"name": "Ann"}, 1.0), said(["/a"])]

    state = Conversation(id="c").after([*before, {"event": "restart", "timestamp": 5.0}])

    assert (state.slots, state.offered, state.last_event_at) == ({}, (), 5.0)


def test_a_new_session_holds_only_the_slots_it_was_opened_with() -> None:
    before = Conversation(id="c").after([*slot_events({"name": "Ann", "city": "Leeds"}, 1.0), said(["/a"])])

    after = before.after(session_events({"city": "Leeds"}, 2.0))

    assert after.slots == {"city": "Leeds"}
    assert after.offered == ("/a",), "a button of the last session may still be pressed"


def test_buttons_on_cards_are_offered_too() -> None:
    cards: Any = (
        {"title": "One", "buttons": [{"title": "Take it", "payload": "/one"}, {"title": "See", "url": "https://x"}]},
        {"title": "Two"},
    )
    state = Conversation(id="c").after(
        [bot_event(BotMessage(buttons=(Button(title="A", payload="/a"),), elements=cards), {}, 1.0)]
    )

    assert state.offered == ("/a", "/one")


def test_a_session_opens_as_rasa_opens_it() -> None:
    opening = session_events({"name": "Ann"}, 3.0)

    assert [(event["event"], event.get("name")) for event in opening] == [
        ("action", "action_session_start"),
        ("session_started", None),
        ("slot", "name"),
        ("action", "action_listen"),
    ]
    assert {event["timestamp"] for event in opening} == {3.0}


def test_events_have_the_keys_that_rasa_reads() -> None:
    message = UserMessage(conversation_id="c", text="hi", channel="rest", metadata={"page": "/x"})
    user = user_event(message, {"intent": {"name": "greet"}}, "m1", 1.0)
    bot = bot_event(BotMessage(text="yes", image="i.png"), {"utter_action": "utter_x"}, 2.0)
    action = action_event("utter_x", 3.0, policy="kefu", confidence=0.5)

    assert user == {
        "event": "user",
        "timestamp": 1.0,
        "text": "hi",
        "parse_data": {"intent": {"name": "greet"}},
        "input_channel": "rest",
        "message_id": "m1",
        "metadata": {"page": "/x"},
    }
    assert bot == {
        "event": "bot",
        "timestamp": 2.0,
        "text": "yes",
        "data": {"buttons": None, "image": "i.png", "attachment": None, "custom": None, "elements": None},
        "metadata": {"utter_action": "utter_x"},
    }
    assert action == {"event": "action", "timestamp": 3.0, "name": "utter_x", "policy": "kefu", "confidence": 0.5}
    assert json.loads(json.dumps([user, bot, action])) == [user, bot, action]
