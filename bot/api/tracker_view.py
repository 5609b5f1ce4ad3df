"""Which of a conversation's events a caller wants to see, by Rasa's words for it."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from bot.events import Event


class EventVerbosity(StrEnum):
    """How many events a tracker shows."""

    NONE = "NONE"
    APPLIED = "APPLIED"
    AFTER_RESTART = "AFTER_RESTART"
    ALL = "ALL"


def shown_events(events: Sequence[Event], verbosity: EventVerbosity) -> list[Event] | None:
    """Those of `events` that are to be shown; None for none at all."""
    match verbosity:
        case EventVerbosity.NONE:
            return None
        case EventVerbosity.ALL:
            return list(events)
        case EventVerbosity.AFTER_RESTART:
            return _after_last(events, "restart")
        case EventVerbosity.APPLIED:
            return applied_events(events)


def events_until(events: Iterable[Event], time: float | None) -> list[Event]:
    """The events up to `time`, which is included; all where it is None."""
    return [event for event in events if time is None or (event.get("timestamp") or 0.0) <= time]


def last_session(events: Sequence[Event]) -> list[Event]:
    """The events of the last session, with the action that began it."""
    return sessions(events)[-1]


def sessions(events: Sequence[Event]) -> list[list[Event]]:
    """The events, session by session; at least one, which may be empty."""
    parts: list[list[Event]] = [[]]
    for event in events:
        if event["event"] == "session_started":
            begun = parts[-1].pop() if parts[-1] and parts[-1][-1].get("name") == "action_session_start" else None
            parts.append([begun] if begun else [])
        parts[-1].append(event)
    return [part for part in parts if part] or [[]]


def applied_events(events: Iterable[Event]) -> list[Event]:
    """What still counts: without what was taken back by a rewind or an undo, or came before a restart or a session."""
    kept: list[Event] = []
    for event in events:
        match event["event"]:
            case "restart" | "session_started":
                kept = []
            case "undo":
                _drop_back_to(kept, "action")
            case "rewind":  # the customer's message, and the listening before it
                _drop_back_to(kept, "user")
                _drop_back_to(kept, "action")
            case _:
                kept.append(event)
    return kept


def _drop_back_to(events: list[Event], kind: str) -> None:
    """Takes events from the end, the last one of `kind` included."""
    while events and events.pop()["event"] != kind:
        pass


def _after_last(events: Sequence[Event], kind: str) -> list[Event]:
    places = [place for place, event in enumerate(events) if event["event"] == kind]
    return list(events[places[-1] + 1 :] if places else events)
