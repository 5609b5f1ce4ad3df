"""The examples as the checks see them: classes by number, keys of equal texts, words, embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.nlu_data import Example
from nlu.encoder import FloatArray
from training.data_checks.finding import Passage
from training.data_checks.words import same_text_key, words_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """All examples of an assistant, n of them.

    Attributes:
        intents: Names in order of first appearance.
        classes: Shape (n,), positions in `intents`.
        keys: One a text; equal for texts that count as the same.
        key_ids: Shape (n,), equal where the keys are.
        words: Of each text.
        embeddings: Shape (n, d), unit rows without what all examples share; see `neighbours.centred`.
    """

    examples: tuple[Example, ...]
    intents: tuple[str, ...]
    classes: NDArray[np.int64]
    keys: tuple[str, ...]
    key_ids: NDArray[np.int64]
    words: tuple[tuple[str, ...], ...]
    embeddings: FloatArray

    @classmethod
    def of(cls, examples: Sequence[Example], embeddings: FloatArray) -> "Corpus":
        """The corpus of `examples`, whose centred embeddings are `embeddings`."""
        names = [example.intent for example in examples]
        keys = tuple(same_text_key(example.text) for example in examples)
        return cls(
            examples=tuple(examples),
            intents=tuple(dict.fromkeys(names)),
            classes=_numbered(names),
            keys=keys,
            key_ids=_numbered(keys),
            words=tuple(tuple(word.form for word in words_of(example.text)) for example in examples),
            embeddings=embeddings,
        )

    def passage(self, position: int) -> Passage:
        """Where the example at `position` stands."""
        return passage_of(self.examples[position])

    def of_class(self, number: int) -> NDArray[np.int64]:
        """The positions of the examples of one intent."""
        return np.flatnonzero(self.classes == number)


def passage_of(example: Example) -> Passage:
    """Where `example` stands."""
    return Passage(text=example.text, path=example.path, line=example.line, intent=example.intent)


def _numbered(names: Sequence[str]) -> NDArray[np.int64]:
    """Each name's number, counted by first appearance."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int64)
