"""How well the model that serves understands test data, in the form of Rasa's `/model/test/intents`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.api.label_report import label_report
from bot.engine import Reading
from bot.parse_data import explained_parse_data
from configs.nlu_data import Example
from nlu.text import word_spans

NO_ENTITY = "no_entity"


def evaluate_nlu(examples: Sequence[Example], readings: Iterable[Reading]) -> dict[str, Any]:
    """What came of the examples, each with its reading."""
    parsed = [explained_parse_data(reading) for reading in readings]
    return {
        "intent_evaluation": intent_evaluation(examples, parsed),
        "entity_evaluation": entity_evaluation(examples, parsed),
        "response_selection_evaluation": response_evaluation(examples, parsed),
    }


def intent_evaluation(examples: Sequence[Example], parsed: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What was understood of each example, and the report over it."""
    targets = [_whole(example.intent) for example in examples]
    predicted = [data["intent"] for data in parsed]
    predictions = [
        {"text": e.text, "intent": target, "predicted": intent["name"], "confidence": intent["confidence"]}
        for e, target, intent in zip(examples, targets, predicted, strict=True)
    ]
    errors = [
        {"text": e.text, "intent": target, "intent_prediction": intent}
        for e, target, intent in zip(examples, targets, predicted, strict=True)
        if intent["name"] != target
    ]
    return {
        "predictions": predictions,
        **label_report(targets, [str(intent["name"]) for intent in predicted]),
        "errors": errors,
    }


def response_evaluation(examples: Sequence[Example], parsed: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Of the examples of retrieval intents, which of their parts was found; None where there are none."""
    found = [
        (example, str(data["intent"].get("full_retrieval_intent_name") or data["intent"]["name"]))
        for example, data in zip(examples, parsed, strict=True)
        if "/" in example.intent
    ]
    if not found:
        return None
    predictions = [
        {"text": example.text, "intent_response_key_target": example.intent, "intent_response_key_prediction": name}
        for example, name in found
    ]
    report = label_report([example.intent for example, _ in found], [name for _, name in found])
    return {"predictions": predictions, **report}


def entity_evaluation(examples: Sequence[Example], parsed: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """By extractor, word by word; None where no example marks an entity."""
    if not any(example.entities for example in examples):
        return None
    extractors = sorted({entity["extractor"] for data in parsed for entity in data["entities"]})
    wanted = [
        label
        for example in examples
        for label in _labels(example.text, [(entity.start, entity.end, entity.entity) for entity in example.entities])
    ]
    return {
        extractor: label_report(
            wanted,
            [
                label
                for example, data in zip(examples, parsed, strict=True)
                for label in _labels(example.text, _spans(data["entities"], extractor))
            ],
            no_label=NO_ENTITY,
        )
        for extractor in extractors
    }


def _spans(entities: Iterable[Mapping[str, Any]], extractor: str) -> list[tuple[int, int, str]]:
    return [(e["start"], e["end"], e["entity"]) for e in entities if e["extractor"] == extractor]


def _labels(text: str, spans: Sequence[tuple[int, int, str]]) -> list[str]:
    """For each word, the entity that it belongs to."""
    return [
        next((name for first, last, name in spans if first < end and start < last), NO_ENTITY)
        for start, end in word_spans(text)
    ]


def _whole(intent: str) -> str:
    """The intent's name; of one of a retrieval intent, that of the whole."""
    return intent.partition("/")[0]
