"""In which order messages are shown. Pure functions."""

import math
from collections.abc import Callable, Collection, Iterable, Sequence

import numpy as np

from bot.review.items import ShownFor
from bot.review.pool import Entry
from bot.review.readings import Kept
from nlu.encoder import FloatArray
from nlu.informative import choose, uncertainty

SHORTLIST = 256
LABELLED_SHARE = 0.1  # of its worth is left to a message of which somebody else has spoken


def worth(entry: Entry, *, labelled: bool = False) -> float:
    """What may be learned from an entry, by what the bot did and how often it was asked, in [0, 1]."""
    often = 1 - 0.5 / math.sqrt(max(1, entry.count))
    return entry.weight * often * (LABELLED_SHARE if labelled else 1.0)


def shortlist(
    entries: Iterable[Entry],
    people: Callable[[Entry], Collection[str]],
    *,
    kind: ShownFor | None,
    who: str | None,
    clustered: Collection[bytes] = (),
    most: int = SHORTLIST,
) -> list[tuple[Entry, float]]:
    """The entries of most worth with it, the most first; none that `who` has labelled.

    Args:
        people: Who has labelled an entry.
        kind: Only these.
        who: None hides all that anybody has labelled.
        clustered: The words of the members of clusters.
    """
    found = []
    for entry in entries:
        if kind is not None and kind not in reasons(entry, clustered):
            continue
        labelled_by = people(entry)
        if labelled_by and (who is None or who in labelled_by):
            continue
        found.append((entry, worth(entry, labelled=bool(labelled_by))))
    found.sort(key=lambda one: (-one[1], -one[0].at, one[0].key))
    return found[:most]


def waiting(
    entries: Iterable[Entry],
    people: Callable[[Entry], Collection[str]],
    *,
    who: str | None,
    clustered: Collection[bytes] = (),
) -> dict[ShownFor, int]:
    """How many entries wait for each reason; see `shortlist` for who sees which."""
    counts = dict.fromkeys(ShownFor, 0)
    for entry in entries:
        labelled_by = people(entry)
        if labelled_by and (who is None or who in labelled_by):
            continue
        for why in reasons(entry, clustered):
            counts[why] += 1
    return counts


def reasons(entry: Entry, clustered: Collection[bytes] = ()) -> list[ShownFor]:
    """Why an entry is shown, the strongest reason first."""
    held = entry.why | ({ShownFor.CLUSTER} if entry.digest in clustered else set())
    return [why for why in ShownFor if why in held]


def in_order(
    listed: Sequence[tuple[Entry, float]], readings: Sequence[Kept | None], known: FloatArray, limit: int
) -> list[tuple[Entry, float]]:
    """At most `limit` of a shortlist, those first from which most is learned, and with what each teaches alone.

    Args:
        readings: Of each; those without one come last, by their worth.
        known: Shape (m, d): the embeddings of messages that were labelled.
    """
    read = [(entry, value, kept) for (entry, value), kept in zip(listed, readings, strict=True) if kept is not None]
    unread = [(entry, value) for (entry, value), kept in zip(listed, readings, strict=True) if kept is None]
    if not read:
        return unread[:limit]
    probabilities = np.stack([kept.probabilities for _, _, kept in read])
    embeddings = np.stack([kept.embedding for _, _, kept in read])
    values = np.array([value for _, value, _ in read])
    chosen = choose(probabilities, embeddings, min(limit, len(read)), known=known, weights=values)
    scores = values * (0.5 + 0.5 * uncertainty(probabilities))
    return ([(read[place][0], float(scores[place])) for place in chosen] + unread)[:limit]
