"""Fits everything that understands a message: the encoder with its heads, their temperature, and what is in scope.

Some examples of every intent are set aside; on them it is seen whether tuning pays, the temperature and the scope are
fitted, and all figures of the report measured. Then, unless there are very many, the model is fitted once more, to all.
On BANKING77 the twentieth that was set aside is worth a quarter of a point.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from configs.assistant import Assistant
from configs.assistant_config import Method
from configs.nlu_data import Example
from configs.rasa_names import OUT_OF_SCOPE
from nlu.checkpoint import Checkpoint
from nlu.encoder import INTENT_HEAD, FloatArray
from nlu.intent import IntentClassifier, softmax
from nlu.scope import ScopeScorer, nearness
from nlu.tagging import TagSet, encode_tags, in_prepared
from nlu.torch_encoder import TorchEncoder, best_device, load_torch_encoder
from training.adapters import leave_out_tuned_top
from training.calibration import fit_scope, fit_temperature, intent_centres
from training.checkpointing import FitCheckpoint, learned_state
from training.fingerprint import encoder_fingerprint
from training.intent_trainer import (
    EarlierFit,
    Epoch,
    LabelledIds,
    Unwatched,
    Watcher,
    best_epoch,
    fit_intents,
    tuned_layers,
)
from training.progress import Progress, Report
from training.self_training import own_readings
from training.split import Split, held_out_split
from training.warm_start import State, WarmStart, load_warm, save_warm
from training.workspace import Workspace

Watch: TypeAlias = Callable[[str], Watcher]

REFIT_UP_TO = 20_000


def kept_nowhere(folder: Path) -> None:
    """Keeps nothing."""
    del folder


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """What the model, before it had seen them, made of the examples that were set aside.

    Attributes:
        places: Of each among all examples, shape (n,).
        nearness: Of each to the centres of what was learned, in [-1, 1].
    """

    examples: tuple[Example, ...]
    places: NDArray[np.int64]
    classes: NDArray[np.int64]
    logits: FloatArray
    scope_scores: NDArray[np.float64]
    nearness: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A model that understands.

    Attributes:
        curve: Of the fit that was measured.
        learned_count: Examples that the measured fit learned from; the model itself learned from all.
        read_count: Unlabelled messages that the model has learned as it read them itself.
        warm: Whether the fits went on from an earlier training.
        keep: Puts what a later training can go on from into a folder; nothing where no layer was tuned.
    """

    encoder: TorchEncoder
    classifier: IntentClassifier
    scope: ScopeScorer
    tags: TagSet
    held_out: HeldOut
    curve: tuple[Epoch, ...]
    method: Method
    learned_count: int
    fit_s: float
    read_count: int = 0
    warm: bool = False
    keep: Callable[[Path], None] = kept_nowhere


def unwatched(fit: str) -> Watcher:
    """Nobody watches the fit."""
    del fit
    return Unwatched()


def fit_understanding(  # noqa: PLR0913 - what may be asked for
    assistant: Assistant,
    checkpoint: Checkpoint,
    report: Report,
    *,
    watch: Watch = unwatched,
    workspace: Workspace | None = None,
    warm: Path | None = None,
    unlabelled: Sequence[str] = (),
    note: Callable[[str], None] = lambda _: None,
) -> Fitted:
    """Fits a model to the assistant's examples.

    Args:
        watch: From the name of a fit, `measured` or `everything`, to what is told of its steps and epochs.
        workspace: Where each fit keeps what it can go on from.
        warm: What an earlier training has kept, to begin from; unusable, it is passed over.
        unlabelled: Messages that nobody has labelled: what the measured fit makes of them, where it is sure, the fit to
            everything learns too. They are never measured on, and not learned where words are to be tagged.
        note: Told in a sentence why `warm` is not usable.

    Raises:
        CheckpointError: The encoder cannot be loaded.
    """
    started = time.monotonic()
    fitting = Fitting.of(assistant, checkpoint, report, watch, workspace).begun_from(warm, note)
    split = fitting.split()
    encoder, curve, method = fitting.run("measured", split)
    states = {"measured": learned_state(encoder.model)}
    own: tuple[Example, ...] = ()
    encoded = encoder.encode([example.text for example in split.validation])
    logits, classes = encoded.logits[INTENT_HEAD], fitting.classes(split.validation)
    temperature = fit_temperature(logits, classes)
    inside, kept = fitting.inside(split.validation), fitting.in_scope_classes()
    scope = fit_scope(logits[:, kept], encoded.plain, inside, fitting.centres(encoder, split.train))
    scores, near = scope.score(logits[:, kept], encoded.plain), nearness(encoded.plain, scope.centres)
    if split.validation and len(assistant.examples) <= REFIT_UP_TO:
        own = fitting.own_readings(encoder, temperature, unlabelled)
        everything = Split(train=(*assistant.examples, *own), validation=())
        encoder, _, _ = fitting.run("everything", everything, method=method)
        states["everything"] = learned_state(encoder.model)
        scope = replace(scope, centres=fitting.centres(encoder, assistant.examples))
    return Fitted(
        encoder=encoder,
        classifier=IntentClassifier(fitting.labels, temperature),
        scope=scope,
        tags=fitting.tags if encoder.model.tagger else TagSet(()),
        held_out=HeldOut(
            examples=split.validation,
            places=places_of(split.validation, assistant.examples),
            classes=classes,
            logits=logits,
            scope_scores=scores,
            nearness=near,
        ),
        curve=curve,
        method=method,
        learned_count=len(split.train),
        fit_s=time.monotonic() - started,
        read_count=len(own),
        warm=fitting.warm is not None,
        keep=partial(fitting.keep, split=split, states=states) if method is Method.FULL else kept_nowhere,
    )


def places_of(chosen: Sequence[Example], examples: Sequence[Example]) -> NDArray[np.int64]:
    """Where each of `chosen`, which are the same values, stands among `examples`."""
    place = {id(example): at for at, example in enumerate(examples)}
    return np.array([place[id(example)] for example in chosen], np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """What all fits of one assistant share."""

    assistant: Assistant
    checkpoint: Checkpoint
    labels: tuple[str, ...]
    tags: TagSet
    report: Report
    watch: Watch = unwatched
    workspace: Workspace | None = None
    warm: WarmStart | None = None

    @classmethod
    def of(
        cls,
        assistant: Assistant,
        checkpoint: Checkpoint,
        report: Report,
        watch: Watch = unwatched,
        workspace: Workspace | None = None,
    ) -> Self:
        """The fits of `assistant`."""
        return cls(
            assistant=assistant,
            checkpoint=checkpoint,
            labels=tuple(dict.fromkeys(example.intent for example in assistant.examples)),
            tags=TagSet.of(entity for example in assistant.examples for entity in example.entities),
            report=report,
            watch=watch,
            workspace=workspace,
        )

    def begun_from(self, folder: Path | None, note: Callable[[str], None]) -> Self:
        """The same fits, begun from what an earlier training has kept in `folder`, where that can be used."""
        method = self.assistant.config.training.intent.method
        if folder is None:
            return self
        if method not in (Method.AUTO, Method.FULL):
            note(f"With the method {method} no training is built on an earlier one. The training begins anew.")
            return self
        encoder, layers = encoder_fingerprint(self.checkpoint), self.assistant.config.training.intent.tuned_layers
        return replace(self, warm=load_warm(folder, encoder=encoder, tuned_layers=layers, note=note))

    def keep(self, folder: Path, *, split: Split, states: Mapping[str, State]) -> None:
        """Puts what these fits have learned into `folder`, for a later training to begin from."""
        save_warm(
            folder,
            encoder=encoder_fingerprint(self.checkpoint),
            tuned_layers=self.assistant.config.training.intent.tuned_layers,
            labels=self.labels,
            tags=self._tag_names(),
            split=split,
            states=states,
        )

    def split(self) -> Split:
        """What the measured fit learns from, and what is set aside; the same each time."""
        examples, config = self.assistant.examples, self.assistant.config.training
        return self.warm.split(examples, config) if self.warm else held_out_split(examples, config)

    def run(
        self, fit: str, split: Split, *, method: Method | None = None
    ) -> tuple[TorchEncoder, tuple[Epoch, ...], Method]:
        """The fit called `fit` from the checkpoint's weights, and its method: of `auto`, what it came to."""
        self.report(Progress(stage="loading the encoder"))
        settings = self.assistant.config.training
        earlier = self.warm.state(fit, self._tag_names()) if self.warm else None
        config = settings.intent.model_copy(update={"method": method or self._method(earlier)})
        encoder = load_torch_encoder(
            self.checkpoint,
            len(self.labels),
            best_device(),
            tuned_layers=lambda layer_count: tuned_layers(config, layer_count),
            tags=len(self.tags) if self.tags.labels and config.method is not Method.HEAD else 0,
        )
        train = self._labelled(encoder, split.train, with_names=True)
        validation = self._labelled(encoder, split.validation)
        curve = fit_intents(
            encoder,
            train,
            validation,
            config,
            self.report,
            seed=settings.seed,
            watcher=self.watch(fit),
            checkpoint=self._checkpoint(f"{fit}-{config.method}"),
            earlier=EarlierFit(state=earlier, known=self._known(fit, split.train)) if earlier else None,
        )
        if config.method is not Method.AUTO:
            return encoder, curve, config.method
        if best_epoch(curve).number:
            return encoder, curve, Method.FULL
        leave_out_tuned_top(encoder.model)
        return encoder, curve, Method.HEAD

    def own_readings(self, encoder: TorchEncoder, temperature: float, texts: Sequence[str]) -> tuple[Example, ...]:
        """What `encoder` makes of unlabelled `texts`, where it is sure."""
        if not texts or self.tags.labels:  # which words are entities nobody has said
            return ()
        probabilities = softmax(encoder.encode(texts).logits[INTENT_HEAD] / temperature)
        return own_readings(texts, probabilities, self.labels, self.assistant.examples)

    def classes(self, examples: Sequence[Example]) -> NDArray[np.int64]:
        """The class of each example, shape (n,)."""
        index = {label: number for number, label in enumerate(self.labels)}
        return np.array([index[example.intent] for example in examples], np.int64)

    def inside(self, examples: Sequence[Example]) -> NDArray[np.bool_]:
        """Whether each example belongs to an intent, shape (n,)."""
        return np.array([example.intent != OUT_OF_SCOPE for example in examples], bool)

    def in_scope_classes(self) -> list[int]:
        """The classes that are intents."""
        return [number for number, label in enumerate(self.labels) if label != OUT_OF_SCOPE]

    def centres(self, encoder: TorchEncoder, examples: Sequence[Example]) -> FloatArray:
        """What the examples of each intent gather around, untouched: shape (m, d)."""
        own = [example for example in examples if example.intent != OUT_OF_SCOPE]
        embeddings = encoder.encode([example.text for example in own]).plain
        return intent_centres(embeddings, self.classes(own), self.assistant.config.training.seed)

    def _checkpoint(self, name: str) -> FitCheckpoint | None:
        folder = self.workspace.of_fit(name) if self.workspace else None
        return FitCheckpoint(folder, self.workspace.note) if self.workspace and folder else None

    def _method(self, earlier: State | None) -> Method:
        """The owner's; where words are to be tagged, or were tuned before, `auto` has no choice."""
        method = self.assistant.config.training.intent.method
        return Method.FULL if method is Method.AUTO and (self.tags.labels or earlier) else method

    def _known(self, fit: str, examples: Sequence[Example]) -> NDArray[np.bool_]:
        """Whether the earlier fit has learned each example, and after them each intent's name."""
        assert self.warm is not None  # noqa: S101 - only asked with one
        names = set(self.warm.facts.labels)
        return np.array([self.warm.knows(fit, e) for e in examples] + [label in names for label in self.labels], bool)

    def _tag_names(self) -> list[list[str | None]]:
        return [list(tag) for tag in self.tags.labels]

    def _labelled(self, encoder: TorchEncoder, examples: Sequence[Example], *, with_names: bool = False) -> LabelledIds:
        pieces = encoder.tokenizer.pieces([example.text for example in examples])
        ids = [list(piece.ids) for piece in pieces]
        classes = self.classes(examples)
        tags = None
        if self.tags.labels:
            tags = [
                encode_tags(in_prepared(e.entities, p.prepared), p.offsets, p.prepared.text, self.tags)
                for e, p in zip(examples, pieces, strict=True)
            ]
        if with_names:  # a name such as `card_arrival` is one more example, and worth a point with ten of them
            named = encoder.tokenizer.ids([spoken_name(label) for label in self.labels])
            ids += named
            classes = np.concatenate([classes, np.arange(len(self.labels))])
            tags = None if tags is None else [*tags, *([-100] * len(row) for row in named)]
        return LabelledIds(ids=ids, classes=classes, tags=tags)


def spoken_name(intent: str) -> str:
    """An intent's name in words: `faq/ask_delivery` becomes `faq ask delivery`."""
    return " ".join("".join(sign if sign.isalnum() else " " for sign in intent).split())
