from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from configs import TrainingConfig
from nlu.checkpoint import Checkpoint
from nlu.encoder import INTENT_HEAD
from nlu.intent import softmax
from nlu.torch_encoder import TorchEncoder, load_torch_encoder
from training.intent_trainer import (
    FEW_EXAMPLES,
    INVERSE_REGULARISATION_OF_FEW,
    INVERSE_REGULARISATION_OF_MANY,
    Epoch,
    LabelledIds,
    batch_loss,
    fit_intents,
    parameter_groups,
    start_head,
    suited_to,
    warmup_then_linear,
)
from training.progress import Progress, silent

GREETINGS = ["hello", "hi there", "good morning", "hey you", "hello again", "good evening", "hiya", "hello all"]
ORDERS = ["where is my order", "track my parcel", "order status please", "my package is late", "where is it now"]
RETURNS = ["return my shoes", "send this back", "return label", "take the lamp back", "how to return a vase"]
TEXTS, CLASSES = GREETINGS + ORDERS + RETURNS, [0] * 8 + [1] * 5 + [2] * 5
STORED = ["do you deliver abroad", "what does delivery cost", "do you wrap gifts"]

MakeEncoder = Callable[..., TorchEncoder]


@pytest.fixture
def make_encoder(tiny_checkpoint: Checkpoint) -> MakeEncoder:
    def make(classes: int = 3) -> TorchEncoder:
        torch.manual_seed(0)
        return load_torch_encoder(tiny_checkpoint, classes, torch.device("cpu"))

    return make


@pytest.fixture
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mixed precision off, so that values can be compared to the sixth digit."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)


def labelled(encoder: TorchEncoder, texts: list[str], classes: list[int]) -> LabelledIds:
    return LabelledIds(ids=encoder.tokenizer.ids(texts), classes=np.array(classes, np.int64))


def fit(encoder: TorchEncoder, report: Callable[[Progress], None] = silent, **changed: object) -> tuple[Epoch, ...]:
    config = TrainingConfig(max_epochs=3, batch_size=6).model_copy(update=changed)
    train = labelled(encoder, TEXTS[::2], CLASSES[::2])
    validation = labelled(encoder, TEXTS[1::2], CLASSES[1::2])
    return fit_intents(encoder, train, validation, encoder.tokenizer.ids(STORED), config, report)


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


def test_every_parameter_is_in_one_group(make_encoder: MakeEncoder) -> None:
    model = make_encoder().model

    grouped = [id(p) for group in parameter_groups(model, TrainingConfig()) for p in group["params"]]

    assert sorted(grouped) == sorted(id(p) for p in model.parameters())


@pytest.mark.parametrize(
    ("name", "rate", "decay"),
    [
        ("head.weight", 0.5, 0.01),
        ("head.bias", 0.5, 0.0),
        ("body.encoder.layer.1.attention.self.query.weight", 0.1, 0.01),
        ("body.encoder.layer.1.output.LayerNorm.weight", 0.1, 0.0),
        ("body.encoder.layer.0.output.dense.weight", 0.1 * 0.8, 0.01),
        ("body.encoder.layer.0.output.dense.bias", 0.1 * 0.8, 0.0),
        ("body.embeddings.word_embeddings.weight", 0.1 * 0.8**2, 0.01),
        ("body.embeddings.LayerNorm.bias", 0.1 * 0.8**2, 0.0),
    ],
)
def test_rates_fall_with_the_layer_and_biases_and_norms_do_not_decay(
    make_encoder: MakeEncoder, name: str, rate: float, decay: float
) -> None:
    model = make_encoder().model
    config = TrainingConfig(learning_rate=0.1, head_learning_rate=0.5, layer_decay=0.8, weight_decay=0.01)
    wanted = dict(model.named_parameters())[name]

    (group,) = [g for g in parameter_groups(model, config) if any(p is wanted for p in g["params"])]

    assert group["lr"] == pytest.approx(rate)
    assert group["weight_decay"] == decay


@pytest.mark.parametrize(
    ("count", "inverse_regularisation"),
    [(80, INVERSE_REGULARISATION_OF_FEW), (FEW_EXAMPLES, INVERSE_REGULARISATION_OF_MANY)],
    ids=["few examples", "many examples"],
)
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_the_head_starts_with_the_predictions_of_the_logistic_regression(
    make_encoder: MakeEncoder, classes: int, count: int, inverse_regularisation: float
) -> None:
    encoder = make_encoder(classes)
    random = np.random.default_rng(classes)
    rows = random.normal(0, 1, (count, encoder.dimension)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    named = (rows[:, :classes] + random.normal(0, 0.1, (count, classes))).argmax(1)
    wanted = LogisticRegression(C=inverse_regularisation, max_iter=1_000, random_state=0).fit(rows, named)

    start_head(encoder.model, rows, named, seed=0)

    with torch.no_grad():
        logits = encoder.model.head(torch.from_numpy(rows)).numpy()
    assert len(set(named)) == classes
    np.testing.assert_allclose(softmax(logits), wanted.predict_proba(rows), atol=1e-5)
    np.testing.assert_array_equal(logits.argmax(1), wanted.predict(rows))


@pytest.mark.parametrize(("count", "epochs", "rate"), [(1, 8, 2e-4), (3_999, 8, 2e-4), (4_000, 5, 1e-4)])
def test_few_examples_get_more_passes_and_larger_steps(count: int, epochs: int, rate: float) -> None:
    suited = suited_to(TrainingConfig(), count)

    assert (suited.max_epochs, suited.learning_rate) == (epochs, rate)


def test_what_the_owner_set_is_kept_whatever_the_number_of_examples() -> None:
    config = TrainingConfig(max_epochs=3, learning_rate=0.05)

    assert suited_to(config, 10) == suited_to(config, 10_000) == config


@pytest.mark.usefixtures("in_float32")
def test_the_loss_of_a_batch_is_cross_entropy_of_the_labelled_and_drift_of_all(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder()
    encoder.model.eval()
    ids = encoder.tokenizer.ids([TEXTS[0], TEXTS[9], STORED[0]])
    encoded = encoder.encode_ids(ids)
    untuned = np.random.default_rng(2).normal(0, 1, encoded.embeddings.shape).astype(np.float32)
    untuned /= np.linalg.norm(untuned, axis=1, keepdims=True)
    config = TrainingConfig(label_smoothing=0.3, anchor_weight=2.0)

    with torch.no_grad():
        loss = batch_loss(encoder, ids, untuned, np.array([2, 1]), config)

    logs = np.log(softmax(encoded.logits[INTENT_HEAD]))
    # Smoothing by 0.3 over three classes: 0.8 on the right one, 0.1 on each other.
    targets = np.array([[0.1, 0.1, 0.8], [0.1, 0.8, 0.1]])
    cross_entropy = -(targets * logs[:2]).sum(1).mean()
    drift = (1 - (encoded.embeddings * untuned).sum(1)).mean()
    assert loss.item() == pytest.approx(cross_entropy + 2.0 * drift, abs=1e-5)


def test_the_curve_starts_with_the_frozen_encoder_and_has_a_line_an_epoch(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder()
    frozen = make_encoder()
    start_head(frozen.model, frozen.encode(TEXTS[::2]).embeddings, np.array(CLASSES[::2]), TrainingConfig().seed)
    predicted = frozen.encode(TEXTS[1::2]).logits[INTENT_HEAD].argmax(1)

    curve = fit(encoder, patience=100)

    assert [epoch.number for epoch in curve] == [0, 1, 2, 3]
    assert np.isnan(curve[0].train_loss)
    assert curve[0].validation_accuracy == pytest.approx(np.mean(predicted == CLASSES[1::2]))


def test_the_encoder_is_left_at_its_best_epoch(make_encoder: MakeEncoder) -> None:
    # A rate this high ruins the encoder, so that a later epoch is not the best one.
    encoder = make_encoder()

    curve = fit(encoder, learning_rate=0.05, head_learning_rate=0.5, patience=3)

    best = min(curve, key=lambda epoch: epoch.validation_loss)
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
    curve = fit(encoder, max_epochs=20, patience=100, label_smoothing=0.0, anchor_weight=0.0, **rates)

    predicted = encoder.encode(TEXTS[::2]).logits[INTENT_HEAD].argmax(1)
    assert curve[-1].train_loss < 0.5 * curve[1].train_loss
    assert predicted.tolist() == CLASSES[::2]


def test_the_same_seed_gives_the_same_model_and_another_seed_another(make_encoder: MakeEncoder) -> None:
    encoders = [make_encoder() for _ in range(3)]
    curves = [fit(encoder, seed=seed)[1:] for encoder, seed in zip(encoders, (1, 1, 2), strict=True)]
    rows = [encoder.encode(TEXTS).embeddings for encoder in encoders]

    assert curves[0] == curves[1]
    assert curves[0] != curves[2]
    np.testing.assert_array_equal(rows[0], rows[1])


def test_the_anchor_holds_embeddings_where_they_were(make_encoder: MakeEncoder) -> None:
    untuned = make_encoder().encode(TEXTS + STORED).embeddings

    def drift(anchor_weight: float) -> float:
        encoder = make_encoder()
        validation = LabelledIds(ids=[], classes=np.zeros(0, np.int64))
        config = TrainingConfig(max_epochs=4, batch_size=6, learning_rate=2e-3, anchor_weight=anchor_weight)
        stored = encoder.tokenizer.ids(STORED)
        fit_intents(encoder, labelled(encoder, TEXTS, CLASSES), validation, stored, config, silent)
        return float(1 - (encoder.encode(TEXTS + STORED).embeddings * untuned).sum(1).mean())

    assert drift(anchor_weight=20.0) < 0.5 * drift(anchor_weight=0.0)


def test_with_nothing_set_aside_every_epoch_is_fitted_and_the_last_one_kept(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder()
    validation = LabelledIds(ids=[], classes=np.zeros(0, np.int64))
    config = TrainingConfig(max_epochs=3, batch_size=6, patience=1)
    seen = []

    def snapshot(progress: Progress) -> None:
        if progress.done == progress.total and progress.epoch == 3:
            seen.append(encoder.model.head.weight.detach().clone())

    curve = fit_intents(encoder, labelled(encoder, TEXTS, CLASSES), validation, [], config, snapshot)

    assert [epoch.number for epoch in curve] == [0, 1, 2, 3]
    assert torch.equal(encoder.model.head.weight, seen[-1])


@pytest.mark.parametrize("batch_size", [2, 3])
@pytest.mark.parametrize("stored", [[], STORED], ids=["nothing stored", "stored questions"])
def test_the_smallest_batches_can_be_fitted(make_encoder: MakeEncoder, batch_size: int, stored: list[str]) -> None:
    encoder = make_encoder()
    ids = encoder.tokenizer.ids(stored)
    train = labelled(encoder, TEXTS, CLASSES)

    curve = fit_intents(encoder, train, train, ids, TrainingConfig(max_epochs=1, batch_size=batch_size), silent)

    assert [epoch.number for epoch in curve] == [0, 1]
    assert np.isfinite(curve[1].train_loss)


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
