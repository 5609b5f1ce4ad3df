"""The loop of `learning_loop.py`: what arrives, who labels what, who learns from it, and what is kept between runs."""

import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks.intent_tasks import Task, assistant_for, banking77
from benchmarks.measuring import ROOT, TrainingBar, progress_of
from configs import EncoderConfig
from configs.assistant_config import Precision
from configs.nlu_data import Example
from nlu.checkpoint import find_checkpoint
from nlu.encoder import INTENT_HEAD
from nlu.informative import choose
from nlu.intent import softmax
from nlu.torch_encoder import best_device, load_torch_encoder
from training.export import export_encoder
from training.fit import fit_understanding
from training.intent_trainer import INVERSE_REGULARISATION_OF_PLAIN
from training.self_training import own_readings

ROUNDS, ARRIVING, LABELLED = 10, 500, 100
CHECKED_TEXTS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The five-shot split, the test split, and the messages that arrive, in their order.

    Attributes:
        arriving: With the intents that a reviewer will say, of the full training split without what is known already.
    """

    start: tuple[Example, ...]
    test: tuple[Example, ...]
    arriving: tuple[Example, ...]

    @classmethod
    def of(cls, seed: int) -> "Stream":
        """The messages of BANKING77, in an order of chance."""
        full, few = banking77("train.csv"), banking77("train_5shot.csv")
        known = {example.text for example in few.train}
        rest = [example for example in full.train if example.text not in known]
        order = np.random.default_rng(seed).permutation(len(rest))[: ROUNDS * ARRIVING]
        return cls(start=tuple(few.train), test=tuple(full.test), arriving=tuple(rest[at] for at in order))


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """A model: what it says of texts, and how long making it took.

    Attributes:
        read: From texts to probabilities (n, classes), in the order of `labels`, and embeddings (n, d).
        refresh_s: Learning and exporting, as a refresh does.
    """

    labels: Sequence[str]
    read: Callable[[Sequence[str]], tuple[np.ndarray, np.ndarray]]
    refresh_s: float
    figures: dict[str, float] = field(default_factory=dict)


class Learner(Protocol):
    """Makes a model from examples."""

    def learn(
        self, examples: Sequence[Example], bar: TrainingBar, *, export: bool, unlabelled: Sequence[str] = ()
    ) -> Learned:
        """A model of `examples`; exported too where a whole refresh is to be timed.

        Args:
            unlabelled: Messages of which it also learns what it makes of them itself.
        """
        ...


class KefuLearner:
    """The fit of `kefu train`, from nothing, as a refresh makes it at this size."""

    def __init__(self, stream: Stream, seed: int) -> None:
        self._task, self._seed = Task(train=stream.start, test=stream.test), seed

    def learn(
        self, examples: Sequence[Example], bar: TrainingBar, *, export: bool, unlabelled: Sequence[str] = ()
    ) -> Learned:
        """See `Learner.learn`."""
        assistant = assistant_for(replace(self._task, train=examples), self._seed)
        started = time.perf_counter()
        fitted = fit_understanding(
            assistant, find_checkpoint(assistant.config.encoder, ROOT), bar, unlabelled=unlabelled
        )
        figures = {
            "read_count": float(fitted.read_count),
            "fit_s": time.perf_counter() - started,
            "load": os.getloadavg()[0],
        }
        if export:
            bar.say("exporting")
            texts = [example.text for example in (*fitted.held_out.examples, *examples)][:CHECKED_TEXTS]
            with tempfile.TemporaryDirectory() as folder:
                export_encoder(fitted.encoder, Path(folder), texts, Precision.INT8)
        classifier = fitted.classifier

        def read(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
            encoded = fitted.encoder.encode(list(texts))
            return softmax(encoded.logits[INTENT_HEAD] / classifier.temperature), encoded.embeddings

        spent = time.perf_counter() - started
        return Learned(labels=classifier.labels, read=read, refresh_s=spent, figures=figures)


class FrozenLearner:
    """Logistic regression on the untuned encoder, whose embeddings are kept: the same loop in seconds."""

    def __init__(self, stream: Stream, folder: Path) -> None:
        texts = sorted({example.text for part in (stream.start, stream.test, stream.arriving) for example in part})
        self._row = {text: row for row, text in enumerate(texts)}
        path = folder / f"embeddings-{len(texts)}.npy"
        if not path.is_file():
            encoder = load_torch_encoder(find_checkpoint(EncoderConfig(), ROOT), 2, best_device())
            with progress_of("encoding") as bar:
                bar.say(f"{len(texts):,} messages")
                np.save(path, encoder.encode(texts).plain)
        self._embeddings = np.load(path)

    def learn(
        self, examples: Sequence[Example], bar: TrainingBar, *, export: bool, unlabelled: Sequence[str] = ()
    ) -> Learned:
        """See `Learner.learn`."""
        del bar, export
        started = time.perf_counter()
        regression = LogisticRegression(C=INVERSE_REGULARISATION_OF_PLAIN, max_iter=300)
        regression.fit(self._of([e.text for e in examples]), [e.intent for e in examples])
        if unlabelled:
            sure = regression.predict_proba(self._of(unlabelled))
            known = [*examples, *own_readings(unlabelled, sure, list(regression.classes_), examples)]
            regression.fit(self._of([e.text for e in known]), [e.intent for e in known])

        def read(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
            embeddings = self._of(texts)
            return regression.predict_proba(embeddings), embeddings

        return Learned(labels=list(regression.classes_), read=read, refresh_s=time.perf_counter() - started)

    def _of(self, texts: Sequence[str]) -> np.ndarray:
        return self._embeddings[[self._row[text] for text in texts]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """Who chooses what is labelled.

    Attributes:
        pick: From a model, the embeddings of what is known, and what waits, to the places of what is labelled; None
            labels all that arrives.
        fitted_rounds: After which rounds a model is made.
        believes: Whether a model also learns what it makes itself of messages that nobody has labelled.
    """

    name: str
    pick: Callable[[Learned, Sequence[Example], Sequence[Example]], list[int]] | None
    fitted_rounds: frozenset[int]
    believes: bool = False


def reviewed(learned: Learned, waiting: Sequence[Example], known: Sequence[Example]) -> list[int]:
    """What review proposes first, of all that waits unlabelled."""
    probabilities, embeddings = learned.read([example.text for example in waiting])
    _, taught = learned.read([example.text for example in known])
    return choose(probabilities, embeddings, LABELLED, known=taught)


def at_random(seed: int) -> Callable[[Learned, Sequence[Example], Sequence[Example]], list[int]]:
    """What chance proposes."""

    def pick(learned: Learned, waiting: Sequence[Example], known: Sequence[Example]) -> list[int]:
        del learned
        return list(np.random.default_rng([seed, len(known)]).choice(len(waiting), LABELLED, replace=False))

    return pick


def run_arm(arm: Arm, stream: Stream, learner: Learner, path: Path) -> list[dict[str, Any]]:
    """What the arm came to after each round, the first before any; a run that was stopped goes on from `path`.

    A round that is written holds all that the next one needs: what was labelled, and what is to be labelled next.
    """
    rounds: list[dict[str, Any]] = json.loads(path.read_text("utf-8")) if path.is_file() else []
    for number in range(len(rounds), ROUNDS + 1):
        picked = rounds[-1]["next"] if rounds else []
        taken = sorted({*(rounds[-1]["labelled"] if rounds else []), *picked})
        known = [*stream.start, *(stream.arriving[at] for at in taken)]
        entry: dict[str, Any] = {"round": number, "labelled": taken}
        waiting = sorted(set(range(min(number + 1, ROUNDS) * ARRIVING)) - set(taken))
        if number in arm.fitted_rounds:
            with progress_of(f"{arm.name}, round {number} of {ROUNDS}") as bar:
                arrived = [stream.arriving[at].text for at in waiting if at < number * ARRIVING]
                unlabelled = arrived if arm.believes else ()
                learned = learner.learn(known, bar, export=arm.pick is reviewed, unlabelled=unlabelled)
                bar.say("asking")
                entry |= _measured(learned, stream.test)
                if arm.pick is not None and number < ROUNDS:
                    bar.say("choosing")
                    chosen = arm.pick(learned, [stream.arriving[at] for at in waiting], known)
                    entry["next"] = [waiting[at] for at in chosen]
        if arm.pick is None:
            entry["next"] = waiting
        rounds.append(entry)
        temporary = path.with_suffix(".part")
        temporary.write_text(json.dumps(rounds), "utf-8")
        temporary.replace(path)
    return rounds


def _measured(learned: Learned, test: Sequence[Example]) -> dict[str, Any]:
    probabilities, _ = learned.read([example.text for example in test])
    said = [learned.labels[row] for row in probabilities.argmax(axis=1)]
    right = [intent == example.intent for intent, example in zip(said, test, strict=True)]
    facts = {"accuracy": float(np.mean(right)), "right": [int(each) for each in right]}
    return {**facts, "refresh_s": learned.refresh_s, **learned.figures}
