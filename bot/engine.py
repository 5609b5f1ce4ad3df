"""A release, loaded: what a message means and which stored answers come near it. Synchronous."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter

import structlog

from bot.flow_policy import FlowPolicy
from bot.policy import MAX_UNCOVERED, SEARCHED_PAIRS
from configs.assistant_config import PolicyConfig
from configs.bot_spec import BotSpec
from configs.errors import KefuError
from configs.rasa_names import OUT_OF_SCOPE
from nlu.examples import ExampleIndex, load_examples
from nlu.explanation import Explanation, explain
from nlu.saved import load_understander
from nlu.several_intents import IntentSpan, intents_of
from nlu.understanding import Understanding
from retrieval.live_knowledge import BUDGET_S, LiveKnowledge
from retrieval.pair import Pair
from retrieval.promise import Promise, PromiseFile
from retrieval.retriever import Hit, Query, Retriever
from training.releases import ASSISTANT_FILE, KNOWLEDGE_FILE, SMOKE_FILE, Release, ReleaseError

_log = structlog.get_logger()


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
    """Encoder, classifier, retriever and words of one release, and the past answers edited since it was made.

    Args:
        threads: Threads of one forward pass.
        live: Follow the knowledge store beside the releases; else the release is served as it was made.

    Raises:
        ReleaseError: The parts do not fit together, or a smoke question comes out wrong.
    """

    def __init__(self, release: Release, *, threads: int = 1, live: bool = True) -> None:
        self.release = release
        self._live: LiveKnowledge | None = None
        self._live_error = ""
        try:
            self._load(release, threads)
            wrong = self._wrong_smoke_question()
        except Exception as error:  # tokenizers and onnxruntime raise nothing narrower
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise ReleaseError(f"The release {release.id} cannot be loaded: {reason}") from error
        if wrong:
            raise ReleaseError(f"The release {release.id} answers a smoke question wrong; it will not be served.")
        if live:
            encoder = self.understander.encoder  # not self: an engine that is let go of is to be gone at once
            self._live = LiveKnowledge(
                self.retriever,
                release.folder.parent.parent / KNOWLEDGE_FILE,
                seq=release.manifest.knowledge_seq,
                embed=lambda texts: encoder.encode(texts).embeddings,
            )
            self.catch_up(budget_s=None)

    def _load(self, release: Release, threads: int) -> None:
        self.spec = BotSpec.from_json((release.folder / ASSISTANT_FILE).read_bytes())
        self.flows = FlowPolicy.of(self.spec)
        self.promised = PromiseFile.load(release.folder)
        self.understander = load_understander(release.folder, self.spec.entities, threads=threads)
        self.retriever = Retriever.load(release.folder)
        if self.retriever.index.dimension != self.understander.encoder.dimension:
            raise ValueError("its parts do not fit together")

    @property
    def id(self) -> str:
        """The release's id."""
        return self.release.id

    @property
    def promise(self) -> Promise | None:
        """The error rate it keeps to; None where none can be promised."""
        return self.promised.promise

    def catch_up(self, budget_s: float | None = BUDGET_S) -> bool:
        """Takes over what was edited in the knowledge store; says whether nothing is left that can be taken over now.

        Where the store is locked or damaged, answers go on as they were, and the next call tries again.

        Args:
            budget_s: No edit is begun after it; None for no limit.
        """
        try:
            done = self._live is None or self._live.catch_up(budget_s)
        except KefuError as error:
            if str(error) != self._live_error:
                self._live_error = str(error)
                _log.error("knowledge_not_followed", reason=self._live_error)
            return True
        self._live_error = ""
        return done

    def pair(self, pair_id: str) -> Pair | None:
        """The past answer with this id, as it is now."""
        return self.retriever.pair(pair_id)

    @cached_property
    def examples(self) -> ExampleIndex | None:
        """The examples it was trained with, read when first asked for; None where the release does not keep them."""
        return load_examples(self.release.folder)

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Understands and looks up `texts` in one forward pass and one search."""
        if not texts:
            return []
        self.catch_up()
        started = perf_counter()
        understood = self.understander.understand(texts)
        encoded = perf_counter()
        found = self.retriever.search([Query(text=u.text, embedding=u.embedding) for u in understood], SEARCHED_PAIRS)
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
