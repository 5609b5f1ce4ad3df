"""Fine-tunes the encoder and its intent head on the owner's examples.

The head starts as the logistic regression on the untuned embeddings, so fine-tuning begins where the frozen
encoder ends. An anchor term holds the embeddings of examples and of stored questions near the untuned ones: the
same vector also searches past answers, and intents alone would pull all questions of one intent into one point.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from configs.assistant_config import TrainingConfig
from nlu.encoder import INTENT_HEAD, FloatArray
from nlu.torch_encoder import BertClassifier, TorchEncoder, tensors
from training.calibration import fit_temperature, negative_log_likelihood
from training.progress import Progress, Report
from training.split import length_bucketed_batches

FEW_EXAMPLES = 4_000
MAX_EPOCHS_OF_FEW, MAX_EPOCHS_OF_MANY = 8, 5
LEARNING_RATE_OF_FEW, LEARNING_RATE_OF_MANY = 2e-4, 1e-4
INVERSE_REGULARISATION_OF_FEW, INVERSE_REGULARISATION_OF_MANY = 3.0, 10.0
STORED_SHARE = 4  # one stored question for this many examples in a batch


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledIds:
    """Token ids of texts and the class of each."""

    ids: Sequence[Sequence[int]]
    classes: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One line of the learning curve; epoch 0 is the frozen encoder with logistic regression.

    Attributes:
        validation_loss: Negative log-likelihood in nats at the temperature that suits it best, so that an epoch
            is not passed over for an overconfidence that calibration will take away. Like the accuracy it is NaN
            where no examples were set aside.
    """

    number: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float


def fit_intents(
    encoder: TorchEncoder,
    train: LabelledIds,
    validation: LabelledIds,
    stored: Sequence[Sequence[int]],
    config: TrainingConfig,
    report: Report,
) -> tuple[Epoch, ...]:
    """Fine-tunes `encoder` in place, leaves it at its best epoch, and returns the learning curve.

    Args:
        stored: Token ids of stored questions; they have no label and are only held where they are.
    """
    config = suited_to(config, len(train.ids))
    assert config.max_epochs is not None  # noqa: S101 - filled in just now
    torch.manual_seed(config.seed)
    random = np.random.default_rng(config.seed)
    model = encoder.model
    report(Progress(stage="reading the examples"))
    untuned = encoder.encode_ids(train.ids).embeddings
    untuned_stored = encoder.encode_ids(stored).embeddings
    start_head(model, untuned, train.classes, config.seed)
    curve = [_epoch(encoder, validation, 0, float("nan"))]
    best_state = _copy_state(model)
    steps_each = math.ceil(len(train.ids) / config.batch_size)
    total = steps_each * config.max_epochs
    optimizer = torch.optim.AdamW(parameter_groups(model, config), fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: warmup_then_linear(step, total, config.warmup_share)
    )
    stored_rows = _endless_rows(len(stored), max(1, config.batch_size // STORED_SHARE), random)
    lengths = [len(ids) for ids in train.ids]
    model.train()
    step = 0
    for number in range(1, config.max_epochs + 1):
        losses = []
        for rows in length_bucketed_batches(lengths, config.batch_size, random):
            more = next(stored_rows)
            ids = [*(train.ids[i] for i in rows), *(stored[i] for i in more)]
            held = np.concatenate([untuned[rows], untuned_stored[more]])
            loss = batch_loss(encoder, ids, held, train.classes[rows], config)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            losses.append(loss.item())
            step += 1
            report(
                Progress(
                    stage="fine-tuning",
                    done=step,
                    total=total,
                    epoch=number,
                    epochs=config.max_epochs,
                    loss=float(np.mean(losses)),
                    accuracy=curve[-1].validation_accuracy,
                )
            )
        curve.append(_epoch(encoder, validation, number, float(np.mean(losses))))
        best = best_epoch(curve)
        if best.number == number:
            best_state = _copy_state(model)
        elif number - best.number >= config.patience:
            break
    model.load_state_dict(best_state)
    model.eval()
    return tuple(curve)


def best_epoch(curve: Sequence[Epoch]) -> Epoch:
    """The first epoch with the least validation loss; the last epoch where none was measured."""
    measured = [epoch for epoch in curve if math.isfinite(epoch.validation_loss)]
    return min(measured, key=lambda epoch: epoch.validation_loss) if measured else curve[-1]


def suited_to(config: TrainingConfig, example_count: int) -> TrainingConfig:
    """`config` with what the owner left open filled in: few examples want larger steps and more passes.

    Measured on the starter (1,275 examples) and on BANKING77.
    """
    few = example_count < FEW_EXAMPLES
    epochs = config.max_epochs or (MAX_EPOCHS_OF_FEW if few else MAX_EPOCHS_OF_MANY)
    rate = config.learning_rate or (LEARNING_RATE_OF_FEW if few else LEARNING_RATE_OF_MANY)
    return config.model_copy(update={"max_epochs": epochs, "learning_rate": rate})


def batch_loss(
    encoder: TorchEncoder,
    ids: Sequence[Sequence[int]],
    untuned: FloatArray,
    classes: NDArray[np.int64],
    config: TrainingConfig,
) -> Tensor:
    """Cross-entropy over the labelled texts, which come first, plus the anchor term over all texts.

    The anchor term is 1 - cos(embedding, untuned embedding), averaged.
    """
    device, model = encoder.device, encoder.model
    with _mixed_precision(device):
        embeddings = model.embed(*tensors(ids, device))
    logits = model.head(embeddings[: len(classes)])
    targets = torch.from_numpy(classes).to(device)
    loss = nn.functional.cross_entropy(logits, targets, label_smoothing=config.label_smoothing)
    drift = 1.0 - (embeddings * torch.from_numpy(untuned).to(device)).sum(-1)
    return loss + config.anchor_weight * drift.mean()


def start_head(model: BertClassifier, embeddings: FloatArray, classes: NDArray[np.int64], seed: int) -> None:
    """Sets the head to the logistic regression on `embeddings`."""
    few = len(classes) < FEW_EXAMPLES
    inverse_regularisation = INVERSE_REGULARISATION_OF_FEW if few else INVERSE_REGULARISATION_OF_MANY
    regression = LogisticRegression(C=inverse_regularisation, max_iter=1_000, random_state=seed)
    regression.fit(embeddings, classes)
    weight, bias = regression.coef_, regression.intercept_
    if len(weight) == 1:  # two classes: one row that decides between them
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    with torch.no_grad():
        model.head.weight.copy_(torch.from_numpy(weight))
        model.head.bias.copy_(torch.from_numpy(bias))


def parameter_groups(model: BertClassifier, config: TrainingConfig) -> list[dict[str, object]]:
    """Learning rates that fall from the head to the embeddings; no decay of biases and layer norms."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    layers = 1 + max(_layer(name) for name, _ in model.named_parameters())
    for name, parameter in model.named_parameters():
        if name.startswith("head."):
            rate = config.head_learning_rate
        else:
            rate = (config.learning_rate or LEARNING_RATE_OF_MANY) * config.layer_decay ** (layers - 1 - _layer(name))
        decay = 0.0 if parameter.ndim == 1 else config.weight_decay
        groups.setdefault((rate, decay), []).append(parameter)
    return [{"params": found, "lr": rate, "weight_decay": decay} for (rate, decay), found in groups.items()]


def _layer(name: str) -> int:
    """The number of a parameter's layer from 0 at the bottom; -1 for the word embeddings."""
    parts = name.split(".")
    return int(parts[parts.index("layer") + 1]) if "layer" in parts else -1


def warmup_then_linear(step: int, total: int, warmup_share: float) -> float:
    """Factor of the learning rate: up from 0 over the warm-up, then linearly down to 0."""
    warmup = max(1, round(total * warmup_share))
    if step < warmup:
        return (step + 1) / warmup
    return max(0.0, (total - step) / max(1, total - warmup))


def _mixed_precision(device: torch.device) -> AbstractContextManager[object]:
    """bf16 where the machine computes in it: on a GPU, and on a CPU with AVX-512 BF16."""
    capable = device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=capable)


def _epoch(encoder: TorchEncoder, validation: LabelledIds, number: int, train_loss: float) -> Epoch:
    if not len(validation.ids):
        unknown = float("nan")
        return Epoch(number=number, train_loss=train_loss, validation_loss=unknown, validation_accuracy=unknown)
    logits = encoder.encode_ids(validation.ids).logits[INTENT_HEAD]
    temperature = fit_temperature(logits, validation.classes)
    return Epoch(
        number=number,
        train_loss=train_loss,
        validation_loss=negative_log_likelihood(logits, validation.classes, temperature),
        validation_accuracy=float((logits.argmax(1) == validation.classes).mean()),
    )


def _copy_state(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _endless_rows(count: int, size: int, random: np.random.Generator) -> Iterator[list[int]]:
    """Batches of row numbers in random order, again and again; empty ones where there are no rows."""
    while True:
        order = [int(row) for row in random.permutation(count)]
        yield from (order[start : start + size] for start in range(0, max(count, 1), size))
