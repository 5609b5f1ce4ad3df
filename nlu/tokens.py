"""Text to token ids, with the `tokenizers` library alone: the same code for training and serving."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from nlu.text import PreparedText, prepare_text, prepare_with_origins


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBatch:
    """Padded ids and their mask, both int64 of shape (n, longest)."""

    input_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """A text in word pieces.

    Attributes:
        ids: Special tokens included.
        offsets: Of each piece in `prepared.text`; (0, 0) for special tokens and for the prefix.
    """

    ids: Sequence[int]
    offsets: Sequence[tuple[int, int]]
    prepared: PreparedText


class TextTokenizer:
    """A checkpoint's tokenizer with its prefix and its limit.

    Args:
        path: A `tokenizer.json`.
        prefix: Put before every text, as e5 models want.
        max_tokens: Longer texts are cut; special tokens count.

    Raises:
        ValueError: The file holds no tokenizer.
    """

    def __init__(self, path: Path, *, prefix: str, max_tokens: int) -> None:
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing narrower
            raise ValueError(f"{path} is not a tokenizer: {error}") from error
        self._tokenizer.enable_truncation(max_tokens)
        self._tokenizer.no_padding()
        self.prefix = prefix
        self.max_tokens = max_tokens

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, special tokens included."""
        prepared = [self.prefix + prepare_text(text) for text in texts]
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(prepared)]

    def pieces(self, texts: Sequence[str]) -> list[Pieces]:
        """As `ids`, with the place of each piece."""
        prepared = [prepare_with_origins(text) for text in texts]
        encodings = self._tokenizer.encode_batch([self.prefix + each.text for each in prepared])
        skipped = len(self.prefix)
        return [
            Pieces(
                ids=encoding.ids,
                offsets=[(max(0, start - skipped), max(0, end - skipped)) for start, end in encoding.offsets],
                prepared=each,
            )
            for encoding, each in zip(encodings, prepared, strict=True)
        ]

    def save(self, path: Path) -> None:
        """Writes `tokenizer.json` as it is used here."""
        self._tokenizer.save(str(path))


def pad(ids: Sequence[Sequence[int]]) -> TokenBatch:
    """Pads with zeros on the right; the mask, not the padding's id, keeps padding out."""
    longest = max((len(row) for row in ids), default=0)
    input_ids = np.zeros((len(ids), longest), np.int64)
    attention_mask = np.zeros((len(ids), longest), np.int64)
    for index, row in enumerate(ids):
        input_ids[index, : len(row)] = row
        attention_mask[index, : len(row)] = 1
    return TokenBatch(input_ids=input_ids, attention_mask=attention_mask)
