"""One run of a form: check what was just filled, then ask for the next slot or end.

Source: the semantics of Rasa Open Source 3.6's FormAction and LoopAction, told in its documentation of forms.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bot.actions.result import ActionRejected
from bot.conversation import Conversation
from bot.events import LISTEN, REQUESTED_SLOT, Event, loop_event, slot_event
from bot.slot_filling import filled_slots
from configs.domain import Domain
from configs.forms import Form

Validate: TypeAlias = Callable[[Conversation, list[Event]], Awaitable[list[Event] | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRun:
    """What came of a run.

    Attributes:
        asked: The slot that is asked for now; None where the form has ended.
    """

    events: list[Event]
    asked: str | None


async def run_form(
    form: Form,
    conversation: Conversation,
    since_message: Sequence[Event],
    domain: Domain,
    validate: Validate,
    now: float,
) -> FormRun:
    """Runs `form` once.

    Args:
        since_message: What has happened since the customer's last message.
        validate: Given the state with the filled slots and these as events, what the owner's validation makes of
            them; None where there is no validation.

    Raises:
        ActionRejected: A slot was asked for and the message filled none, so that something else may answer it.
    """
    loop = conversation.loop
    if loop is None or loop.name != form.name:
        events = await _begin(form, conversation, domain, validate, now)
    elif conversation.now.action == LISTEN and not loop.interrupted:
        events = await _take(form, conversation, since_message, validate)
    else:
        events = []
    after = conversation.after(events, domain)
    said = [event for event in events if event["event"] == "slot" and event["name"] == REQUESTED_SLOT]
    if said:  # the owner's validation says what is to be asked for next
        asked = said[-1].get("value")
    else:
        asked = next((name for name in form.required_slots if after.slots.get(name) is None), None)
    if asked is None:
        return FormRun(events=[*events, slot_event(REQUESTED_SLOT, None, now), loop_event(None, now)], asked=None)
    return FormRun(events=events if said else [*events, slot_event(REQUESTED_SLOT, asked, now)], asked=asked)


async def _begin(form: Form, conversation: Conversation, domain: Domain, validate: Validate, now: float) -> list[Event]:
    """Begins: the message fills slots once more, as some mappings hold only now, and all that is known is checked."""
    begins = loop_event(form.name, now)
    begun = conversation.after([begins], domain)
    filled = filled_slots(begun, domain, now)
    values = begun.after(filled, domain).slots
    known = [slot_event(name, values[name], now) for name in form.required_slots if values.get(name) is not None]
    checked = await validate(begun, known)
    if checked is None:
        return [begins, *filled]
    return [begins, *(event for event in filled if event["name"] not in form.required_slots), *checked]


async def _take(
    form: Form, conversation: Conversation, since_message: Sequence[Event], validate: Validate
) -> list[Event]:
    filled = {
        event["name"]: event
        for event in since_message
        if event["event"] == "slot" and event["name"] in form.required_slots
    }
    checked = await validate(conversation, list(filled.values()))
    events = list(filled.values()) if checked is None else checked
    took = any(event["event"] == "slot" and event["name"] != REQUESTED_SLOT for event in events)
    if any(event["event"] == "action_execution_rejected" for event in events):
        raise ActionRejected(form.name)
    if conversation.requested_slot and not took:
        raise ActionRejected(form.name)
    return checked or []  # without a validation they have happened already


def asking(form: str, slot: str) -> tuple[str, ...]:
    """The actions and responses that may ask for `slot`, the one that wins first."""
    return (f"action_ask_{form}_{slot}", f"utter_ask_{form}_{slot}", f"action_ask_{slot}", f"utter_ask_{slot}")
