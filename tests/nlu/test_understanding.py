from collections.abc import Sequence

import numpy as np
import pytest

from nlu.encoder import INTENT_HEAD, Encoded
from nlu.intent import IntentClassifier
from nlu.understanding import Understander, Understanding

ROWS = {"g": ([1.0, 0.0], [np.log(4.0), 0.0]), "b": ([0.0, 1.0], [0.0, np.log(9.0)])}


class OneLetterEncoder:
    """Knows the texts "g" and "b"; the rows are easy to check by eye."""

    dimension = 2

    def encode(self, texts: Sequence[str]) -> Encoded:
        found = [ROWS[text] for text in texts]
        embeddings = np.array([embedding for embedding, _ in found], np.float32).reshape(len(texts), 2)
        logits = np.array([row for _, row in found], np.float32).reshape(len(texts), 2)
        return Encoded(embeddings=embeddings, logits={INTENT_HEAD: logits})


@pytest.fixture
def understander() -> Understander:
    return Understander(OneLetterEncoder(), IntentClassifier(["greet", "bye"]))


def test_each_text_gets_its_own_intent_and_embedding_in_order(understander: Understander) -> None:
    found = understander.understand(["b", "g", "b"])

    assert [u.text for u in found] == ["b", "g", "b"]
    assert [u.intent.name for u in found] == ["bye", "greet", "bye"]
    assert [u.embedding.tolist() for u in found] == [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    assert [u.intent.probability for u in found] == pytest.approx([0.9, 0.8, 0.9])


def test_the_margin_is_the_lead_over_the_second_intent(understander: Understander) -> None:
    # 9/10 - 1/10 and 4/5 - 1/5
    assert [u.margin for u in understander.understand(["b", "g"])] == pytest.approx([0.8, 0.6])


def test_with_one_intent_alone_the_margin_is_its_probability() -> None:
    ranking = IntentClassifier(["only"]).rank(np.zeros((1, 1), np.float32))[0]

    assert Understanding(text="", ranking=ranking, embedding=np.zeros(2, np.float32)).margin == 1.0


def test_no_texts_are_understood_as_nothing(understander: Understander) -> None:
    assert understander.understand([]) == []
