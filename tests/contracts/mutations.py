"""Bodies that are nearly right: what a platform brings, with something in it changed."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

PIECES = (
    b"\x00",
    b"\xff",
    b"<",
    b"]]>",
    b"&x;",
    b"%",
    b"%00",
    b"&",
    b"=",
    b'"',
    b"{",
    b"[" * 40,
    b"\\ud800",
    b"9" * 400,
)
HOSTILE = st.sampled_from(
    ["", " ", "\x00", "a:b", "../..", "\u202ehello", "{0.__class__}", "/restart", "x" * 5_000, "٣", "\U0001f600" * 300]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | HOSTILE
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(HOSTILE, SCALARS, max_size=3)


def mutated(body: bytes, count: int) -> list[bytes]:
    """`count` changed bodies, always the same ones."""
    found: list[bytes] = []

    @seed(int.from_bytes(body[:8]))
    @settings(max_examples=count, deadline=None, database=None, phases=[Phase.generate])
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        found.append(_changed(body, data))

    collect()
    return found


def _changed(body: bytes, data: st.DataObject) -> bytes:
    try:
        value = json.loads(body)
    except ValueError:
        return _damaged(body, data)
    if data.draw(st.integers(0, 3)) == 0:
        return _damaged(body, data)
    for _ in range(data.draw(st.integers(1, 3))):
        value = _put(value, data.draw(st.sampled_from(list(_places(value)))), data.draw(VALUES))
    return json.dumps(value).encode()


def _damaged(body: bytes, data: st.DataObject) -> bytes:
    """`body` with a few bytes put in, left out or doubled."""
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(body) - 1)))
        until = at + data.draw(st.integers(0, 12))
        body = body[:at] + data.draw(st.sampled_from((*PIECES, body[at:until] * 2, b""))) + body[until:]
    return body


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in `value`."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from _places(one, (*path, key))


def _put(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """A copy of `value` in which `other` stands at `path`."""
    if not path:
        return other
    changed = value.copy()
    changed[path[0]] = _put(value[path[0]], path[1:], other)
    return changed
