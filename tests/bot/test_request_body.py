"""Bodies are hostile until checked."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.errors import Refused
from bot.request_body import MAX_NESTING, MessageBody, checked_metadata, checked_text, parse_json


def refusal(raw: bytes) -> Refused:
    with pytest.raises(Refused) as refused:
        parse_json(raw)
    return refused.value


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        pytest.param(b"", "not JSON", id="empty"),
        pytest.param(b"   ", "not JSON", id="blanks"),
        pytest.param(b"\xff\xfe{}", "not UTF-8", id="not UTF-8"),
        pytest.param('{"a": "ü"}'.encode("latin-1"), "not UTF-8", id="Latin-1"),
        pytest.param(json.dumps({}).encode("utf-16"), "not UTF-8", id="UTF-16"),
        pytest.param(b"\xef\xbb\xbf{}", "BOM", id="byte-order mark"),
        pytest.param(b"{", "not JSON", id="cut off"),
        pytest.param(b"{}{}", "not JSON", id="two values"),
        pytest.param(b"{'a': 1}", "not JSON", id="single quotes"),
        pytest.param(b'{"a": NaN}', "NaN is not a JSON number", id="NaN"),
        pytest.param(b'{"a": Infinity}', "Infinity is not a JSON number", id="infinity"),
        pytest.param(b'{"a": -Infinity}', "-Infinity is not a JSON number", id="minus infinity"),
        pytest.param(b'{"a": 1e999}', "too large", id="a float that overflows"),
        pytest.param(b'{"a": -1e999}', "too large", id="a negative float that overflows"),
        pytest.param(b'{"a": ' + b"9" * 5000 + b"}", "not JSON", id="an integer of 5,000 digits"),
        pytest.param(b"[" * 100_000, "nested", id="100,000 brackets"),
        pytest.param(b'{"a":' * 100_000, "nested", id="100,000 braces"),
        pytest.param(nested(MAX_NESTING + 1), "nested over 32 levels", id="one level too deep"),
        pytest.param(b'{"a":' * 50 + b"1" + b"}" * 50, "nested over 32 levels", id="fifty objects deep"),
    ],
)
def test_what_is_not_acceptable_json_is_a_400(raw: bytes, said: str) -> None:
    refused = refusal(raw)

    assert (refused.status, refused.reason, refused.field) == (400, "InvalidJson", "body")
    assert said in str(refused)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"message": "hi"}', {"message": "hi"}),
        (b" [1, -0, 1e3, 0.5] ", [1, 0, 1000.0, 0.5]),
        (b"null", None),
        (b'"x"', "x"),
        (b"9" * 4000, int("9" * 4000)),
        ('{"消息": "😀"}'.encode(), {"消息": "😀"}),
        (b'"\\ud83d\\ude00"', "😀"),
    ],
)
def test_json_is_read(raw: bytes, value: Any) -> None:
    assert parse_json(raw) == value


def test_nesting_is_allowed_up_to_the_limit() -> None:
    assert json.dumps(parse_json(nested(MAX_NESTING))).encode() == nested(MAX_NESTING)


fragments = st.sampled_from(
    [
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b":",
        b",",
        b"\\u",
        b"d800",
        b"message",
        b"1e999",
        b"NaN",
        b"-",
        b"0",
        b"\x00",
        b"\xff",
        b"null",
        b" ",
    ]
)


@settings(max_examples=300, deadline=None)
@given(raw=st.binary(max_size=60) | st.lists(fragments, max_size=30).map(b"".join))
@example(raw=b'{"\\ud800": 1}')
@example(raw=b'"\\u0000"')
def test_whatever_the_bytes_they_are_a_value_or_a_400(raw: bytes) -> None:
    status = 200
    try:
        value = parse_json(raw)
    except Refused as refused:
        status = refused.status

    assert status == 400 or json.loads(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("   \t\r\n ", "is empty", id="blanks"),
        pytest.param("\u200b\u200d\ufeff\u2060", "is empty", id="only zero-width characters"),
        pytest.param("\u00a0\u2003\u3000", "is empty", id="only wide blanks"),
        pytest.param("\ue000", "is empty", id="only private-use characters"),
        pytest.param("a\x00b", "U+0000", id="NUL"),
        pytest.param("\x1b]0;title\x07", "U+001B", id="terminal escape"),
        pytest.param("a\x7f", "U+007F", id="delete"),
        pytest.param("a\x85b", "U+0085", id="C1 control"),
        pytest.param("a\ud800", "U+D800", id="lone high surrogate"),
        pytest.param("\udfffa", "U+DFFF", id="lone low surrogate"),
        pytest.param("x" * 11, "has 11 characters; send at most 10", id="one over the limit"),
        pytest.param(" " * 11, "has 11 characters", id="blanks over the limit"),
    ],
)
def test_texts_that_nobody_types_are_a_422(text: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        checked_text(text, "message", 10)

    assert (refused.value.status, refused.value.reason, refused.value.field) == (422, "InvalidField", "message")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  hello\n", "hello"),
        ("x" * 10, "x" * 10),
        ("a\tb\r\nc", "a\tb\r\nc"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("?!", "?!"),
        ("42", "42"),
        ("\u202eabc", "\u202eabc"),
        ("一二三", "一二三"),
        ("<script>", "<script>"),
        ("a\u0301\u0302", "a\u0301\u0302"),
    ],
)
def test_what_people_type_is_kept_but_for_blanks_around_it(text: str, kept: str) -> None:
    assert checked_text(text, "message", 10) == kept


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=40))
def test_an_accepted_text_is_whole_and_can_be_written_down(text: str) -> None:
    with suppress(Refused):
        kept = checked_text(text, "message", 30)

        assert kept == text.strip()
        assert kept.encode("utf-8").decode("utf-8") == kept
        assert 0 < len(kept) <= 30
        assert "\x00" not in kept


def test_metadata_passes_as_it_is() -> None:
    metadata = {"page": "/a", "n": [1, {"深": "😀"}], "nul": "\x00"}

    assert checked_metadata(metadata) is metadata


@pytest.mark.parametrize("metadata", [{"a": "\ud800"}, {"\udc00": 1}, {"a": [{"b": ["x\udfff"]}]}])
def test_metadata_that_no_file_can_keep_is_a_422(metadata: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        checked_metadata(metadata)

    assert (refused.value.status, refused.value.field) == (422, "metadata")


def test_unknown_fields_are_ignored_and_bodies_are_frozen() -> None:
    body = MessageBody.model_validate({"message": "hi", "unknown": {"a": 1}})

    assert (body.sender, body.message, body.input_channel, body.metadata) == (None, "hi", None, None)
    with pytest.raises(ValueError, match="frozen"):
        body.message = "other"  # type: ignore[misc]
