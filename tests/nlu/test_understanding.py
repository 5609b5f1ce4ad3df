from collections.abc import Sequence

import numpy as np
import pytest

from configs.rasa_names import OUT_OF_SCOPE
from nlu.encoder import INTENT_HEAD, Encoded
from nlu.intent import IntentClassifier
from nlu.language import ScriptCoverage
from nlu.scope import ScopeScorer
from nlu.understanding import Understander, Understanding

ROWS = {"g": ([1.0, 0.0], [np.log(4.0), 0.0]), "b": ([0.0, 1.0], [0.0, np.log(9.0)])}


class OneLetterEncoder:
    """Knows the texts "g" and "b"; the rows are easy to check by eye."""

    dimension = 2

    def encode(self, texts: Sequence[str]) -> Encoded:
        found = [ROWS[text] for text in texts]
        embeddings = np.array([embedding for embedding, _ in found], np.float32).reshape(len(texts), 2)
        logits = np.array([row for _, row in found], np.float32).reshape(len(texts), 2)
        return Encoded(plain=embeddings, tuned=embeddings, logits={INTENT_HEAD: logits})


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


def test_search_compares_what_lies_between_the_plain_and_the_tuned_embedding() -> None:
    plain, tuned = np.array([[1.0, 0.0], [1.0, 0.0]], np.float32), np.array([[0.0, 1.0], [1.0, 0.0]], np.float32)

    embeddings = Encoded(plain=plain, tuned=tuned, logits={}).embeddings

    half = np.sqrt(0.5)
    np.testing.assert_allclose(embeddings, [[half, half], [1.0, 0.0]], atol=1e-7)
    assert embeddings.dtype == np.float32


def test_embeddings_that_point_apart_leave_nothing_and_no_nan() -> None:
    plain = np.array([[1.0, 0.0]], np.float32)

    assert Encoded(plain=plain, tuned=-plain, logits={}).embeddings.tolist() == [[0.0, 0.0]]


def test_without_further_parts_a_message_is_in_scope_covered_and_without_entities_or_mood(
    understander: Understander,
) -> None:
    (found,) = understander.understand(["g"])

    assert (found.scope, found.uncovered, found.entities, found.mood) == (1.0, 0.0, (), None)


def test_how_well_the_class_out_of_scope_fits_does_not_make_a_message_look_in_scope() -> None:
    # The energy of the classes that are left: ln 4 for "g", 0 for "b", whose ln 9 is out_of_scope's.
    scope = ScopeScorer(
        centres=np.array([[1.0, 0.0]], np.float32), weights=(1.0, 0.0, 0.0), reference=np.array([0.0, 2 * np.log(4.0)])
    )

    found = Understander(OneLetterEncoder(), IntentClassifier(["greet", OUT_OF_SCOPE]), scope=scope)

    assert [u.scope for u in found.understand(["g", "b"])] == pytest.approx([0.5, 0.0], abs=1e-6)


def test_the_scope_is_told_by_the_plain_embedding() -> None:
    class TwoTops(OneLetterEncoder):
        def encode(self, texts: Sequence[str]) -> Encoded:
            encoded = super().encode(texts)
            return Encoded(plain=encoded.plain, tuned=encoded.plain[:, ::-1], logits=encoded.logits)

    scope = ScopeScorer(
        centres=np.array([[1.0, 0.0]], np.float32), weights=(0.0, 1.0, 0.0), reference=np.array([0.0, 1.0])
    )

    found = Understander(TwoTops(), IntentClassifier(["greet", "bye"]), scope=scope).understand(["g", "b"])

    assert [u.scope for u in found] == [1.0, 0.0]


def test_the_share_of_letters_in_unknown_scripts_is_told() -> None:
    coverage = ScriptCoverage({"Latin": 1.0})

    found = Understander(OneLetterEncoder(), IntentClassifier(["greet", "bye"]), coverage=coverage).understand(["g"])

    assert found[0].uncovered == 0.0
    assert coverage.uncovered_share("\u4f60\u597d") == 1.0
