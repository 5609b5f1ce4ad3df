import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from configs.assistant_config import Precision
from nlu.checkpoint import Checkpoint
from nlu.encoder import INTENT_HEAD
from nlu.onnx_encoder import GRAPH_FILE, SPEC_FILE, TOKENIZER_FILE, OnnxEncoder
from nlu.torch_encoder import TorchEncoder, load_torch_encoder
from training.export import ExportError, check_export, export_encoder

TEXTS = ["where is my parcel", "hello", "I want to send the lamp back, it is nothing like the picture."]


@pytest.fixture(scope="module")
def encoder(tiny_checkpoint: Checkpoint) -> TorchEncoder:
    checkpoint = Checkpoint(source=tiny_checkpoint.source, prefix="query: ", max_tokens=24)
    torch.manual_seed(5)
    return load_torch_encoder(checkpoint, 4, torch.device("cpu"), tuned_layers=lambda _: 1, tags=9)


@pytest.fixture(scope="module")
def exported(encoder: TorchEncoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    export_encoder(encoder, folder, TEXTS)
    return folder


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A copy that a test may alter."""
    return Path(shutil.copytree(exported, tmp_path / "exported"))


def alter_initializer(path: Path, shape: tuple[int, ...], change: float) -> None:
    """Adds `change` to the first weight of the graph that has this shape."""
    graph = onnx.load(path)
    found = next(t for t in graph.graph.initializer if tuple(t.dims) == shape)
    found.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(found) + np.float32(change), found.name))
    onnx.save(graph, path)


def test_an_export_is_three_files_that_stand_alone(exported: Path) -> None:
    assert {path.name for path in exported.iterdir()} == {GRAPH_FILE, TOKENIZER_FILE, SPEC_FILE}
    assert json.loads((exported / SPEC_FILE).read_text("utf-8")) == {
        "prefix": "query: ",
        "max_tokens": 24,
        "precision": "float32",
    }


def test_the_graph_computes_what_torch_computes_on_texts_it_was_not_checked_on(
    encoder: TorchEncoder, exported: Path
) -> None:
    texts = ["", "one", *(f"{'word ' * count}end" for count in range(0, 40, 3))]
    wanted, got = encoder.encode(texts), OnnxEncoder(exported).encode(texts)

    np.testing.assert_allclose(got.plain, wanted.plain, atol=1e-5)
    np.testing.assert_allclose(got.tuned, wanted.tuned, atol=1e-5)
    np.testing.assert_allclose(got.logits[INTENT_HEAD], wanted.logits[INTENT_HEAD], atol=1e-5)
    for left, right in zip(got.tagged, wanted.tagged, strict=True):
        np.testing.assert_allclose(left.logits, right.logits, atol=1e-4)


def test_a_faithful_graph_passes_the_check(encoder: TorchEncoder, exported: Path) -> None:
    assert check_export(encoder, exported, TEXTS) is None


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("tuned_head.bias", r"a logit differs by 0\.07 \(at most 0\.005\)"),
        ("plain_head.bias", r"a logit differs by 0\.03 \(at most 0\.005\)"),
        ("tagger.bias", r"an entity logit differs by 0\.1 \(at most 0\.005\)"),
        ("tuned_top.0.output.dense.weight", "a tuned embedding differs by"),
        ("plain_top.0.output.dense.weight", "a plain embedding differs by"),
        ("trunk.0.output.dense.weight", "a plain embedding differs by"),
    ],
)
def test_a_graph_of_other_weights_is_refused(encoder: TorchEncoder, exported: Path, part: str, said: str) -> None:
    weight = dict(encoder.model.named_parameters())[part]
    before = weight.detach().clone()
    with torch.no_grad():
        weight += 0.1 if "bias" in part else torch.linspace(-0.1, 0.1, weight.numel()).reshape(weight.shape)
    try:
        with pytest.raises(ExportError, match=said):
            check_export(encoder, exported, TEXTS)
    finally:
        with torch.no_grad():
            weight.copy_(before)


def test_a_graph_that_gives_no_numbers_is_refused(encoder: TorchEncoder, folder: Path) -> None:
    alter_initializer(folder / GRAPH_FILE, (4,), float("nan"))

    with pytest.raises(ExportError, match=r"a logit differs by nan"):
        check_export(encoder, folder, TEXTS)


def test_an_int8_export_says_so_and_keeps_what_it_says(encoder: TorchEncoder, tmp_path: Path) -> None:
    texts = [f"{text} {number}" for number in range(6) for text in TEXTS]

    quantised = export_encoder(encoder, tmp_path, texts, Precision.INT8)

    assert quantised is not None
    assert {path.name for path in tmp_path.iterdir()} == {GRAPH_FILE, TOKENIZER_FILE, SPEC_FILE}
    assert json.loads((tmp_path / SPEC_FILE).read_text("utf-8"))["precision"] == quantised.precision
    wanted, got = encoder.encode(texts), OnnxEncoder(tmp_path).encode(texts)
    assert ((wanted.plain * got.plain).sum(1) >= 0.98 - 1e-3).all()
    assert ((wanted.tuned * got.tuned).sum(1) >= 0.98 - 1e-3).all()


def test_without_texts_to_check_on_the_graph_stays_float32(encoder: TorchEncoder, tmp_path: Path) -> None:
    assert export_encoder(encoder, tmp_path, [], Precision.INT8) is None

    assert json.loads((tmp_path / SPEC_FILE).read_text("utf-8"))["precision"] == "float32"


@pytest.mark.parametrize("changed", [{"prefix": ""}, {"max_tokens": 8}])
def test_a_spec_that_does_not_suit_the_model_is_refused(
    encoder: TorchEncoder, folder: Path, changed: dict[str, object]
) -> None:
    spec = json.loads((folder / SPEC_FILE).read_text("utf-8"))
    (folder / SPEC_FILE).write_text(json.dumps(spec | changed), "utf-8")

    with pytest.raises(ExportError, match=r"a plain embedding differs by"):
        check_export(encoder, folder, TEXTS)
