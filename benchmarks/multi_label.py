"""Learns which of several labels a text has: the tops that `kefu train` tunes, with a yes or no for each label.

Kefu gives a message one intent, or those that one label joins. This is what the same encoder can do beyond that.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import nn

from benchmarks.measuring import ROOT
from configs.assistant_config import EncoderConfig, IntentTrainingConfig
from nlu.checkpoint import find_checkpoint
from nlu.encoder import INTENT_HEAD, Encoder, FloatArray
from nlu.torch_encoder import TorchEncoder, best_device, load_torch_encoder, pooled
from training.intent_trainer import (
    INVERSE_REGULARISATION_OF_PLAIN,
    INVERSE_REGULARISATION_OF_TUNED,
    parameter_groups,
    suited_to,
    tuned_layers,
    warmup_then_linear,
)
from training.progress import Progress, Report
from training.split import length_bucketed_batches
from training.trunk import TrunkStates

UNSEEN_LOGIT = -6.0  # of a label that no example has

Truth = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledTexts:
    """Texts, and which labels each has: shape (texts, labels)."""

    texts: Sequence[str]
    truth: Truth

    def only(self, rows: Sequence[int]) -> "LabelledTexts":
        """Some of the texts."""
        return LabelledTexts(texts=[self.texts[row] for row in rows], truth=self.truth[list(rows)])


def fit_labels(train: LabelledTexts, config: IntentTrainingConfig, report: Report, *, seed: int) -> TorchEncoder:
    """The default encoder, tuned to say which labels a text has; it is left at its last epoch."""
    config = suited_to(config, len(train.texts))
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    encoder = load_torch_encoder(
        find_checkpoint(EncoderConfig(), ROOT),
        train.truth.shape[1],
        best_device(),
        tuned_layers=lambda layer_count: tuned_layers(config, layer_count),
    )
    model, ids = encoder.model, encoder.tokenizer.ids(train.texts)
    report(Progress(stage="reading the examples"))
    states = TrunkStates(encoder, ids)
    start_heads(encoder, states.plain, train.truth)
    optimizer = torch.optim.AdamW(parameter_groups(model, config), fused=True)
    rates = [group["lr"] for group in optimizer.param_groups]
    epochs = config.max_epochs or 1
    total, step = math.ceil(len(ids) / config.batch_size) * epochs, 0
    targets = torch.from_numpy(train.truth).float().to(encoder.device)
    model.train()
    for epoch in range(1, epochs + 1):
        for rows in length_bucketed_batches([len(row) for row in ids], config.batch_size, random):
            loss = label_loss(encoder, states, rows, targets[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
            factor = warmup_then_linear(step, total, config.warmup_share)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
            report(
                Progress(stage="tuning", done=step, total=total, epoch=epoch, epochs=epochs, loss=float(loss.detach()))
            )
    model.eval()
    return encoder


def label_loss(encoder: TorchEncoder, states: TrunkStates, rows: Sequence[int], targets: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of the tuned head, summed over the labels: a mean over `rows`."""
    device, model = encoder.device, encoder.model
    hidden, mask = states.batch(rows)
    in_bfloat16 = device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
    with torch.autocast(device.type, torch.bfloat16, enabled=in_bfloat16):
        top = model.upper(model.tuned_top, hidden, mask)
    logits = model.tuned_head(pooled(top, mask))
    return nn.functional.binary_cross_entropy_with_logits(logits, targets) * targets.shape[1]


def start_heads(encoder: TorchEncoder, embeddings: FloatArray, truth: Truth) -> None:
    """Sets both heads to one logistic regression a label on the untouched embeddings."""
    model = encoder.model
    for head, inverse_regularisation in (
        (model.tuned_head, INVERSE_REGULARISATION_OF_TUNED),
        (model.plain_head, INVERSE_REGULARISATION_OF_PLAIN),
    ):
        weight, bias = one_regression_a_label(embeddings, truth, inverse_regularisation)
        with torch.no_grad():
            head.weight.copy_(torch.from_numpy(weight))
            head.bias.copy_(torch.from_numpy(bias))
    model.plain_head.requires_grad_(False)


def one_regression_a_label(
    embeddings: FloatArray, truth: Truth, inverse_regularisation: float
) -> tuple[FloatArray, FloatArray]:
    """Weights (labels, d) and biases (labels,); a label that no text has is never given."""
    weight = np.zeros((truth.shape[1], embeddings.shape[1]), np.float32)
    bias = np.full(truth.shape[1], UNSEEN_LOGIT, np.float32)
    for label in np.flatnonzero(truth.any(axis=0) & ~truth.all(axis=0)):
        regression = LogisticRegression(C=inverse_regularisation, max_iter=1_000).fit(embeddings, truth[:, label])
        weight[label], bias[label] = regression.coef_[0], regression.intercept_[0]
    return weight, bias


def label_probabilities(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float64]:
    """How likely each text has each label: shape (texts, labels)."""
    return _sigmoid(encoder.encode(list(texts)).logits[INTENT_HEAD])


def frozen_probabilities(encoder: TorchEncoder, train: LabelledTexts, texts: Sequence[str]) -> NDArray[np.float64]:
    """The same by logistic regressions on the untouched embeddings."""
    learned, asked = (encoder.encode(list(part)).plain for part in (train.texts, texts))
    weight, bias = one_regression_a_label(learned, train.truth, INVERSE_REGULARISATION_OF_PLAIN)
    return _sigmoid(asked @ weight.T + bias)


def micro_f1(found: Truth, truth: Truth) -> float:
    """F1 over all labels of all texts."""
    return float(2 * (found & truth).sum() / max(1, found.sum() + truth.sum()))


def _sigmoid(logits: FloatArray) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-logits.astype(np.float64))))
