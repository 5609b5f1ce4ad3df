"""A small deterministic encoder for tests: hashed n-grams of characters, so that texts of like words lie near."""

from collections.abc import Sequence
from zlib import crc32

import numpy as np

DIMENSION = 256


def ngram_embed(texts: Sequence[str]) -> np.ndarray:
    """Unit rows, shape (n, 256)."""
    rows = np.zeros((len(texts), DIMENSION), np.float32)
    for row, text in zip(rows, texts, strict=True):
        padded = f"  {text.casefold()}  "
        for length in (2, 3):
            for start in range(len(padded) - length + 1):
                row[crc32(padded[start : start + length].encode()) % DIMENSION] += 1
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
