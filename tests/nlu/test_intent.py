import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nlu.intent import IntentClassifier, IntentScore, softmax

LN3, LN9 = np.log(3.0), np.log(9.0)


def rows(*values: list[float]) -> np.ndarray:
    return np.array(values, np.float32)


def test_softmax_of_a_case_by_hand() -> None:
    # e^0 = 1 and e^ln3 = 3, so the shares are 1/4 and 3/4; adding 50 to both changes nothing.
    found = softmax(rows([0.0, LN3], [50.0, 50.0 + LN3]))

    np.testing.assert_allclose(found, [[0.25, 0.75], [0.25, 0.75]], atol=1e-6)


def test_softmax_of_huge_logits_neither_overflows_nor_underflows() -> None:
    np.testing.assert_array_equal(softmax(rows([1e30, -1e30], [-1e30, -1e30])), [[1.0, 0.0], [0.5, 0.5]])


def test_softmax_of_no_rows_has_no_rows() -> None:
    assert softmax(np.zeros((0, 3), np.float32)).shape == (0, 3)


def test_ranking_names_every_intent_the_likeliest_first() -> None:
    ranking = IntentClassifier(["greet", "bye"]).rank(rows([0.0, LN3], [LN3, 0.0]))

    assert [[score.name for score in row] for row in ranking] == [["bye", "greet"], ["greet", "bye"]]
    assert [score.probability for score in ranking[0]] == pytest.approx([0.75, 0.25], abs=1e-6)


def test_logits_are_divided_by_the_temperature() -> None:
    # ln 9 / 2 = ln 3, so the shares are 3/4 and 1/4 instead of 9/10 and 1/10.
    softened = IntentClassifier(["a", "b"], temperature=2.0).rank(rows([LN9, 0.0]))[0]

    assert softened[0] == IntentScore(name="a", probability=pytest.approx(0.75, abs=1e-6))


def test_equal_logits_keep_the_order_of_the_labels() -> None:
    labels = [f"intent {number}" for number in range(100, 0, -1)]
    logits = np.ones((1, 100), np.float32)
    logits[0, 70] = 2.0

    ranking = IntentClassifier(labels).rank(logits)[0]

    assert [score.name for score in ranking] == [labels[70], *labels[:70], *labels[71:]]


def test_no_texts_are_ranked_to_nothing() -> None:
    assert IntentClassifier(["a", "b"]).rank(np.zeros((0, 2), np.float32)) == []


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_that_is_not_positive_is_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match=f"temperature is {temperature}"):
        IntentClassifier(["a", "b"], temperature)


@settings(deadline=None)
@given(
    arrays(np.float32, (3, 4), elements=st.floats(-30, 30, width=32)),
    st.floats(0.05, 20.0),
)
def test_probabilities_sum_to_one_and_fall_along_the_ranking(logits: np.ndarray, temperature: float) -> None:
    for row, ranking in zip(logits, IntentClassifier("abcd", temperature).rank(logits), strict=True):
        probabilities = [score.probability for score in ranking]

        assert sum(probabilities) == pytest.approx(1.0)
        assert probabilities == sorted(probabilities, reverse=True)
        assert row["abcd".index(ranking[0].name)] == pytest.approx(row.max(), abs=1e-6)
