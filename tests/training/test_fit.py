"""What each method of fine-tuning may change, and that all of it ends in a model that can be exported."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from configs import Assistant, Domain, Example, KefuConfig, TrainingConfig
from configs.assistant_config import IntentTrainingConfig, Method, Precision
from configs.entity_markup import parse_markup
from configs.entity_spec import EntitySpec
from nlu.checkpoint import Checkpoint
from nlu.encoder import INTENT_HEAD
from nlu.entity_reader import EntityReader
from nlu.onnx_encoder import OnnxEncoder
from nlu.torch_encoder import TorchEncoder, load_torch_encoder
from training.export import export_encoder
from training.fit import Fitted, Fitting, fit_understanding, spoken_name
from training.progress import Progress, silent

WORDS = {
    "greet": ["hello", "hi", "hey", "morning", "evening", "welcome"],
    "order": ["parcel", "order", "package", "delivery", "shipment", "tracking"],
    "return": ["return", "refund", "back", "exchange", "label", "broken"],
}
EXAMPLES = [(f"{word} {end}", intent) for intent, words in WORDS.items() for word in words for end in ("now", "please")]
CITIES = ["Leeds", "Paris", "Rome", "Oslo", "Berlin", "Madrid", "Dublin", "Vienna"]
MARKED = [(f"send the lamp to [{city}](city)", "order") for city in CITIES]
MARKED += [(f"is there a shop in [{city}](city)", "greet") for city in CITIES]
QUICK: dict[str, object] = {"max_epochs": 2, "batch_size": 8}
UNTOUCHED = ("embeddings.", "trunk.", "plain_top.")


def assistant(examples: Sequence[tuple[str, str]], *, validation_share: float = 0.2, **intent: object) -> Assistant:
    parsed = [(*parse_markup(written), intent_name) for written, intent_name in examples]
    training = TrainingConfig(intent=IntentTrainingConfig(**{**QUICK, **intent}), validation_share=validation_share)
    return Assistant(
        root=Path("made-up"),
        language="en",
        config=KefuConfig(training=training),
        domain=Domain(),
        examples=tuple(
            Example(text=text, intent=name, path=Path("nlu.yml"), line=line, entities=entities)
            for line, (text, entities, name) in enumerate(parsed, start=1)
        ),
        rules=(),
        knowledge_paths=(),
        notices=(),
    )


def weights(encoder: TorchEncoder, *begins: str) -> dict[str, bytes]:
    return {
        name: value.numpy().tobytes() for name, value in encoder.model.state_dict().items() if name.startswith(begins)
    }


def fresh(checkpoint: Checkpoint, tuned: int = 1) -> TorchEncoder:
    return load_torch_encoder(checkpoint, 3, torch.device("cpu"), tuned_layers=lambda _: tuned)


def changed_in_tuned_top(before: TorchEncoder, after: TorchEncoder) -> set[str]:
    old, new = weights(before, "tuned_top."), weights(after, "tuned_top.")
    assert old.keys() == new.keys()
    return {name for name, value in new.items() if value != old[name]}


def fit(checkpoint: Checkpoint, method: Method, **intent: object) -> Fitted:
    return fit_understanding(assistant(EXAMPLES, method=method, **intent), checkpoint, silent)


@pytest.fixture(scope="module")
def full(tiny_checkpoint: Checkpoint) -> Fitted:
    return fit(tiny_checkpoint, Method.FULL)


def test_with_the_method_head_there_is_no_tuned_top_and_both_embeddings_are_one(tiny_checkpoint: Checkpoint) -> None:
    fitted = fit(tiny_checkpoint, Method.HEAD)

    encoded = fitted.encoder.encode([text for text, _ in EXAMPLES])
    assert len(fitted.encoder.model.tuned_top) == 0
    np.testing.assert_array_equal(encoded.plain, encoded.tuned)
    assert (fitted.method, [epoch.number for epoch in fitted.curve]) == (Method.HEAD, [0])


def test_full_moves_all_of_the_tuned_top_and_never_what_was_there_before(
    tiny_checkpoint: Checkpoint, full: Fitted
) -> None:
    before = fresh(tiny_checkpoint)
    texts = [text for text, _ in EXAMPLES]

    old, new = before.encode(texts), full.encoder.encode(texts)

    assert weights(full.encoder, *UNTOUCHED) == weights(before, *UNTOUCHED)
    np.testing.assert_array_equal(new.plain, old.plain)
    assert np.abs(new.tuned - old.tuned).max() > 1e-3
    # A key's bias shifts every score alike, so that no gradient ever moves it far; it is not asked for.
    moved = changed_in_tuned_top(before, full.encoder)
    assert moved >= {name for name in weights(before, "tuned_top.") if "key.bias" not in name}
    assert full.method is Method.FULL


def test_bitfit_moves_biases_and_layer_norms_alone(tiny_checkpoint: Checkpoint) -> None:
    fitted, before = fit(tiny_checkpoint, Method.BITFIT), fresh(tiny_checkpoint)

    moved = changed_in_tuned_top(before, fitted.encoder)
    assert moved
    assert all(name.endswith(".bias") or "LayerNorm" in name for name in moved)
    assert weights(fitted.encoder, *UNTOUCHED) == weights(before, *UNTOUCHED)


def test_lora_moves_matrices_alone_and_leaves_plain_layers(tiny_checkpoint: Checkpoint) -> None:
    fitted, before = fit(tiny_checkpoint, Method.LORA), fresh(tiny_checkpoint)

    moved = changed_in_tuned_top(before, fitted.encoder)  # the same names: nothing of LoRA is left
    assert moved
    assert all(name.endswith(".weight") and "LayerNorm" not in name for name in moved)
    assert {type(module) for module in fitted.encoder.model.tuned_top.modules()} == {
        type(module) for module in before.model.tuned_top.modules()
    }
    assert weights(fitted.encoder, *UNTOUCHED) == weights(before, *UNTOUCHED)


def test_what_lora_adds_is_of_the_rank_that_was_asked_for(tiny_checkpoint: Checkpoint) -> None:
    fitted, before = fit(tiny_checkpoint, Method.LORA, lora_rank=2, learning_rate=0.01), fresh(tiny_checkpoint)

    for left, right in zip(fitted.encoder.model.tuned_top, before.model.tuned_top, strict=True):
        added = (left.output.dense.weight - right.output.dense.weight).detach().numpy().astype(np.float64)
        sizes = np.linalg.svd(added, compute_uv=False)
        assert sizes[0] > 1e-4
        assert (sizes[2:] < 1e-3 * sizes[0]).all()


@pytest.mark.parametrize("method", list(Method))
def test_every_method_ends_in_a_model_that_can_be_exported(
    tiny_checkpoint: Checkpoint, method: Method, tmp_path: Path
) -> None:
    fitted, texts = fit(tiny_checkpoint, method), [text for text, _ in EXAMPLES]

    export_encoder(fitted.encoder, tmp_path, texts, Precision.FLOAT32)

    wanted, got = fitted.encoder.encode(texts), OnnxEncoder(tmp_path).encode(texts)
    np.testing.assert_allclose(got.tuned, wanted.tuned, atol=1e-4)
    np.testing.assert_allclose(got.logits[INTENT_HEAD], wanted.logits[INTENT_HEAD], atol=1e-4)


def test_auto_falls_back_to_the_heads_where_tuning_does_not_pay(tiny_checkpoint: Checkpoint) -> None:
    # So large a rate ruins the tuned top in its first epoch.
    ruined = fit(tiny_checkpoint, Method.AUTO, learning_rate=0.1, head_learning_rate=1.0, warmup_share=0.0)

    assert min(range(len(ruined.curve)), key=lambda number: ruined.curve[number].validation_loss) == 0
    assert ruined.method is Method.HEAD
    assert len(ruined.encoder.model.tuned_top) == 0


def test_a_method_that_was_asked_for_is_followed_though_it_does_not_pay(tiny_checkpoint: Checkpoint) -> None:
    ruined = fit(tiny_checkpoint, Method.FULL, learning_rate=0.1, head_learning_rate=1.0, warmup_share=0.0)

    assert ruined.method is Method.FULL
    assert changed_in_tuned_top(fresh(tiny_checkpoint), ruined.encoder)


def test_all_examples_are_learned_from_once_the_figures_are_known(tiny_checkpoint: Checkpoint) -> None:
    stages: list[str] = []

    def look(progress: Progress) -> None:
        stages.append(progress.stage)

    fitted = fit_understanding(assistant(EXAMPLES, method=Method.HEAD), tiny_checkpoint, look)

    # Logistic regression on all examples and on the intents' names, from the same start.
    held = {example.text for example in fitted.held_out.examples}
    assert stages.count("reading the examples") == 2
    assert fitted.learned_count == len(EXAMPLES) - len(held)
    assert 0 < len(held) < len(EXAMPLES)
    everything = fit_understanding(
        assistant(EXAMPLES, method=Method.HEAD, validation_share=1e-9), tiny_checkpoint, silent
    )
    texts = [text for text, _ in EXAMPLES]
    refitted, wanted = (each.encoder.encode(texts).logits[INTENT_HEAD] for each in (fitted, everything))
    np.testing.assert_allclose(refitted, wanted, atol=1e-4)


def test_figures_are_measured_by_a_model_that_had_not_seen_what_was_set_aside(
    tiny_checkpoint: Checkpoint, full: Fitted
) -> None:
    fitting = Fitting.of(assistant(EXAMPLES, method=Method.FULL), tiny_checkpoint, silent)
    split = fitting.split()
    measured, _, _ = fitting.run("measured", split)
    texts = [example.text for example in split.validation]

    assert full.held_out.examples == split.validation
    np.testing.assert_array_equal(full.held_out.logits, measured.encode(texts).logits[INTENT_HEAD])
    assert np.abs(full.held_out.logits - full.encoder.encode(texts).logits[INTENT_HEAD]).max() > 1e-3


def test_where_tuning_does_not_pay_entities_are_learned_all_the_same(tiny_checkpoint: Checkpoint) -> None:
    rates = {"learning_rate": 1e-9, "head_learning_rate": 1e-9}
    fitted = fit_understanding(assistant(MARKED, **rates), tiny_checkpoint, silent)

    assert fitted.method is Method.FULL
    assert len(fitted.encoder.encode(["send it"]).tagged) == 1


def test_the_method_head_learns_no_entities(tiny_checkpoint: Checkpoint) -> None:
    fitted = fit_understanding(assistant(MARKED, method=Method.HEAD), tiny_checkpoint, silent)

    assert fitted.tags.labels == ()
    assert fitted.encoder.encode(["send it"]).tagged == ()


def test_the_centres_of_the_scope_are_those_of_all_examples(tiny_checkpoint: Checkpoint, full: Fitted) -> None:
    texts = [text for text, intent in EXAMPLES if intent == "greet"]
    rows = fresh(tiny_checkpoint).encode(texts).plain

    assert full.scope.centres.shape == (24, 32)  # eight for each of three intents, which have twelve examples each
    assert (rows @ full.scope.centres.T).max(axis=1).min() > 0.8


def test_entities_are_learned_with_the_intents_and_found_in_sentences_like_those_taught(
    tiny_checkpoint: Checkpoint,
) -> None:
    rates = {"learning_rate": 3e-3, "head_learning_rate": 0.02, "max_epochs": 30, "tuned_layers": 2, "patience": 30}
    fitted = fit_understanding(assistant(MARKED, **rates), tiny_checkpoint, silent)
    reader = EntityReader(EntitySpec(regexes={}, lookups={}, synonyms={}), fitted.tags)
    texts = [f"send the lamp to {city}" for city in CITIES] + ["send the lamp", "is there a shop"]

    tagged = fitted.encoder.encode(texts).tagged
    found = [[(e.entity, e.value) for e in reader.read(text, t)] for text, t in zip(texts, tagged, strict=True)]

    assert fitted.tags.labels == (("city", None, None),)
    assert sum([("city", city)] == each for city, each in zip(CITIES, found, strict=False)) >= 7
    assert found[-2:] == [[], []]


def test_the_same_seed_gives_the_same_model(tiny_checkpoint: Checkpoint, full: Fitted) -> None:
    again = fit(tiny_checkpoint, Method.FULL)

    assert weights(again.encoder, "") == weights(full.encoder, "")
    assert again.classifier.temperature == full.classifier.temperature
    np.testing.assert_array_equal(again.scope.reference, full.scope.reference)


@pytest.mark.parametrize(
    ("name", "spoken"),
    [("card_arrival", "card arrival"), ("faq/ask_delivery", "faq ask delivery"), ("__a--b", "a b"), ("hello", "hello")],
)
def test_an_intents_name_in_words(name: str, spoken: str) -> None:
    assert spoken_name(name) == spoken
