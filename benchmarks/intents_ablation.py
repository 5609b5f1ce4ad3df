"""What each ingredient of the training gives: each is left out once, or done otherwise, and the test split asked."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

import nlu.torch_encoder
import training.fit
import training.intent_trainer
from benchmarks.intent_tasks import TASKS, Task, assistant_for
from benchmarks.measuring import ROOT, console, finish, progress_of
from configs.assistant_config import Method
from nlu.checkpoint import find_checkpoint
from nlu.encoder import INTENT_HEAD, FloatArray
from nlu.torch_encoder import BertClassifier
from training.fit import Fitting, fit_understanding
from training.intent_trainer import INVERSE_REGULARISATION_OF_PLAIN

NAME = "intents_ablation"
BASE = "as it is"
ALL_LAYERS, ONE_LAYER = 48, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A training that differs in one thing.

    Attributes:
        settings: Of `kefu.training.intent`.
        patches: What is put in the place of an attribute of the training, which has no setting for it.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    patches: Sequence[tuple[object, str, object]] = ()


def ablate(names: Sequence[str], seeds: Iterable[int]) -> int:
    """Runs every variant on every task with every seed; results are written after each variant."""
    seeds = list(seeds)
    figures: dict[str, dict[str, Any]] = {}
    for name in names:
        task = TASKS[name]()
        for variant_name, variant in VARIANTS.items():
            accuracies = [accuracy(f"{name}, {variant_name}, seed {seed}", task, variant, seed) for seed in seeds]
            base = figures.get(name, {}).get(BASE, {}).get("accuracies", accuracies)
            gains = 100 * (np.array(accuracies) - np.array(base))
            figures.setdefault(name, {})[variant_name] = {
                "seeds": seeds,
                "accuracies": accuracies,
                "mean": float(np.mean(accuracies)),
                "points_to_base": float(gains.mean()),
                "points_deviation": float(gains.std(ddof=1)) if len(seeds) > 1 else None,
            }
            code = finish(NAME, table(figures), {"tasks": figures}, [])
    return code


def accuracy(title: str, task: Task, variant: Variant, seed: int) -> float:
    """Accuracy of one variant in float32."""
    assistant = assistant_for(task, seed, **variant.settings)
    with progress_of(title) as report, patched(variant.patches):
        fitted = fit_understanding(assistant, find_checkpoint(assistant.config.encoder, ROOT), report)
        report.say("asking")
        likeliest = fitted.encoder.encode([e.text for e in task.test]).logits[INTENT_HEAD].argmax(axis=1)
    found = [fitted.classifier.labels[row] == e.intent for row, e in zip(likeliest, task.test, strict=True)]
    console.print(f"{title}: {np.mean(found):.4f}, {fitted.method}")
    return float(np.mean(found))


@contextmanager
def patched(patches: Sequence[tuple[object, str, object]]) -> Iterator[None]:
    """Other attributes for a while."""
    with ExitStack() as stack:
        for target, name, value in patches:
            stack.enter_context(patch.object(target, name, value))
        yield


def table(figures: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """The rows that are printed."""
    rows: list[tuple[str, ...]] = [("task", "training", "accuracy", "points to base")]
    for name, by_variant in figures.items():
        for variant, found in by_variant.items():
            spread = found["points_deviation"]
            gain = f"{found['points_to_base']:+.2f}" + ("" if spread is None else f" ±{spread:.2f}")
            rows.append((name, variant, f"{found['mean']:.2%}", "" if variant == BASE else gain))
    return rows


def start_only_the_plain_head(
    model: BertClassifier, embeddings: FloatArray, classes: NDArray[np.int64], seed: int
) -> None:
    """In place of `training.intent_trainer.start_heads`: the tuned head begins at random."""
    regression = LogisticRegression(C=INVERSE_REGULARISATION_OF_PLAIN, max_iter=1_000, random_state=seed)
    regression.fit(embeddings, classes)
    with torch.no_grad():
        model.plain_head.weight.copy_(torch.from_numpy(regression.coef_))
        model.plain_head.bias.copy_(torch.from_numpy(regression.intercept_))
    model.plain_head.requires_grad_(False)


def share_of_plain(share: float) -> list[tuple[object, str, object]]:
    """Another share of the plain head, in training and in use."""
    return [(module, "PLAIN_SHARE", share) for module in (nlu.torch_encoder, training.intent_trainer)]


def without_names() -> list[tuple[object, str, object]]:
    """Intents' names are no examples."""
    labelled = Fitting._labelled

    def only_examples(fitting: Fitting, encoder: Any, examples: Any, *, with_names: bool = False) -> Any:
        del with_names
        return labelled(fitting, encoder, examples)

    return [(Fitting, "_labelled", only_examples)]


VARIANTS = {
    BASE: Variant(),
    "no fine-tuning (head)": Variant(settings={"method": Method.HEAD}),
    "always tuned (full)": Variant(settings={"method": Method.FULL}),
    "LoRA": Variant(settings={"method": Method.LORA}),
    "BitFit": Variant(settings={"method": Method.BITFIT}),
    "no label smoothing": Variant(settings={"label_smoothing": 0.0}),
    "no layer decay": Variant(settings={"layer_decay": 1.0}),
    "all layers tuned": Variant(settings={"tuned_layers": ALL_LAYERS}),
    "one layer tuned": Variant(settings={"tuned_layers": ONE_LAYER}),
    "tuned head starts at random": Variant(
        patches=[(training.intent_trainer, "start_heads", start_only_the_plain_head)]
    ),
    "tuned head alone": Variant(patches=share_of_plain(0.0)),
    "no names as examples": Variant(patches=without_names()),
    "no second fit": Variant(patches=[(training.fit, "REFIT_UP_TO", 0)]),
}
