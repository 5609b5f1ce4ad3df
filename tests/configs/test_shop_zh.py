import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from configs import Assistant, read_assistant
from configs.assistant import SHIPPED
from configs.flows import ActionStep, UserStep
from retrieval import Pair, read_knowledge
from retrieval.knowledge import COLUMNS

ROOT = SHIPPED / "shop-zh"
QUESTIONS = Path(__file__).parents[1] / "data" / "shop_zh_questions.jsonl"


@pytest.fixture(scope="module")
def shop() -> Assistant:
    return read_assistant(ROOT)


@pytest.fixture(scope="module")
def pairs(shop: Assistant) -> tuple[Pair, ...]:
    return read_knowledge(shop.knowledge_paths, {example.intent for example in shop.examples})


@pytest.fixture(scope="module")
def questions() -> list[dict[str, Any]]:
    return [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]


def signs_of(text: str) -> str:
    """The text without case, punctuation and spacing."""
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def bigrams(text: str) -> set[str]:
    signs = signs_of(text)
    return {signs[place : place + 2] for place in range(max(1, len(signs) - 1))}


def likeness(left: str, right: str) -> float:
    """Jaccard index of the pairs of neighbouring signs, in [0, 1]."""
    one, other = bigrams(left), bigrams(right)
    return len(one & other) / len(one | other)


def test_likeness_is_the_share_of_common_neighbours() -> None:
    assert likeness("我要退货", "我要换货") == pytest.approx(1 / 5)
    assert likeness("退货！", "退 货") == 1.0
    assert likeness("退", "货") == 0.0


def test_the_chinese_shop_is_honoured_in_full(shop: Assistant) -> None:
    assert shop.notices == ()
    assert shop.language == "zh"
    assert shop.config.encoder.name == "intfloat/multilingual-e5-small"


def test_it_has_20_intents_of_20_examples_each(shop: Assistant) -> None:
    assert Counter(example.intent for example in shop.examples) == dict.fromkeys(shop.domain.intents, 20)
    assert len(shop.domain.intents) == 20


def test_no_example_and_no_stored_question_stands_twice(shop: Assistant, pairs: tuple[Pair, ...]) -> None:
    counts = Counter(signs_of(text) for text in (*(e.text for e in shop.examples), *(p.question for p in pairs)))
    assert [text for text, count in counts.items() if count > 1] == []


def test_every_intent_has_a_rule_a_chinese_title_and_two_ways_to_say_each_response(shop: Assistant) -> None:
    ruled = [rule for rule in shop.rules if rule.where.startswith("data/rules.yml:")]
    intents = [step.intent for rule in ruled for step in rule.steps if isinstance(step, UserStep)]
    assert sorted(intents) == sorted(shop.domain.intents)
    actions = {step.action for rule in ruled for step in rule.steps if isinstance(step, ActionStep)}
    said = actions | {"utter_default", "utter_clarify"}
    assert {name for name in said if len(set(shop.domain.responses[name])) < 2} == set()
    assert set(shop.config.titles) == set(shop.domain.intents)
    assert [title for title in shop.config.titles.values() if title.isascii()] == []


def test_every_button_names_an_intent(shop: Assistant) -> None:
    variations = [variation for group in shop.domain.responses.values() for variation in group]
    payloads = {button.payload for variation in variations for button in variation.buttons}
    assert payloads
    assert payloads - {f"/{intent}" for intent in shop.domain.intents} == set()


def test_the_history_has_120_pairs_with_tags_locale_source_and_date(shop: Assistant, pairs: tuple[Pair, ...]) -> None:
    (path,) = shop.knowledge_paths
    with path.open(encoding="utf-8", newline="") as file:
        assert set(next(csv.reader(file))) <= set(COLUMNS)
    assert len(pairs) == 120
    assert [
        pair.id for pair in pairs if not (pair.tags and pair.locale == "zh" and pair.source and pair.updated_at)
    ] == []
    assert len({pair.answer for pair in pairs}) == 120


def test_the_test_messages_cover_what_they_promise(questions: list[dict[str, Any]]) -> None:
    accepted = [question["accept"] for question in questions]
    assert len(questions) == len({question["id"] for question in questions}) == 200
    assert len({signs_of(question["text"]) for question in questions}) == 200
    assert accepted.count("out_of_scope") == 40
    assert sum("near_miss" in question["kinds"] for question in questions) >= 20
    assert sum("misspelt" in question["kinds"] for question in questions) >= 10


def test_every_intent_is_asked_for_and_only_what_the_shop_has_is_accepted(
    questions: list[dict[str, Any]], shop: Assistant, pairs: tuple[Pair, ...]
) -> None:
    in_scope = [question["accept"] for question in questions if question["accept"] != "out_of_scope"]
    assert all(accept["intents"] or accept["pairs"] for accept in in_scope)
    assert {intent for accept in in_scope for intent in accept["intents"]} == set(shop.domain.intents)
    assert {pair for accept in in_scope for pair in accept["pairs"]} <= {pair.id for pair in pairs}


def test_no_test_message_is_an_example_or_a_stored_question_slightly_changed(
    questions: list[dict[str, Any]], shop: Assistant, pairs: tuple[Pair, ...]
) -> None:
    seen = [*(example.text for example in shop.examples), *(pair.question for pair in pairs)]
    known = {signs_of(text) for text in seen}
    assert [question["text"] for question in questions if signs_of(question["text"]) in known] == []
    nearest = [(max(likeness(q["text"], text) for text in seen), q["text"]) for q in questions]
    assert [(share, text) for share, text in nearest if share >= 0.8] == []
