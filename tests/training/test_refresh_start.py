"""Where a training begins: few new examples are built on the last one, anything that was taken back begins anew."""

from pathlib import Path

import pytest

from configs.assistant_config import Method
from configs.nlu_data import Example
from training.refresh.start import chosen_start
from training.warm_start import WarmFacts, text_key


def examples(*texts: str) -> list[Example]:
    return [Example(text=text, intent="a", path=Path("x"), line=1) for text in texts]


@pytest.fixture(autouse=True)
def _ten_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.refresh.start.LEAST_EXAMPLES", 9)


TEN = tuple(f"text {number}" for number in range(10))
KEPT = WarmFacts(
    format_version=1,
    encoder="e",
    tuned_layers=None,
    labels=["a"],
    tags=[],
    files={},
    learned={text_key(text): "a" for text in TEN[:9]},
    held_out={text_key(TEN[9]): "a"},
)


@pytest.mark.parametrize(
    ("texts", "kept", "method", "from_nothing", "base", "said"),
    [
        ((*TEN, "new"), KEPT, Method.AUTO, False, "r1", "Built on the release r1: 1 of 11 examples are new."),
        (TEN, KEPT, Method.FULL, False, "r1", "0 of 10"),
        ((*TEN, "1", "2"), KEPT, Method.AUTO, False, "r1", "2 of 12"),
        ((*TEN, "1", "2", "3"), KEPT, Method.AUTO, False, None, "3 of 13 examples are new, over 20%"),
        (TEN[1:], KEPT, Method.AUTO, False, None, "1 examples were taken back or changed"),
        (TEN, KEPT, Method.AUTO, True, None, "asked for"),
        (TEN, KEPT, Method.HEAD, False, None, "method head"),
        (TEN, None, Method.AUTO, False, None, "no earlier training"),
    ],
)
def test_where_a_training_begins(
    texts: tuple[str, ...], kept: WarmFacts | None, method: Method, from_nothing: bool, base: str | None, said: str
) -> None:
    start = chosen_start(examples(*texts), "r1", kept, method, from_nothing=from_nothing)

    assert start.base == base
    assert said in start.sentence


def test_an_example_that_means_something_else_now_begins_anew() -> None:
    changed = [*examples(*TEN[1:]), Example(text=TEN[0], intent="b", path=Path("x"), line=1)]

    assert chosen_start(changed, "r1", KEPT, Method.AUTO, from_nothing=False).base is None


def test_few_examples_are_learned_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.refresh.start.LEAST_EXAMPLES", 11)

    assert "soon learned" in chosen_start(examples(*TEN), "r1", KEPT, Method.AUTO, from_nothing=False).sentence
