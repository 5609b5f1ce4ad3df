"""Rows that look as if their label were wrong: to what is near them people have given another one.

Found by confident learning on held-out probabilities, as `kefu data validate` finds examples under a wrong intent. They
are not learned but shown, for a person may know better: with a second reviewer's word a row is learned after all.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from configs.nlu_data import Example
from configs.taught import Meaning, Taught
from nlu.encoder import FloatArray
from training.data_checks.labels import confident_classes, deal_folds, held_out_probabilities
from training.data_checks.neighbours import centred
from training.refresh.left_out import LeftOut, Why
from training.refresh.validate import words_of

Embed: TypeAlias = Callable[[Sequence[str]], FloatArray]

MARGIN = 0.3  # how much likelier than its own another intent must be
FEWEST = 3  # examples of the owner's that an intent needs; of a new one nobody can tell yet what belongs to it


def doubted(rows: Sequence[Taught], examples: Sequence[Example], embed: Embed) -> tuple[list[Taught], list[LeftOut]]:
    """The rows that nothing speaks against, in their order, and the others.

    Args:
        examples: The owner's own.
        embed: Untuned embeddings, shape (n, d), of length 1.
    """
    labelled = [row for row in rows if row.meaning is Meaning.INTENT]
    if not labelled or len({example.intent for example in examples}) < 2:
        return list(rows), []
    texts = [*(example.text for example in examples), *(row.text for row in labelled)]
    intents = [*(example.intent for example in examples), *(row.value for row in labelled)]
    looks_like, margins = _suspected(texts, intents, embed)
    counts = Counter(example.intent for example in examples)
    reasons = {
        id(row): f"looks like {name}"
        for row, name, margin in zip(labelled, looks_like[len(examples) :], margins[len(examples) :], strict=True)
        if margin >= MARGIN and "," not in row.who and min(counts[name], counts[row.value]) >= FEWEST
    }
    kept = [row for row in rows if id(row) not in reasons]
    return kept, [LeftOut(row=row, why=Why.DOUBTFUL, detail=reasons[id(row)]) for row in rows if id(row) in reasons]


def _suspected(texts: Sequence[str], intents: Sequence[str], embed: Embed) -> tuple[list[str], NDArray[np.float64]]:
    """For each text the intent that it looks like, and how much likelier that is than its own, or 0."""
    names = list(dict.fromkeys(intents))
    number = {name: at for at, name in enumerate(names)}
    classes = np.array([number[intent] for intent in intents], np.int64)
    (embeddings,) = centred(embed(texts))
    folds = deal_folds([words_of(text) for text in texts], classes)
    probabilities = held_out_probabilities(embeddings, classes, folds)
    best = confident_classes(probabilities, classes)
    rows = np.arange(len(classes))
    margins = probabilities[rows, best] - probabilities[rows, classes]
    return [names[at] for at in best], np.where((best >= 0) & (best != classes), margins, 0.0)
