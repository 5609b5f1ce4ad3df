"""What is understood of a message, as Rasa's clients and Kefu's own history read it."""

import json
from typing import Any

import numpy as np
import pytest
from scripted_bot import PAIRS, RULES, MakeBot, rule, scripted_engine

from bot.engine import Reading, fits_an_intent
from bot.parse_data import explained_parse_data, named_parse_data, parse_data, scope_sentence
from bot.policy import FallBack, Template
from configs import PolicyConfig
from nlu import IntentScore, Understanding
from nlu.entities import LEARNED, Entity
from nlu.examples import NearExample
from nlu.explanation import Explanation, WordEffect
from nlu.mood import Mood
from nlu.several_intents import IntentSpan
from retrieval import Hit

SURE = {"order": 0.8, "hours": 0.15, "greet": 0.05}
MOOD = Mood(
    sentiment="negative",
    sentiments={"negative": 0.7, "neutral": 0.2, "positive": 0.1},
    emotions={"anger": 0.6, "frustration": 0.5, "gratitude": 0.0, "urgency": 0.1},
    felt=("anger", "frustration"),
)


def reading(text: str = "where is it", ranking: dict[str, float] | None = None, **known: Any) -> Reading:
    of_reading = {name: known.pop(name) for name in ("intents", "explanation", "hits") if name in known}
    understanding = Understanding(
        text=text,
        ranking=tuple(IntentScore(name=name, probability=p) for name, p in (ranking or SURE).items()),
        embedding=np.zeros(4, np.float32),
        **known,
    )
    return Reading(understanding=understanding, engine=scripted_engine(), **{"hits": (), **of_reading})


def names(ranking: list[dict[str, Any]]) -> list[tuple[str, float]]:
    return [(score["name"], score["confidence"]) for score in ranking]


def test_a_sure_intent_leads_its_ranking() -> None:
    parsed = explained_parse_data(reading())

    assert parsed["intent"] == {"name": "order", "confidence": 0.8}
    assert names(parsed["intent_ranking"]) == [("order", 0.8), ("hours", 0.15), ("greet", 0.05)]
    assert list(parsed) == ["text", "intent", "entities", "text_tokens", "intent_ranking", "kefu"]


@pytest.mark.parametrize(
    "known",
    [
        {"ranking": {"order": 0.69, "hours": 0.31}},
        {"ranking": {"order": 0.95, "hours": 0.05}, "scope": 0.04},
        {"ranking": {"order": 0.95, "hours": 0.05}, "uncovered": 0.6},
    ],
)
def test_where_no_intent_is_sure_the_fallback_leads_as_in_rasa(known: dict[str, Any]) -> None:
    parsed = explained_parse_data(reading(**known))

    fallback = {"name": "nlu_fallback", "confidence": 0.7}
    assert parsed["intent"] == fallback
    assert parsed["intent_ranking"][0] == fallback, "and the ranking is one longer, as Rasa's"
    assert names(parsed["intent_ranking"])[1:] == list(known["ranking"].items())


@pytest.mark.parametrize(
    ("probability", "scope", "uncovered", "fits"),
    [
        (0.7, 0.05, 0.5, True),
        (0.6999, 1.0, 0.0, False),
        (1.0, 0.0499, 0.0, False),
        (1.0, 1.0, 0.51, False),
    ],
)
def test_the_thresholds_themselves_are_enough(probability: float, scope: float, uncovered: float, fits: bool) -> None:
    found = reading(ranking={"order": probability}, scope=scope, uncovered=uncovered).understanding

    assert fits_an_intent(found, PolicyConfig()) is fits


def test_an_owners_out_of_scope_intent_needs_not_be_in_scope() -> None:
    parsed = explained_parse_data(reading("a joke", {"out_of_scope": 0.9, "order": 0.1}, scope=0.0))

    assert parsed["intent"] == {"name": "out_of_scope", "confidence": 0.9}


def test_a_ranking_is_ten_long_in_an_answer_and_three_in_an_event() -> None:
    ranking = {"order": 0.8} | {f"intent_{number}": 0.01 for number in range(20)}
    unsure = {"order": 0.4} | {f"intent_{number}": 0.03 for number in range(20)}

    lengths = [
        len(made["intent_ranking"])
        for given, intent in ((ranking, "order"), (unsure, None))
        for made in (explained_parse_data(reading(ranking=given)), parse_data("x", reading(ranking=given), intent))
    ]

    assert lengths == [10, 3, 11, 4]


def test_entities_stand_in_rasas_form() -> None:
    entity = Entity(entity="city", start=3, end=8, value="Leeds", extractor=LEARNED, role="to", confidence=0.9)
    rasa = {"entity": "city", "start": 3, "end": 8, "value": "Leeds", "extractor": LEARNED}
    found = reading("to Leeds", entities=(entity,))

    for parsed in (explained_parse_data(found), parse_data("to Leeds", found, None)):
        assert parsed["entities"] == [{**rasa, "role": "to", "confidence_entity": 0.9}]


def test_tokens_are_words_and_each_chinese_character() -> None:
    assert parse_data("", reading("Where's 订单?"), None)["text_tokens"] == []
    text = "Where's 订单?"
    tokens = parse_data(text, reading(text), None)["text_tokens"]

    assert [text[start:end] for start, end in tokens] == ["Where", "'", "s", "订", "单", "?"]


def test_what_kefu_knows_besides_stands_apart() -> None:
    spans = (
        IntentSpan(name="order", probability=0.9, start=0, end=5),
        IntentSpan(name="hours", probability=0.8, start=6, end=11),
    )
    hits = (Hit(pair=PAIRS[0], cosine=0.4, score=0.4, probability=0.3, rank=1),)

    known = explained_parse_data(reading(mood=MOOD, scope=0.5, uncovered=0.25, intents=spans, hits=hits))["kefu"]

    assert known == {
        "release": "r1",
        "scope": 0.5,
        "uncovered": 0.25,
        "intents": [
            {"name": "order", "confidence": 0.9, "start": 0, "end": 5},
            {"name": "hours", "confidence": 0.8, "start": 6, "end": 11},
        ],
        "mood": {
            "sentiment": "negative",
            "sentiments": dict(MOOD.sentiments),
            "emotions": dict(MOOD.emotions),
            "felt": ["anger", "frustration"],
        },
        "past_answers": [
            {"id": "p1", "question": "Do you deliver abroad?", "probability": 0.3, "cosine": 0.4, "rank": 1}
        ],
    }


def test_without_a_mood_it_is_null() -> None:
    assert explained_parse_data(reading())["kefu"]["mood"] is None


def test_an_explanation_is_there_where_it_was_asked_for() -> None:
    explanation = Explanation(
        rivals=(IntentScore(name="order", probability=0.8), IntentScore(name="hours", probability=0.15)),
        examples=(NearExample(text="where's it", intent="order", cosine=0.75),),
        words=(WordEffect(start=0, end=5, effect=0.25), WordEffect(start=6, end=8, effect=-0.5)),
        words_left_out=1,
    )

    parsed = explained_parse_data(reading(explanation=explanation))

    assert parsed["kefu"]["explanation"] == {
        "intent": "order",
        "rivals": [{"name": "order", "confidence": 0.8}, {"name": "hours", "confidence": 0.15}],
        "examples": [{"text": "where's it", "intent": "order", "cosine": 0.75}],
        "words": [
            {"text": "where", "start": 0, "end": 5, "effect": 0.25},
            {"text": "is", "start": 6, "end": 8, "effect": -0.5},
        ],
        "words_left_out": 1,
        "scope": scope_sentence(reading().understanding, PolicyConfig()),
    }


def test_the_scope_is_said_in_words() -> None:
    policy = PolicyConfig()

    assert scope_sentence(reading(scope=0.5).understanding, policy) == (
        "50.0% of the messages that belong to an intent look less like one than this; 5% would be enough."
    )
    assert scope_sentence(reading(scope=0.012).understanding, policy) == (
        "1.2% of the messages that belong to an intent look less like one than this; "
        "below 5%, so it counts as out of scope."
    )


def test_an_event_keeps_of_the_mood_what_a_person_would_be_told() -> None:
    parsed = parse_data("where is it", reading(mood=MOOD, scope=0.123456), "order")

    assert parsed["kefu"] == {"scope": 0.1235, "mood": {"sentiment": "negative", "felt": ["anger", "frustration"]}}
    assert parse_data("where is it", reading(), "order")["kefu"] == {"scope": 1.0}
    assert len(json.dumps(parsed)) < 500


def test_a_button_says_what_was_meant() -> None:
    sure = {"name": "hours", "confidence": 1.0}

    parsed = named_parse_data("/hours", "hours", {})

    assert parsed == {
        "text": "/hours",
        "intent": sure,
        "entities": [],
        "text_tokens": [[0, 1], [1, 6]],
        "intent_ranking": [sure],
    }
    assert named_parse_data("/x", None, {})["intent_ranking"] == []
    found = named_parse_data("/x", "order", {"city": "Bath", "days": [1, 2]})["entities"]
    assert [(entity["entity"], entity["value"]) for entity in found] == [("city", "Bath"), ("days", 1), ("days", 2)]


def test_a_retrieval_intent_is_named_by_the_whole_and_in_full_beside_it() -> None:
    parsed = parse_data("when", reading("when", {"faq/hours": 0.8, "faq/price": 0.1, "greet": 0.1}), "faq/hours")

    assert parsed["intent"] == {"name": "faq", "confidence": 0.8, "full_retrieval_intent_name": "faq/hours"}
    assert names(parsed["intent_ranking"]) == [("faq", 0.8), ("faq", 0.1), ("greet", 0.1)]


async def test_a_rule_for_nlu_fallback_answers_what_no_intent_fits(scripted: MakeBot) -> None:
    bot = scripted(rules=(*RULES, rule("nlu_fallback", "utter_link")))

    turn = await bot.say("fnord")

    (user,) = (event for event in await bot.events() if event["event"] == "user")
    assert isinstance(turn.decision, FallBack)
    assert [message.text for message in turn.messages] == ["Here is the link."]
    assert user["parse_data"]["intent"] == {"name": "nlu_fallback", "confidence": 0.7}
    assert user["parse_data"]["intent_ranking"][1] == {"name": "hours", "confidence": 0.05}


async def test_a_rule_for_out_of_scope_answers_what_is_sure_to_be_so(scripted: MakeBot) -> None:
    bot = scripted(rules=(*RULES, rule("out_of_scope", "utter_link"), rule("nlu_fallback", "utter_hours")))
    bot.inference.understood = {"tell me a joke": ({"out_of_scope": 0.9, "hours": 0.1}, {})}

    turn = await bot.say("tell me a joke")

    assert isinstance(turn.decision, Template)
    assert turn.decision.intent == "out_of_scope"
    assert [message.text for message in turn.messages] == ["Here is the link."]
