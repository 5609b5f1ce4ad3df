"""A question in, ranked stored pairs out: a base that never changes, and what was edited since, ranked as one.

Three searches find candidates: wordings and answers by their embeddings, both by their terms. Each candidate is then
looked at by all three, and `ranking` weighs them. After any edits the hits are those of a retriever that was built from
the pairs as they now are, but for what an approximate index may miss.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from nlu.encoder import FloatArray
from retrieval.facets import ANY, Facets, Filter
from retrieval.index import VectorIndex
from retrieval.index_plan import IndexPlan
from retrieval.lexical import LexicalIndex
from retrieval.live_rows import LiveRows
from retrieval.pair import Pair
from retrieval.pair_file import PAIRS_FILE, PairFile, PairList, Pairs, write_pairs
from retrieval.ranking import Likeness, Ranking
from retrieval.row_texts import RowTexts, lexical_text
from retrieval.spelling import spelling_of

INDEX_FILE = "index.faiss"
ROWS_FILE = "rows.safetensors"
LEXICAL_FILE = "lexical.safetensors"
FACETS_FILE = "facets.json"
RANKING_FILE = "ranking.json"
RETRIEVER_FILES = (INDEX_FILE, PAIRS_FILE, ROWS_FILE, LEXICAL_FILE, FACETS_FILE, RANKING_FILE)
TUNED_ON = 1_000
WIDTH = 50  # candidates of each search, and at least ten for each hit

Embed = Callable[[Sequence[str]], FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Query:
    """What is looked for: the text, and its embedding, float32 of shape (d,) and length 1."""

    text: str
    embedding: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A stored pair that was found.

    Attributes:
        cosine: Of its nearest wording and the question asked, in [-1, 1], higher is nearer.
        score: What it is ranked by, higher is better.
        probability: That it answers the question, in [0, 1].
        rank: 1 for the best.
        lexical: How well its terms fit, in [0, 1).
        lexical_rank: Its place by that alone among the pairs that were looked at, 1 for the best.
    """

    pair: Pair
    cosine: float
    score: float
    probability: float
    rank: int
    lexical: float = 0.0
    lexical_rank: int = 1


class Retriever:
    """Finds the stored pairs that answer a question. Not for several threads at once.

    Args:
        pairs: The base; pair i has the rows `starts[i]` to `starts[i + 1]` of `index`.
        borders: Where, counted from `starts`, each kind of a pair's rows begins: shape (pairs, 3), see `RowTexts`.
    """

    def __init__(
        self,
        pairs: Pairs,
        index: VectorIndex,
        starts: NDArray[np.int64],
        borders: NDArray[np.int32],
        lexical: LexicalIndex,
        facets: Facets,
        ranking: Ranking,
    ) -> None:
        if not len(pairs) == len(starts) - 1 == len(borders) == len(lexical) or starts[-1] != len(index):
            raise ValueError(f"{len(pairs)} pairs do not belong to {len(index)} rows of the index")
        self.base = pairs
        self.index = index
        self.ranking = ranking
        self.lexical = lexical
        self._facets = facets
        self._starts, self._borders = starts, borders
        self._pair_of_row = np.repeat(np.arange(len(pairs), dtype=np.int32), np.diff(starts))
        self._gone_room = np.zeros(len(pairs), np.bool_)  # may be longer than there are pairs
        self._live = LiveRows(index.dimension, first=len(pairs))
        self._allowed_rows: NDArray[np.bool_] | None = None

    @classmethod
    def build(
        cls,
        pairs: Sequence[Pair],
        embed: Embed,
        *,
        dimension: int,
        ranking: Ranking | None = None,
        plan: Callable[[int], IndexPlan] | None = None,
    ) -> "Retriever":
        """Embeds and indexes `pairs`.

        Args:
            plan: From the number of rows to how they are indexed; exactly if left out.
        """
        texts = [RowTexts.of(pair) for pair in pairs]
        every = [text for each in texts for text in each.all]
        rows = embed(every) if every else np.zeros((0, dimension), np.float32)
        starts = np.cumsum([0, *(len(each.all) for each in texts)], dtype=np.int64)
        borders = np.array([each.borders for each in texts], np.int32).reshape(-1, 3)
        planned = plan(len(rows)) if plan else None
        index = VectorIndex.build(rows, planned)
        if planned is not None and index.kind != "flat":
            index.tune(_between(rows, starts[:-1], starts[:-1] + borders[:, 1]), rows, planned.recall_at_10)
        lexical = LexicalIndex.build(map(lexical_text, pairs))
        return cls(PairList(pairs), index, starts, borders, lexical, Facets.of(pairs), ranking or Ranking())

    @property
    def _gone(self) -> NDArray[np.bool_]:
        """By number, the pairs that were taken out or replaced."""
        return self._gone_room[: len(self.lexical)]

    def __len__(self) -> int:
        """Pairs that can be found."""
        return len(self.base) - int(self._gone[: len(self.base)].sum()) + len(self._live)

    def pair(self, pair_id: str) -> Pair | None:
        """The pair with this id, as it is now."""
        number = self._number_of(pair_id)
        return None if number is None else self._pair(number)

    def pairs(self) -> Iterable[Pair]:
        """All pairs as they are now: those of the base that were not touched, then the others."""
        yield from (pair for number, pair in enumerate(self.base) if not self._gone[number])
        yield from self._live.pairs()

    def put(self, pair: Pair, embed: Embed) -> None:
        """Adds `pair`, or takes it for the one with its id: the next search finds it so."""
        texts = RowTexts.of(pair)
        rows = embed(texts.all)  # first: if it fails nothing has changed
        self.remove(pair.id)
        self._live.add(pair, rows, texts.borders)
        self.lexical.add(lexical_text(pair))
        self._facets.append(pair)
        if len(self.lexical) > len(self._gone_room):
            self._gone_room = np.concatenate([self._gone_room, np.zeros(len(self._gone_room) // 8 + 1_024, np.bool_)])

    def remove(self, pair_id: str) -> None:
        """Takes the pair with this id out, if there is one."""
        number = self._number_of(pair_id)
        if number is None:
            return
        self.lexical.remove(number, lexical_text(self._pair(number)))
        self._gone[number] = True
        if number < len(self.base):
            if self._allowed_rows is None:
                self._allowed_rows = np.ones(len(self.index), np.bool_)
            self._allowed_rows[self._starts[number] : self._starts[number + 1]] = False
        else:
            self._live.remove(number)

    def search(
        self, queries: Sequence[Query], k: int = 5, *, wanted: Filter = ANY, now_s: float | None = None
    ) -> list[list[Hit]]:
        """For each query the `k` best pairs with different answers, best first.

        Pairs that share an answer count once, by the best of them. Scores equal to a millionth come in the order of
        the ids.

        Args:
            now_s: When they are to be given, seconds since 1970; now if left out.
        """
        refused = self._facets.refused(wanted, time.time() if now_s is None else now_s)
        gone = self._gone if refused is None else self._gone | refused
        allowed = self._allowed_rows if refused is None else ~gone[self._pair_of_row]
        return [self._search(query, k, gone, allowed, max(WIDTH, 10 * k)) for query in queries]

    def _search(
        self, query: Query, k: int, gone: NDArray[np.bool_], allowed: NDArray[np.bool_] | None, width: int
    ) -> list[Hit]:
        if not np.isfinite(query.embedding).all():
            return []
        pairs, likeness = self._candidates(query, gone, allowed, width)
        scores = self.ranking.scores(likeness).tolist()
        best: dict[str, tuple[float, Pair, int]] = {}
        found = [(score, pair, at) for at, (score, pair) in enumerate(zip(scores, pairs, strict=True))]
        for score, pair, at in sorted(found, key=lambda item: (-round(item[0], 6), item[1].id)):
            best.setdefault(pair.answer, (score, pair, at))
        if len(best) < k and width < len(self.index) + len(self._gone):
            return self._search(query, k, gone, allowed, 4 * width)
        chosen = list(best.values())[: max(k, 2)]  # how sure the first one is hangs on the second
        probabilities = self.ranking.probabilities([score for score, _, _ in chosen])
        return [
            Hit(
                pair=pair,
                cosine=float(likeness.wording[at]),
                score=score,
                probability=probability,
                rank=rank,
                lexical=float(likeness.lexical[at]),
                lexical_rank=1 + int((likeness.lexical > likeness.lexical[at]).sum()),
            )
            for rank, ((score, pair, at), probability) in enumerate(
                zip(chosen[:k], probabilities, strict=False), start=1
            )
        ][:k]

    def candidates(self, query: Query) -> tuple[list[Pair], Likeness]:
        """The pairs that are looked at for `query`, in no order, and what is known of each."""
        return self._candidates(query, self._gone, self._allowed_rows, WIDTH)

    def _candidates(
        self, query: Query, gone: NDArray[np.bool_], allowed: NDArray[np.bool_] | None, width: int
    ) -> tuple[list[Pair], Likeness]:
        """The pairs that a search by rows or by terms puts among its best `width`."""
        embedding, lexical = query.embedding, self.lexical.scores(query.text)
        lexical[gone] = 0.0
        (near,) = self.index.search(embedding[None], width, allowed=allowed)
        rows = [(cosine, int(self._pair_of_row[row])) for row, cosine in near]
        rows += self._live.nearest(embedding, width, gone)
        by_row = [number for _, number in sorted(rows, key=lambda item: -item[0])[:width]]
        by_term = np.flatnonzero(lexical)
        if len(by_term) > width:
            by_term = by_term[np.argpartition(-lexical[by_term], width)[:width]]
        numbers = np.unique(np.concatenate([np.array(by_row, np.int64), by_term]))
        pairs = [self._pair(number) for number in numbers.tolist()]
        spelling = spelling_of(query.text, [pair.questions for pair in pairs])
        return pairs, self._likeness(numbers, query, lexical[numbers], spelling)

    def _likeness(
        self, numbers: NDArray[np.int64], query: Query, lexical: FloatArray, spelling: FloatArray
    ) -> Likeness:
        embedding = query.embedding
        best = np.zeros((len(numbers), 3), np.float32)
        base = numbers[numbers < len(self.base)]  # the first ones, as numbers rise
        if len(base):
            starts, ends = self._starts[base], self._starts[base + 1]
            rows = np.concatenate([np.arange(start, end) for start, end in zip(starts, ends, strict=True)])
            cosines = np.clip(self.index.vectors(rows.tolist()) @ embedding, -1.0, 1.0)
            firsts = np.cumsum([0, *(ends - starts)])[:-1]
            # Every kind has at least one row, so every stretch from border to border holds one.
            best[: len(base)] = np.maximum.reduceat(cosines, (firsts[:, None] + self._borders[base]).ravel()).reshape(
                -1, 3
            )
        for at in range(len(base), len(numbers)):
            best[at] = self._live.likeness(int(numbers[at]), embedding)
        return Likeness(wording=best[:, 0], passage=best[:, 1], part=best[:, 2], lexical=lexical, spelling=spelling)

    def _number_of(self, pair_id: str) -> int | None:
        live = self._live.number_of(pair_id)
        if live is not None:
            return live
        number = self.base.number_of(pair_id)
        return None if number is None or self._gone[number] else number

    def _pair(self, number: int) -> Pair:
        return self.base[number] if number < len(self.base) else self._live.pair(number)

    def save(self, folder: Path) -> None:
        """Writes the base into `folder`; what was edited since is not in it."""
        write_pairs(self.base, folder / PAIRS_FILE)
        self.index.save(folder / INDEX_FILE)
        save_file({"starts": self._starts, "borders": self._borders}, folder / ROWS_FILE)
        save_file(self.lexical.to_arrays(), folder / LEXICAL_FILE)
        (folder / FACETS_FILE).write_text(json.dumps(Facets.of(self.base).to_dict(), ensure_ascii=False), "utf-8")
        (folder / RANKING_FILE).write_text(self.ranking.to_json(), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Retriever":
        """Reads what `save` wrote; the caller has checked the files' hashes.

        Raises:
            ValueError: A file is damaged, or the files do not belong together.
        """
        try:
            rows = load_file(folder / ROWS_FILE)
            return cls(
                PairFile(folder / PAIRS_FILE),
                VectorIndex.load(folder / INDEX_FILE),
                rows["starts"],
                rows["borders"],
                LexicalIndex(load_file(folder / LEXICAL_FILE)),
                Facets.from_dict(json.loads((folder / FACETS_FILE).read_text("utf-8"))),
                Ranking.from_json((folder / RANKING_FILE).read_text("utf-8")),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{folder}: what is searched is damaged: {error!r}") from error


def _between(rows: FloatArray, wordings: NDArray[np.int64], passages: NDArray[np.int64]) -> FloatArray:
    """Queries that are near stored rows but none of them: half-way from questions to their answers."""
    chosen = np.random.default_rng(0).permutation(len(wordings))[:TUNED_ON]
    middle = rows[wordings[chosen]] + rows[passages[chosen]]
    return np.asarray(middle / np.linalg.norm(middle, axis=1, keepdims=True), np.float32)
