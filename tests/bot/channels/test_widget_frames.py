"""Frames of any shape: each becomes one that is known, or a problem with a code; nothing else."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.widget.frames import (
    End,
    Hello,
    Message,
    Ping,
    Problem,
    Rating,
    Seen,
    Survey,
    Typing,
    error_frame,
    id_of,
    parse_frame,
)
from bot.channels.widget.pace import MAX_REMEMBERED, Paces
from bot.errors import Overloaded

TYPES = ["hello", "message", "typing", "seen", "feedback", "survey", "end", "ping"]
FIELDS = ["id", "token", "after", "begun", "text", "title", "file", "on", "seq", "turn", "verdict", "comment", "score"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["m1", "up", "down"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
LIKELY = st.fixed_dictionaries({"type": st.sampled_from(TYPES)}, optional=dict.fromkeys(FIELDS, VALUES))


@pytest.mark.parametrize(
    ("data", "frame"),
    [
        ({"type": "hello", "token": "t"}, Hello(type="hello", token="t")),  # noqa: S106
        (
            {"type": "hello", "token": "t", "after": 5, "begun": 7, "id": None},
            Hello(type="hello", token="t", after=5, begun=7.0),  # noqa: S106
        ),
        (
            {"type": "message", "id": "a-1", "text": "/x", "title": "X", "sender": "ann"},
            Message(type="message", id="a-1", text="/x", title="X"),
        ),
        ({"type": "message", "id": "a", "file": "f"}, Message(type="message", id="a", file="f")),
        ({"type": "typing", "on": False}, Typing(type="typing", on=False)),
        ({"type": "seen", "seq": 0}, Seen(type="seen", seq=0)),
        (
            {"type": "feedback", "id": "f", "turn": 3, "verdict": "up", "comment": "c"},
            Rating(type="feedback", id="f", turn=3, verdict="up", comment="c"),
        ),
        ({"type": "survey", "score": 1}, Survey(type="survey", score=1)),
        ({"type": "end"}, End(type="end")),
        ({"type": "ping"}, Ping(type="ping")),
    ],
)
def test_a_frame_is_read(data: dict[str, Any], frame: Any) -> None:
    assert parse_frame(data) == frame


@settings(max_examples=500, deadline=None)
@given(LIKELY | st.dictionaries(st.text(), VALUES, max_size=5))
def test_whatever_comes_is_a_frame_or_a_problem(data: dict[str, Any]) -> None:
    try:
        frame = parse_frame(data)
    except Problem as problem:
        told = error_frame(problem, id_of(data))
        assert told["code"] in ("UnknownType", "InvalidField")
        assert told.get("id") in (None, data.get("id"))
    else:
        assert frame.type == data["type"]


def test_an_error_says_what_is_known_and_no_more() -> None:
    assert error_frame(Problem("TooFast", "Wait.", 0.2), "m1") == {
        "type": "error",
        "id": "m1",
        "code": "TooFast",
        "message": "Wait.",
        "retry_after_s": 0.2,
    }
    assert error_frame(Overloaded("The inbox is full")) == {
        "type": "error",
        "code": "Overloaded",
        "message": "The inbox is full; try again shortly.",
        "retry_after_s": 1,
    }
    assert [id_of(data) for data in (None, [], {}, {"id": 5}, {"id": "x" * 65}, {"id": "x"})] == [None] * 5 + ["x"]


# Pace


def test_a_session_may_send_some_at_once_and_then_so_many_a_second() -> None:
    now = [0.0]
    paces = Paces(lambda: now[0], per_second=2, burst=3)

    assert [paces.wait_s("a") for _ in range(5)] == [0, 0, 0, 0.5, 0.5]
    assert paces.wait_s("b") == 0
    now[0] = 0.5
    assert [paces.wait_s("a") for _ in range(2)] == [0, 0.5]
    now[0] = 0.6
    assert paces.wait_s("a") == pytest.approx(0.4)
    now[0] = 1_000.0
    assert [paces.wait_s("a") for _ in range(4)] == [0, 0, 0, 0.5]


def test_what_is_remembered_of_sessions_is_bounded() -> None:
    paces = Paces(lambda: 0.0)
    for number in range(MAX_REMEMBERED + 500):
        paces.wait_s(str(number))
    assert len(paces._left) == MAX_REMEMBERED
