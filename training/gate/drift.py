"""How what is taught has moved between two releases: words that are new, shares of the intents, embeddings."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from nlu.encoder import FloatArray
from nlu.text import prepare_text

SHOWN_WORDS, SHOWN_INTENTS = 20, 12
LEAST_EXAMPLES = 20  # on either side, to tell them apart by
MOST_EXAMPLES = 2_000
FOLDS = 5
_WORD = re.compile(r"[^\W\d_]{2,}")
_LETTER_WITHOUT_BLANKS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What has moved.

    Attributes:
        new_words: Words, or pairs of signs in scripts without blanks, in the newer examples alone, with their count.
        new_word_share: Share of the newer examples' words that are among them, in [0, 1].
        mix: By intent, its share of the examples before and now, those that moved most first.
        mix_distance: Half the sum of all moves, in [0, 1]: the share of examples that lie elsewhere.
        auc: How well a classifier tells added from earlier examples by their embeddings: 0.5 not at all, 1 always;
            None with too few of either.
    """

    new_words: tuple[tuple[str, int], ...]
    new_word_share: float
    mix: tuple[tuple[str, float, float], ...]
    mix_distance: float
    auc: float | None


def drift(
    before: Sequence[tuple[str, str]],
    after: Sequence[tuple[str, str]],
    embeddings: tuple[FloatArray, FloatArray] | None,
) -> Drift:
    """Between the examples of two releases, each a text and its intent.

    Args:
        embeddings: Plain ones of both, in their order; None where they cannot be compared.
    """
    known = {word for text, _ in before for word in words_of(text)}
    now = Counter(word for text, _ in after for word in words_of(text))
    new = Counter({word: count for word, count in now.items() if word not in known})
    mix = _mix(before, after)
    return Drift(
        new_words=tuple(sorted(new.items(), key=lambda each: (-each[1], each[0]))[:SHOWN_WORDS]),
        new_word_share=new.total() / max(1, now.total()),
        mix=mix[:SHOWN_INTENTS],
        mix_distance=sum(abs(now - was) for _, was, now in mix) / 2,
        auc=_auc_of_added(before, after, embeddings) if embeddings else None,
    )


def words_of(text: str) -> list[str]:
    """The words of a text in lower case; of a run of signs without blanks, every two neighbours."""
    found: list[str] = []
    for word in _WORD.findall(prepare_text(text).casefold()):
        if _LETTER_WITHOUT_BLANKS.search(word):
            found += [word[at : at + 2] for at in range(len(word) - 1)]
        else:
            found.append(word)
    return found


def two_sample_auc(first: FloatArray, second: FloatArray) -> float | None:
    """How well a classifier tells two sets of embeddings apart, on rows it has not learned: 0.5 where they are alike.

    Source: Lopez-Paz and Oquab, "Revisiting Classifier Two-Sample Tests", ICLR 2017.
    """
    if min(len(first), len(second)) < LEAST_EXAMPLES:
        return None
    random = np.random.default_rng(0)
    parts = [part[random.permutation(len(part))[:MOST_EXAMPLES]].astype(np.float32) for part in (first, second)]
    rows, which = np.concatenate(parts), np.repeat([0, 1], [len(part) for part in parts])
    model = LogisticRegression(class_weight="balanced", max_iter=500)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    sure = cross_val_predict(model, rows, which, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(which, sure))


def _auc_of_added(
    before: Sequence[tuple[str, str]], after: Sequence[tuple[str, str]], embeddings: tuple[FloatArray, FloatArray]
) -> float | None:
    known = {text for text, _ in before}
    added = [row for row, (text, _) in enumerate(after) if text not in known]
    return two_sample_auc(embeddings[0], embeddings[1][added])


def _mix(before: Sequence[tuple[str, str]], after: Sequence[tuple[str, str]]) -> tuple[tuple[str, float, float], ...]:
    was, now = (Counter(intent for _, intent in part) for part in (before, after))
    shares = [(name, was[name] / max(1, was.total()), now[name] / max(1, now.total())) for name in sorted({*was, *now})]
    return tuple(sorted(shares, key=lambda each: (-abs(each[2] - each[1]), each[0])))
