"""Test data against what was understood of them: entities word by word, and the parts of retrieval intents."""

from pathlib import Path
from typing import Any

import pytest

from bot.api.nlu_evaluation import entity_evaluation, intent_evaluation, response_evaluation
from configs.entity_markup import Annotation
from configs.nlu_data import Example


def example(text: str, intent: str = "order", *entities: tuple[int, int, str]) -> Example:
    marked = tuple(Annotation(start=s, end=e, entity=name, value=text[s:e]) for s, e, name in entities)
    return Example(text=text, intent=intent, path=Path("x"), line=1, entities=marked)


def parsed(intent: str = "order", *entities: tuple[int, int, str, str]) -> dict[str, Any]:
    whole, slash, _ = intent.partition("/")
    full = {"full_retrieval_intent_name": intent} if slash else {}
    return {
        "intent": {"name": whole, "confidence": 0.9, **full},
        "entities": [
            {"start": start, "end": end, "entity": name, "extractor": extractor}
            for start, end, name, extractor in entities
        ],
    }


def test_entities_are_counted_word_by_word_for_each_extractor() -> None:
    examples = [example("from New York to Paris", "order", (5, 13, "city"), (17, 22, "city")), example("no city here")]
    understood = [parsed("order", (5, 8, "city", "A"), (17, 22, "city", "B")), parsed("order", (3, 7, "city", "A"))]

    found = entity_evaluation(examples, understood)

    assert found is not None
    assert set(found) == {"A", "B"}
    assert found["A"]["report"]["city"]["precision"] == 0.5
    assert found["A"]["report"]["city"]["recall"] == pytest.approx(1 / 3)
    assert found["B"]["report"]["city"]["precision"] == 1.0
    assert found["A"]["report"]["city"]["support"] == 3
    assert found["A"]["accuracy"] == pytest.approx(5 / 8)


def test_without_marked_entities_there_is_nothing_to_count() -> None:
    assert entity_evaluation([example("hi")], [parsed("order", (0, 2, "x", "A"))]) is None
    assert entity_evaluation([example("hi", "order", (0, 2, "x"))], [parsed()]) == {}


def test_a_retrieval_intent_counts_as_a_whole_and_its_parts_beside_it() -> None:
    examples = [example("when", "faq/hours"), example("where", "faq/place"), example("buy", "order")]
    understood = [parsed("faq/hours"), parsed("faq/hours"), parsed("order")]

    intents = intent_evaluation(examples, understood)
    parts = response_evaluation(examples, understood)

    assert [prediction["predicted"] for prediction in intents["predictions"]] == ["faq", "faq", "order"]
    assert (intents["accuracy"], intents["errors"]) == (1.0, [])
    assert parts is not None
    assert parts["accuracy"] == 0.5
    assert parts["report"]["faq/place"]["confused_with"] == {"faq/hours": 1}
    assert response_evaluation(examples[2:], understood[2:]) is None
