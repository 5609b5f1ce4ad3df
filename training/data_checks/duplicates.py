"""Texts that stand twice: under two intents, where they contradict each other, or under one, where they add nothing."""

from collections import defaultdict
from collections.abc import Iterator

from training.data_checks.corpus import Corpus
from training.data_checks.finding import Finding, Kind, Severity
from training.data_checks.neighbours import nearest_rows
from training.data_checks.words import word_overlap

# Cosines of centred embeddings, chosen on the starter assistant and on BANKING77 with two encoders, MiniLM and a
# multilingual e5: at these, readers of the pairs found would call all but a few the same question.
NEAR_COSINE = 0.85
REPEATED_COSINE = 0.95
NEAR_WITH_SAME_WORDS_COSINE = 0.75
SAME_WORDS_OVERLAP = 0.8


def nearly_same(cosine: float, overlap: float, least_cosine: float) -> bool:
    """Whether two texts mean the same, or are made of the same words and mean nearly the same."""
    return cosine >= least_cosine or (cosine >= NEAR_WITH_SAME_WORDS_COSINE and overlap >= SAME_WORDS_OVERLAP)


def same_text_under_two_intents(corpus: Corpus) -> list[Finding]:
    """An error for each text that stands under several intents."""
    places: dict[str, list[int]] = defaultdict(list)
    for position, key in enumerate(corpus.keys):
        places[key].append(position)
    return [
        Finding(
            kind=Kind.SAME_TEXT,
            severity=Severity.ERROR,
            message=f"The same text is an example of {_listed([corpus.examples[p].intent for p in positions])}.",
            advice="Keep it under the intent whose answer the customer needs, and delete it under the others. "
            "Until then only the first intent learns it.",
            passages=tuple(map(corpus.passage, positions)),
            weight=len(positions),
        )
        for positions in places.values()
        if len(set(corpus.classes[positions])) > 1
    ]


def near_text_under_two_intents(corpus: Corpus) -> list[Finding]:
    """A warning for each example and the nearest one of another intent, where the two say nearly the same."""
    nearest = nearest_rows(corpus.embeddings, corpus.embeddings, corpus.classes, corpus.classes)
    pairs = _near_pairs(corpus, zip(range(len(corpus.keys)), nearest.row, nearest.cosine, strict=True), NEAR_COSINE)
    return [
        Finding(
            kind=Kind.NEAR_TEXT,
            severity=Severity.WARNING,
            message=f"Nearly the same text is an example of {_listed([corpus.examples[p].intent for p in pair])}.",
            advice="Read both. If one answer serves both, move one example; if not, add what tells them apart.",
            passages=tuple(map(corpus.passage, pair)),
            weight=cosine,
        )
        for pair, cosine in pairs.items()
    ]


def repeated_examples(corpus: Corpus) -> list[Finding]:
    """A hint for each text that stands more than once under one intent, to the letter or nearly."""
    return [*_same_words(corpus), *_nearly_repeated(corpus)]


def _same_words(corpus: Corpus) -> Iterator[Finding]:
    places: dict[tuple[int, tuple[str, ...]], list[int]] = defaultdict(list)
    for position, words in enumerate(corpus.words):
        places[int(corpus.classes[position]), words or (corpus.keys[position],)].append(position)
    for (number, _), positions in places.items():
        if len(positions) > 1:
            yield _repeated(corpus, number, positions, float(len(positions)))


def _nearly_repeated(corpus: Corpus) -> Iterator[Finding]:
    for number in range(len(corpus.intents)):
        rows = corpus.of_class(number)
        embeddings, keys = corpus.embeddings[rows], corpus.key_ids[rows]
        nearest = nearest_rows(embeddings, embeddings, keys, keys)
        found = zip(rows, (rows[row] if row >= 0 else -1 for row in nearest.row), nearest.cosine, strict=True)
        for pair, cosine in _near_pairs(corpus, found, REPEATED_COSINE).items():
            if corpus.words[pair[0]] != corpus.words[pair[1]]:
                yield _repeated(corpus, number, pair, cosine)


def _repeated(corpus: Corpus, number: int, positions: list[int] | tuple[int, int], weight: float) -> Finding:
    return Finding(
        kind=Kind.REPEATED,
        severity=Severity.HINT,
        message=f"{len(positions)} examples of {corpus.intents[number]} say the same in the same words, or nearly.",
        advice="Keep one, and write another way of asking instead: the assistant learns from variety.",
        passages=tuple(map(corpus.passage, positions)),
        weight=weight,
    )


def _near_pairs(
    corpus: Corpus, found: Iterator[tuple[int, int, float]], least_cosine: float
) -> dict[tuple[int, int], float]:
    """The pairs of different texts that are nearly the same, the earlier one first, with their cosine."""
    pairs = {}
    for left, right, cosine in found:
        if right < 0 or corpus.key_ids[left] == corpus.key_ids[right]:
            continue
        overlap = word_overlap(frozenset(corpus.words[left]), frozenset(corpus.words[right]))
        if nearly_same(cosine, overlap, least_cosine):
            first, second = sorted((int(left), int(right)))
            pairs[first, second] = float(cosine)
    return pairs


def _listed(intents: list[str]) -> str:
    *most, last = dict.fromkeys(intents)
    return f"{', '.join(most)} and {last}" if most else last
