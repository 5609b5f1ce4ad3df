"""Several intents in one message: where it is cut, and when the parts are believed."""

import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs import AssistantError
from configs.assistant_config import parse_config
from configs.yaml_file import parse_yaml
from nlu.encoder import INTENT_HEAD, Encoded
from nlu.intent import IntentClassifier
from nlu.several_intents import MAX_CLAUSES, IntentSpan, clause_spans, intents_of, parts_of
from nlu.understanding import Understander, Understanding

LABELS = ("track", "return", "cancel+refund")
PIPELINE = "pipeline:\n- name: WhitespaceTokenizer\n"


class TableEncoder:
    """Knows some texts by their likeliest intent and its probability; notes what it is asked."""

    dimension = 2

    def __init__(self, known: Mapping[str, tuple[str, float]]) -> None:
        self._known = known
        self.batches: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> Encoded:
        self.batches.append(list(texts))
        logits = np.log([self._probabilities(*self._known[text]) for text in texts]).astype(np.float32)
        rows = np.tile(np.array([1.0, 0.0], np.float32), (len(texts), 1))
        return Encoded(plain=rows, tuned=rows, logits={INTENT_HEAD: logits})

    @staticmethod
    def _probabilities(intent: str, probability: float) -> list[float]:
        rest = (1 - probability) / (len(LABELS) - 1)
        return [probability if label == intent else rest for label in LABELS]


def is_sure(understanding: Understanding) -> bool:
    return understanding.intent.probability >= 0.7


def found(
    known: Mapping[str, tuple[str, float]], text: str, symbol: str | None = None
) -> tuple[list[tuple[str, str, float]], list[list[str]]]:
    """Each intent with its words and its probability, and the batches that came after the whole message."""
    encoder = TableEncoder(known)
    understander = Understander(encoder, IntentClassifier(LABELS))
    (whole,) = understander.understand([text])
    spans = intents_of(understander, whole, is_sure, split_symbol=symbol)
    return [(s.name, text[s.start : s.end], round(s.probability, 3)) for s in spans], encoder.batches[1:]


def clauses(text: str) -> list[str]:
    return [text[start:end] for start, end in clause_spans(text)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("where is my order", ["where is my order"]),
        ("Where is my order? I want it now!", ["Where is my order?", "I want it now!"]),
        ("Where is my order?I want it now!", ["Where is my order?", "I want it now!"]),
        ("where is it now; i want it back", ["where is it now;", "i want it back"]),
        ("cancel my order and send the invoice", ["cancel my order", "send the invoice"]),
        ("cancel my order, and also  send the invoice", ["cancel my order", "send the invoice"]),
        ("it is late and also send the invoice", ["it is late", "send the invoice"]),
        ("CANCEL MY ORDER AND SEND THE INVOICE", ["CANCEL MY ORDER", "SEND THE INVOICE"]),
        ("cancel my order\nsend the invoice", ["cancel my order", "send the invoice"]),
        ("我的包裹在哪里；我想退货怎么办", ["我的包裹在哪里；", "我想退货怎么办"]),
        ("我的包裹在哪里，另外我想退货", ["我的包裹在哪里", "另外我想退货"]),
        ("我的包裹在哪里，还有怎么退货", ["我的包裹在哪里", "还有怎么退货"]),
        ("我的包裹在哪里,顺便问一下退货", ["我的包裹在哪里", "顺便问一下退货"]),
        ("我的包裹在哪里？我想退货怎么办", ["我的包裹在哪里？", "我想退货怎么办"]),
    ],
)
def test_a_message_is_cut_where_a_clause_ends(text: str, parts: list[str]) -> None:
    assert clauses(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "do you have black and white shoes",
        "thank you and bye",
        "ok. yes. no. maybe.",
        "it costs 4.50 with postage included",
        "my candy bands android",
        "",
        "这件红色的衣服还有货吗",
        "你好，还有货吗",
    ],
)
def test_a_message_without_two_long_clauses_stays_whole(text: str) -> None:
    assert clauses(text) == [text]


def test_what_is_too_short_stays_with_what_follows_and_a_short_end_with_what_comes_before() -> None:
    assert clauses("Hi there. Where is my order? Please send it back. Thanks!") == [
        "Hi there. Where is my order?",
        "Please send it back. Thanks!",
    ]


def test_a_long_message_is_cut_into_a_few_clauses_and_the_last_holds_the_rest() -> None:
    parts = clauses("one two three. " * 20)

    assert len(parts) == MAX_CLAUSES
    assert parts[:-1] == ["one two three."] * (MAX_CLAUSES - 1)
    assert parts[-1].count("three") == 20 - (MAX_CLAUSES - 1)


@given(st.text("ab1 .;?\n，还有另外and", max_size=60))
def test_clauses_lie_in_order_and_lose_nothing_but_what_cuts(text: str) -> None:
    spans = clause_spans(text)

    assert all(start <= end for start, end in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    edges = [0, *(place for span in spans for place in span), len(text)]
    lost = [text[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]
    assert {word for part in lost for word in part.lower().replace("，", " ").split()} <= {"and", "also"}


@pytest.mark.parametrize("text", ["? " * 2_000, "a b c; " * 600, "and" + " " * 3_990 + "and", "， " * 2_000])
def test_no_message_takes_long_to_cut(text: str) -> None:
    started = time.process_time()

    clause_spans(text)

    assert time.process_time() - started < 1


def test_two_sure_clauses_with_different_intents_are_two_intents() -> None:
    text = "where is my order and I want to return shoes"
    known = {text: ("track", 0.6), "where is my order": ("track", 0.9), "I want to return shoes": ("return", 0.8)}

    intents, asked = found(known, text)

    assert intents == [("track", "where is my order", 0.9), ("return", "I want to return shoes", 0.8)]
    assert asked == [["where is my order", "I want to return shoes"]], "one batch"


def test_one_unsure_clause_leaves_the_message_whole() -> None:
    text = "where is my order and tell me a joke"
    known = {text: ("track", 0.8), "where is my order": ("track", 0.9), "tell me a joke": ("return", 0.4)}

    assert found(known, text)[0] == [("track", text, 0.8)]


def test_clauses_that_mean_the_same_leave_the_message_whole() -> None:
    text = "where is my order and when does it come"
    known = {text: ("track", 0.99), "where is my order": ("track", 0.9), "when does it come": ("track", 0.8)}

    assert found(known, text)[0] == [("track", text, 0.99)]


def test_neighbours_with_one_intent_are_one_span_as_sure_as_the_less_sure() -> None:
    text = "where is my order? when does it come? I want to return shoes"
    known = {
        text: ("track", 0.5),
        "where is my order?": ("track", 0.9),
        "when does it come?": ("track", 0.8),
        "I want to return shoes": ("return", 0.7),
    }

    assert found(known, text)[0] == [
        ("track", "where is my order? when does it come?", 0.8),
        ("return", "I want to return shoes", 0.7),
    ]


def test_a_message_of_one_clause_costs_no_further_pass() -> None:
    assert found({"where is it": ("track", 0.9)}, "where is it") == ([("track", "where is it", 0.9)], [])


def test_an_unsure_message_has_no_intent() -> None:
    assert found({"hm": ("track", 0.5)}, "hm") == ([], [])


def test_the_parts_of_a_label_are_intents_of_the_whole_message() -> None:
    known = {"give it back": ("cancel+refund", 0.9)}

    assert found(known, "give it back", "+")[0] == [("cancel", "give it back", 0.9), ("refund", "give it back", 0.9)]
    assert found(known, "give it back")[0] == [("cancel+refund", "give it back", 0.9)]


def test_a_clause_with_such_a_label_gives_its_parts_too() -> None:
    text = "where is my order and cancel it all"
    known = {text: ("track", 0.5), "where is my order": ("track", 0.9), "cancel it all": ("cancel+refund", 0.8)}

    assert [name for name, *_ in found(known, text, "+")[0]] == ["track", "cancel", "refund"]


def test_empty_parts_of_a_label_are_left_out() -> None:
    assert parts_of("+a++b", "+") == ["a", "b"]
    assert parts_of("check_order", "+") == ["check_order"]
    assert parts_of("a<>b", "<>") == ["a", "b"]


def test_places_are_code_points() -> None:
    text = "😀 where is my order? I want to return shoes"
    known = {text: ("track", 0.5), "😀 where is my order?": ("track", 0.9), "I want to return shoes": ("return", 0.8)}
    understander = Understander(TableEncoder(known), IntentClassifier(LABELS))

    spans = intents_of(understander, understander.understand([text])[0], is_sure)

    assert [(span.start, span.end) for span in spans] == [(0, 20), (21, 43)]
    assert isinstance(spans[0], IntentSpan)


@pytest.mark.parametrize(
    ("written", "symbol"),
    [
        ("", None),
        (PIPELINE, None),
        (PIPELINE + "  intent_tokenization_flag: true\n", None),
        (PIPELINE + '  intent_split_symbol: "+"\n', None),
        (PIPELINE + '  intent_tokenization_flag: true\n  intent_split_symbol: "+"\n', "+"),
        (PIPELINE + '  intent_tokenization_flag: true\n  intent_split_symbol: "_"\n', "_"),
        (PIPELINE + '  intent_tokenization_flag: false\n  intent_split_symbol: "+"\n', None),
        ('kefu:\n  intent_split_symbol: "/"\n', "/"),
        (
            PIPELINE
            + '  intent_tokenization_flag: true\n  intent_split_symbol: "+"\nkefu: {intent_split_symbol: "&"}\n',
            "&",
        ),
        ("pipeline: null\n", None),
        ("pipeline:\n- WhitespaceTokenizer\n", None),
    ],
)
def test_the_symbol_is_that_of_rasas_tokenizer_or_kefus_own(written: str, symbol: str | None) -> None:
    _, config, _ = parse_config(parse_yaml(f"language: en\n{written}", Path("config.yml")))

    assert config.intent_split_symbol == symbol


@pytest.mark.parametrize("symbol", ["3", '""'])
def test_a_symbol_that_is_no_text_is_named_with_its_line(symbol: str) -> None:
    text = f"language: en\n{PIPELINE}  intent_tokenization_flag: true\n  intent_split_symbol: {symbol}\n"

    with pytest.raises(AssistantError, match=r"config\.yml:5: intent_split_symbol is"):
        parse_config(parse_yaml(text, Path("config.yml")))
