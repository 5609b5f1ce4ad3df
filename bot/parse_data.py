"""What is understood of a message, in Rasa's form: the answer of `/model/parse` and the `parse_data` of events."""

import re
from typing import Any

from bot.engine import Reading

RANKING_LENGTH = 10
_WORD = re.compile(r"\w+|[^\w\s]")


def parse_data(text: str, reading: Reading | None, button_intent: str | None = None) -> dict[str, Any]:
    """Rasa's parse data.

    Args:
        reading: None where a button said what was meant.
        button_intent: The intent a button named, certain by definition.
    """
    if reading is None:
        intent = {"name": button_intent, "confidence": 1.0}
        ranking = [intent] if button_intent else []
    else:
        ranking = [
            {"name": score.name, "confidence": score.probability}
            for score in reading.understanding.ranking[:RANKING_LENGTH]
        ]
        intent = ranking[0]
    return {
        "text": text,
        "intent": intent,
        "entities": [],
        "text_tokens": [list(word.span()) for word in _WORD.finditer(text)],
        "intent_ranking": ranking,
    }


def explained_parse_data(reading: Reading) -> dict[str, Any]:
    """Rasa's parse data, and beside it what Kefu found among past answers and by which release."""
    near = [
        {"id": hit.pair.id, "question": hit.pair.question, "cosine": hit.cosine, "rank": hit.rank}
        for hit in reading.hits
    ]
    data = parse_data(reading.understanding.text, reading)
    return {**data, "kefu": {"release": reading.engine.id, "past_answers": near}}
