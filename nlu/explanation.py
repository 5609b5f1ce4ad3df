"""Why a message got its likeliest intent: the rivals, the nearest examples, and what each word does for it.

A word's part is found by leaving the word out. That is what the model does with the rest of the message, nothing more:
of two words that say the same each may seem to do nothing.
"""

from dataclasses import dataclass

from nlu.encoder import INTENT_HEAD
from nlu.examples import ExampleIndex, NearExample
from nlu.intent import IntentScore
from nlu.text import word_spans
from nlu.understanding import Understander, Understanding

MAX_WORDS = 64
RIVALS = 5
EXAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class WordEffect:
    """What a word does for the likeliest intent.

    Attributes:
        start: First code point of the word, from 0.
        end: One behind the last code point.
        effect: The intent's probability minus what it is without the word, in [-1, 1]: above 0 speaks for the intent.
    """

    start: int
    end: int
    effect: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What lies behind the likeliest intent of a message.

    Attributes:
        rivals: The likeliest intents, the one explained first.
        examples: The nearest of the examples that were trained on, the nearest first; None where they were not kept.
        words: One for each of the first `MAX_WORDS` words, in the order of their places.
        words_left_out: Words behind these.
    """

    rivals: tuple[IntentScore, ...]
    examples: tuple[NearExample, ...] | None
    words: tuple[WordEffect, ...]
    words_left_out: int


def explain(understander: Understander, understanding: Understanding, examples: ExampleIndex | None) -> Explanation:
    """Explains the likeliest intent of a message in one forward pass of at most `MAX_WORDS` + 1 texts."""
    text, likeliest = understanding.text, understanding.intent
    spans = word_spans(text)
    shown = spans[:MAX_WORDS]
    encoded = understander.encoder.encode([text, *(text[:start] + text[end:] for start, end in shown)])
    without = understander.intents.rank(encoded.logits[INTENT_HEAD])[1:]
    return Explanation(
        rivals=understanding.ranking[:RIVALS],
        examples=examples.nearest(encoded.plain[0], EXAMPLES) if examples else None,
        words=tuple(
            WordEffect(start=start, end=end, effect=likeliest.probability - _probability(ranking, likeliest.name))
            for (start, end), ranking in zip(shown, without, strict=True)
        ),
        words_left_out=len(spans) - len(shown),
    )


def _probability(ranking: tuple[IntentScore, ...], name: str) -> float:
    return next(score.probability for score in ranking if score.name == name)
