"""Who answers follows from the events; when a person is wanted, and how long anybody waits, are tables."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.events import Event, action_event, bot_event, plain_event, user_event
from bot.handoff import (
    MAX_UNREAD,
    Handoff,
    HandoffReason,
    HandoffState,
    ReturnReason,
    Signs,
    after_handoff_event,
    claimed_event,
    closed_event,
    hand_over,
    handoff_slots,
    overdue,
    returned_events,
    waiting_events,
    wants_person,
)
from bot.messages import BotMessage, UserMessage
from configs.assistant_config import HandoffConfig

CONFIG = HandoffConfig(
    enabled=True, intents=("talk_to_human",), sensitive=("payment", "allergens"), sensitive_threshold=0.9
)
FALLBACK = action_event("action_default_fallback", 1.0)
ASK_BACK = action_event("action_ask_back", 1.0)
ANSWER = action_event("utter_hours", 1.0)
WAITING = waiting_events(HandoffReason.ASKED_FOR, 10.0)
RETURNED = returned_events(ReturnReason.GIVEN_BACK, 30.0, by="ann")


def heard(text: str = "hm", felt: tuple[str, ...] = (), now: float = 1.0) -> Event:
    parse_data: dict[str, Any] = {"intent": {"name": "x"}, "kefu": {"mood": {"sentiment": "negative", "felt": felt}}}
    return user_event(UserMessage(conversation_id="c", text=text, channel="rest"), parse_data, "m", now)


def reply(text: str, agent: str = "ann", now: float = 20.0) -> Event:
    return bot_event(BotMessage(text=text), {"agent": agent}, now)


def after(*events: Event, start: Handoff | None = None) -> Handoff:
    handoff = start or Handoff()
    for event in events:
        handoff = after_handoff_event(handoff, event)
    return handoff


# The states


def test_a_conversation_waits_is_claimed_and_given_back() -> None:
    waiting = after(*WAITING)
    assert (waiting.state, waiting.reason, waiting.since, waiting.silences_bot) == ("waiting", "asked_for", 10.0, True)

    human = after(*WAITING, claimed_event("ann", 20.0))
    assert (human.state, human.by, human.since, human.silences_bot) == ("human", "ann", 20.0, True)

    returned = after(*WAITING, claimed_event("ann", 20.0), *RETURNED)
    assert (returned.state, returned.by, returned.reason, returned.silences_bot) == (
        "returned",
        "",
        "given_back",
        False,
    )

    again = after(*WAITING, claimed_event("ann", 20.0), *RETURNED, *waiting_events(HandoffReason.FAILED, 40.0))
    assert (again.state, again.reason, again.since) == ("waiting", "failed", 40.0)


def test_of_two_claims_the_first_counts() -> None:
    state = after(*WAITING, claimed_event("ann", 20.0), claimed_event("bob", 21.0))
    assert (state.by, state.since) == ("ann", 20.0)


def test_a_claim_is_taken_over_only_from_whom_it_names() -> None:
    claimed = after(*WAITING, claimed_event("ann", 20.0))
    assert after(claimed_event("cy", 21.0, taken_from="bob"), start=claimed) == claimed
    assert after(claimed_event("bob", 21.0, taken_from="ann"), start=claimed).by == "bob"


@pytest.mark.parametrize(
    "event",
    [
        claimed_event("ann", 20.0),
        RETURNED[0],
        {"event": "handoff", "timestamp": 1.0, "state": "human"},
        {"event": "handoff", "timestamp": 1.0, "state": "nonsense", "by": "ann"},
        {"event": "handoff", "timestamp": None},
        plain_event("resume", 1.0),
    ],
)
def test_a_step_that_does_not_fit_changes_nothing(event: Event) -> None:
    assert after(event) == Handoff()


def test_asking_again_while_waiting_or_served_changes_nothing() -> None:
    for before in (after(*WAITING), after(*WAITING, claimed_event("ann", 20.0))):
        assert after(*waiting_events(HandoffReason.ANGRY, 50.0), start=before) == before


def test_rasas_resume_gives_a_conversation_back() -> None:
    assert after(*WAITING, plain_event("resume", 15.0)).state is HandoffState.RETURNED


def test_a_new_session_leaves_who_waits_where_he_is_and_forgets_what_failed_else() -> None:
    started = plain_event("session_started", 5.0)
    assert after(*WAITING, started).state is HandoffState.WAITING
    assert after(heard(), FALLBACK, started) == Handoff()


def test_a_restart_begins_anew() -> None:
    assert after(*WAITING, plain_event("restart", 11.0)) == Handoff()


steps = st.sampled_from(
    [
        *WAITING,
        *RETURNED,
        claimed_event("ann", 1.0),
        claimed_event("bob", 1.0),
        claimed_event("bob", 1.0, taken_from="ann"),
        closed_event(HandoffReason.RULE, 1.0),
        heard(felt=("anger",)),
        FALLBACK,
        ANSWER,
        reply("hello"),
        plain_event("session_started", 1.0),
        plain_event("restart", 1.0),
        plain_event("pause", 1.0),
    ]
)


@given(st.lists(steps, max_size=40))
def test_whatever_happens_somebody_is_named_only_while_he_serves(happened: list[Event]) -> None:
    handoff = after(*happened)
    assert bool(handoff.by) is (handoff.state is HandoffState.HUMAN)
    assert handoff.silences_bot is (handoff.state in (HandoffState.WAITING, HandoffState.HUMAN))
    assert len(handoff.unread) <= MAX_UNREAD


# What was said out of turn


def test_what_a_person_said_is_kept_until_the_customer_writes_again() -> None:
    served = after(*WAITING, claimed_event("ann", 20.0), reply("Hello."), reply("How can I help?"))
    assert served.unread == ("Hello.", "How can I help?")
    assert after(heard(), start=served).unread == ()


def test_rasas_agent_event_counts_as_a_reply_and_the_bots_own_words_do_not() -> None:
    said = {"event": "agent", "timestamp": 1.0, "text": "Hi.", "data": None}
    assert after(said, bot_event(BotMessage(text="Welcome!"), {}, 1.0)).unread == ("Hi.",)


def test_what_is_said_on_the_way_back_is_kept_too() -> None:
    pushed = bot_event(BotMessage(text="I am back."), {"pushed": True}, 31.0)
    assert after(*WAITING, claimed_event("ann", 20.0), reply("Bye."), *RETURNED, pushed).unread == (
        "Bye.",
        "I am back.",
    )


def test_no_more_is_kept_than_fits() -> None:
    many = [reply(str(n)) for n in range(MAX_UNREAD + 5)]
    assert after(*many).unread == tuple(str(n) for n in range(5, MAX_UNREAD + 5))


# When a person is wanted


def test_failures_are_counted_by_turn_and_in_a_row() -> None:
    assert after(heard(), FALLBACK, ASK_BACK).failures == 1
    assert after(heard(), ASK_BACK, heard(), FALLBACK).failures == 2
    assert after(heard(), ASK_BACK, heard(), ANSWER, heard(), FALLBACK).failures == 1
    assert after(heard(), ASK_BACK, heard(), ANSWER, heard()).failures == 0


def test_the_second_failure_in_a_row_calls_a_person() -> None:
    failing = Signs(intent="x", failing=True)
    first = after(heard())
    assert wants_person(CONFIG, first, failing) is None
    second = after(heard(), FALLBACK, heard(), start=Handoff())
    assert wants_person(CONFIG, second, failing) is HandoffReason.FAILED
    assert wants_person(CONFIG, second, Signs(intent="x")) is None
    assert wants_person(replace_config(failures=0), second, failing) is None
    assert wants_person(replace_config(failures=1), first, failing) is HandoffReason.FAILED


def test_the_second_angry_message_calls_a_person_and_a_hand_over_forgets_them() -> None:
    once, twice = after(heard(felt=("anger",))), after(heard(felt=("anger",)), ANSWER, heard(felt=("anger",)))
    assert wants_person(CONFIG, once, Signs(intent="x")) is None
    assert wants_person(CONFIG, twice, Signs(intent="x")) is HandoffReason.ANGRY
    assert wants_person(replace_config(angry_messages=0), twice, Signs(intent="x")) is None
    assert after(*WAITING, *RETURNED, start=twice).angry == 0
    assert after(closed_event(HandoffReason.ANGRY, 5.0), start=twice).angry == 0


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        (Signs(intent="talk_to_human"), HandoffReason.ASKED_FOR),
        (Signs(intent="talk_to_human", failing=True), None),  # not understood, so not asked for
        (Signs(intent="payment", p_right=0.95), None),
        (Signs(intent="payment", p_right=0.89), HandoffReason.SENSITIVE),
        (Signs(intent="payment", failing=True), HandoffReason.SENSITIVE),
        (Signs(intent="payment"), None),  # a button: certain
        (Signs(intent="x", topics=("food", "allergens"), p_right=0.5), HandoffReason.SENSITIVE),
        (Signs(intent="x", topics=("food",), p_right=0.1), None),
        (Signs(), None),
    ],
)
def test_signs_call_a_person_or_do_not(signs: Signs, expected: HandoffReason | None) -> None:
    assert wants_person(CONFIG, after(heard()), signs) is expected


@pytest.mark.parametrize("handoff", [after(*WAITING), after(*WAITING, claimed_event("ann", 20.0))])
def test_nobody_is_called_twice(handoff: Handoff) -> None:
    assert wants_person(CONFIG, handoff, Signs(intent="talk_to_human")) is None


def test_unless_switched_on_no_sign_calls_anybody() -> None:
    everything = replace(after(heard()), angry=9, failures=9)
    signs = Signs(intent="talk_to_human", topics=("payment",), p_right=0.0)
    assert wants_person(HandoffConfig(sensitive=("payment",)), everything, signs) is None


# Hours


def test_within_the_hours_the_customer_waits_and_outside_them_the_bot_goes_on() -> None:
    monday_noon = 1_766_404_800.0  # 2025-12-22 12:00 UTC
    config = replace_config(hours={"monday": "08:00-18:00"})

    events, said = hand_over(config, HandoffReason.RULE, monday_noon)
    assert (after(*events).state, said) == ("waiting", "utter_handoff")

    events, said = hand_over(config, HandoffReason.RULE, monday_noon + 12 * 3600)
    assert (after(*events).state, said) == ("bot", "utter_handoff_closed")
    assert [event["event"] for event in events] == ["handoff"]
    assert handoff_slots(config, monday_noon + 12 * 3600) == {"handoff_opens": "2025-12-29 08:00"}


# Waiting too long


@pytest.mark.parametrize(
    ("events", "minutes", "changed", "expected"),
    [
        (WAITING, 9.9, {}, None),
        (WAITING, 10, {}, ReturnReason.NOBODY_CAME),
        (WAITING, 10_000, {"return_after_wait": False}, None),
        (WAITING, 10_000, {"wait_minutes": 0}, None),
        ([*WAITING, claimed_event("ann", 10.0)], 59, {}, None),
        ([*WAITING, claimed_event("ann", 10.0)], 60, {}, ReturnReason.IDLE),
        ([*WAITING, claimed_event("ann", 10.0), heard(now=10.0 + 1800)], 60, {}, None),
        ([*WAITING, claimed_event("ann", 10.0), reply("hi", now=10.0 + 1800)], 89, {}, None),
        ([*WAITING, claimed_event("ann", 10.0), reply("hi", now=10.0 + 1800)], 90, {}, ReturnReason.IDLE),
        ([*WAITING, claimed_event("ann", 10.0)], 10_000, {"idle_minutes": 0}, None),
        ([*WAITING, *RETURNED], 10_000, {}, None),
        ([], 10_000, {}, None),
    ],
)
def test_what_is_overdue_goes_back_to_the_bot(
    events: list[Event], minutes: float, changed: dict[str, Any], expected: ReturnReason | None
) -> None:
    assert overdue(replace_config(**changed), after(*events), 10.0 + 60 * minutes) is expected


def test_messages_of_who_waits_do_not_make_the_wait_shorter_or_longer() -> None:
    for angry, failing in product((True, False), repeat=2):
        waiting = after(*WAITING, heard(felt=("anger",) if angry else (), now=500.0), *([FALLBACK] if failing else []))
        assert overdue(CONFIG, waiting, 10.0 + 600) is ReturnReason.NOBODY_CAME


def replace_config(**changed: Any) -> HandoffConfig:
    return CONFIG.model_copy(update=changed)
