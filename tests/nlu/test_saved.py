"""An understander comes back from its folder as it was, or not at all."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save

from configs import EncoderConfig
from configs.entity_spec import EntitySpec
from nlu.checkpoint import find_checkpoint
from nlu.intent import IntentClassifier
from nlu.language import ScriptCoverage
from nlu.saved import INTENTS_FILE, SCOPE_FILE, load_understander, save_understanding
from nlu.scope import ScopeScorer
from nlu.tagging import TagSet
from nlu.torch_encoder import load_torch_encoder
from nlu.understanding import Understander
from training.export import export_encoder

LABELS = ("greet", "bye", "\u95ee\u5019")
TAGS = TagSet((("city", None, None), ("city", "to", None)))
SPEC = EntitySpec(regexes={"order": ("A[0-9]+",)}, lookups={}, synonyms={})
TEXTS = ["hello", "where is A17", "\u4f60\u597d"]
COVERAGE = ScriptCoverage({"Latin": 1.0})


def scope() -> ScopeScorer:
    centres = np.eye(2, 384, dtype=np.float32)
    return ScopeScorer(centres=centres, weights=(1.0, 2.0, 0.5), reference=np.array([0.0, 1.0, 4.0]))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    torch.manual_seed(3)
    checkpoint = find_checkpoint(EncoderConfig(), Path())
    encoder = load_torch_encoder(checkpoint, 3, torch.device("cpu"), tags=len(TAGS))
    assert encoder.model.tagger is not None
    with torch.no_grad():
        encoder.model.tagger.bias[0] = 100.0  # it finds nothing
    export_encoder(encoder, folder, TEXTS)
    save_understanding(folder, IntentClassifier(LABELS, 1.7), scope(), COVERAGE, TAGS)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(saved, tmp_path / "saved"))


def change_facts(folder: Path, **changed: object) -> None:
    facts = json.loads((folder / INTENTS_FILE).read_text("utf-8"))
    facts = {name: value for name, value in (facts | changed).items() if value != "gone"}
    (folder / INTENTS_FILE).write_text(json.dumps(facts), "utf-8")


def test_what_was_saved_comes_back(saved: Path) -> None:
    understander = load_understander(saved, SPEC)

    assert (understander.intents.labels, understander.intents.temperature) == (LABELS, 1.7)
    assert understander.scope is not None
    np.testing.assert_array_equal(understander.scope.centres, scope().centres)
    assert understander.scope.weights == (1.0, 2.0, 0.5)
    assert understander.coverage == COVERAGE
    assert understander.entities is not None
    assert understander.entities.tags == TAGS


def test_a_loaded_understander_says_what_its_parts_say(saved: Path) -> None:
    loaded = load_understander(saved, SPEC)
    by_hand = Understander(loaded.encoder, IntentClassifier(LABELS, 1.7), scope=scope(), coverage=COVERAGE)

    for found, wanted in zip(loaded.understand(TEXTS), by_hand.understand(TEXTS), strict=True):
        assert found.ranking == wanted.ranking
        assert found.scope == wanted.scope
        assert found.uncovered == wanted.uncovered
    assert [u.uncovered for u in loaded.understand(TEXTS)] == [0.0, 0.0, 1.0]
    assert [(entity.entity, entity.value) for entity in loaded.understand(TEXTS)[1].entities] == [("order", "A17")]


@pytest.mark.parametrize("name", ["labels", "temperature", "tags", "scripts"])
def test_a_missing_fact_is_refused(folder: Path, name: str) -> None:
    change_facts(folder, **{name: "gone"})

    with pytest.raises(ValueError, match=f"the intents or the scope are damaged: KeyError\\('{name}'\\)"):
        load_understander(folder, SPEC)


@pytest.mark.parametrize(
    "changed",
    [
        {"labels": None},
        {"temperature": 0},
        {"temperature": "warm"},
        {"tags": [["city"]]},
        {"tags": 5},
        {"scripts": ["Latin"]},
        {"scripts": {"Latin": "much"}},
    ],
    ids=str,
)
def test_a_fact_of_another_kind_is_refused(folder: Path, changed: dict[str, object]) -> None:
    change_facts(folder, **changed)

    with pytest.raises(ValueError, match=r"damaged|temperature|unpack|convert"):
        load_understander(folder, SPEC)


@pytest.mark.parametrize(
    "changed",
    [{"labels": ["greet", "bye"]}, {"labels": [*LABELS, "more"]}, {"tags": []}, {"tags": [["a", None, None]]}],
)
def test_intents_or_tags_of_another_number_than_the_encoders_are_refused(
    folder: Path, changed: dict[str, object]
) -> None:
    change_facts(folder, **changed)

    with pytest.raises(ValueError, match="encoder, intents, entity tags and scope do not fit together"):
        load_understander(folder, SPEC)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"null"], ids=ascii)
def test_a_damaged_file_of_intents_is_refused(folder: Path, content: bytes) -> None:
    (folder / INTENTS_FILE).write_bytes(content)

    with pytest.raises(ValueError):  # noqa: PT011 - what json says of it differs
        load_understander(folder, SPEC)


@pytest.mark.parametrize("content", [b"", b"not a tensor file", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "], ids=ascii)
def test_a_damaged_file_of_the_scope_is_refused(folder: Path, content: bytes) -> None:
    (folder / SCOPE_FILE).write_bytes(content)

    with pytest.raises(ValueError, match="the intents or the scope are damaged"):
        load_understander(folder, SPEC)


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        ("centres", np.zeros((2, 100), np.float32), "do not fit together"),
        ("centres", np.zeros(384, np.float32), "wrong shapes"),
        ("weights", np.zeros(2, np.float32), "wrong shapes"),
        ("reference", np.zeros((3, 1), np.float32), "wrong shapes"),
    ],
)
def test_a_scope_of_another_shape_is_refused(folder: Path, name: str, array: np.ndarray, said: str) -> None:
    arrays = load((folder / SCOPE_FILE).read_bytes())
    (folder / SCOPE_FILE).write_bytes(save({**arrays, name: array}))

    with pytest.raises(ValueError, match=said):
        load_understander(folder, SPEC)
