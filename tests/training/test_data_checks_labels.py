import csv
from pathlib import Path

import numpy as np
import pytest
from checked_corpus import corpus, example
from hypothesis import given, settings
from hypothesis import strategies as st

from configs import EncoderConfig
from nlu.checkpoint import find_checkpoint
from nlu.torch_encoder import best_device, load_torch_encoder
from training.data_checks.corpus import Corpus
from training.data_checks.finding import Severity
from training.data_checks.labels import confident_classes, deal_folds, held_out_probabilities, mislabelled
from training.data_checks.neighbours import centred

BANKING77 = Path(__file__).resolve().parents[3] / "shared/data/intent_en_banking77/train_10shot.csv"


def test_confident_classes_worked_by_hand() -> None:
    classes = np.array([0, 0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.55, 0.45]])
    # thresholds: of class 0 (0.9 + 0.8 + 0.1) / 3 = 0.6, of class 1 (0.7 + 0.45) / 2 = 0.575

    assert confident_classes(probabilities, classes).tolist() == [0, 0, 1, 1, -1]


def test_of_two_classes_reached_with_confidence_the_likelier_counts() -> None:
    probabilities = np.array([[0.3, 0.4, 0.3], [0.3, 0.2, 0.5], [0.2, 0.3, 0.5]])

    # thresholds 0.3, 0.2, 0.5: the first row reaches two of them, and its own is not the likelier
    assert confident_classes(probabilities, np.array([0, 1, 2])).tolist() == [1, 2, 2]


def test_a_class_without_examples_is_never_chosen() -> None:
    assert confident_classes(np.array([[0.1, 0.9], [0.2, 0.8]]), np.array([0, 0])).tolist() == [-1, 0]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 2)), min_size=1, max_size=40), st.integers(0, 9))
def test_a_text_stays_in_one_fold(rows: list[tuple[str, int]], seed: int) -> None:
    texts = [text for text, _ in rows]
    folds = deal_folds(texts, np.array([number for _, number in rows]), seed)

    assert len(set(zip(texts, folds.tolist(), strict=True))) == len(set(texts))
    assert set(folds.tolist()) <= set(range(5))


def test_folds_spread_each_class_evenly() -> None:
    classes = np.repeat([0, 1], [10, 5])

    folds = deal_folds(list(range(15)), classes)

    assert np.bincount(folds[:10]).tolist() == [2] * 5
    assert np.bincount(folds[10:]).tolist() == [1] * 5


def test_probabilities_come_from_the_other_folds_only() -> None:
    embeddings = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [1, 0]], np.float32)
    classes = np.array([0, 0, 1, 1, 2])

    found = held_out_probabilities(embeddings, classes, np.array([0, 1, 0, 1, 1]))

    assert found.sum(axis=1) == pytest.approx(np.ones(5))
    assert found[4, 2] == 0.0, "its class stands in its own fold only"
    assert found[1:4].argmax(axis=1).tolist() == [0, 1, 1]


@pytest.mark.parametrize(("classes", "expected"), [([0, 0], [[1.0], [1.0]]), ([0, 1], [[0.0, 1.0], [1.0, 0.0]])])
def test_where_only_one_class_is_left_to_learn_it_is_certain(classes: list[int], expected: list[list[float]]) -> None:
    found = held_out_probabilities(np.eye(2, dtype=np.float32), np.array(classes), np.array([0, 1]))

    assert found.tolist() == expected


def test_nothing_can_be_said_of_one_example_alone() -> None:
    found = held_out_probabilities(np.eye(1, dtype=np.float32), np.array([0]), np.array([0]))

    assert found.tolist() == [[0.0]]


MISPLACED = (
    ("hello", "greet", 0.0),
    ("hi", "greet", 3.0),
    ("where is my order", "greet", 92.0),
    ("track it", "track", 90.0),
    ("my parcel", "track", 95.0),
)


@pytest.mark.parametrize(
    ("own", "severity"), [(0.45, None), (0.35, Severity.HINT), (0.26, Severity.HINT), (0.24, Severity.WARNING)]
)
def test_an_example_that_counts_under_another_intent_is_shown_with_its_likeness(
    own: float, severity: Severity | None
) -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [own, 1 - own], [0.5, 0.5], [0.5, 0.5]])

    found = mislabelled(corpus(*MISPLACED), probabilities)

    assert [finding.severity for finding in found] == ([] if severity is None else [severity])
    for finding in found:
        assert finding.message.startswith("This example of greet looks like track;")
        assert [(p.text, p.intent) for p in finding.passages] == [("where is my order", "greet"), ("track it", "track")]
        assert finding.weight == pytest.approx(1 - 2 * own)


def test_an_example_whose_nearest_is_of_its_own_intent_is_left_alone() -> None:
    rows = (*MISPLACED, ("where is my box", "greet", 92.5))
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.5, 0.5], [0.5, 0.5], [0.9, 0.1]])

    assert mislabelled(corpus(*rows), probabilities) == []


@pytest.mark.skipif(not BANKING77.is_file(), reason=f"the BANKING77 data set is not at {BANKING77}")
def test_swapped_labels_of_banking77_are_found() -> None:
    """A twentieth of all labels, swapped among 20 of the 77 intents: every fifth label there is wrong."""
    with BANKING77.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    encoder = load_torch_encoder(find_checkpoint(EncoderConfig(), Path()), 2, best_device())
    (embeddings,) = centred(encoder.encode([row["text"] for row in rows]).embeddings)
    random = np.random.default_rng(0)
    names = sorted({row["intent"] for row in rows})
    few = [names[number] for number in random.choice(len(names), 20, replace=False)]
    candidates = [number for number, row in enumerate(rows) if row["intent"] in few]
    swapped = set(random.choice(candidates, round(0.05 * len(rows)), replace=False).tolist())
    examples = [
        example(row["text"], _other(row["intent"], few, random) if number in swapped else row["intent"], number)
        for number, row in enumerate(rows)
    ]
    noisy = Corpus.of(examples, embeddings)

    found = mislabelled(
        noisy, held_out_probabilities(noisy.embeddings, noisy.classes, deal_folds(noisy.keys, noisy.classes))
    )

    right = [finding for finding in found if finding.passages[0].line in swapped]
    named = [finding for finding in right if rows[finding.passages[0].line]["intent"] in finding.message]
    assert len(swapped) == 38
    assert len(right) / len(found) >= 0.6
    assert len(right) / len(swapped) >= 0.45
    assert len(named) / len(right) >= 0.7, "the intent that it came from is the one it is said to look like"


def _other(intent: str, intents: list[str], random: np.random.Generator) -> str:
    return str(random.choice([name for name in intents if name != intent]))
