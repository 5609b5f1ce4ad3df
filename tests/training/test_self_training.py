"""What of a model's own readings is learned, and that no flood of messages gets far."""

from pathlib import Path

import numpy as np
import pytest
from test_fit import EXAMPLES, assistant, weights

from configs import Example
from configs.assistant_config import Method
from configs.rasa_names import OUT_OF_SCOPE
from nlu.checkpoint import Checkpoint
from training import self_training
from training.fit import fit_understanding
from training.progress import silent
from training.self_training import MOST_FOR_EACH, own_readings

LABELS = ("greet", "order", OUT_OF_SCOPE)
KNOWN = [Example(text="hello", intent="greet", path=Path("x"), line=1)] * 2 + [
    Example(text="my parcel", intent="order", path=Path("x"), line=2)
]


def read(*messages: tuple[str, float, float, float]) -> list[tuple[str, str]]:
    rows = np.array([shares for _, *shares in messages])
    return [(e.text, e.intent) for e in own_readings([text for text, *_ in messages], rows, LABELS, KNOWN)]


def test_what_the_model_is_sure_of_is_learned() -> None:
    assert read(("good day", 0.5, 0.3, 0.2), ("parcel late", 0.1, 0.9, 0.0)) == [
        ("good day", "greet"),
        ("parcel late", "order"),
    ]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(("good day", 0.49, 0.31, 0.2), id="not sure enough"),
        pytest.param(("what a game", 0.1, 0.0, 0.9), id="out of scope"),
        pytest.param(("  HELLO ", 0.1, 0.9, 0.0), id="a person has said what it means"),
    ],
)
def test_other_messages_are_left_out(message: tuple[str, float, float, float]) -> None:
    assert read(message) == []


def test_a_flood_is_cut_off_and_leaves_other_intents_their_room() -> None:
    flood = [(f"parcel {number}", 0.1, 0.9, 0.0) for number in range(100)]
    same = [("the same again", 0.9, 0.1, 0.0)] * 50
    found = read(*flood, *same, ("good day", 0.9, 0.1, 0.0))
    assert [intent for _, intent in found].count("order") == MOST_FOR_EACH * 1
    assert found[-2:] == [("the same again", "greet"), ("good day", "greet")]


def test_only_the_last_fit_learns_them(tiny_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_training, "LEAST_PROBABILITY", 0.0)  # a tiny encoder is sure of nothing
    taught = assistant(EXAMPLES, method=Method.FULL)
    plain = fit_understanding(taught, tiny_checkpoint, silent)
    more = fit_understanding(taught, tiny_checkpoint, silent, unlabelled=[f"{text} today" for text, _ in EXAMPLES])
    assert more.held_out.examples == plain.held_out.examples
    np.testing.assert_array_equal(more.held_out.logits, plain.held_out.logits)
    assert more.classifier.temperature == plain.classifier.temperature
    assert weights(more.encoder, "tuned_head.") != weights(plain.encoder, "tuned_head.")
    assert (more.read_count, plain.read_count) == (len(EXAMPLES), 0)
