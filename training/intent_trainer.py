"""Fine-tunes the encoder's tuned top and its heads on the owner's examples.

The heads start as logistic regressions on the untouched embeddings, so fine-tuning begins where the frozen encoder
ends. Entity tags, where there are any, are learned in the same steps.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from configs.assistant_config import IntentTrainingConfig, Method
from nlu.encoder import FloatArray
from nlu.tagging import IGNORED
from nlu.torch_encoder import PLAIN_SHARE, BertClassifier, TorchEncoder, pooled
from training.adapters import prepare_for, settle
from training.calibration import fit_temperature, negative_log_likelihood
from training.checkpointing import FitCheckpoint, Learner, Snapshot, learned_state
from training.progress import Progress, Report
from training.split import length_bucketed_batches
from training.trunk import TrunkStates

FEW_EXAMPLES = 4_000
MAX_EPOCHS_OF_FEW, MAX_EPOCHS_OF_MANY = 8, 5
LEARNING_RATE = 2e-4
TUNED_SHARE = 2  # half the layers are tuned
# A gentle start leaves the tuned head something to learn; the plain head only ever has what it starts with.
INVERSE_REGULARISATION_OF_TUNED, INVERSE_REGULARISATION_OF_PLAIN = 3.0, 20.0
FASTER_ADAPTERS = 5  # times the learning rate, where few weights are learned
# Begun where an earlier fit ended: less is left to learn, and what was learned should stay.
EPOCHS_OF_WARM = 3
SLOWER_WARM = 0.5  # times the learning rate
REPLAYED, LEAST_REPLAYED = 4, 1_000  # known examples in an epoch, for each new one, and at least


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledIds:
    """Token ids of texts, the class of each, and the entity tags of their pieces.

    Attributes:
        tags: One tag for each piece of each text; None where no entities are taught.
    """

    ids: Sequence[Sequence[int]]
    classes: NDArray[np.int64]
    tags: Sequence[Sequence[int]] | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EarlierFit:
    """Where a fit begins that goes on from an earlier one.

    Attributes:
        state: Weights of the tuned top, and of the tagger where the tags are the same.
        known: Of each text to learn from, whether the earlier fit has learned it; shape (n,).
    """

    state: Mapping[str, Tensor]
    known: NDArray[np.bool_]


class Watcher(Protocol):
    """Sees a fit go on; what it raises ends the fit."""

    def step(self, number: int, loss: float, learning_rate: float) -> None:
        """After step `number`, counted from 1, at the `learning_rate` of the encoder's top layer."""
        ...

    def epoch(self, epoch: Epoch) -> None:
        """After each epoch, beginning with epoch 0; a fit that goes on shows again what it had learned before."""
        ...


class Unwatched:
    """A `Watcher` that looks away."""

    def step(self, number: int, loss: float, learning_rate: float) -> None:
        """Does nothing."""

    def epoch(self, epoch: Epoch) -> None:
        """Does nothing."""


def fit_intents(  # noqa: PLR0913 - the last two only look on
    encoder: TorchEncoder,
    train: LabelledIds,
    validation: LabelledIds,
    config: IntentTrainingConfig,
    report: Report,
    *,
    seed: int,
    watcher: Watcher | None = None,
    checkpoint: FitCheckpoint | None = None,
    earlier: EarlierFit | None = None,
) -> tuple[Epoch, ...]:
    """Fine-tunes `encoder` in place, leaves it at its best epoch, and returns the learning curve.

    With the method `auto` or `head` the best epoch may be 0: the tuned top is then as it was, and can be left out.

    Args:
        watcher: Told of every step and epoch.
        checkpoint: Where the state is kept after each epoch. What stands there is gone on from; it must be of a fit
            of the same arguments.
        earlier: Go on from there: fewer epochs at a lower rate, in each of which all new examples are seen and, so that
            nothing is forgotten, some of the known ones.
    """
    config = suited_to(config, len(train.ids), warm=earlier is not None)
    watcher = watcher or Unwatched()
    torch.manual_seed(seed)
    model = encoder.model
    report(Progress(stage="reading the examples"))
    learned, held = TrunkStates(encoder, train.ids), TrunkStates(encoder, validation.ids)
    start_heads(model, learned.plain, train.classes, seed)
    start = _epoch(encoder, held, validation, 0, float("nan"))
    if config.method is Method.HEAD:
        watcher.epoch(start)
        return (start,)
    if earlier is not None:
        begin_from(encoder, earlier, learned, train.classes, seed)
    prepare_for(model, config)
    run = _Run(
        encoder=encoder,
        examples=_Examples(train=train, validation=validation, learned=learned, held=held),
        config=config,
        report=report,
        watcher=watcher,
        random=np.random.default_rng(seed),
        curve=[start],
        known=np.zeros(len(train.ids), bool) if earlier is None else earlier.known,
    )
    if checkpoint is not None and (snapshot := checkpoint.load()) is not None:
        run.restore(snapshot)
    for epoch in run.curve:
        watcher.epoch(epoch)
    while not run.is_over:
        run.learn_epoch()
        if checkpoint is not None:
            checkpoint.save(run.snapshot(), run.curve[-1].number)
        watcher.epoch(run.curve[-1])
    run.keep_best()
    return tuple(run.curve)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Examples:
    train: LabelledIds
    validation: LabelledIds
    learned: TrunkStates
    held: TrunkStates


@dataclass(slots=True, kw_only=True, eq=False)
class _Run:
    """A fit under way, between epoch 0 and the best one."""

    encoder: TorchEncoder
    examples: _Examples
    config: IntentTrainingConfig
    report: Report
    watcher: Watcher
    random: np.random.Generator
    curve: list[Epoch]
    known: NDArray[np.bool_]
    step: int = 0
    learner: Learner = field(init=False)
    full_rates: list[float] = field(init=False)
    best_state: dict[str, Tensor] = field(init=False)

    def __post_init__(self) -> None:
        model = self.encoder.model
        optimizer = torch.optim.AdamW(parameter_groups(model, self.config), fused=True)
        self.full_rates = [group["lr"] for group in optimizer.param_groups]
        self.best_state = learned_state(model)
        self.learner = Learner(model=model, optimizer=optimizer, random=self.random, device=self.encoder.device)

    @property
    def epochs(self) -> int:
        """Most passes over the examples."""
        return self.config.max_epochs or MAX_EPOCHS_OF_FEW

    @property
    def total(self) -> int:
        """Steps of all epochs."""
        return math.ceil(self.epoch_size / self.config.batch_size) * self.epochs

    @property
    def epoch_size(self) -> int:
        """Examples of one epoch: all new ones, and the known ones that are replayed."""
        new = int((~self.known).sum())
        return new + min(int(self.known.sum()), max(LEAST_REPLAYED, REPLAYED * new))

    @property
    def is_over(self) -> bool:
        """Whether all epochs are learned, or too many brought nothing."""
        number = self.curve[-1].number
        return (
            number >= self.epochs or number - best_epoch(self.curve, self.config.method).number >= self.config.patience
        )

    def rate_factor(self, step: int) -> float:
        """Factor of all learning rates for the step after `step` others."""
        return warmup_then_linear(step, self.total, self.config.warmup_share)

    def learn_epoch(self) -> None:
        """One pass over the examples, and a line of the curve."""
        self.encoder.model.train()
        losses: list[float] = []
        chosen = self.rows_of_epoch()
        lengths = [len(self.examples.train.ids[row]) for row in chosen]
        for places in length_bucketed_batches(lengths, self.config.batch_size, self.random):
            losses.append(self.learn_batch([chosen[place] for place in places]))
            self._tell(losses)
        number = self.curve[-1].number + 1
        examples, mean_loss = self.examples, float(np.mean(losses))
        self.curve.append(_epoch(self.encoder, examples.held, examples.validation, number, mean_loss))
        if best_epoch(self.curve, self.config.method).number == number:
            self.best_state = learned_state(self.encoder.model)

    def rows_of_epoch(self) -> list[int]:
        """The examples of the next epoch; without an earlier fit all of them, in their order."""
        new, known = np.flatnonzero(~self.known), np.flatnonzero(self.known)
        replayed = self.epoch_size - len(new)
        if replayed < len(known):
            known = self.random.choice(known, replayed, replace=False)
        return [int(row) for row in np.sort(np.concatenate([new, known]))]

    def learn_batch(self, rows: Sequence[int]) -> float:
        """Adds the gradient of one batch and, once enough are summed up, takes a step; returns the batch's loss."""
        model, optimizer, share = self.encoder.model, self.learner.optimizer, self.config.accumulated_batches
        loss = batch_loss(self.encoder, self.examples.learned, rows, self.examples.train, self.config) / share
        loss.backward()  # type: ignore[no-untyped-call]
        self.step += 1
        if self.step % share == 0 or self.step == self.total:
            nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
            for group, rate in zip(optimizer.param_groups, self.full_rates, strict=True):
                group["lr"] = rate * self.rate_factor(self.step - 1)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return loss.item() * share

    def keep_best(self) -> None:
        """Leaves the model at its best epoch, its top plain layers again."""
        model = self.encoder.model
        model.load_state_dict(self.best_state, strict=False)
        settle(model)
        model.eval()

    def snapshot(self) -> Snapshot:
        """All that the next epochs depend on."""
        counts = {"step": self.step, "curve": [asdict(epoch) for epoch in self.curve]}
        return self.learner.snapshot(self.best_state, counts)

    def restore(self, snapshot: Snapshot) -> None:
        """Goes back to where `snapshot` was taken."""
        self.learner.restore(snapshot)
        counts = snapshot.facts["counts"]
        self.step = counts["step"]
        self.curve = [Epoch(**epoch) for epoch in counts["curve"]]
        self.best_state = {name: value.to(self.encoder.device) for name, value in snapshot.part("best.").items()}

    def _tell(self, losses: Sequence[float]) -> None:
        self.watcher.step(
            self.step, losses[-1], (self.config.learning_rate or LEARNING_RATE) * self.rate_factor(self.step - 1)
        )
        accuracy = self.curve[-1].validation_accuracy
        self.report(
            Progress(
                stage="fine-tuning",
                done=self.step,
                total=self.total,
                epoch=self.curve[-1].number + 1,
                epochs=self.epochs,
                loss=float(np.mean(losses)),
                accuracy=accuracy if math.isfinite(accuracy) else None,
            )
        )


def best_epoch(curve: Sequence[Epoch], method: Method = Method.AUTO) -> Epoch:
    """The first epoch with the least validation loss, the last one where none was measured.

    Epoch 0 counts for `auto` and `head` alone; the other methods were asked to learn.
    """
    fit = curve if method in (Method.AUTO, Method.HEAD) or len(curve) == 1 else curve[1:]
    measured = [epoch for epoch in fit if math.isfinite(epoch.validation_loss)]
    return min(measured, key=lambda epoch: epoch.validation_loss) if measured else curve[-1]


def suited_to(config: IntentTrainingConfig, example_count: int, *, warm: bool = False) -> IntentTrainingConfig:
    """`config` with what the owner left open filled in: few examples want more passes, a warm start fewer and gentler.

    Measured on the starter (1,417 examples) and on BANKING77, with 385, 770 and 10,003 of them.
    """
    epochs = config.max_epochs or (MAX_EPOCHS_OF_FEW if example_count < FEW_EXAMPLES else MAX_EPOCHS_OF_MANY)
    faster = FASTER_ADAPTERS if config.method in (Method.LORA, Method.BITFIT) else 1
    rate = config.learning_rate or LEARNING_RATE * faster
    if warm:
        epochs, rate = min(epochs, EPOCHS_OF_WARM), rate * SLOWER_WARM
    return config.model_copy(update={"max_epochs": epochs, "learning_rate": rate})


def tuned_layers(config: IntentTrainingConfig, layer_count: int) -> int:
    """How many upper layers exist twice: none where only heads are learned, half of them if the owner does not say."""
    if config.method is Method.HEAD:
        return 0
    return min(config.tuned_layers or math.ceil(layer_count / TUNED_SHARE), layer_count)


def batch_loss(
    encoder: TorchEncoder, states: TrunkStates, rows: Sequence[int], labelled: LabelledIds, config: IntentTrainingConfig
) -> Tensor:
    """Cross-entropy of the tuned head over `rows`, plus that of their entity tags where there are any."""
    device, model = encoder.device, encoder.model
    hidden, mask = states.batch(rows)
    with _mixed_precision(device):
        top = model.upper(model.tuned_top, hidden, mask)
    logits = model.tuned_head(pooled(top, mask))
    targets = torch.from_numpy(labelled.classes[rows]).to(device)
    loss = nn.functional.cross_entropy(logits, targets, label_smoothing=config.label_smoothing)
    if model.tagger is None or labelled.tags is None:
        return loss
    tags = torch.full(mask.shape, IGNORED)
    for position, row in enumerate(rows):
        tags[position, : len(labelled.tags[row])] = torch.tensor(labelled.tags[row])
    tag_logits = model.tagger(top.float()).flatten(0, 1)
    return loss + nn.functional.cross_entropy(tag_logits, tags.flatten().to(device), ignore_index=IGNORED)


def start_heads(model: BertClassifier, embeddings: FloatArray, classes: NDArray[np.int64], seed: int) -> None:
    """Sets both heads to logistic regressions on the untouched `embeddings` (n, d)."""
    _start_head(model.tuned_head, embeddings, classes, INVERSE_REGULARISATION_OF_TUNED, seed)
    _start_head(model.plain_head, embeddings, classes, INVERSE_REGULARISATION_OF_PLAIN, seed)
    model.plain_head.requires_grad_(False)


def _start_head(
    head: nn.Linear, embeddings: FloatArray, classes: NDArray[np.int64], inverse_regularisation: float, seed: int
) -> None:
    regression = LogisticRegression(C=inverse_regularisation, max_iter=1_000, random_state=seed)
    regression.fit(embeddings, classes)
    weight, bias = regression.coef_, regression.intercept_
    if len(weight) == 1:  # two classes: one row that decides between them
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(bias))


def begin_from(
    encoder: TorchEncoder, earlier: EarlierFit, states: TrunkStates, classes: NDArray[np.int64], seed: int
) -> None:
    """Puts the earlier fit's tuned top in place, and its head anew: the intents may be others by now.

    The head is the logistic regression on what the earlier top makes of all examples, the new ones included.
    """
    model = encoder.model
    model.load_state_dict(dict(earlier.state), strict=False)
    _start_head(model.tuned_head, tuned_embeddings(encoder, states), classes, INVERSE_REGULARISATION_OF_TUNED, seed)


def parameter_groups(model: BertClassifier, config: IntentTrainingConfig) -> list[dict[str, object]]:
    """Learning rates that fall from the heads to the lowest tuned layer; no decay of biases and layer norms."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if name.startswith("tuned_top."):
            below_top = len(model.tuned_top) - 1 - int(name.split(".")[1])
            rate = (config.learning_rate or LEARNING_RATE) * config.layer_decay**below_top
        else:
            rate = config.head_learning_rate
        decay = 0.0 if parameter.ndim == 1 else config.weight_decay
        groups.setdefault((rate, decay), []).append(parameter)
    return [{"params": found, "lr": rate, "weight_decay": decay} for (rate, decay), found in groups.items()]


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


def _epoch(encoder: TorchEncoder, held: TrunkStates, validation: LabelledIds, number: int, train_loss: float) -> Epoch:
    unknown = float("nan")
    epoch = Epoch(number=number, train_loss=train_loss, validation_loss=unknown, validation_accuracy=unknown)
    if not len(validation.ids):
        return epoch
    logits = blended_logits(encoder, held)
    temperature = fit_temperature(logits, validation.classes)
    return replace(
        epoch,
        validation_loss=negative_log_likelihood(logits, validation.classes, temperature),
        validation_accuracy=float((logits.argmax(1) == validation.classes).mean()),
    )


def tuned_embeddings(encoder: TorchEncoder, states: TrunkStates) -> FloatArray:
    """What the tuned top makes of the texts behind `states`: shape (n, d)."""
    model, rows = encoder.model.eval(), []
    with torch.inference_mode():
        for start in range(0, len(states.ids), 256):
            hidden, mask = states.batch(range(start, min(start + 256, len(states.ids))))
            rows.append(pooled(model.upper(model.tuned_top, hidden, mask), mask).float().cpu().numpy())
    return np.concatenate(rows)


def blended_logits(encoder: TorchEncoder, states: TrunkStates) -> FloatArray:
    """What the whole model says of the texts behind `states`: shape (n, classes)."""
    model = encoder.model.eval()
    rows: list[FloatArray] = []
    with torch.inference_mode():
        plain = torch.from_numpy(states.plain).to(encoder.device)
        for start in range(0, len(states.ids), 256):
            few = range(start, min(start + 256, len(states.ids)))
            hidden, mask = states.batch(few)
            tuned = pooled(model.upper(model.tuned_top, hidden, mask), mask) if len(model.tuned_top) else plain[few]
            logits = PLAIN_SHARE * model.plain_head(plain[few]) + (1 - PLAIN_SHARE) * model.tuned_head(tuned)
            rows.append(logits.float().cpu().numpy())
    return np.concatenate(rows)
