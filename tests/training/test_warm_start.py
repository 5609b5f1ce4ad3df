"""A training that goes on from an earlier one: what it keeps, what it passes over, and what it leaves alone."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_fit import EXAMPLES, assistant, weights

from configs import Example, TrainingConfig
from configs.assistant_config import Method
from nlu.checkpoint import Checkpoint
from training.fit import Fitted, fit_understanding
from training.intent_trainer import EPOCHS_OF_WARM, LEAST_REPLAYED, REPLAYED
from training.intent_trainer import _Run as Run
from training.progress import silent
from training.split import Split, held_out_split
from training.warm_start import FACTS_FILE, WarmFacts, WarmStart, load_warm, save_warm, text_key

NEW = [
    ("open the window", "hours"),
    ("closed on sunday", "hours"),
    ("opening times", "hours"),
    ("parcel lost", "order"),
]


@dataclass(frozen=True)
class Earlier:
    """A training, and what it has kept."""

    fitted: Fitted
    folder: Path


@pytest.fixture(scope="module")
def earlier(tiny_checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Earlier:
    fitted = fit_understanding(assistant(EXAMPLES, method=Method.FULL), tiny_checkpoint, silent)
    folder = tmp_path_factory.mktemp("warm") / "aaaaaaaaaaaa"
    fitted.keep(folder)
    return Earlier(fitted, folder)


@pytest.fixture(scope="module")
def later(earlier: Earlier, tiny_checkpoint: Checkpoint) -> Fitted:
    return fit_understanding(assistant([*EXAMPLES, *NEW], max_epochs=8), tiny_checkpoint, silent, warm=earlier.folder)


def facts(folder: Path) -> WarmFacts:
    return WarmFacts.model_validate_json((folder / FACTS_FILE).read_bytes())


def loaded(folder: Path, notes: list[str]) -> WarmStart | None:
    return load_warm(folder, encoder=facts(folder).encoder, tuned_layers=None, note=notes.append)


def share_right(fitted: Fitted) -> float:
    """Of the earlier examples, how many the model knows."""
    logits = fitted.encoder.encode([text for text, _ in EXAMPLES]).logits["intent"]
    said = [fitted.classifier.labels[row] for row in logits.argmax(1)]
    return float(np.mean([intent == name for intent, (_, name) in zip(said, EXAMPLES, strict=True)]))


def test_a_training_goes_on_with_new_examples_and_a_new_intent(earlier: Earlier, later: Fitted) -> None:
    assert later.warm
    assert later.method is Method.FULL
    assert later.classifier.labels == ("greet", "order", "return", "hours")
    assert [epoch.number for epoch in later.curve] == list(range(len(later.curve)))
    assert len(later.curve) - 1 <= EPOCHS_OF_WARM
    assert share_right(later) >= share_right(earlier.fitted)  # nothing is forgotten
    assert earlier.fitted.warm is False


def test_what_was_learned_is_where_it_begins(earlier: Earlier, tiny_checkpoint: Checkpoint) -> None:
    again = fit_understanding(
        assistant(EXAMPLES, max_epochs=1, learning_rate=1e-9, head_learning_rate=1e-9),
        tiny_checkpoint,
        silent,
        warm=earlier.folder,
    )
    before, after = weights(earlier.fitted.encoder, "tuned_top."), weights(again.encoder, "tuned_top.")
    for name, value in before.items():
        was, now = np.frombuffer(value, np.float32), np.frombuffer(after[name], np.float32)
        np.testing.assert_allclose(now, was, rtol=1e-3, atol=1e-4)  # kept in half precision


def test_the_same_inputs_give_the_same_weights(earlier: Earlier, later: Fitted, tiny_checkpoint: Checkpoint) -> None:
    again = fit_understanding(assistant([*EXAMPLES, *NEW], max_epochs=8), tiny_checkpoint, silent, warm=earlier.folder)
    assert weights(again.encoder, "") == weights(later.encoder, "")


def test_what_was_set_aside_before_stays_set_aside(earlier: Earlier, later: Fitted) -> None:
    before = {example.text for example in earlier.fitted.held_out.examples}
    now = {example.text for example in later.held_out.examples}
    assert before <= now
    assert now - before <= {text for text, _ in NEW}
    examples = assistant([*EXAMPLES, *NEW]).examples
    assert [examples[place].text for place in later.held_out.places] == [e.text for e in later.held_out.examples]


def test_no_text_is_kept(earlier: Earlier) -> None:
    written = (earlier.folder / FACTS_FILE).read_text("utf-8")
    assert not [text for text, _ in EXAMPLES if text in written]
    kept = facts(earlier.folder)
    assert len(kept.learned) + len(kept.held_out) == len(EXAMPLES)


def damage_weights(folder: Path) -> None:
    path = folder / "measured.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def rewrite(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / FACTS_FILE
        path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(lambda folder: (folder / FACTS_FILE).unlink(), "it was not kept", id="missing"),
        pytest.param(lambda folder: (folder / FACTS_FILE).write_text("{"), "warm.json", id="not JSON"),
        pytest.param(lambda folder: (folder / "measured.safetensors").unlink(), "cannot be read", id="no weights"),
        pytest.param(damage_weights, "does not have its recorded SHA-256", id="damaged weights"),
        pytest.param(rewrite(format_version=2), "it has format 2", id="another format"),
        pytest.param(rewrite(encoder="other"), "another encoder", id="another encoder"),
        pytest.param(rewrite(tuned_layers=1), "other layers", id="other layers"),
        pytest.param(rewrite(files={}), "holds no fit", id="no fit"),
        pytest.param(rewrite(files={"../../passwd": "0" * 64}), "cannot be read", id="a path outside"),
        pytest.param(rewrite(labels="greet"), "labels", id="a wrong type"),
    ],
)
def test_what_cannot_be_built_on_is_named_and_passed_over(
    earlier: Earlier, tmp_path: Path, change: Callable[[Path], object], reason: str
) -> None:
    folder = tmp_path / "bbbbbbbbbbbb"
    kept = facts(earlier.folder)
    folder.mkdir()
    for path in earlier.folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    change(folder)
    notes: list[str] = []
    assert load_warm(folder, encoder=kept.encoder, tuned_layers=None, note=notes.append) is None
    assert len(notes) == 1
    assert reason in notes[0]
    assert "the release bbbbbbbbbbbb has learned cannot be built on" in notes[0]


def test_a_training_whose_earlier_one_is_gone_begins_anew(tiny_checkpoint: Checkpoint, tmp_path: Path) -> None:
    notes: list[str] = []
    quick = assistant(EXAMPLES[6:24], method=Method.FULL, max_epochs=1)
    fitted = fit_understanding(quick, tiny_checkpoint, silent, warm=tmp_path / "gone", note=notes.append)
    alone = fit_understanding(quick, tiny_checkpoint, silent)
    assert notes == ["What the release gone has learned cannot be built on: it was not kept. The training begins anew."]
    assert (fitted.warm, weights(fitted.encoder, "")) == (False, weights(alone.encoder, ""))


def test_other_methods_begin_anew(earlier: Earlier, tiny_checkpoint: Checkpoint) -> None:
    notes: list[str] = []
    head = assistant(EXAMPLES, method=Method.HEAD)
    fitted = fit_understanding(head, tiny_checkpoint, silent, warm=earlier.folder, note=notes.append)
    assert (fitted.warm, fitted.method, len(notes)) == (False, Method.HEAD, 1)


def test_without_tuned_layers_nothing_is_kept(tiny_checkpoint: Checkpoint, tmp_path: Path) -> None:
    fit_understanding(assistant(EXAMPLES, method=Method.HEAD), tiny_checkpoint, silent).keep(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_what_is_kept_replaces_what_was_there_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "cccccccccccc"
    examples = assistant(EXAMPLES[:4]).examples
    for value in (1.0, 2.0):
        save_warm(
            folder,
            encoder="e",
            tuned_layers=None,
            labels=["greet"],
            tags=[],
            split=Split(train=examples[:3], validation=examples[3:]),
            states={"measured": {"tuned_top.0.w": torch.full((2,), value), "trunk.0.w": torch.ones(2)}},
        )
    notes: list[str] = []
    found = loaded(folder, notes)
    assert found is not None
    assert {name: value.tolist() for name, value in found.states["measured"].items()} == {"tuned_top.0.w": [2.0, 2.0]}
    assert ([path.name for path in tmp_path.iterdir()], notes) == (["cccccccccccc"], [])


def test_the_tagger_is_left_out_where_the_tags_are_others() -> None:
    kept = WarmFacts(
        format_version=1,
        encoder="",
        tuned_layers=None,
        labels=[],
        tags=[["city", None, None]],
        files={},
        learned={},
        held_out={},
    )
    state = {"tuned_top.0.w": torch.ones(1), "tagger.weight": torch.ones(1)}
    warm = WarmStart(facts=kept, states={"measured": state})
    assert warm.state("measured", [("city", None, None)]) == state
    assert warm.state("measured", []) == {"tuned_top.0.w": torch.ones(1)}
    assert warm.state("everything", []) is None


words = st.lists(st.sampled_from([f"word {number}" for number in range(30)]), max_size=40)


@settings(max_examples=60, deadline=None)
@given(old=words, new=words, seed=st.integers(0, 5))
def test_however_examples_grow_none_is_both_learned_and_set_aside(old: list[str], new: list[str], seed: int) -> None:
    def made(texts: list[str]) -> list[Example]:
        return [
            Example(text=text, intent=f"i{int(text[5:]) % 3}", path=Path("x"), line=line, entities=())
            for line, text in enumerate(texts)
        ]

    config = TrainingConfig(seed=seed, validation_share=0.2)
    before = held_out_split(made(old), config)
    kept = WarmFacts(
        format_version=1,
        encoder="",
        tuned_layers=None,
        labels=[],
        tags=[],
        files={},
        learned={text_key(e.text): e.intent for e in before.train},
        held_out={text_key(e.text): e.intent for e in before.validation},
    )
    examples = made([*old, *(text.upper() for text in new)])
    split = WarmStart(facts=kept, states={}).split(examples, config)
    assert sorted(map(id, (*split.train, *split.validation))) == sorted(map(id, examples))
    learned = {text_key(e.text) for e in (*before.train, *split.train)}
    assert learned.isdisjoint(text_key(e.text) for e in split.validation)


def test_an_example_counts_as_known_only_with_its_intent() -> None:
    kept = WarmFacts(
        format_version=1,
        encoder="",
        tuned_layers=None,
        labels=[],
        tags=[],
        files={},
        learned={text_key("hello"): "greet"},
        held_out={text_key("bye"): "leave"},
    )
    warm = WarmStart(facts=kept, states={})

    def example(text: str, intent: str) -> Example:
        return Example(text=text, intent=intent, path=Path("x"), line=1, entities=())

    assert warm.knows("measured", example("  HELLO ", "greet"))
    assert not warm.knows("measured", example("hello", "leave"))
    assert not warm.knows("measured", example("bye", "leave"))
    assert warm.knows("everything", example("bye", "leave"))


@pytest.mark.parametrize(
    ("known", "new", "replayed"),
    [(0, 10, 0), (300, 10, 300), (LEAST_REPLAYED + 50, 10, LEAST_REPLAYED), (5_000, 400, REPLAYED * 400)],
)
def test_every_epoch_sees_all_that_is_new_and_some_of_what_is_known(known: int, new: int, replayed: int) -> None:
    run = object.__new__(Run)  # only what the choice rests on
    run.known = np.arange(known + new) < known
    run.random = np.random.default_rng(1)
    rows = run.rows_of_epoch()
    assert len(rows) == run.epoch_size == new + replayed
    assert set(range(known, known + new)) <= set(rows)
    assert rows == sorted(set(rows))
    if replayed < known:
        assert rows != run.rows_of_epoch()  # others, each time
