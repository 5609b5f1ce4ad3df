"""A question's embedding in, ranked stored pairs out."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nlu.encoder import Encoder, FloatArray
from retrieval.index import FlatIndex
from retrieval.knowledge import Pair, parse_pair

INDEX_FILE = "index.faiss"
PAIRS_FILE = "knowledge.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A stored pair that was found.

    Attributes:
        cosine: Between its question and the one asked, in [-1, 1], higher is nearer.
        rank: 1 for the nearest.
    """

    pair: Pair
    cosine: float
    rank: int


class Retriever:
    """Finds the stored pairs whose question is nearest.

    Args:
        pairs: Row i of `index` is the question of pair i.
    """

    def __init__(self, pairs: Sequence[Pair], index: FlatIndex) -> None:
        if len(pairs) != len(index):
            raise ValueError(f"{len(pairs)} pairs, but {len(index)} rows in the index")
        self.pairs = tuple(pairs)
        self.index = index
        self._phrasings = sorted(Counter(pair.answer for pair in pairs).values(), reverse=True)

    @classmethod
    def build(cls, pairs: Sequence[Pair], encoder: Encoder) -> "Retriever":
        """Embeds the questions of `pairs` and indexes them."""
        return cls(pairs, FlatIndex(encoder.encode([pair.question for pair in pairs]).embeddings))

    def search(self, embeddings: FloatArray, k: int = 5) -> list[list[Hit]]:
        """For each row of `embeddings` (n, d) its `k` nearest pairs with different answers, best first.

        Phrasings that share an answer count once, by the nearest of them.
        """
        enough = sum(self._phrasings[: k - 1]) + 1  # rows that hold k answers, were the most phrased ones nearest
        found = self.index.search(embeddings, enough)
        return [self._distinct(rows, k) for rows in found]

    def _distinct(self, rows: Sequence[tuple[int, float]], k: int) -> list[Hit]:
        best: dict[str, tuple[Pair, float]] = {}
        for row, cosine in rows:
            pair = self.pairs[row]
            best.setdefault(pair.answer, (pair, cosine))
        return [
            Hit(pair=pair, cosine=cosine, rank=rank)
            for rank, (pair, cosine) in enumerate(list(best.values())[:k], start=1)
        ]

    def save(self, folder: Path) -> None:
        """Writes pairs and index into `folder`."""
        lines = (json.dumps(pair.as_dict(), ensure_ascii=False) for pair in self.pairs)
        (folder / PAIRS_FILE).write_text("".join(f"{line}\n" for line in lines), "utf-8")
        self.index.save(folder / INDEX_FILE)

    @classmethod
    def load(cls, folder: Path) -> "Retriever":
        """Reads what `save` wrote; the caller has checked the files' hashes.

        Raises:
            ValueError: Pairs and index do not belong together.
        """
        path = folder / PAIRS_FILE
        lines = path.read_text("utf-8").split("\n")
        pairs = [parse_pair(json.loads(text), path, line) for line, text in enumerate(lines, start=1) if text]
        return cls(pairs, FlatIndex.load(folder / INDEX_FILE))
