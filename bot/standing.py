"""What a platform with an inbox for persons says of who answers a customer, and what follows from it here."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bot.events import Event
from bot.handoff import (
    Handoff,
    HandoffReason,
    HandoffState,
    ReturnReason,
    claimed_event,
    noted_event,
    returned_events,
    waiting_events,
)
from bot.messages import Standing

KIND = "standing"  # of an item of the inbox that brings no message, only who answers


def standing_events(standing: Standing, handoff: Handoff, now: float) -> list[Event]:
    """The events that make `handoff` agree with what the platform says; none where it does, or knows better.

    Between the bot's call for a person and the platform's own word that one is called, the platform still says that the
    bot answers: that word is not believed, except where the conversation has ended there.
    """
    if handoff.told_at is not None and standing.at < handoff.told_at:
        return []
    if standing.is_held:
        return _held(standing, handoff, now)
    if handoff.silences_bot and (handoff.told_at is not None or standing.is_final):
        return returned_events(ReturnReason.GIVEN_BACK, now, by=handoff.by, told_at=standing.at)
    return []


def _held(standing: Standing, handoff: Handoff, now: float) -> list[Event]:
    waiting: list[Event] = []
    if not handoff.silences_bot:
        waiting = waiting_events(HandoffReason.PLATFORM, now, told_at=standing.at)
    elif handoff.told_at is None:
        waiting = [noted_event(now, standing.at)]
    holder = handoff.by if handoff.state is HandoffState.HUMAN else ""
    if not standing.by or standing.by == holder:
        return waiting
    return [*waiting, claimed_event(standing.by, now, taken_from=holder, told_at=standing.at)]


def standing_payload(standing: Standing | None) -> dict[str, Any]:
    """What the inbox keeps of it, beside a message or alone."""
    return {} if standing is None else {KIND: asdict(standing)}


def standing_in(payload: Mapping[str, Any]) -> Standing | None:
    """What `standing_payload` wrote."""
    kept = payload.get(KIND)
    return None if kept is None else Standing(**kept)
