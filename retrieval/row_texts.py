"""Which texts of a pair are searched: every wording of the question, and the answer in parts."""

import re
from dataclasses import dataclass
from typing import Self

from retrieval.pair import Pair

MAX_PART_CHARS = 600  # about 128 word pieces, which is what an encoder reads of a text
MAX_PARTS = 6
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTexts:
    """The texts that are embedded of one pair, each a row of the index.

    Attributes:
        wordings: Of the question.
        passages: Each part of the answer behind the question.
        parts: Each part of the answer by itself.
    """

    wordings: tuple[str, ...]
    passages: tuple[str, ...]
    parts: tuple[str, ...]

    @classmethod
    def of(cls, pair: Pair) -> Self:
        """The texts of `pair`; there is at least one of each kind."""
        parts = answer_parts(pair.answer)
        return cls(wordings=pair.questions, passages=tuple(f"{pair.question} {part}" for part in parts), parts=parts)

    @property
    def all(self) -> tuple[str, ...]:
        """In the order of the rows."""
        return self.wordings + self.passages + self.parts

    @property
    def borders(self) -> tuple[int, int, int]:
        """Of the pair's rows the first wording, the first passage and the first part."""
        return 0, len(self.wordings), len(self.wordings) + len(self.passages)


def lexical_text(pair: Pair) -> str:
    """What is searched by its terms."""
    return "\n".join((*pair.questions, pair.answer, *pair.tags))


def answer_parts(answer: str) -> tuple[str, ...]:
    """Whole sentences together up to `MAX_PART_CHARS`, at most `MAX_PARTS` of them; at least one."""
    parts = [""]
    for sentence in _SENTENCE_END.split(answer):
        if parts[-1] and len(parts[-1]) + len(sentence) > MAX_PART_CHARS:
            parts.append("")
        parts[-1] = f"{parts[-1]} {sentence}".strip()
    return tuple(parts[:MAX_PARTS])
