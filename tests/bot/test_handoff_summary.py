"""The summary tells a person what was asked and tried, what is known, and the mood."""

from typing import Any

from bot.conversation import Conversation
from bot.events import Event, action_event, bot_event, plain_event, slot_event, user_event
from bot.handoff import HandoffReason, claimed_event, waiting_events
from bot.handoff_summary import MAX_TURNS, HandoffSummary, TriedTurn, summary
from bot.messages import BotMessage, UserMessage
from configs import Domain


def heard(text: str, intent: str | None = "order", entities: Any = (), mood: Any = None) -> Event:
    parse_data = {"intent": {"name": intent}, "entities": list(entities), "kefu": {"mood": mood} if mood else {}}
    return user_event(UserMessage(conversation_id="c", text=text, channel="chat"), parse_data, "m", 5.0)


def said(text: str, **metadata: str) -> Event:
    return bot_event(BotMessage(text=text), metadata, 5.0)


def summarised(*events: Event) -> HandoffSummary:
    return summary(Conversation(id="c").after(events, Domain()), events)


def test_turns_say_what_was_asked_done_and_answered() -> None:
    told = summarised(
        action_event("action_session_start", 1.0),
        plain_event("session_started", 1.0),
        action_event("action_listen", 1.0),
        heard("where is FW-1", entities=[{"entity": "order_number", "value": "FW-1"}]),
        action_event("utter_order", 5.0),
        said("On its way.", reason="sure_intent"),
        said("Here is the link.", reason="sure_intent"),
        action_event("action_listen", 5.0),
        slot_event("city", "Bristol", 5.0),
        slot_event("requested_slot", "name", 5.0),
        slot_event("name", None, 5.0),
        heard("it is not!", None, mood={"sentiment": "negative", "felt": ["anger", "frustration"]}),
        action_event("action_default_fallback", 5.0),
        said("Sorry?", reason="nothing_near"),
        *waiting_events(HandoffReason.ANGRY, 6.0),
    )

    assert told == HandoffSummary(
        reason="angry",
        since=6.0,
        channel="chat",
        turns=(
            TriedTurn(
                asked="where is FW-1",
                intent="order",
                actions=("utter_order",),
                reason="sure_intent",
                answer="On its way.\nHere is the link.",
            ),
            TriedTurn(
                asked="it is not!",
                intent=None,
                actions=("action_default_fallback",),
                reason="nothing_near",
                answer="Sorry?",
            ),
        ),
        slots={"city": "Bristol"},
        entities={"order_number": "FW-1"},
        sentiment="negative",
        felt=("anger", "frustration"),
    )


def test_only_the_last_session_is_told_and_of_a_long_one_the_end() -> None:
    told = summarised(
        heard("long ago"),
        plain_event("session_started", 1.0),
        *(heard(f"question {number}") for number in range(MAX_TURNS + 3)),
    )
    assert [turn.asked for turn in told.turns] == [f"question {number}" for number in range(3, MAX_TURNS + 3)]
    assert told.turns_left_out == 3


def test_what_a_person_has_said_is_no_reason_of_the_bot() -> None:
    told = summarised(
        heard("help"),
        *waiting_events(HandoffReason.RULE, 6.0),
        claimed_event("ann", 7.0),
        said("Hello, this is Ann.", agent="ann"),
    )
    assert told.turns == (TriedTurn(asked="help", intent="order", answer="Hello, this is Ann."),)


def test_a_conversation_without_a_message_has_an_empty_summary() -> None:
    assert summarised(*waiting_events(HandoffReason.API, 6.0)).to_dict() == {
        "reason": "api",
        "since": 6.0,
        "channel": None,
        "turns": (),
        "turns_left_out": 0,
        "slots": {},
        "entities": {},
        "sentiment": None,
        "felt": (),
    }


def test_parse_data_of_others_does_no_harm() -> None:
    event = heard("hm")
    event["parse_data"] = {"intent": None, "entities": [None, "x", {"value": 1}], "kefu": "no mapping"}
    assert summarised(event).turns == (TriedTurn(asked="hm"),)
