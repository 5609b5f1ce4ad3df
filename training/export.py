"""Writes the fine-tuned encoder as one ONNX graph, and checks that the graph says what torch says."""

import json
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from configs.errors import KefuError
from nlu.encoder import INTENT_HEAD
from nlu.onnx_encoder import GRAPH_FILE, INPUTS, OUTPUTS, SPEC_FILE, TOKENIZER_FILE, OnnxEncoder
from nlu.torch_encoder import TorchEncoder, tensors

OPSET = 18
EMBEDDING_TOLERANCE = 1e-4
LOGIT_TOLERANCE = 5e-3


class ExportError(KefuError):
    """The exported graph does not compute what the trained model does."""


def export_encoder(encoder: TorchEncoder, folder: Path, texts: Sequence[str]) -> None:
    """Writes graph, tokenizer and spec into `folder`, and compares both runtimes on `texts`.

    Raises:
        ExportError: An embedding or a logit differs by more than the tolerance, or a tool is missing.
    """
    _write_graph(encoder, folder / GRAPH_FILE)
    encoder.tokenizer.save(folder / TOKENIZER_FILE)
    spec = {"prefix": encoder.tokenizer.prefix, "max_tokens": encoder.tokenizer.max_tokens}
    (folder / SPEC_FILE).write_text(json.dumps(spec), "utf-8")
    check_export(encoder, folder, texts)


def check_export(encoder: TorchEncoder, folder: Path, texts: Sequence[str]) -> None:
    """Runs `texts` through torch and through the graph in `folder`.

    Raises:
        ExportError: They differ by more than the tolerance.
    """
    wanted, got = encoder.encode(texts), OnnxEncoder(folder).encode(texts)
    for name, tolerance, left, right in (
        ("an embedding", EMBEDDING_TOLERANCE, wanted.embeddings, got.embeddings),
        ("a logit", LOGIT_TOLERANCE, wanted.logits[INTENT_HEAD], got.logits[INTENT_HEAD]),
    ):
        gap = float(np.abs(left - right).max(initial=0.0))
        if not gap <= tolerance:
            raise ExportError(f"The exported graph is wrong: {name} differs by {gap:.2g} (at most {tolerance:g}).")


def _write_graph(encoder: TorchEncoder, path: Path) -> None:
    model = encoder.model.eval()
    # Two texts of unequal length, so that no dimension is taken for a constant.
    inputs = tensors([[101, 2023, 2003, 102], [101, 102]], encoder.device)
    batch, tokens = torch.export.Dim("batch"), torch.export.Dim("tokens", max=encoder.tokenizer.max_tokens)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    logging.getLogger("onnxscript").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                model,
                inputs,
                str(path),
                input_names=list(INPUTS),
                output_names=list(OUTPUTS),
                dynamic_shapes={name: {0: batch, 1: tokens} for name in INPUTS},
                opset_version=OPSET,
                external_data=False,
                dynamo=True,
                verbose=False,
            )
    except ImportError as error:
        raise ExportError("The ONNX exporter is not installed. Run `pip install 'kefu[train]'`.") from error
