from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs import Example
from training.split import length_bucketed_batches, stratified_split


def example(text: str, intent: str) -> Example:
    return Example(text=text, intent=intent, path=Path("nlu.yml"), line=1)


def examples_of(**counts: int) -> list[Example]:
    return [example(f"{intent} {number}", intent) for intent, count in counts.items() for number in range(count)]


SETS_OF_EXAMPLES = st.lists(
    st.builds(example, st.sampled_from("abcdefghijABCDE"), st.sampled_from(["greet", "bye", "thank"])), max_size=40
)


def test_a_tenth_of_each_intent_is_set_aside() -> None:
    split = stratified_split(examples_of(greet=20, bye=40), 0.1, seed=1)

    held = [e.intent for e in split.validation]
    assert (held.count("greet"), held.count("bye")) == (2, 4)
    assert len(split.train) == 54


@pytest.mark.parametrize(("count", "held"), [(1, 0), (2, 0), (3, 1), (4, 1), (14, 1), (16, 2)])
def test_an_intent_with_three_examples_or_more_has_at_least_one_set_aside(count: int, held: int) -> None:
    split = stratified_split(examples_of(greet=count), 0.1, seed=1)

    assert (len(split.validation), len(split.train)) == (held, count - held)


@pytest.mark.parametrize(
    "same",
    [
        ["Hello", "hello", "HELLO"],
        ["track my parcel", "track  my parcel", " track my parcel\t"],
        ["caf\u00e9", "cafe\u0301", "CAFE\u0301"],
    ],
)
def test_texts_that_the_model_cannot_tell_apart_fall_on_one_side(same: list[str]) -> None:
    examples = [example(text, "greet") for text in [*same, "one", "two", "three"]]

    for seed in range(20):
        split = stratified_split(examples, 0.4, seed)
        counts = [sum(e.text in same for e in side) for side in (split.train, split.validation)]
        assert sorted(counts) == [0, 3], f"seed {seed}: {counts}"


def test_the_same_seed_splits_alike_and_another_one_differently() -> None:
    examples = examples_of(greet=30, bye=30)

    assert stratified_split(examples, 0.2, seed=5) == stratified_split(examples, 0.2, seed=5)
    assert stratified_split(examples, 0.2, seed=5) != stratified_split(examples, 0.2, seed=6)


def test_no_examples_split_into_nothing() -> None:
    split = stratified_split([], 0.1, seed=1)

    assert (split.train, split.validation) == ((), ())


@settings(deadline=None)
@given(SETS_OF_EXAMPLES, st.floats(0.01, 0.49), st.integers(0, 100))
def test_a_split_loses_nothing_overlaps_nowhere_and_leaves_every_intent_to_learn(
    examples: list[Example], share: float, seed: int
) -> None:
    split = stratified_split(examples, share, seed)

    def key(e: Example) -> tuple[str, str]:
        return e.intent, e.text

    assert sorted(map(key, [*split.train, *split.validation])) == sorted(map(key, examples))
    for intent in {e.intent for e in examples}:
        train, held = ({e.text.lower() for e in side if e.intent == intent} for side in (split.train, split.validation))
        assert train
        assert not train & held
        assert bool(held) == (len(train | held) >= 3)


@settings(deadline=None)
@given(st.lists(st.integers(1, 128), max_size=300), st.integers(2, 40), st.integers(0, 5))
def test_batches_hold_every_text_once_and_none_is_too_large(lengths: list[int], batch_size: int, seed: int) -> None:
    batches = length_bucketed_batches(lengths, batch_size, np.random.default_rng(seed))

    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    assert all(0 < len(batch) <= batch_size for batch in batches)
    assert len(batches) == -(-len(lengths) // batch_size)


def test_batches_hold_texts_of_similar_length() -> None:
    lengths = [int(length) for length in np.random.default_rng(0).integers(1, 129, 320)]

    batches = length_bucketed_batches(lengths, 32, np.random.default_rng(1))

    spreads = [max(lengths[i] for i in batch) - min(lengths[i] for i in batch) for batch in batches]
    # Sorted and cut in ten, a batch spans about a tenth of 1 to 128; shuffled ones would span nearly all.
    assert max(spreads) < 26


def test_batches_of_short_texts_do_not_always_come_first() -> None:
    lengths = list(range(1, 101))

    shortest = [lengths[b[0]] for b in length_bucketed_batches(lengths, 10, np.random.default_rng(1))]

    assert shortest != sorted(shortest)


def test_batches_come_in_another_order_each_time() -> None:
    random = np.random.default_rng(1)
    first, second = (length_bucketed_batches([4] * 100, 10, random) for _ in range(2))

    assert first != second
    assert first == length_bucketed_batches([4] * 100, 10, np.random.default_rng(1))
