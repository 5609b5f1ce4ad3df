"""State is what follows from events, and survives being written down."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.conversation import MAX_OFFERED, MAX_REWINDS, Conversation
from bot.events import Event, action_event, bot_event, loop_event, plain_event, rejected_event, slot_events, user_event
from bot.messages import BotMessage, UserMessage
from bot.situation import MAX_SITUATIONS
from configs import Button, Domain
from configs.slots import Slot, SlotType

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
times = st.floats(min_value=1, max_value=4e9)
DOMAIN = Domain(
    slots={
        "name": Slot(name="name", type=SlotType.TEXT, initial_value="friend"),
        "city": Slot(name="city", type=SlotType.TEXT),
    }
)


def after(*happened: Event, domain: Domain = DOMAIN) -> Conversation:
    """A conversation in which just this has happened."""
    return Conversation(id="c").after(happened, domain)


def heard(text: str, intent: str = "inform", now: float = 1.0, **parsed: Any) -> Event:
    parse_data = {"intent": {"name": intent, "confidence": 1.0}, "entities": [], **parsed}
    return user_event(UserMessage(conversation_id="c", text=text, channel="rest"), parse_data, "m", now)


def said(payloads: list[str], now: float = 1.0) -> Event:
    buttons = tuple(Button(title=payload.upper(), payload=payload) for payload in payloads)
    return bot_event(BotMessage(text="?", buttons=buttons), {}, now)


events = st.one_of(
    st.builds(lambda name, value, now: slot_events({name: value}, now)[0], names, values, times),
    st.builds(said, st.lists(names, max_size=6), times),
    st.builds(
        plain_event,
        st.sampled_from(["restart", "session_started", "rewind", "undo", "reset_slots", "pause", "resume"]),
        times,
    ),
    st.builds(loop_event, st.none() | names, times),
    st.builds(rejected_event, names, times),
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
    state = Conversation(id="c").after(happened, DOMAIN)

    assert Conversation.from_json(state.to_json()) == state


@settings(max_examples=100, deadline=None)
@given(happened=st.lists(events, max_size=20), cut=st.integers(0, 20))
def test_state_does_not_depend_on_how_events_are_grouped_into_turns(happened: list[Event], cut: int) -> None:
    at_once = Conversation(id="c").after(happened, DOMAIN)
    in_turns = Conversation(id="c").after(happened[:cut], DOMAIN).after(happened[cut:], DOMAIN)

    assert in_turns == at_once
    assert at_once.last_event_at == (happened[-1]["timestamp"] if happened else None)


@settings(max_examples=50, deadline=None)
@given(shown=st.lists(st.lists(st.integers(0, 80), max_size=30), max_size=8))
def test_the_newest_fifty_payloads_are_kept_each_once(shown: list[list[int]]) -> None:
    state = after(*(said([f"/{number}" for number in row]) for row in shown))

    assert len(state.offered) <= MAX_OFFERED == 50
    newest = [f"/{number}" for row in shown for number in row][::-1]
    expected = list(dict.fromkeys(newest))[:MAX_OFFERED]
    assert set(expected) == set(state.offered)


def test_of_more_than_fifty_payloads_the_oldest_go() -> None:
    state = after(*(said([f"/{number}"]) for number in range(60)))
    again = state.after([said(["/12", "/new"])], DOMAIN)

    assert state.offered == tuple(f"/{number}" for number in range(10, 60))
    assert again.offered == (*(f"/{number}" for number in range(11, 60) if number != 12), "/12", "/new")


def test_a_slot_keeps_its_last_value_and_may_be_emptied() -> None:
    state = after(*slot_events({"name": "Ann", "city": "Leeds"}, 1.0), *slot_events({"name": "Bo", "city": None}, 2.0))

    assert state.slots == {"name": "Bo", "city": None}
    assert state.last_event_at == 2.0


def test_a_restart_forgets_slots_and_buttons() -> None:
    state = after(*slot_events({"name": "Ann", "city": "Bath"}, 1.0), said(["/a"]), plain_event("restart", 5.0))

    assert (state.slots, state.offered, state.last_event_at) == ({"name": "friend"}, (), 5.0)
    assert state.now.followup == "action_session_start"


def test_a_new_session_begins_with_the_slots_as_at_first() -> None:
    state = after(
        *slot_events({"name": "Ann", "city": "Leeds"}, 1.0), said(["/a"]), plain_event("session_started", 2.0)
    )

    assert state.slots == {"name": "friend"}
    assert state.offered == ("/a",), "a button of the last session may still be pressed"


def turn(text: str, *actions: str, intent: str = "inform", slots: dict[str, Any] | None = None) -> list[Event]:
    done = [action_event(name, 1.0) for name in (*actions, "action_listen")]
    return [heard(text, intent), *slot_events(slots or {}, 1.0), *done]


OPENED = [
    action_event("action_session_start", 1.0),
    plain_event("session_started", 1.0),
    action_event("action_listen", 1.0),
]


def test_a_rewind_puts_back_what_was_before_the_last_message() -> None:
    one, two = turn("a", "utter_a", slots={"city": "Bath"}), turn("b", "utter_b", slots={"city": "York"})

    state = after(*OPENED, *one, *two, plain_event("rewind", 2.0), action_event("action_listen", 2.0))

    expected = after(*OPENED, *one)
    assert state.now == expected.now
    assert state.slots["city"] == "Bath"
    assert state.now.message is not None
    assert state.now.message["text"] == "a"


def test_so_many_messages_can_be_taken_back_one_after_another_and_no_more() -> None:
    turns = [event for number in range(8) for event in turn(str(number), "utter_x", slots={"city": str(number)})]
    rewinds = [plain_event("rewind", 2.0)] * 20

    back = [after(*OPENED, *turns, *rewinds[:count]).slots["city"] for count in range(7)]

    assert back == ["7", "6", "5", "4", "3", "3", "3"]
    assert MAX_REWINDS == 4


def test_an_undo_puts_back_what_was_before_the_last_action() -> None:
    begun = after(*OPENED, heard("a"), action_event("utter_a", 1.0))

    undone = begun.after([plain_event("undo", 1.0)], DOMAIN)

    assert undone.now == after(*OPENED, heard("a")).now


def test_a_form_is_under_way_until_it_ends_and_rejects_until_it_runs_again() -> None:
    begun = after(*OPENED, heard("a", "order"), action_event("order_form", 1.0), loop_event("order_form", 1.0))
    rejected = begun.after([action_event("action_listen", 1.0), heard("b"), rejected_event("order_form", 1.0)], DOMAIN)
    answered = rejected.after([action_event("utter_b", 1.0)], DOMAIN)
    again = answered.after([action_event("order_form", 1.0)], DOMAIN)

    assert begun.loop is not None
    assert (begun.loop.name, begun.loop.rejected, begun.loop.trigger["text"]) == ("order_form", False, "a")
    assert [state.loop is not None and state.loop.rejected for state in (rejected, answered, again)] == [
        True,
        True,
        False,
    ]
    assert again.after([loop_event(None, 1.0)], DOMAIN).loop is None


def test_the_history_holds_what_each_action_was_taken_in() -> None:
    state = after(*OPENED, *turn("a", "utter_a", "utter_b", intent="greet", slots={"city": "Bath"}))

    assert [(s.action, s.intent, dict(s.slots)) for s in state.now.history] == [
        ("action_listen", "greet", {"name": True, "city": True}),
        ("utter_a", "greet", {"name": True, "city": True}),
        ("utter_b", "greet", {"name": True, "city": True}),
    ]
    assert state.now.from_start


def test_a_conversation_of_a_thousand_turns_takes_no_more_room_than_one_of_ten() -> None:
    def length(turns: int) -> int:
        state = after(*OPENED, *(event for number in range(turns) for event in turn(f"{number:04}", "utter_a")))
        assert len(state.now.history) <= MAX_SITUATIONS
        return len(state.to_json())

    assert length(1000) == length(20)


def test_a_retrieval_intent_is_told_in_full() -> None:
    message = heard("when")
    message["parse_data"]["intent"] = {"name": "faq", "full_retrieval_intent_name": "faq/hours"}

    assert after(*OPENED, message).intent == "faq/hours"


def test_buttons_on_cards_are_offered_too() -> None:
    cards: Any = (
        {"title": "One", "buttons": [{"title": "Take it", "payload": "/one"}, {"title": "See", "url": "https://x"}]},
        {"title": "Two"},
    )
    state = after(bot_event(BotMessage(buttons=(Button(title="A", payload="/a"),), elements=cards), {}, 1.0))

    assert state.offered == ("/a", "/one")


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
    assert action == {
        "event": "action",
        "timestamp": 3.0,
        "name": "utter_x",
        "policy": "kefu",
        "confidence": 0.5,
        "action_text": None,
        "hide_rule_turn": False,
    }
    assert json.loads(json.dumps([user, bot, action])) == [user, bot, action]
