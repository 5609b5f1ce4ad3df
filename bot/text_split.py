"""Splits long texts where a reader would: behind a line, a sentence or a word, and never inside a character."""

from collections.abc import Iterator

import regex

from bot.abilities import TextUnit

_CLUSTER = regex.compile(r"\X")
_ENDS_SENTENCE = frozenset(".!?…")
_ENDS_SENTENCE_WIDE = frozenset("。！？；")  # followed by no space


def split_text(text: str, limit: int, unit: TextUnit = TextUnit.CODE_POINTS) -> list[str]:
    """`text` in pieces of at most `limit`; together they are `text` again. None of an empty text.

    A character as people see it (an emoji with its skin tone, a letter with its accents) stays whole, unless it alone
    is longer than `limit`.

    Args:
        limit: In `unit`, at least 4.
    """
    clusters = [part for cluster in _CLUSTER.findall(text) for part in _fitting(cluster, limit, unit)]
    lengths = [unit.length(cluster) for cluster in clusters]
    pieces, start = [], 0
    while start < len(clusters):
        end, room = start, limit
        while end < len(clusters) and lengths[end] <= room:
            room -= lengths[end]
            end += 1
        if end < len(clusters):
            end = _border(clusters, start, end)
        pieces.append("".join(clusters[start:end]))
        start = end
    return pieces


def _fitting(cluster: str, limit: int, unit: TextUnit) -> Iterator[str]:
    """A character, in parts where it alone is too long."""
    if unit.length(cluster) <= limit:
        yield cluster
    else:
        yield from cluster


def _border(clusters: list[str], start: int, end: int) -> int:
    """Where best to cut between `start` and `end`: the best in the second half, else as late as can be."""
    best, best_rank = end, 0
    for cut in range(end, start, -1):
        rank = _rank(clusters, cut)
        if rank > best_rank and (cut - start) * 2 >= end - start:
            best, best_rank = cut, rank
        elif rank and not best_rank:
            return cut
    return best


def _rank(clusters: list[str], cut: int) -> int:
    """How good it is to cut before `clusters[cut]`: behind a line 3, a sentence 2, a word 1, elsewhere 0."""
    before = clusters[cut - 1]
    if before in ("\n", "\r\n", "\r"):
        return 3
    if before in _ENDS_SENTENCE_WIDE:
        return 2
    if not before.isspace():
        return 0
    return 2 if cut > 1 and clusters[cut - 2] in _ENDS_SENTENCE else 1
