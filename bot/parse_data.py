"""What is understood of a message, in Rasa's form: the answer of `/model/parse` and the `parse_data` of events.

Where no intent is sure, `nlu_fallback` stands before all others with the threshold as its confidence, as Rasa's
`FallbackClassifier` leaves it.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bot.engine import Reading, fits_an_intent
from configs.assistant_config import PolicyConfig
from configs.rasa_names import NLU_FALLBACK
from nlu.explanation import Explanation
from nlu.mood import Mood
from nlu.text import word_spans
from nlu.understanding import Understanding

RANKING_LENGTH = 10
KEPT_RANKING_LENGTH = 3


def parse_data(text: str, reading: Reading, intent: str | None) -> dict[str, Any]:
    """Rasa's parse data as an event keeps it: a short ranking, and of the mood what a person would be told.

    Args:
        intent: What the message counts as; None for `nlu_fallback`.
    """
    data = _understood(text, reading, KEPT_RANKING_LENGTH, intent)
    kept: dict[str, Any] = {"scope": round(reading.understanding.scope, 4)}
    if mood := reading.understanding.mood:
        kept["mood"] = {"sentiment": mood.sentiment, "felt": list(mood.felt)}
    return {**data, "kefu": kept}


def likeliest_parse_data(reading: Reading) -> dict[str, Any]:
    """What rules and stories go by, were the likeliest intent meant."""
    likeliest = reading.understanding.intent
    entities = [entity.to_rasa() for entity in reading.understanding.entities]
    return {"intent": _intent(likeliest.name, likeliest.probability), "entities": entities}


def named_parse_data(text: str, intent: str | None, entities: Mapping[str, Any]) -> dict[str, Any]:
    """Parse data of a message that was not read: a button or somebody else said what is meant.

    Args:
        intent: Certain by definition; None where nothing is known.
        entities: A value, or a list of values, by entity.
    """
    said = _intent(intent, 1.0) if intent else {"name": None, "confidence": 0.0}
    found = [
        {"entity": name, "value": value, "start": 0, "end": len(text), "extractor": "RegexMessageHandler"}
        for name, values in entities.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    return _rasa_form(text, intent=said, entities=found, ranking=[said] if intent else [])


def explained_parse_data(reading: Reading) -> dict[str, Any]:
    """Rasa's parse data, and beside it all that Kefu makes of the message, and why if `reading` says so."""
    understanding, policy = reading.understanding, reading.engine.spec.policy
    known: dict[str, Any] = {
        "release": reading.engine.id,
        "scope": understanding.scope,
        "uncovered": understanding.uncovered,
        "intents": [
            {"name": span.name, "confidence": span.probability, "start": span.start, "end": span.end}
            for span in reading.intents
        ],
        "mood": _whole_mood(understanding.mood),
        "past_answers": [
            {
                "id": hit.pair.id,
                "question": hit.pair.question,
                "probability": hit.probability,
                "cosine": hit.cosine,
                "rank": hit.rank,
            }
            for hit in reading.hits
        ],
    }
    if reading.explanation is not None:
        known["explanation"] = {
            **_explanation(understanding.text, reading.explanation),
            "scope": scope_sentence(understanding, policy),
        }
    sure = understanding.intent.name if fits_an_intent(understanding, policy) else None
    return {**_understood(understanding.text, reading, RANKING_LENGTH, sure), "kefu": known}


def scope_sentence(understanding: Understanding, policy: PolicyConfig) -> str:
    """What the scope of a message means."""
    share, least = understanding.scope, policy.scope_threshold
    verdict = f"below {least:.0%}, so it counts as out of scope" if share < least else f"{least:.0%} would be enough"
    return f"{share:.1%} of the messages that belong to an intent look less like one than this; {verdict}."


def _understood(text: str, reading: Reading, length: int, intent: str | None) -> dict[str, Any]:
    understanding, policy = reading.understanding, reading.engine.spec.policy
    ranking = [_intent(score.name, score.probability) for score in understanding.ranking[:length]]
    chosen = next((s for s in understanding.ranking if s.name == intent), None)
    if chosen is None:
        ranking.insert(0, {"name": NLU_FALLBACK, "confidence": policy.template_threshold})
    else:
        first = _intent(chosen.name, chosen.probability)
        ranking = [first, *(score for score in ranking if score != first)]
    entities = [entity.to_rasa() for entity in understanding.entities]
    return _rasa_form(text, intent=ranking[0], entities=entities, ranking=ranking)


def _intent(name: str, confidence: float) -> dict[str, Any]:
    """An intent as Rasa names it: one of a retrieval intent by the whole, and in full beside it."""
    whole, slash, _ = name.partition("/")
    full = {"full_retrieval_intent_name": name} if slash else {}
    return {"name": whole, "confidence": confidence, **full}


def _rasa_form(
    text: str, *, intent: dict[str, Any], entities: list[dict[str, Any]], ranking: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "text": text,
        "intent": intent,
        "entities": entities,
        "text_tokens": [list(span) for span in word_spans(text)],
        "intent_ranking": ranking,
    }


def _whole_mood(mood: Mood | None) -> dict[str, Any] | None:
    if mood is None:
        return None
    return {
        "sentiment": mood.sentiment,
        "sentiments": dict(mood.sentiments),
        "emotions": dict(mood.emotions),
        "felt": list(mood.felt),
    }


def _explanation(text: str, explanation: Explanation) -> dict[str, Any]:
    return {
        "intent": explanation.rivals[0].name,
        "rivals": [{"name": score.name, "confidence": score.probability} for score in explanation.rivals],
        "examples": None if explanation.examples is None else [asdict(example) for example in explanation.examples],
        "words": [{"text": text[word.start : word.end], **asdict(word)} for word in explanation.words],
        "words_left_out": explanation.words_left_out,
    }
