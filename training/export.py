"""Writes the fine-tuned encoder as one ONNX graph, checks that it says what torch says, and makes it int8."""

import json
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from configs.assistant_config import Precision
from configs.errors import KefuError
from nlu.encoder import INTENT_HEAD
from nlu.onnx_encoder import GRAPH_FILE, INPUTS, OUTPUTS, SPEC_FILE, TAG_OUTPUT, TOKENIZER_FILE, OnnxEncoder
from nlu.tokens import pad
from nlu.torch_encoder import TorchEncoder, tensors
from training.quantize import Loss, Quantised, quantize_graph

OPSET = 18
EMBEDDING_TOLERANCE = 1e-4
LOGIT_TOLERANCE = 5e-3
CALIBRATION_TEXTS = 32
# Messages whose best intent changes were close calls: on BANKING77 three in a hundred did, and accuracy moved by 0.2
# points at most, up or down. No embedding may turn by more than this.
ALLOWED_LOSS = Loss(changed_share=0.04, accuracy_points=4.0, cosine_drift=0.02)


class ExportError(KefuError):
    """The exported graph does not compute what the trained model does."""


def export_encoder(
    encoder: TorchEncoder, folder: Path, texts: Sequence[str], precision: Precision = Precision.FLOAT32
) -> Quantised | None:
    """Writes graph, tokenizer and spec into `folder`, and compares both runtimes on `texts`.

    Returns:
        What became of the graph's precision; None if it was to stay float32.

    Raises:
        ExportError: An embedding or a logit differs by more than the tolerance, or a tool is missing.
    """
    _write_graph(encoder, folder / GRAPH_FILE)
    encoder.tokenizer.save(folder / TOKENIZER_FILE)
    _write_spec(encoder, folder, "float32")
    check_export(encoder, folder, texts)
    if precision is Precision.FLOAT32 or not texts:
        return None
    quantised = _quantise(folder, texts)
    _write_spec(encoder, folder, quantised.precision)
    return quantised


def check_export(encoder: TorchEncoder, folder: Path, texts: Sequence[str]) -> None:
    """Runs `texts` through torch and through the graph in `folder`.

    Raises:
        ExportError: They differ by more than the tolerance.
    """
    wanted, got = encoder.encode(texts), OnnxEncoder(folder).encode(texts)
    pairs = [
        ("a plain embedding", EMBEDDING_TOLERANCE, wanted.plain, got.plain),
        ("a tuned embedding", EMBEDDING_TOLERANCE, wanted.tuned, got.tuned),
        ("a logit", LOGIT_TOLERANCE, wanted.logits[INTENT_HEAD], got.logits[INTENT_HEAD]),
    ]
    pairs += [
        ("an entity logit", LOGIT_TOLERANCE, left.logits, right.logits)
        for left, right in zip(wanted.tagged, got.tagged, strict=True)
    ]
    for name, tolerance, left, right in pairs:
        gap = float(np.abs(left - right).max(initial=0.0))
        if not gap <= tolerance:
            raise ExportError(f"The exported graph is wrong: {name} differs by {gap:.2g} (at most {tolerance:g}).")


def _quantise(folder: Path, texts: Sequence[str]) -> Quantised:
    """Makes the graph in `folder` int8 as far as it keeps saying of `texts` what it says in float32."""
    before = OnnxEncoder(folder)
    reference = before.encode(texts)
    said = reference.logits[INTENT_HEAD].argmax(axis=1)

    def measure(graph: Path) -> Loss:
        # Each text by itself, as an int8 graph is served.
        one_by_one = OnnxEncoder(folder, graph=graph)
        got = [one_by_one.encode([text]) for text in texts]
        return Loss.between(
            (reference.logits[INTENT_HEAD], np.concatenate([each.logits[INTENT_HEAD] for each in got])),
            said,
            [
                (reference.plain, np.concatenate([each.plain for each in got])),
                (reference.tuned, np.concatenate([each.tuned for each in got])),
            ],
        )

    feeds = [
        dict(zip(INPUTS, (batch.input_ids, batch.attention_mask), strict=True))
        for batch in (pad([ids]) for ids in before.tokenizer.ids(texts[:CALIBRATION_TEXTS]))
    ]
    graph = folder / GRAPH_FILE
    return quantize_graph(graph, graph, measure, allowed=ALLOWED_LOSS, examples=feeds)


def _write_spec(encoder: TorchEncoder, folder: Path, precision: str) -> None:
    tokenizer = encoder.tokenizer
    spec = {"prefix": tokenizer.prefix, "max_tokens": tokenizer.max_tokens, "precision": precision}
    (folder / SPEC_FILE).write_text(json.dumps(spec), "utf-8")


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
                output_names=[*OUTPUTS, TAG_OUTPUT][: 4 if model.tagger else 3],
                dynamic_shapes={name: {0: batch, 1: tokens} for name in INPUTS},
                opset_version=OPSET,
                external_data=False,
                dynamo=True,
                verbose=False,
            )
    except ImportError as error:
        raise ExportError("The ONNX exporter is not installed. Run `pip install 'kefu[train]'`.") from error
