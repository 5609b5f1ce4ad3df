"""What came of a customer's message, in one word, as turns are counted by it."""

from collections.abc import Iterable
from enum import StrEnum

from bot.events import Event
from bot.handoff import HANDOFF, HandoffState
from bot.policy import AskBack, Decision, FallBack, Reason


class Outcome(StrEnum):
    """What came of a message."""

    ANSWERED = "answered"
    ASKED_BACK = "asked_back"
    FELL_BACK = "fell_back"  # the bot said that it does not know
    HANDED_OVER = "handed_over"  # with this message a person was asked for
    PERSON = "person"  # a person answers already, or the bot was told to keep silent
    FORM = "form"
    MEDIA = "media"
    EXTERNAL = "external"


_BY_REASON = {
    Reason.PERSON: Outcome.PERSON,
    Reason.FORM: Outcome.FORM,
    Reason.MEDIA: Outcome.MEDIA,
    Reason.EXTERNAL: Outcome.EXTERNAL,
}


def outcome_of(reason: str, decision: Decision | None, events: Iterable[Event]) -> Outcome:
    """What came of a turn that went so."""
    asked = (event for event in events if event["event"] == HANDOFF and event.get("state") == HandoffState.WAITING)
    if any("reason" in event for event in asked):  # without one a platform has only taken note
        return Outcome.HANDED_OVER
    for of_reason, outcome in _BY_REASON.items():
        if reason == of_reason:
            return outcome
    match decision:
        case AskBack():
            return Outcome.ASKED_BACK
        case FallBack():
            return Outcome.FELL_BACK
        case _:
            return Outcome.ANSWERED
