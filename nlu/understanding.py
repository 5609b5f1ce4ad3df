"""What is understood of a message."""

from collections.abc import Sequence
from dataclasses import dataclass

from nlu.encoder import INTENT_HEAD, Encoder, FloatArray
from nlu.intent import IntentClassifier, IntentScore


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Understanding:
    """One message, understood.

    Attributes:
        ranking: Every intent with its probability, the likeliest first.
        embedding: Shape (d,), float32, length 1.
    """

    text: str
    ranking: tuple[IntentScore, ...]
    embedding: FloatArray

    @property
    def intent(self) -> IntentScore:
        """The likeliest intent."""
        return self.ranking[0]

    @property
    def margin(self) -> float:
        """How far the first intent's probability lies above the second's, in [0, 1]."""
        return self.ranking[0].probability - (self.ranking[1].probability if len(self.ranking) > 1 else 0.0)


class Understander:
    """An encoder and a classifier that were trained together."""

    def __init__(self, encoder: Encoder, intents: IntentClassifier) -> None:
        self.encoder = encoder
        self.intents = intents

    def understand(self, texts: Sequence[str]) -> list[Understanding]:
        """Understands `texts` in one go, in their order."""
        encoded = self.encoder.encode(texts)
        rankings = self.intents.rank(encoded.logits[INTENT_HEAD])
        return [
            Understanding(text=text, ranking=ranking, embedding=embedding)
            for text, ranking, embedding in zip(texts, rankings, encoded.embeddings, strict=True)
        ]
