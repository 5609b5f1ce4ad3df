"""What a model makes of messages that nobody has labelled, as examples for the next fit. Pure.

It adds no opinion to a model but its own: what a stranger writes can make an intent's examples more, not other ones. So
that a flood of one message cannot drown the others, each text counts once, and of each intent no more are learned than
some times its labelled examples. Who hands messages over caps them by sender.

Source: Lee, "Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for Deep Neural Networks", ICML
workshop on challenges in representation learning, 2013.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.nlu_data import Example
from configs.rasa_names import OUT_OF_SCOPE
from nlu.text import prepare_text

LEAST_PROBABILITY = 0.5
MOST_FOR_EACH = 4  # readings of an intent, for each of its labelled examples
UNLABELLED = Path("unlabelled")


def own_readings(
    texts: Sequence[str], probabilities: NDArray[np.float64], labels: Sequence[str], examples: Sequence[Example]
) -> tuple[Example, ...]:
    """The messages of which the model is sure enough, with the intent that it reads; in their order.

    Args:
        probabilities: Of the model for each text, calibrated, shape (n, classes).
        labels: The intent of each class.
        examples: The labelled ones; a text that is among them is left out.
    """
    seen = {_key(example.text) for example in examples}
    room = Counter({intent: MOST_FOR_EACH * count for intent, count in Counter(e.intent for e in examples).items()})
    found: list[Example] = []
    for line, (text, row) in enumerate(zip(texts, probabilities, strict=True), start=1):
        intent, key = labels[int(row.argmax())], _key(text)
        if row.max() < LEAST_PROBABILITY or intent == OUT_OF_SCOPE or key in seen or not room[intent]:
            continue
        seen.add(key)
        room[intent] -= 1
        found.append(Example(text=text, intent=intent, path=UNLABELLED, line=line))
    return tuple(found)


def _key(text: str) -> str:
    return prepare_text(text).casefold()
