"""A release, loaded: what a message means and which stored answers come near it. Synchronous."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter

import numpy as np

from bot.policy import MAX_UNCOVERED, SEARCHED_PAIRS
from configs.assistant_config import PolicyConfig
from configs.bot_spec import BotSpec
from nlu.examples import ExampleIndex, load_examples
from nlu.explanation import Explanation, explain
from nlu.saved import load_understander
from nlu.several_intents import IntentSpan, intents_of
from nlu.understanding import OUT_OF_SCOPE, Understanding
from retrieval.retriever import Hit, Retriever
from training.releases import ASSISTANT_FILE, SMOKE_FILE, Release, ReleaseError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """A message, understood and looked up, all by one release.

    Attributes:
        encode_ms: Share of the batch's forward pass.
        search_ms: Share of the batch's search.
        intents: What `Engine.parse` adds: the intents that are sure, in the order of their places.
        explanation: What `Engine.parse` adds where it is asked why.
    """

    understanding: Understanding
    hits: tuple[Hit, ...]
    engine: "Engine"
    encode_ms: float = 0.0
    search_ms: float = 0.0
    intents: tuple[IntentSpan, ...] = ()
    explanation: Explanation | None = None


class Engine:
    """Encoder, classifier, retriever and words of one release.

    Args:
        threads: Threads of one forward pass.

    Raises:
        ReleaseError: The parts do not fit together, or a smoke question comes out wrong.
    """

    def __init__(self, release: Release, *, threads: int = 1) -> None:
        self.release = release
        try:
            self._load(release, threads)
            wrong = self._wrong_smoke_question()
        except Exception as error:  # tokenizers and onnxruntime raise nothing narrower
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise ReleaseError(f"The release {release.id} cannot be loaded: {reason}") from error
        if wrong:
            raise ReleaseError(f"The release {release.id} answers a smoke question wrong; it will not be served.")

    def _load(self, release: Release, threads: int) -> None:
        self.spec = BotSpec.from_json((release.folder / ASSISTANT_FILE).read_bytes())
        self.understander = load_understander(release.folder, self.spec.entities, threads=threads)
        self.retriever = Retriever.load(release.folder)
        if self.retriever.index.dimension != self.understander.encoder.dimension:
            raise ValueError("its parts do not fit together")
        self.pairs = {pair.id: pair for pair in self.retriever.pairs}

    @property
    def id(self) -> str:
        """The release's id."""
        return self.release.id

    @cached_property
    def examples(self) -> ExampleIndex | None:
        """The examples it was trained with, read when first asked for; None where the release does not keep them."""
        return load_examples(self.release.folder)

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Understands and looks up `texts` in one forward pass and one search."""
        if not texts:
            return []
        started = perf_counter()
        understood = self.understander.understand(texts)
        encoded = perf_counter()
        found = self.retriever.search(np.stack([u.embedding for u in understood]), SEARCHED_PAIRS)
        searched = perf_counter()
        return [
            Reading(
                understanding=understanding,
                hits=tuple(hits),
                engine=self,
                encode_ms=1e3 * (encoded - started) / len(texts),
                search_ms=1e3 * (searched - encoded) / len(texts),
            )
            for understanding, hits in zip(understood, found, strict=True)
        ]

    def parse(self, reading: Reading, *, explained: bool = False) -> Reading:
        """`reading` of this engine with all its intents, and with an explanation: a forward pass more for each."""
        understanding = reading.understanding
        return replace(
            reading,
            intents=intents_of(
                self.understander, understanding, self._is_sure, split_symbol=self.spec.intent_split_symbol
            ),
            explanation=explain(self.understander, understanding, self.examples) if explained else None,
        )

    def _is_sure(self, understanding: Understanding) -> bool:
        return fits_an_intent(understanding, self.spec.policy)

    def _wrong_smoke_question(self) -> bool:
        questions = self.release.read_json(SMOKE_FILE)
        for question, reading in zip(questions, self.read([q["text"] for q in questions]), strict=True):
            intent, hits = reading.understanding.intent.name, reading.hits
            right = question.get("intent", intent) == intent and (
                "pair_id" not in question or bool(hits and hits[0].pair.id == question["pair_id"])
            )
            if not right:
                return True
        return False


def fits_an_intent(understanding: Understanding, policy: PolicyConfig) -> bool:
    """Whether the likeliest intent is sure enough for a template; where it is not, Rasa says `nlu_fallback`."""
    in_scope = understanding.scope >= policy.scope_threshold or understanding.intent.name == OUT_OF_SCOPE
    sure = understanding.intent.probability >= policy.template_threshold
    return sure and in_scope and understanding.uncovered <= MAX_UNCOVERED
