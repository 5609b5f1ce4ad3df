"""Precision, recall and F1 as scikit-learn counts them."""

import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import classification_report

from bot.api.label_report import label_report

labels = st.sampled_from(["greet", "buy", "return", "nlu_fallback"])


@given(st.lists(st.tuples(labels, labels), min_size=1, max_size=30))
def test_every_figure_is_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    targets, predictions = [t for t, _ in pairs], [p for _, p in pairs]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle: Any = classification_report(
            targets, predictions, labels=sorted(set(targets)), output_dict=True, zero_division=0
        )

    found = label_report(targets, predictions)

    for name in (*set(targets), "macro avg", "weighted avg"):
        row = {key: value for key, value in found["report"][name].items() if key != "confused_with"}
        assert row == pytest.approx(oracle[name])
    right = sum(t == p for t, p in pairs) / len(pairs)
    assert found["accuracy"] == found["report"]["accuracy"] == pytest.approx(right)
    assert found["precision"] == found["report"]["weighted avg"]["precision"]
    assert found["f1_score"] == found["report"]["weighted avg"]["f1-score"]


def test_a_case_counted_by_hand() -> None:
    found = label_report(["a", "a", "a", "b"], ["a", "b", "b", "b"])

    assert found["report"]["a"] == {
        "precision": 1.0,
        "recall": pytest.approx(1 / 3),
        "f1-score": 0.5,
        "support": 3,
        "confused_with": {"b": 2},
    }
    assert found["report"]["b"]["precision"] == pytest.approx(1 / 3)
    assert found["accuracy"] == 0.5
    assert found["precision"] == pytest.approx((3 * 1 + 1 / 3) / 4)


def test_what_stands_for_no_label_is_no_row_and_not_in_the_averages() -> None:
    found = label_report(["-", "-", "city"], ["-", "city", "city"], no_label="-")

    assert set(found["report"]) == {"city", "accuracy", "macro avg", "weighted avg"}
    assert found["precision"] == 0.5
    assert found["report"]["weighted avg"]["recall"] == 1.0


def test_of_nothing_every_figure_is_nothing() -> None:
    assert label_report([], []) == {
        "report": {
            "accuracy": 0.0,
            "macro avg": {"precision": 0.0, "recall": 0.0, "f1-score": 0.0, "support": 0},
            "weighted avg": {"precision": 0.0, "recall": 0.0, "f1-score": 0.0, "support": 0},
        },
        "precision": 0.0,
        "f1_score": 0.0,
        "accuracy": 0.0,
    }
