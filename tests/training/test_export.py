import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

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
    return load_torch_encoder(checkpoint, 4, torch.device("cpu"))


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
    assert json.loads((exported / SPEC_FILE).read_text("utf-8")) == {"prefix": "query: ", "max_tokens": 24}


def test_the_graph_computes_what_torch_computes_on_texts_it_was_not_checked_on(
    encoder: TorchEncoder, exported: Path
) -> None:
    texts = ["", "one", *(f"{'word ' * count}end" for count in range(0, 40, 3))]
    wanted, got = encoder.encode(texts), OnnxEncoder(exported).encode(texts)

    np.testing.assert_allclose(got.embeddings, wanted.embeddings, atol=1e-5)
    np.testing.assert_allclose(got.logits[INTENT_HEAD], wanted.logits[INTENT_HEAD], atol=1e-5)


def test_a_faithful_graph_passes_the_check(encoder: TorchEncoder, exported: Path) -> None:
    assert check_export(encoder, exported, TEXTS) is None


def test_a_head_that_was_changed_after_the_export_is_refused(encoder: TorchEncoder, exported: Path) -> None:
    with torch.no_grad():
        encoder.model.head.bias += 0.01
    try:
        with pytest.raises(ExportError, match=r"a logit differs by 0\.01 \(at most 0\.005\)"):
            check_export(encoder, exported, TEXTS)
    finally:
        with torch.no_grad():
            encoder.model.head.bias -= 0.01


def test_a_graph_whose_head_was_altered_is_refused(encoder: TorchEncoder, folder: Path) -> None:
    alter_initializer(folder / GRAPH_FILE, (4,), 0.5)

    with pytest.raises(ExportError, match=r"a logit differs by 0\.5"):
        check_export(encoder, folder, TEXTS)


def test_a_graph_whose_body_was_altered_is_refused(encoder: TorchEncoder, folder: Path) -> None:
    alter_initializer(folder / GRAPH_FILE, (64,), 5.0)

    with pytest.raises(ExportError, match=r"an embedding differs by"):
        check_export(encoder, folder, TEXTS)


def test_a_graph_that_gives_no_numbers_is_refused(encoder: TorchEncoder, folder: Path) -> None:
    alter_initializer(folder / GRAPH_FILE, (4,), float("nan"))

    with pytest.raises(ExportError, match=r"a logit differs by nan"):
        check_export(encoder, folder, TEXTS)


@pytest.mark.parametrize("changed", [{"prefix": ""}, {"max_tokens": 8}])
def test_a_spec_that_does_not_suit_the_model_is_refused(
    encoder: TorchEncoder, folder: Path, changed: dict[str, object]
) -> None:
    spec = json.loads((folder / SPEC_FILE).read_text("utf-8"))
    (folder / SPEC_FILE).write_text(json.dumps(spec | changed), "utf-8")

    with pytest.raises(ExportError, match=r"an embedding differs by"):
        check_export(encoder, folder, TEXTS)
