"""One run of a form at a time: what it takes, what it asks for, when it ends, when it lets others answer."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.actions.result import ActionRejected
from bot.conversation import Conversation
from bot.events import Event, action_event, loop_event, rejected_event, slot_event, user_event
from bot.form_action import FormRun, asking, run_form
from bot.messages import UserMessage
from configs.domain import Domain
from configs.forms import Form
from configs.slots import MappingType, Slot, SlotMapping, SlotType

FORM = Form(name="f", required_slots=("number", "reason"))
TRIGGER = SlotMapping(type=MappingType.FROM_TRIGGER_INTENT, value="broken", intents=("return_broken",))
DOMAIN = Domain(
    slots={
        "number": Slot(name="number", type=SlotType.TEXT),
        "reason": Slot(name="reason", type=SlotType.TEXT, mappings=(TRIGGER,)),
    },
    forms={"f": FORM},
)
Check = Callable[[Conversation, list[Event]], list[Event]]


def heard(intent: str = "return") -> Event:
    message = UserMessage(conversation_id="c", text="x", channel="rest")
    return user_event(message, {"intent": {"name": intent}}, "m", 1.0)


def begun(*more: Event, intent: str = "return") -> Conversation:
    return Conversation(id="c").after([action_event("action_listen", 1.0), heard(intent), *more], DOMAIN)


def asked(slot: str, *more: Event) -> Conversation:
    """The form has asked for `slot`, and the customer has said something."""
    form = [action_event("f", 1.0), loop_event("f", 1.0), slot_event("requested_slot", slot, 1.0)]
    return begun(*form, action_event("action_listen", 1.0), heard("inform"), *more)


async def run(conversation: Conversation, since: list[Event] | None = None, check: Check | None = None) -> FormRun:
    async def validate(state: Conversation, events: list[Event]) -> list[Event] | None:
        return check(state, events) if check else None

    return await run_form(FORM, conversation, since or [], DOMAIN, validate, 1.0)


def told(ran: FormRun) -> list[tuple[Any, ...]]:
    """Each event as its type and what it says."""
    return [(e["event"], *(e[key] for key in ("name", "value") if key in e)) for e in ran.events]


async def test_a_form_begins_and_asks_for_its_first_slot() -> None:
    ran = await run(begun())

    assert told(ran) == [("active_loop", "f"), ("slot", "requested_slot", "number")]
    assert ran.asked == "number"


async def test_what_is_known_already_is_checked_and_not_asked_for() -> None:
    seen: list[Any] = []

    def check(state: Conversation, events: list[Event]) -> list[Event]:
        seen.append((state.loop.name if state.loop else None, [(e["name"], e["value"]) for e in events]))
        return events

    ran = await run(begun(slot_event("number", "7", 1.0)), check=check)

    assert seen == [("f", [("number", "7")])]
    assert told(ran) == [("active_loop", "f"), ("slot", "number", "7"), ("slot", "requested_slot", "reason")]


async def test_the_intent_that_begins_a_form_fills_its_slots() -> None:
    ran = await run(begun(slot_event("number", "7", 1.0), intent="return_broken"))

    assert ran.asked is None
    assert told(ran)[:2] == [("active_loop", "f"), ("slot", "reason", "broken")]
    assert told(ran)[-2:] == [("slot", "requested_slot", None), ("active_loop", None)]


async def test_a_filled_slot_is_taken_and_the_next_is_asked_for() -> None:
    filled = slot_event("number", "7", 1.0)

    ran = await run(asked("number", filled), [filled])

    assert told(ran) == [("slot", "requested_slot", "reason")]


async def test_a_form_with_every_slot_filled_ends() -> None:
    known, filled = slot_event("number", "7", 1.0), slot_event("reason", "broken", 1.0)

    ran = await run(asked("reason", known, filled), [filled])

    assert told(ran) == [("slot", "requested_slot", None), ("active_loop", None)]
    assert ran.asked is None


async def test_a_message_that_fills_nothing_is_left_to_others() -> None:
    with pytest.raises(ActionRejected, match="f would not run"):
        await run(asked("number"))


async def test_a_value_that_the_validation_refuses_is_asked_for_again() -> None:
    filled = slot_event("number", "x", 1.0)

    ran = await run(asked("number", filled), [filled], lambda *_: [slot_event("number", None, 1.0)])

    assert told(ran) == [("slot", "number", None), ("slot", "requested_slot", "number")]


async def test_the_validation_may_say_what_is_asked_for_next_or_that_nothing_is() -> None:
    filled = slot_event("number", "7", 1.0)

    def then(slot: str | None) -> Check:
        return lambda _, events: [*events, slot_event("requested_slot", slot, 1.0)]

    other = await run(asked("number", filled), [filled], then("colour"))
    ended = await run(asked("number", filled), [filled], then(None))

    assert (other.asked, told(other)) == ("colour", [("slot", "number", "7"), ("slot", "requested_slot", "colour")])
    assert ended.asked is None
    assert told(ended)[-2:] == [("slot", "requested_slot", None), ("active_loop", None)]


async def test_a_validation_may_leave_the_message_to_others() -> None:
    filled = slot_event("number", "7", 1.0)

    with pytest.raises(ActionRejected, match="f would not run"):
        await run(asked("number", filled), [filled], lambda *_: [rejected_event("f", 1.0)])


async def test_after_another_answered_the_form_asks_again_without_checking() -> None:
    def never(*_: Any) -> list[Event]:
        raise AssertionError

    elsewhere = asked("number", rejected_event("f", 1.0), action_event("utter_faq", 1.0))

    ran = await run(elsewhere, [], never)

    assert told(ran) == [("slot", "requested_slot", "number")]


def test_the_forms_own_way_to_ask_wins_and_an_action_over_a_response() -> None:
    assert asking("f", "x") == ("action_ask_f_x", "utter_ask_f_x", "action_ask_x", "utter_ask_x")
