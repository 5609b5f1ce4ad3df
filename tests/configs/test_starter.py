import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from configs import MINIMAL, STARTER, Assistant, read_assistant
from configs.flows import ActionStep, Step, UserStep
from configs.rasa_names import DEFAULT_ACTIONS
from retrieval import Pair, read_knowledge
from retrieval.knowledge import COLUMNS

QUESTIONS = Path(__file__).parents[1] / "data" / "shop_questions.jsonl"


@pytest.fixture(scope="module")
def shop() -> Assistant:
    return read_assistant(STARTER)


@pytest.fixture(scope="module")
def pairs(shop: Assistant) -> tuple[Pair, ...]:
    return read_knowledge(shop.knowledge_paths, {example.intent for example in shop.examples})


@pytest.fixture(scope="module")
def questions() -> list[dict[str, Any]]:
    return [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]


def words_of(text: str) -> str:
    """The text without case, punctuation and spacing."""
    bare = "".join(sign for sign in text.casefold() if sign.isalnum() or sign.isspace())
    return " ".join(bare.split()) or text


def test_texts_are_compared_without_case_and_punctuation() -> None:
    assert words_of("  What's  UP?? ") == words_of("whats up") == "whats up"
    assert words_of("👋") != words_of("?!")


@pytest.mark.parametrize("root", [STARTER, MINIMAL], ids=["shop", "minimal"])
def test_a_shipped_assistant_is_honoured_in_full(root: Path) -> None:
    assert read_assistant(root).notices == ()


def test_the_shop_has_30_intents_with_25_examples_each(shop: Assistant) -> None:
    counts = Counter(example.intent for example in shop.examples)
    assert len(counts) >= 30
    assert {intent: count for intent, count in counts.items() if count < 25} == {}
    assert set(counts) == set(shop.domain.intents)


@pytest.mark.parametrize("root", [STARTER, MINIMAL], ids=["shop", "minimal"])
def test_no_example_stands_twice(root: Path) -> None:
    counts = Counter((example.intent, example.text.casefold()) for example in read_assistant(root).examples)
    assert [example for example, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("root", [STARTER, MINIMAL], ids=["shop", "minimal"])
def test_every_intent_has_a_rule_of_its_own_and_two_ways_to_say_each_response(root: Path) -> None:
    assistant = read_assistant(root)
    ruled = [rule for rule in assistant.rules if rule.where.startswith("data/rules.yml:")]
    plain = [rule for rule in ruled if not rule.conditions and all(_is_plain(step) for step in rule.steps)]
    intents = [step.intent for rule in plain for step in rule.steps if isinstance(step, UserStep)]
    assert sorted(intents) == sorted(assistant.domain.intents)
    actions = {step.action for rule in ruled for step in rule.steps if isinstance(step, ActionStep)}
    said = {*actions, *assistant.domain.responses} - {
        *assistant.domain.actions,
        *assistant.domain.forms,
        *DEFAULT_ACTIONS,
    }
    assert {name for name in said if len(set(assistant.domain.responses[name])) < 2} == set()


def _is_plain(step: Step) -> bool:
    """Whether it is an intent without entities, or a response."""
    match step:
        case UserStep(entities=entities):
            return not entities
        case ActionStep(action=action):
            return action.startswith("utter_")
    return False


@pytest.mark.parametrize("root", [STARTER, MINIMAL], ids=["shop", "minimal"])
def test_every_button_and_every_title_names_an_intent(root: Path) -> None:
    assistant = read_assistant(root)
    variations = [v for group in assistant.domain.responses.values() for v in group]
    payloads = {button.payload for variation in variations for button in variation.buttons}
    assert payloads - {f"/{intent}" for intent in assistant.domain.intents} == set()
    assert set(assistant.config.titles) - set(assistant.domain.intents) == set()


def test_every_intent_of_the_shop_has_a_title(shop: Assistant) -> None:
    assert set(shop.config.titles) == set(shop.domain.intents)


def test_the_history_has_250_pairs_with_tags_locale_source_and_date(shop: Assistant, pairs: tuple[Pair, ...]) -> None:
    (path,) = shop.knowledge_paths
    assert path.name == "history.csv"
    with path.open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    assert header == ["id", "question", "answer", "intent", "tags", "locale", "source", "updated_at"]
    assert set(header) <= set(COLUMNS)
    assert len(pairs) >= 250
    assert [pair.id for pair in pairs if not (pair.tags and pair.locale and pair.source and pair.updated_at)] == []


def test_40_answers_of_the_history_stand_for_several_phrasings(pairs: tuple[Pair, ...]) -> None:
    counts = Counter(pair.answer for pair in pairs)
    assert sum(count > 1 for count in counts.values()) >= 40


def test_no_question_of_the_history_stands_twice(pairs: tuple[Pair, ...]) -> None:
    counts = Counter(words_of(pair.question) for pair in pairs)
    assert [question for question, count in counts.items() if count > 1] == []


def test_there_are_400_test_messages(questions: list[dict[str, Any]]) -> None:
    assert len(questions) == 400
    assert len({question["id"] for question in questions}) == 400
    assert len({words_of(question["text"]) for question in questions}) == 400


def test_the_test_messages_cover_what_they_promise(questions: list[dict[str, Any]]) -> None:
    accepted = [question["accept"] for question in questions]
    assert sum(accept == "out_of_scope" for accept in accepted) >= 100
    assert sum(isinstance(accept, dict) and bool(accept["intents"] and accept["pairs"]) for accept in accepted) >= 60
    assert sum("misspelt" in question["kinds"] for question in questions) >= 40


def test_the_test_messages_accept_only_what_the_shop_has(
    questions: list[dict[str, Any]], shop: Assistant, pairs: tuple[Pair, ...]
) -> None:
    in_scope = [question["accept"] for question in questions if question["accept"] != "out_of_scope"]
    assert all(accept["intents"] or accept["pairs"] for accept in in_scope)
    assert {intent for accept in in_scope for intent in accept["intents"]} <= set(shop.domain.intents)
    assert {pair for accept in in_scope for pair in accept["pairs"]} <= {pair.id for pair in pairs}


def test_no_test_message_was_trained_on_or_stored(
    questions: list[dict[str, Any]], shop: Assistant, pairs: tuple[Pair, ...]
) -> None:
    seen = {words_of(text) for text in (*(e.text for e in shop.examples), *(p.question for p in pairs))}
    assert [question["text"] for question in questions if words_of(question["text"]) in seen] == []
