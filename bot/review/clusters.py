"""Groups the messages that had no sure answer. Pure functions."""

from collections.abc import Iterable, Sequence

import numpy as np

from bot.review.pool import Entry
from bot.review.readings import Kept
from nlu.clustering import cluster

MAX_CLUSTERED = 3_000


def members_of(entries: Iterable[Entry]) -> list[Entry]:
    """What may belong to a cluster: the newest `MAX_CLUSTERED`, the newest first."""
    return sorted(entries, key=lambda entry: (-entry.at, entry.key))[:MAX_CLUSTERED]


def clustered(read: Sequence[tuple[Entry, Kept]]) -> list[list[tuple[Entry, Kept]]]:
    """The clusters, those of most messages first; of each the members, those nearest its middle first."""
    if not read:
        return []
    groups = cluster(np.stack([kept.embedding for _, kept in read]))
    found = [[read[place] for place in group.members] for group in groups]
    return sorted(found, key=lambda members: -sum(entry.count for entry, _ in members))
