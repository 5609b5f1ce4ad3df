from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from configs.assistant_config import IntentTrainingConfig, Method
from nlu.checkpoint import Checkpoint
from nlu.encoder import INTENT_HEAD
from nlu.intent import softmax
from nlu.tagging import IGNORED
from nlu.torch_encoder import TorchEncoder, load_torch_encoder
from training.intent_trainer import (
    INVERSE_REGULARISATION_OF_PLAIN,
    INVERSE_REGULARISATION_OF_TUNED,
    Epoch,
    LabelledIds,
    batch_loss,
    best_epoch,
    fit_intents,
    parameter_groups,
    start_heads,
    suited_to,
    tuned_layers,
    warmup_then_linear,
)
from training.progress import Progress, silent
from training.trunk import TrunkStates

GREETINGS = ["hello", "hi there", "good morning", "hey you", "hello again", "good evening", "hiya", "hello all"]
ORDERS = ["where is my order", "track my parcel", "order status please", "my package is late", "where is it now"]
RETURNS = ["return my shoes", "send this back", "return label", "take the lamp back", "how to return a vase"]
TEXTS, CLASSES = GREETINGS + ORDERS + RETURNS, [0] * 8 + [1] * 5 + [2] * 5
SEED = 3
NAN = float("nan")

MakeEncoder = Callable[..., TorchEncoder]


@pytest.fixture
def make_encoder(tiny_checkpoint: Checkpoint) -> MakeEncoder:
    def make(classes: int = 3, *, tuned: int = 2, tags: int = 0) -> TorchEncoder:
        torch.manual_seed(0)
        return load_torch_encoder(
            tiny_checkpoint, classes, torch.device("cpu"), tuned_layers=lambda _: tuned, tags=tags
        )

    return make


@pytest.fixture
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mixed precision off, so that values can be compared to the sixth digit."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)


def labelled(encoder: TorchEncoder, texts: list[str], classes: list[int]) -> LabelledIds:
    return LabelledIds(ids=encoder.tokenizer.ids(texts), classes=np.array(classes, np.int64))


def fit(
    encoder: TorchEncoder, report: Callable[[Progress], None] = silent, *, seed: int = SEED, **changed: object
) -> tuple[Epoch, ...]:
    config = IntentTrainingConfig(max_epochs=3, batch_size=6).model_copy(update=changed)
    train = labelled(encoder, TEXTS[::2], CLASSES[::2])
    validation = labelled(encoder, TEXTS[1::2], CLASSES[1::2])
    return fit_intents(encoder, train, validation, config, report, seed=seed)


def nothing() -> LabelledIds:
    return LabelledIds(ids=[], classes=np.zeros(0, np.int64))


@pytest.mark.parametrize(
    ("step", "factor"),
    [(0, 0.5), (1, 1.0), (2, 1.0), (3, 7 / 8), (6, 4 / 8), (9, 1 / 8), (10, 0.0), (11, 0.0)],
)
def test_the_learning_rate_rises_over_the_warm_up_and_falls_linearly_to_nothing(step: int, factor: float) -> None:
    # Ten steps, two of them warm-up, eight down.
    assert warmup_then_linear(step, 10, 0.2) == pytest.approx(factor)


def test_without_a_warm_up_the_first_step_has_the_full_rate() -> None:
    assert [warmup_then_linear(step, 4, 0.0) for step in range(5)] == pytest.approx([1.0, 1.0, 2 / 3, 1 / 3, 0.0])


def test_a_training_of_one_step_takes_it_at_the_full_rate() -> None:
    assert warmup_then_linear(0, 1, 0.1) == 1.0


def test_every_weight_that_learns_is_in_one_group_and_no_other_is(make_encoder: MakeEncoder) -> None:
    model = make_encoder(tuned=1, tags=5).model
    start_heads(model, np.eye(3, model.dimension, dtype=np.float32), np.arange(3), SEED)

    grouped = [p for group in parameter_groups(model, IntentTrainingConfig()) for p in group["params"]]

    wanted = [*model.tuned_top.parameters(), *model.tuned_head.parameters(), *model.tagger.parameters()]
    assert sorted(map(id, grouped)) == sorted(map(id, wanted))


@pytest.mark.parametrize(
    ("name", "rate", "decay"),
    [
        ("tuned_head.weight", 0.5, 0.01),
        ("tuned_head.bias", 0.5, 0.0),
        ("tagger.weight", 0.5, 0.01),
        ("tagger.bias", 0.5, 0.0),
        ("tuned_top.1.attention.self.query.weight", 0.1, 0.01),
        ("tuned_top.1.output.LayerNorm.weight", 0.1, 0.0),
        ("tuned_top.0.output.dense.weight", 0.1 * 0.8, 0.01),
        ("tuned_top.0.output.dense.bias", 0.1 * 0.8, 0.0),
    ],
)
def test_rates_fall_with_the_layer_and_biases_and_norms_do_not_decay(
    make_encoder: MakeEncoder, name: str, rate: float, decay: float
) -> None:
    model = make_encoder(tags=5).model
    config = IntentTrainingConfig(learning_rate=0.1, head_learning_rate=0.5, layer_decay=0.8, weight_decay=0.01)
    wanted = dict(model.named_parameters())[name]

    (group,) = [g for g in parameter_groups(model, config) if any(p is wanted for p in g["params"])]

    assert group["lr"] == pytest.approx(rate)
    assert group["weight_decay"] == decay


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_the_heads_start_with_the_predictions_of_logistic_regressions(make_encoder: MakeEncoder, classes: int) -> None:
    encoder = make_encoder(classes)
    random = np.random.default_rng(classes)
    rows = random.normal(0, 1, (80, encoder.dimension)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    named = (rows[:, :classes] + random.normal(0, 0.1, (80, classes))).argmax(1)

    start_heads(encoder.model, rows, named, seed=0)

    assert len(set(named)) == classes
    for head, inverse_regularisation in (
        (encoder.model.tuned_head, INVERSE_REGULARISATION_OF_TUNED),
        (encoder.model.plain_head, INVERSE_REGULARISATION_OF_PLAIN),
    ):
        wanted = LogisticRegression(C=inverse_regularisation, max_iter=1_000, random_state=0).fit(rows, named)
        with torch.no_grad():
            logits = head(torch.from_numpy(rows)).numpy()
        np.testing.assert_allclose(softmax(logits), wanted.predict_proba(rows), atol=1e-5)
        np.testing.assert_array_equal(logits.argmax(1), wanted.predict(rows))


@pytest.mark.parametrize(
    ("method", "layers", "wanted"),
    [
        (Method.AUTO, 6, 3),
        (Method.FULL, 5, 3),
        (Method.LORA, 1, 1),
        (Method.HEAD, 6, 0),
    ],
)
def test_half_of_the_layers_are_tuned_and_none_where_heads_alone_learn(
    method: Method, layers: int, wanted: int
) -> None:
    assert tuned_layers(IntentTrainingConfig(method=method), layers) == wanted


@pytest.mark.parametrize(("asked", "wanted"), [(1, 1), (6, 6), (48, 6)])
def test_as_many_layers_are_tuned_as_the_owner_asks_for_and_as_there_are(asked: int, wanted: int) -> None:
    assert tuned_layers(IntentTrainingConfig(tuned_layers=asked), 6) == wanted


def epoch(number: int, loss: float) -> Epoch:
    return Epoch(number=number, train_loss=1.0, validation_loss=loss, validation_accuracy=0.5)


@pytest.mark.parametrize(
    ("losses", "method", "best"),
    [
        ([0.5, 0.4, 0.3, 0.6], Method.AUTO, 2),
        ([0.2, 0.4, 0.3, 0.6], Method.AUTO, 0),
        ([0.2, 0.4, 0.3, 0.6], Method.FULL, 2),
        ([0.2, 0.4, 0.3, 0.6], Method.LORA, 2),
        ([0.5, 0.3, 0.3], Method.AUTO, 1),
        ([0.5], Method.HEAD, 0),
        ([0.5], Method.FULL, 0),
        ([NAN, NAN, NAN], Method.AUTO, 2),
    ],
)
def test_the_best_epoch_is_the_first_with_the_least_loss(losses: list[float], method: Method, best: int) -> None:
    assert best_epoch([epoch(number, loss) for number, loss in enumerate(losses)], method).number == best


@pytest.mark.parametrize(("count", "epochs"), [(1, 8), (3_999, 8), (4_000, 5)])
def test_few_examples_get_more_passes(count: int, epochs: int) -> None:
    suited = suited_to(IntentTrainingConfig(), count)

    assert (suited.max_epochs, suited.learning_rate) == (epochs, 2e-4)


@pytest.mark.parametrize(("method", "rate"), [(Method.FULL, 2e-4), (Method.LORA, 1e-3), (Method.BITFIT, 1e-3)])
def test_where_few_weights_learn_the_steps_are_larger(method: Method, rate: float) -> None:
    assert suited_to(IntentTrainingConfig(method=method), 10).learning_rate == pytest.approx(rate)


def test_what_the_owner_set_is_kept_whatever_the_number_of_examples() -> None:
    config = IntentTrainingConfig(method=Method.LORA, max_epochs=3, learning_rate=0.05)

    assert suited_to(config, 10) == suited_to(config, 10_000) == config


def smoothed_cross_entropy(logits: np.ndarray, classes: list[int], smoothing: float) -> float:
    targets = np.full(logits.shape, smoothing / logits.shape[1])
    targets[np.arange(len(classes)), classes] += 1 - smoothing
    return float(-(targets * np.log(softmax(logits))).sum(1).mean())


@pytest.mark.usefixtures("in_float32")
def test_the_loss_of_a_batch_is_the_tuned_heads_cross_entropy(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder(tuned=1)
    encoder.model.eval()
    examples = labelled(encoder, [TEXTS[0], TEXTS[9], TEXTS[14]], [2, 1, 0])
    tuned = encoder.encode([TEXTS[14], TEXTS[0]]).tuned
    head = encoder.model.tuned_head

    with torch.no_grad():
        states = TrunkStates(encoder, examples.ids)
        loss = batch_loss(encoder, states, [2, 0], examples, IntentTrainingConfig(label_smoothing=0.3))
        logits = head(torch.from_numpy(tuned)).numpy()

    assert loss.item() == pytest.approx(smoothed_cross_entropy(logits, [0, 2], 0.3), abs=1e-5)


@pytest.mark.usefixtures("in_float32")
def test_entity_tags_add_the_cross_entropy_of_the_pieces_that_carry_one(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder(tuned=1, tags=5)
    encoder.model.eval()
    plain = labelled(encoder, ["track my parcel", "hello"], [1, 0])
    tags = [[IGNORED, 0, 2, 4, IGNORED], [IGNORED, 1, IGNORED]]
    assert [len(row) for row in plain.ids] == [5, 3]
    states, config = TrunkStates(encoder, plain.ids), IntentTrainingConfig()

    with torch.no_grad():
        without = batch_loss(encoder, states, [0, 1], plain, config)
        both = batch_loss(encoder, states, [0, 1], replace(plain, tags=tags), config)

    tagged = encoder.encode(["track my parcel", "hello"]).tagged
    logs = np.log(softmax(np.concatenate([tagged[0].logits[1:4], tagged[1].logits[1:2]])))
    wanted = -(logs[0, 0] + logs[1, 2] + logs[2, 4] + logs[3, 1]) / 4
    assert both.item() - without.item() == pytest.approx(wanted, abs=1e-5)


def test_the_curve_starts_with_the_frozen_encoder_and_has_a_line_an_epoch(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder()
    frozen = make_encoder()
    start_heads(frozen.model, frozen.encode(TEXTS[::2]).plain, np.array(CLASSES[::2]), SEED)
    predicted = frozen.encode(TEXTS[1::2]).logits[INTENT_HEAD].argmax(1)

    curve = fit(encoder, patience=100)

    assert [epoch.number for epoch in curve] == [0, 1, 2, 3]
    assert np.isnan(curve[0].train_loss)
    assert curve[0].validation_accuracy == pytest.approx(np.mean(predicted == CLASSES[1::2]))


def test_the_encoder_is_left_at_its_best_epoch(make_encoder: MakeEncoder) -> None:
    # A rate this high ruins the encoder, so that a later epoch is not the best one.
    encoder = make_encoder()

    rates = {"learning_rate": 0.05, "head_learning_rate": 0.5}
    curve = fit(encoder, method=Method.FULL, max_epochs=50, patience=2, **rates)

    best = best_epoch(curve, Method.FULL)
    predicted = encoder.encode(TEXTS[1::2]).logits[INTENT_HEAD].argmax(1)
    assert best.number < curve[-1].number
    assert np.mean(predicted == CLASSES[1::2]) == pytest.approx(best.validation_accuracy)
    assert not encoder.model.training


def test_fitting_stops_once_patience_is_over(make_encoder: MakeEncoder) -> None:
    curve = fit(make_encoder(), learning_rate=0.05, head_learning_rate=0.5, patience=2, max_epochs=50)

    best = min(curve, key=lambda epoch: epoch.validation_loss)
    assert curve[-1].number == best.number + 2


def test_fitting_lowers_the_loss_and_learns_the_examples(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder()

    rates = {"learning_rate": 1e-3, "head_learning_rate": 1e-2}
    curve = fit(encoder, max_epochs=20, patience=100, label_smoothing=0.0, method=Method.FULL, **rates)

    predicted = encoder.encode(TEXTS[::2]).logits[INTENT_HEAD].argmax(1)
    assert curve[-1].train_loss < 0.5 * curve[1].train_loss
    assert predicted.tolist() == CLASSES[::2]


def test_the_same_seed_gives_the_same_model_and_another_seed_another(make_encoder: MakeEncoder) -> None:
    encoders = [make_encoder() for _ in range(3)]
    curves = [
        fit(encoder, seed=seed, method=Method.FULL)[1:] for encoder, seed in zip(encoders, (1, 1, 2), strict=True)
    ]
    rows = [encoder.encode(TEXTS).tuned for encoder in encoders]

    assert curves[0] == curves[1]
    assert curves[0] != curves[2]
    np.testing.assert_array_equal(rows[0], rows[1])


def test_with_nothing_set_aside_every_epoch_is_fitted_and_the_last_one_kept(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder()
    config = IntentTrainingConfig(max_epochs=3, batch_size=6, patience=1)
    seen = []

    def snapshot(progress: Progress) -> None:
        if progress.done == progress.total and progress.epoch == 3:
            seen.append(encoder.model.tuned_head.weight.detach().clone())

    curve = fit_intents(encoder, labelled(encoder, TEXTS, CLASSES), nothing(), config, snapshot, seed=SEED)

    assert [epoch.number for epoch in curve] == [0, 1, 2, 3]
    assert torch.equal(encoder.model.tuned_head.weight, seen[-1])


@pytest.mark.parametrize("batch_size", [2, 3])
@pytest.mark.parametrize("method", [Method.FULL, Method.LORA, Method.BITFIT])
def test_the_smallest_batches_can_be_fitted(make_encoder: MakeEncoder, batch_size: int, method: Method) -> None:
    encoder = make_encoder()
    train = labelled(encoder, TEXTS, CLASSES)
    config = IntentTrainingConfig(method=method, max_epochs=1, batch_size=batch_size)

    curve = fit_intents(encoder, train, train, config, silent, seed=SEED)

    assert [epoch.number for epoch in curve] == [0, 1]
    assert np.isfinite(curve[1].train_loss)


@pytest.mark.parametrize(("accumulated", "steps"), [(1, [1, 2, 3]), (2, [2, 3]), (3, [3]), (5, [3])])
def test_accumulated_batches_make_one_step_and_the_last_ones_are_not_lost(
    make_encoder: MakeEncoder, accumulated: int, steps: list[int]
) -> None:
    encoder = make_encoder()
    train = labelled(encoder, TEXTS, CLASSES)
    config = IntentTrainingConfig(method=Method.FULL, max_epochs=1, batch_size=6, accumulated_batches=accumulated)
    seen: list[bytes] = []

    def look(progress: Progress) -> None:
        if progress.stage == "fine-tuning":
            seen.append(encoder.model.tuned_top[0].output.dense.weight.detach().numpy().tobytes())

    start = encoder.model.tuned_top[0].output.dense.weight.detach().numpy().tobytes()
    fit_intents(encoder, train, nothing(), config, look, seed=SEED)

    assert [step for step, (before, now) in enumerate(pairwise([start, *seen]), start=1) if before != now] == steps


def test_gradients_of_a_step_do_not_carry_over_to_the_next(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder()
    left: list[bool] = []

    def look(progress: Progress) -> None:
        left.append(any(p.grad is not None and p.grad.any() for p in encoder.model.parameters()))

    fit(encoder, look)

    assert len(left) > 2
    assert not any(left)


def test_progress_counts_every_step_once(make_encoder: MakeEncoder) -> None:
    said: list[Progress] = []

    fit(make_encoder(), said.append, max_epochs=2, patience=100)

    steps = [progress for progress in said if progress.stage == "fine-tuning"]
    # Nine examples in batches of six are two steps an epoch.
    assert [(p.done, p.total, p.epoch, p.epochs) for p in steps] == [
        (1, 4, 1, 2),
        (2, 4, 1, 2),
        (3, 4, 2, 2),
        (4, 4, 2, 2),
    ]
    assert all(p.loss is not None and np.isfinite(p.loss) for p in steps)
