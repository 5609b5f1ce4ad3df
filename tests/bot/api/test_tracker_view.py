"""Which events a tracker shows: Rasa's ALL, APPLIED, AFTER_RESTART and NONE, and up to a moment."""

import pytest

from bot.api.tracker_view import EventVerbosity, applied_events, events_until, last_session, sessions, shown_events
from bot.events import Event


def events(*names: str) -> list[Event]:
    """`user`, `bot`, `rewind`, ... by their type; anything else is an action of that name."""
    plain = {"user", "bot", "slot", "rewind", "undo", "restart", "session_started", "pause"}
    return [
        {"event": name, "timestamp": float(time)}
        if name in plain
        else {"event": "action", "name": name, "timestamp": float(time)}
        for time, name in enumerate(names)
    ]


def named(shown: list[Event] | None) -> list[str] | None:
    return None if shown is None else [event.get("name", event["event"]) for event in shown]


SEEN = events("listen", "user", "hello", "restart", "listen", "user", "pay", "rewind", "listen", "user", "thank")


@pytest.mark.parametrize(
    ("verbosity", "expected"),
    [
        (EventVerbosity.NONE, None),
        (EventVerbosity.ALL, named(SEEN)),
        (EventVerbosity.AFTER_RESTART, ["listen", "user", "pay", "rewind", "listen", "user", "thank"]),
        (EventVerbosity.APPLIED, ["listen", "user", "thank"]),
    ],
)
def test_each_word_of_rasas_shows_its_events(verbosity: EventVerbosity, expected: list[str] | None) -> None:
    assert named(shown_events(SEEN, verbosity)) == expected


@pytest.mark.parametrize(
    ("happened", "expected"),
    [
        (events("listen", "user", "hello", "bot", "undo"), ["listen", "user"]),
        (events("listen", "user", "slot", "hello", "rewind"), []),
        (events("undo", "rewind", "user"), ["user"]),
        (events("user", "session_started", "listen"), ["listen"]),
        (events("pause", "user"), ["pause", "user"]),
        ([], []),
    ],
)
def test_what_was_taken_back_is_not_applied(happened: list[Event], expected: list[str]) -> None:
    assert named(applied_events(happened)) == expected


def test_until_a_moment_includes_it() -> None:
    assert [len(events_until(SEEN, until)) for until in (None, -1.0, 0.0, 2.5, 99.0)] == [len(SEEN), 0, 1, 3, len(SEEN)]


def test_sessions_are_told_apart_with_the_action_that_begins_each() -> None:
    happened = events("action_session_start", "session_started", "listen", "user")
    twice = [*happened, *happened]

    assert sessions(twice) == [happened, happened]
    assert last_session(twice) == happened
    assert sessions(events("user", "bot")) == [events("user", "bot")]
    assert sessions([]) == [[]]
