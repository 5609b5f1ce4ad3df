from pathlib import Path
from typing import Any

import pytest

from configs import AssistantError
from retrieval import Pair
from retrieval.checked_pair import MAX_ALSO_ASKED, MAX_BUTTONS, MAX_IMAGES, MAX_TAGS, parse_pair, refuse_unknown
from retrieval.pair import PairButton

ROW = {"id": "1", "question": "q", "answer": "a"}
PATH = Path("history.jsonl")
BUTTON = {"title": "Track it", "payload": "/track_order"}


def parsed(**values: Any) -> Pair:
    return parse_pair({**ROW, **values}, PATH, 7)


def test_lists_may_be_written_as_text() -> None:
    as_lists = parsed(
        also_asked=["When?", "How soon?"],
        tags=["a", "b c"],
        images=["https://shop.example/a.png", "https://shop.example/b.png"],
        buttons=[BUTTON],
    )
    as_text = parsed(
        also_asked=" When?\r\n\nHow soon? ",
        tags="a | b c|",
        images="https://shop.example/a.png\nhttps://shop.example/b.png",
        buttons='[{"title": "Track it", "payload": "/track_order"}]',
    )
    assert as_lists == as_text
    assert as_lists == Pair(
        id="1",
        question="q",
        answer="a",
        also_asked=("When?", "How soon?"),
        tags=("a", "b c"),
        images=("https://shop.example/a.png", "https://shop.example/b.png"),
        buttons=(PairButton(title="Track it", payload="/track_order"),),
    )


def test_what_was_parsed_is_parsed_again_from_its_dict() -> None:
    pair = parsed(also_asked=["r"], tags=["t"], buttons=[BUTTON], valid_from="2026-01-01", locale="zh-CN")
    assert parse_pair(pair.to_dict(), PATH, 1) == pair


def test_the_first_of_all_wordings_is_the_question() -> None:
    pair = parse_pair({"id": "1", "answer": "a", "questions": ["How long?", "When?"]}, PATH, 1)
    assert (pair.question, pair.also_asked) == ("How long?", ("When?",))


def test_a_wording_of_a_list_is_one_line_and_stands_once() -> None:
    pair = parsed(also_asked=["how\nlong", "q", "how long", " ", "when"])
    assert pair.also_asked == ("how long", "when")


def test_an_underscore_in_a_locale_is_read_as_a_hyphen() -> None:
    assert parsed(locale="zh_Hans_CN").locale == "zh-Hans-CN"


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-03-31", "2026-03-31"), ("2026-03-31T10:00Z", "2026-03-31"), ("2026-03-31 10:00", "2026-03-31T12:00+02:00")],
)
def test_a_pair_may_end_when_it_begins(start: str, end: str) -> None:
    pair = parsed(valid_from=start, valid_until=end)
    assert (pair.valid_from, pair.valid_until) == (start, end)


LIST = 'Write [{"title": "Track it", "payload": "/track_order"}].'
HTTPS = "Write an address that begins with https://."
TAG = "Write a language tag such as en or zh-CN."
DATE = "Write a date such as 2026-03-31 or 2026-03-31T18:00Z."


@pytest.mark.parametrize(
    ("values", "problem", "fix"),
    [
        ({"id": "x" * 501}, "id has 501 characters", "Shorten it to 500."),
        ({"id": "a\nb"}, r"id is 'a\nb', with a line break or a control character", "Remove it."),
        ({"intent": "x" * 501}, "intent has 501 characters", "Shorten it to 500."),
        ({"source": "x" * 2_001}, "source has 2,001 characters", "Shorten it to 2,000."),
        ({"also_asked": ["ok", 3]}, "also_asked is ['ok', 3]", "Write text in quotes."),
        ({"also_asked": ["ok", "a\x00"]}, "also_asked holds a NUL character", "Remove it."),
        ({"also_asked": ["\udc00"]}, r"also_asked holds half a character, '\udc00'", "Mend the escape."),
        ({"also_asked": "x" * 4_001}, "also_asked has 4,001 characters", "Shorten it to 4,000."),
        ({"also_asked": list(map(str, range(MAX_ALSO_ASKED + 1)))}, "also_asked has 501 values", "Keep at most 500."),
        ({"also_asked": ["x" * 3_999] * 8}, "also_asked has 31,999 characters", "Shorten it to 30,000."),
        ({"questions": []}, "questions is []", 'Write a list such as ["How long?", "When?"].'),
        ({"questions": "q"}, "questions is 'q'", 'Write a list such as ["How long?", "When?"].'),
        ({"questions": ["q"]}, "question stands beside questions", "Put all wordings into questions."),
        ({"question": "", "questions": [4]}, "question is 4", "Write text in quotes."),
        ({"tags": "x" * 201}, "tags has 201 characters", "Shorten it to 200."),
        ({"tags": ["t"] * (MAX_TAGS + 1)}, "tags has 51 values", "Keep at most 50."),
        ({"locale": "english!"}, "locale is 'english!'", TAG),
        ({"locale": "en-"}, "locale is 'en-'", TAG),
        ({"locale": "de-aaaaaaaaa"}, "locale is 'de-aaaaaaaaa'", TAG),
        ({"images": "http://a.example/x"}, "images holds 'http://a.example/x'", HTTPS),
        ({"images": "https://"}, "images holds 'https://'", HTTPS),
        ({"images": "https://a b/"}, "images holds 'https://a b/'", HTTPS),
        ({"images": "https://u:p@a.example/"}, "images holds 'https://u:p@a.example/'", HTTPS),
        ({"images": "https://[::1"}, "images holds 'https://[::1'", HTTPS),
        ({"images": ["https://a.example"] * (MAX_IMAGES + 1)}, "images has 11 values", "Keep at most 10."),
        ({"images": f"https://a.example/{'x' * 2_000}"}, "images has 2,018 characters", "Shorten it to 2,000."),
        ({"buttons": "Track it"}, "buttons is 'Track it', which is not JSON", LIST),
        ({"buttons": "[" * 100_000}, f"buttons is '{'[' * 79}…, which is not JSON", LIST),
        ({"buttons": "{}"}, "buttons is {}", LIST),
        ({"buttons": 3}, "buttons is 3", LIST),
        ({"buttons": ["x"]}, "buttons holds 'x'", LIST),
        ({"buttons": [{"title": "x"}]}, "buttons holds {'title': 'x'}", LIST),
        ({"buttons": [{"title": "x", "url": "x"}]}, "buttons holds {'title': 'x', 'url': 'x'}", LIST),
        ({"buttons": [{**BUTTON, "title": 1}]}, "a button's title is 1", "Write text in quotes."),
        (
            {"buttons": [{**BUTTON, "title": " "}]},
            "a button's title or payload is empty",
            "Fill both in or remove the button.",
        ),
        ({"buttons": [{**BUTTON, "title": "x" * 201}]}, "a button's title has 201 characters", "Shorten it to 200."),
        (
            {"buttons": [{**BUTTON, "payload": "x" * 1_001}]},
            "a button's payload has 1,001 characters",
            "Shorten it to 1,000.",
        ),
        ({"buttons": [BUTTON] * (MAX_BUTTONS + 1)}, "buttons has 11 values", "Keep at most 10."),
        ({"valid_from": "31.03.2026"}, "valid_from is '31.03.2026'", DATE),
        ({"valid_from": "20260331"}, "valid_from is '20260331'", DATE),
        ({"valid_from": "2026-W13-2"}, "valid_from is '2026-W13-2'", DATE),
        ({"valid_until": "2026-02-30"}, "valid_until is '2026-02-30'", DATE),
        ({"valid_until": "2026-03-31T25:00"}, "valid_until is '2026-03-31T25:00'", DATE),
        (
            {"valid_from": "2026-04-01", "valid_until": "2026-03-31T23:00"},
            "valid_from is '2026-04-01', after valid_until '2026-03-31T23:00'",
            "Mend one of the two.",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_problem_and_fix(values: dict[str, Any], problem: str, fix: str) -> None:
    with pytest.raises(AssistantError) as caught:
        parsed(**values)
    assert str(caught.value) == f"{PATH}:7: {problem}. {fix}"


def test_a_value_nested_without_end_is_refused_without_being_shown() -> None:
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(AssistantError, match="answer is nested too deeply"):
        parsed(answer=nested)
    while nested:  # taken apart by hand: the interpreter's own way down is as deep
        nested = nested.pop()


def test_an_unknown_key_is_refused_with_the_likely_one() -> None:
    refuse_unknown({**ROW, "questions": ["q"], "buttons": []}, PATH, 7)
    with pytest.raises(AssistantError) as caught:
        refuse_unknown({**ROW, "also_aksed": "x"}, PATH, 7)
    assert str(caught.value) == f"{PATH}:7: unknown key 'also_aksed'. Remove it. Did you mean 'also_asked'?"
