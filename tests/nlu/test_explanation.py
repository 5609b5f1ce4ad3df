"""Why an intent: words left out, the nearest examples, and the examples that a release keeps."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from configs import Example
from nlu.encoder import INTENT_HEAD, Encoded, FloatArray
from nlu.examples import (
    EMBEDDINGS_FILE,
    EXAMPLE_FILES,
    TEXTS_FILE,
    ExampleIndex,
    NearExample,
    load_examples,
    save_examples,
)
from nlu.explanation import EXAMPLES, MAX_WORDS, RIVALS, Explanation, explain
from nlu.intent import IntentClassifier
from nlu.understanding import Understander

WEIGHTS = {"parcel": 2.0, "where": 1.0, "joke": -3.0}
EXAMPLE_TEXTS = (("where is it", "track"), ("tell a joke", "chat"), ("my parcel", "track"))
EXAMPLE_ROWS = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], np.float16)


class WordCounter:
    """Adds up a weight for each word it knows; the sum is the logit of `track`, and 0 that of `chat`."""

    dimension = 2

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> Encoded:
        self.batches.append(list(texts))
        sums = [sum(weight for word, weight in WEIGHTS.items() if word in text) for text in texts]
        rows = np.array([[0.0, 1.0] if "joke" in text else [1.0, 0.0] for text in texts], np.float32).reshape(-1, 2)
        logits = np.array([[value, 0.0] for value in sums], np.float32).reshape(-1, 2)
        return Encoded(plain=rows, tuned=-rows, logits={INTENT_HEAD: logits})


def explained(text: str, examples: ExampleIndex | None = None) -> tuple[Explanation, list[list[str]]]:
    encoder = WordCounter()
    understander = Understander(encoder, IntentClassifier(["track", "chat"]))
    explanation = explain(understander, understander.understand([text])[0], examples)
    return explanation, encoder.batches[1:]


def sigmoid(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))


def test_a_words_effect_is_what_the_intent_loses_without_it() -> None:
    found, batches = explained("where is my parcel?")

    assert [(word.start, word.end) for word in found.words] == [(0, 5), (6, 8), (9, 11), (12, 18), (18, 19)]
    whole = sigmoid(3)
    assert [word.effect for word in found.words] == pytest.approx(
        [whole - sigmoid(2), 0.0, 0.0, whole - sigmoid(1), 0.0], abs=1e-6
    )
    assert batches == [
        [
            "where is my parcel?",
            " is my parcel?",
            "where  my parcel?",
            "where is  parcel?",
            "where is my ?",
            "where is my parcel",
        ]
    ], "one batch"
    assert found.words_left_out == 0


def test_a_word_that_speaks_against_the_likeliest_intent_has_an_effect_below_zero() -> None:
    found, _ = explained("joke where")

    # chat: 1 - sigmoid(-3 + 1); without "joke" 1 - sigmoid(1), without "where" 1 - sigmoid(-3)
    assert [score.name for score in found.rivals] == ["chat", "track"]
    assert [word.effect for word in found.words] == pytest.approx(
        [sigmoid(2) - sigmoid(-1), sigmoid(2) - sigmoid(3)], abs=1e-6
    )
    assert found.words[1].effect < 0


def test_a_message_of_one_word_is_explained_too() -> None:
    found, batches = explained("parcel")

    assert batches == [["parcel", ""]]
    assert [word.effect for word in found.words] == pytest.approx([sigmoid(2) - 0.5], abs=1e-6)


def test_each_chinese_character_is_a_word() -> None:
    found, batches = explained("我要退货")

    assert batches == [["我要退货", "要退货", "我退货", "我要货", "我要退"]]
    assert [(word.start, word.end) for word in found.words] == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_no_message_costs_more_than_its_first_words() -> None:
    found, ((*texts,),) = explained("parcel " * 1_000)

    assert len(texts) == MAX_WORDS + 1
    assert len(found.words) == MAX_WORDS
    assert found.words_left_out == 1_000 - MAX_WORDS


def test_the_nearest_examples_are_those_by_the_untouched_embedding() -> None:
    index = ExampleIndex(EXAMPLE_TEXTS, EXAMPLE_ROWS)

    near = explained("where", index)[0].examples

    assert near is not None
    assert [(example.text, example.intent) for example in near] == [
        EXAMPLE_TEXTS[0],
        EXAMPLE_TEXTS[2],
        EXAMPLE_TEXTS[1],
    ]
    assert [example.cosine for example in near] == pytest.approx([1.0, 0.6, 0.0], abs=1e-3)


def test_without_examples_none_are_named() -> None:
    assert explained("where")[0].examples is None


def test_a_few_rivals_and_examples_are_named_of_many() -> None:
    rows = np.tile(np.array([[1.0, 0.0]], np.float16), (20, 1))
    index = ExampleIndex([(f"example {number}", "track") for number in range(20)], rows)

    near = index.nearest(np.array([1.0, 0.0], np.float32), EXAMPLES)

    assert [example.text for example in near] == [f"example {number}" for number in range(5)], "equals keep their order"
    assert (RIVALS, EXAMPLES) == (5, 5)


def example(text: str, intent: str) -> Example:
    return Example(text=text, intent=intent, path=Path("nlu.yml"), line=1)


def rows(count: int) -> FloatArray:
    made = np.random.default_rng(7).normal(size=(count, 8)).astype(np.float32)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


def test_kept_examples_come_back(tmp_path: Path) -> None:
    texts = ["where is it", 'two\nlines\u2028and "quotes"', "我要退货"]
    embeddings = rows(3)
    save_examples(tmp_path, [example(text, f"intent {text[0]}") for text in texts], embeddings)

    index = load_examples(tmp_path)

    assert index is not None
    for text, row in zip(texts, embeddings, strict=True):
        (nearest,) = index.nearest(row, 1)
        assert nearest == NearExample(text=text, intent=f"intent {text[0]}", cosine=nearest.cosine)
        assert nearest.cosine == pytest.approx(1.0, abs=2e-3)


def test_embeddings_are_kept_in_two_bytes_each(tmp_path: Path) -> None:
    save_examples(tmp_path, [example("a", "b")] * 3, rows(3))

    kept = load((tmp_path / EMBEDDINGS_FILE).read_bytes())

    assert {name: (array.dtype, array.shape) for name, array in kept.items()} == {"plain": (np.float16, (3, 8))}


@pytest.mark.parametrize("missing", EXAMPLE_FILES)
def test_a_release_without_examples_has_none(tmp_path: Path, missing: str) -> None:
    save_examples(tmp_path, [example("a", "b")], rows(1))
    (tmp_path / missing).unlink()

    assert load_examples(tmp_path) is None


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (TEXTS_FILE, b'{"text": "a"}\n', "the examples are damaged"),
        (TEXTS_FILE, b"[]\n", "the examples are damaged"),
        (TEXTS_FILE, b'{"text": "a", "intent": "b"}\n' * 2, r"2 examples have embeddings of the shape \(1, 8\)"),
        (EMBEDDINGS_FILE, b"not safetensors", "the examples are damaged"),
        (EMBEDDINGS_FILE, save({"tuned": np.zeros((1, 8), np.float16)}), "the examples are damaged"),
        (EMBEDDINGS_FILE, save({"plain": np.zeros(8, np.float16)}), r"1 examples have embeddings of the shape \(8,\)"),
    ],
)
def test_damaged_examples_are_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    save_examples(tmp_path, [example("a", "b")], rows(1))
    (tmp_path / name).write_bytes(content)

    with pytest.raises(ValueError, match=said):
        load_examples(tmp_path)
