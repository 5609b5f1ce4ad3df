"""From Rasa's reminder events to what the store is to remember, and back when one is due."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.events import Event
from bot.stores.turn import Reminder

# A reminder waits in the store, and what it needs then travels with it.
_INTENT, _ENTITIES, _KILL, _SET_AT = "intent", "entities", "kill_on_user_message", "set_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderChanges:
    """What a turn changes of a conversation's reminders; `cancelled` are names."""

    set: tuple[Reminder, ...] = ()
    cancelled: tuple[str, ...] = ()


def reminder_changes(events: Iterable[Event], waiting: Sequence[Reminder], channel: str) -> ReminderChanges:
    """What `events` say of reminders.

    Args:
        waiting: Those that were set before.
    """
    pending = {reminder.name: reminder for reminder in waiting}
    set_now: dict[str, Reminder] = {}
    cancelled: set[str] = set()
    for event in events:
        if event["event"] == "reminder":
            reminder = _reminder(event, channel)
            set_now[reminder.name] = pending[reminder.name] = reminder
        elif event["event"] == "cancel_reminder":
            for name in [name for name, reminder in pending.items() if _is_meant(event, reminder)]:
                del pending[name]
                set_now.pop(name, None)
                cancelled.add(name)
    return ReminderChanges(set=tuple(set_now.values()), cancelled=tuple(cancelled - set(set_now)))


def changes_reminders(events: Iterable[Event]) -> bool:
    """Whether any of `events` is about reminders."""
    return any(event["event"] in ("reminder", "cancel_reminder") for event in events)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueReminder:
    """A reminder that has come: the turn it begins.

    Attributes:
        kills_on_message: It is not to come where the customer has said something since `set_at`.
    """

    intent: str
    entities: Mapping[str, Any]
    kills_on_message: bool
    set_at: float


def due_reminder(payload: Mapping[str, Any]) -> DueReminder:
    """What the inbox holds of a reminder that is due."""
    return DueReminder(
        intent=str(payload[_INTENT]),
        entities=payload.get(_ENTITIES) or {},
        kills_on_message=bool(payload.get(_KILL)),
        set_at=float(payload.get(_SET_AT) or 0.0),
    )


def reminder_payload(due: DueReminder) -> dict[str, Any]:
    """What the inbox holds of a reminder that is due at once."""
    return {_INTENT: due.intent, _ENTITIES: dict(due.entities), _KILL: due.kills_on_message, _SET_AT: due.set_at}


def _reminder(event: Event, channel: str) -> Reminder:
    intent = str(event["intent"]).removeprefix("/")
    return Reminder(
        name=str(event.get("name") or f"{intent} {event['date_time']}"),
        due_at=datetime.fromisoformat(str(event["date_time"])).timestamp(),
        channel=channel,
        payload={
            _INTENT: intent,
            _ENTITIES: _entities(event),
            _KILL: bool(event.get("kill_on_user_msg")),
            _SET_AT: event.get("timestamp") or 0.0,
        },
    )


def _is_meant(event: Event, reminder: Reminder) -> bool:
    """As in Rasa: what a cancelling event leaves out may be anything."""
    entities = _entities(event)
    return (
        (not event.get("name") or event["name"] == reminder.name)
        and (not event.get("intent") or event["intent"] == reminder.payload[_INTENT])
        and (not entities or entities == reminder.payload[_ENTITIES])
    )


def _entities(event: Event) -> dict[str, Any]:
    """Values by entity, however they were given."""
    given = event.get("entities") or {}
    return {e["entity"]: e.get("value") for e in given} if isinstance(given, list) else dict(given)
