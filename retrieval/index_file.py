"""What an index file holds, read before FAISS parses it: only what Kefu writes passes, with every length as it must be.

FAISS reads four dozen kinds of index, nested at will, and trusts much of what stands in them. This walks the file by
itself: the kinds' four-letter codes, nested ones included, every length against the file's, every row number and every
link of a graph against the number of rows. Codes and coordinates are not judged: any bits are some number, and the
release's hash has vouched for them.

    IxFI                    flat
    IHNs > IxSQ             hnsw
    IwSq > IxFI             ivf_sq8
    IxRF > IwPf > IxFI      ivf_pq
         > IxSQ

Source: faiss/impl/index_write.cpp and faiss/invlists/BlockInvertedLists.cpp of FAISS 1.15.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from retrieval.index_plan import IndexKind

KINDS: dict[bytes, IndexKind] = {b"IxFI": "flat", b"IHNs": "hnsw", b"IwSq": "ivf_sq8", b"IxRF": "ivf_pq"}
FOREIGN = {
    b"IxF2": "IndexFlatL2",
    b"IxSQ": "IndexScalarQuantizer",
    b"IxPq": "IndexPQ",
    b"IHNf": "IndexHNSWFlat",
    b"IHNp": "IndexHNSWPQ",
    b"IwFl": "IndexIVFFlat",
    b"IwPQ": "IndexIVFPQ",
    b"IwPf": "IndexIVFPQFastScan",
    b"IxPT": "IndexPreTransform",
    b"IxMp": "IndexIDMap",
    b"IxM2": "IndexIDMap2",
    b"IBxF": "IndexBinaryFlat",
}
MAX_DIMENSION, MAX_EFFORT, MAX_REFINE, MAX_LEVELS = 65_536, 1 << 20, 1_000.0, 64
_INNER_PRODUCT, _SQ_8BIT, _SQ_FP16 = 0, 0, 4
_BLOCK = 32
_AT_ONCE = 1 << 24
_Numbers = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexShape:
    """What a sound index file holds.

    Attributes:
        bits: Of a dimension in the codes that give the scores.
        bytes: The file's length.
    """

    kind: IndexKind
    count: int
    dimension: int
    bits: int
    bytes: int


def check_index_file(path: Path, *, max_bytes: int) -> IndexShape:
    """Says what index `path` holds, having looked at all of it but codes and coordinates.

    Raises:
        ValueError: No file, too long, or anything that Kefu does not write; the message names the file and the reason.
    """
    if not path.is_file():
        raise ValueError(
            f"{path.name} is not an index file: there is {'a folder' if path.is_dir() else 'no file'} there"
        )
    try:
        with path.open("rb") as file:
            return _Walk(file, path.name, max_bytes).shape()
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror}") from error


class _Walk:
    """Goes through one file from its first byte to its last."""

    def __init__(self, file: BinaryIO, name: str, max_bytes: int) -> None:
        self._file, self._name, self._at = file, name, 0
        self._size = file.seek(0, 2)
        file.seek(0)
        if self._size > max_bytes:
            self._refuse(f"it has {self._size:,} bytes, and {max_bytes:,} are allowed")

    def shape(self) -> IndexShape:
        code = self._fourcc()
        kind = KINDS.get(code)
        if kind is None:
            what = f"holds an {FOREIGN[code]}" if code in FOREIGN else f"begins with {code!r}"
            self._refuse(f"it {what}, and Kefu writes {', '.join(known.decode() for known in KINDS)}")
        count, dimension = self._header()
        bits = 8
        if kind == "flat":
            bits = 32
            self._floats(count * dimension, "coordinates")
        elif kind == "hnsw":
            self._graph(count)
            self._expect(b"IxSQ")
            bits = self._scalar_index(count, dimension)
        elif kind == "ivf_sq8":
            self._scalar_lists(count, dimension)
        else:
            self._expect(b"IwPf")
            self._same(self._header(), (count, dimension))
            self._product_lists(count, dimension)
            self._expect(b"IxSQ")
            self._same(bits := self._scalar_index(count, dimension), 8)
            (factor,) = self._read("<f")
            self._within(factor, 1, MAX_REFINE, "refining factor")
        if self._at != self._size:
            self._refuse(f"{self._size - self._at:,} bytes follow the index's end")
        return IndexShape(kind=kind, count=count, dimension=dimension, bits=bits, bytes=self._size)

    # Parts of an index, in the order in which FAISS writes their fields.

    def _header(self) -> tuple[int, int]:
        dimension, count, _, _, trained, metric = self._read("<iqqq?i")
        self._within(dimension, 1, MAX_DIMENSION, "dimension")
        self._within(count, 0, self._size, "number of rows")  # a row takes a byte at least
        if metric != _INNER_PRODUCT or not trained:
            self._refuse(f"it is {'not trained' if trained == 0 else 'not for inner products'}")
        return count, dimension

    def _scalar_index(self, count: int, dimension: int) -> int:
        self._same(self._header(), (count, dimension))
        bits, code_size = self._scalar_quantizer(dimension)
        self._skip_vector(1, count * code_size, "codes")
        return bits

    def _scalar_quantizer(self, dimension: int) -> tuple[int, int]:
        kind, _, _, inner, code_size = self._read("<iifQQ")
        if kind not in (_SQ_8BIT, _SQ_FP16):
            self._refuse(f"its codes are of type {kind}, not of 8 or 16 bits")
        bits = 8 if kind == _SQ_8BIT else 16
        self._same((inner, code_size), (dimension, dimension * bits // 8))
        self._skip_vector(4, 2 * dimension if bits == 8 else 0, "ranges of the codes")
        return bits, code_size

    def _graph(self, count: int) -> None:
        self._vector("<f8", None, "probabilities of the levels")
        links = self._vector("<i4", None, "links of the levels")
        levels = self._vector("<i4", count, "levels")
        offsets = self._vector("<u8", count + 1, "offsets")
        if not 1 <= len(links) <= MAX_LEVELS or links[0] != 0 or (np.diff(links) < 0).any():
            self._refuse("the links of its levels do not rise from 0")
        if count and not (levels.min() >= 1 and levels.max() < len(links)):
            self._refuse("a row is on a level that does not exist")
        if offsets[0] != 0 or (np.diff(offsets.astype(np.int64)) != links[levels]).any():
            self._refuse("its offsets do not follow from the rows' levels")
        total = self._length(4, int(offsets[-1]), "links")
        for start in range(0, total, _AT_ONCE):
            part = self._numbers("<i4", min(_AT_ONCE, total - start))
            if part.min() < -1 or part.max() >= count:
                self._refuse(f"a link goes to a row that does not exist, of {count:,}")
        entry, highest, build_effort, effort, _ = self._read("<iiiii")
        self._within(entry, 0 if count else -1, max(count - 1, -1), "first row of the graph")
        self._within(highest, -1, len(links) - 1, "highest level")
        if count and levels[entry] <= highest:
            self._refuse("its first row is not on the highest level")
        self._within(build_effort, 1, MAX_EFFORT, "build effort")
        self._within(effort, 1, MAX_EFFORT, "search effort")

    def _list_header(self, dimension: int) -> int:
        """After the index's own header: how many lists, and the centroids."""
        lists, probes = self._read("<QQ")
        self._within(lists, 1, self._size, "number of lists")
        self._within(probes, 1, lists, "number of lists looked into")
        self._expect(b"IxFI")
        self._same(self._header(), (lists, dimension))
        self._floats(lists * dimension, "centroids")
        (mapping,) = self._read("<b")
        self._same((mapping, self._length(8, 0, "row map")), (0, 0))
        return int(lists)

    def _scalar_lists(self, count: int, dimension: int) -> None:
        lists = self._list_header(dimension)
        bits, code_size = self._scalar_quantizer(dimension)
        stated, _ = self._read("<Q?")
        self._same((bits, stated), (8, code_size))
        self._expect(b"ilar")
        self._same(self._read("<QQ"), (lists, code_size))
        sizes = self._list_sizes(lists)
        rows = _Rows(count)
        for size in sizes.tolist():
            self._skip(size * code_size)
            self._take(rows, size)
        self._same(rows.all_found(), True)

    def _list_sizes(self, lists: int) -> _Numbers:
        layout = self._fourcc()
        if layout == b"full":
            sizes = self._vector("<u8", lists, "sizes of the lists")
        elif layout == b"sprs":
            pairs = self._vector("<u8", None, "sizes of the lists")
            at = pairs[::2]
            if len(pairs) % 2 or (len(at) and at.max() >= lists):
                self._refuse("its lists are not listed as they must be")
            sizes = np.zeros(lists, np.uint64)
            sizes[at.astype(np.int64)] = pairs[1::2]
        else:
            self._refuse(f"its lists are laid out as {layout!r}")
        if len(sizes) and sizes.max() > self._size:
            self._refuse("a list is longer than the file")
        return sizes

    def _product_lists(self, count: int, dimension: int) -> None:
        lists = self._list_header(dimension)
        _, code_size, block, even_parts, variant, batch = self._read("<?QiQiQ")
        inner, parts, bits = self._read("<QQQ")
        self._same((inner, bits), (dimension, 4))
        self._within(parts, 1, dimension, "number of codes")
        self._same(dimension % parts, 0)
        self._same(even_parts, parts + parts % 2)
        self._same((code_size, block, variant, batch), ((parts + 1) // 2, _BLOCK, 0, 0))
        self._floats(dimension * 16, "code book", bytes_each=4)
        self._expect(b"ilbl")
        bytes_a_block = _BLOCK * even_parts // 2
        self._same(self._read("<QqQQ"), (lists, -1, _BLOCK, bytes_a_block))
        rows = _Rows(count)
        for _ in range(lists):
            size = self._length(8, None, "list")
            self._take(rows, size)
            self._skip_vector(1, -(-size // _BLOCK) * bytes_a_block, "codes of a list")
        self._same(rows.all_found(), True)

    def _take(self, rows: "_Rows", size: int) -> None:
        if not rows.add(self._numbers("<i8", size)):
            self._refuse("its lists name a row that does not exist, or one twice")

    # Bytes.

    def _fourcc(self) -> bytes:
        return self._bytes(4)

    def _expect(self, code: bytes) -> None:
        found = self._fourcc()
        if found != code:
            self._refuse(f"{found!r} stands at byte {self._at - 4:,}, where Kefu writes {code!r}")

    def _read(self, layout: str) -> tuple[Any, ...]:
        raw = self._bytes(struct.calcsize(layout))
        return struct.unpack(layout, raw)

    def _floats(self, expected: int, what: str, *, bytes_each: int = 4) -> None:
        self._skip_vector(bytes_each, expected, what)

    def _skip_vector(self, bytes_each: int, expected: int, what: str) -> None:
        self._skip(self._length(bytes_each, expected, what) * bytes_each)

    def _vector(self, dtype: str, expected: int | None, what: str) -> _Numbers:
        return self._numbers(dtype, self._length(np.dtype(dtype).itemsize, expected, what))

    def _length(self, bytes_each: int, expected: int | None, what: str) -> int:
        (length,) = self._read("<Q")
        if expected is not None and length != expected:
            self._refuse(f"it has {length:,} numbers as {what}, where {expected:,} belong")
        if length * bytes_each > self._size - self._at:
            self._refuse(f"it ends within its {what}")
        return int(length)

    def _numbers(self, dtype: str, count: int) -> _Numbers:
        return np.frombuffer(self._bytes(count * np.dtype(dtype).itemsize), dtype)

    def _bytes(self, count: int) -> bytes:
        if count > self._size - self._at:
            self._refuse(f"it ends after {self._size:,} bytes, too early")
        raw = self._file.read(count)
        if len(raw) != count:
            self._refuse("it became shorter while it was read")
        self._at += count
        return raw

    def _skip(self, count: int) -> None:
        if count > self._size - self._at:
            self._refuse(f"it ends after {self._size:,} bytes, too early")
        self._at = self._file.seek(count, 1)

    def _within(self, value: float, low: float, high: float, what: str) -> None:
        if not low <= value <= high:
            self._refuse(f"its {what} is {value:,}")

    def _same(self, found: object, expected: object) -> None:
        if found != expected:
            self._refuse(f"its parts do not fit together: {found} stands before byte {self._at:,}, not {expected}")

    def _refuse(self, reason: str) -> NoReturn:
        raise ValueError(f"{self._name} is not an index that Kefu wrote: {reason}")


class _Rows:
    """Ticks off the rows of an index: each belongs to one list."""

    def __init__(self, count: int) -> None:
        self._found = np.zeros(count, np.bool_)
        self._left = count

    def add(self, rows: _Numbers) -> bool:
        """Whether all of `rows` exist and are new."""
        if len(rows) == 0:
            return True
        if rows.min() < 0 or rows.max() >= len(self._found) or len(rows) > self._left or self._found[rows].any():
            return False
        self._found[rows] = True
        self._left -= len(rows)
        return True

    def all_found(self) -> bool:
        return bool(self._found.all())
