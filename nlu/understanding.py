"""What is understood of a message."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from configs.rasa_names import OUT_OF_SCOPE
from nlu.encoder import INTENT_HEAD, Encoder, FloatArray, TaggedPieces
from nlu.entities import Entity
from nlu.entity_reader import EntityReader
from nlu.intent import IntentClassifier, IntentScore
from nlu.language import ScriptCoverage
from nlu.mood import Mood, MoodReader
from nlu.scope import ScopeScorer, energy, nearness


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Understanding:
    """One message, understood.

    Attributes:
        ranking: Every intent with its probability, the likeliest first.
        embedding: Shape (d,), float32, length 1: what search compares.
        scope: Share of the customers' proper messages that look less like one, in [0, 1]; 1 where it is not known.
        energy: Of the intents' logits, higher where one fits well; 0 where the scope is not known.
        nearness: Cosine to the nearest centre of the examples, untouched; 0 where the scope is not known.
        uncovered: Share of its letters, in [0, 1], in scripts that the encoder does not know.
        entities: In the order of their places.
        mood: None where the encoder is not the one that moods were learned with.
    """

    text: str
    ranking: tuple[IntentScore, ...]
    embedding: FloatArray
    scope: float = 1.0
    energy: float = 0.0
    nearness: float = 0.0
    uncovered: float = 0.0
    entities: tuple[Entity, ...] = ()
    mood: Mood | None = None

    @property
    def intent(self) -> IntentScore:
        """The likeliest intent."""
        return self.ranking[0]

    @property
    def margin(self) -> float:
        """How far the first intent's probability lies above the second's, in [0, 1]."""
        return self.ranking[0].probability - (self.ranking[1].probability if len(self.ranking) > 1 else 0.0)


class Understander:
    """An encoder and what reads its output: parts that were trained together, each but the first two optional."""

    def __init__(
        self,
        encoder: Encoder,
        intents: IntentClassifier,
        *,
        scope: ScopeScorer | None = None,
        coverage: ScriptCoverage | None = None,
        entities: EntityReader | None = None,
        mood: MoodReader | None = None,
    ) -> None:
        self.encoder = encoder
        self.intents = intents
        self.scope = scope
        self.coverage = coverage
        self.entities = entities
        self.mood = mood
        self._inside = [number for number, label in enumerate(intents.labels) if label != OUT_OF_SCOPE]

    def understand(self, texts: Sequence[str]) -> list[Understanding]:
        """Understands `texts` in one forward pass, in their order."""
        encoded = self.encoder.encode(texts)
        logits = encoded.logits[INTENT_HEAD]
        rankings = self.intents.rank(logits)
        scopes = self.scope.score(logits[:, self._inside], encoded.plain) if self.scope else np.ones(len(texts))
        energies = energy(logits[:, self._inside]) if self.scope else np.zeros(len(texts))
        near = nearness(encoded.plain, self.scope.centres) if self.scope else np.zeros(len(texts))
        moods = self.mood.read(encoded.plain) if self.mood and texts else [None] * len(texts)
        embeddings = encoded.embeddings
        tagged: Sequence[TaggedPieces | None] = encoded.tagged or [None] * len(texts)
        return [
            Understanding(
                text=text,
                ranking=rankings[row],
                embedding=embeddings[row],
                scope=float(scopes[row]),
                energy=float(energies[row]),
                nearness=float(near[row]),
                uncovered=self.coverage.uncovered_share(text) if self.coverage else 0.0,
                entities=self.entities.read(text, tagged[row]) if self.entities else (),
                mood=moods[row],
            )
            for row, text in enumerate(texts)
        ]
