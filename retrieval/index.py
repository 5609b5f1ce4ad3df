"""The exact FAISS index: inner products of unit vectors. The only file that imports faiss."""

from pathlib import Path

import faiss
import numpy as np

from nlu.encoder import FloatArray


class FlatIndex:
    """Cosine search over all rows, exactly.

    Args:
        embeddings: Shape (n, d), float32, rows of length 1; row i is item i.
    """

    def __init__(self, embeddings: FloatArray) -> None:
        index: faiss.IndexFlat = faiss.IndexFlatIP(embeddings.shape[1])
        index.add(np.ascontiguousarray(embeddings, np.float32))
        self._index = index

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Length of a row."""
        return int(self._index.d)

    def search(self, queries: FloatArray, k: int) -> list[list[tuple[int, float]]]:
        """For each row of `queries` (n, d) its `k` nearest rows at most, as (row, cosine), best first.

        Rows equally near come in their own order; where not all of them fit, any but the first may be left out.
        A query that is not finite, and an empty index, find nothing.
        """
        if not len(self) or not len(queries):
            return [[] for _ in queries]
        products, rows = self._index.search(np.ascontiguousarray(queries, np.float32), min(k, len(self)))
        cosines = np.clip(products, -1.0, 1.0)  # rounding takes some past it
        rows = np.where(np.isfinite(queries).all(axis=1, keepdims=True), rows, -1)
        return [
            [(int(found[at]), float(scores[at])) for at in np.lexsort((found, -scores)) if found[at] >= 0]
            for found, scores in zip(rows, cosines, strict=True)
        ]

    def save(self, path: Path) -> None:
        """Writes the index to `path`."""
        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path) -> "FlatIndex":
        """Reads what `save` wrote; the caller has checked the file's hash.

        Raises:
            ValueError: The file holds another kind of index.
        """
        try:
            index = faiss.read_index(str(path))
        except RuntimeError as error:
            raise ValueError(f"{path.name} is not a FAISS index") from error
        if not isinstance(index, faiss.IndexFlat) or index.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise ValueError(f"{path.name} holds a {type(index).__name__}, not a flat inner-product index")
        loaded = cls.__new__(cls)
        loaded._index = index
        return loaded
