"""Groups of customers who come with the like, by what they ask, how they sound and how often they come.

Goes by numbers alone: no message, name or id is looked at. Topics count by the square roots of their shares, so that
two customers are as far apart as their mixes are by Hellinger's distance; mood and frequency weigh as much together as
topics do. How many groups there are is chosen by the silhouette.

Source: Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis", Journal of
Computational and Applied Mathematics 20, 1987.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from configs.errors import KefuError

MIN_CUSTOMERS = 50
MIN_OF_GROUP = 5  # a smaller one would speak of single people
MAX_TOPICS = 60
MIN_SILHOUETTE = 0.15  # below it nothing stands apart
SAMPLE = 2_000  # customers by whom the silhouette is estimated
SHOWN_TOPICS = 3
TOPIC_PRIOR, MOOD_PRIOR = 2.0, 4.0  # messages of the usual mix and mood that each customer is taken to have had besides
MOOD_WEIGHT, FREQUENCY_WEIGHT = 1.0, 0.25

Floats = NDArray[np.float64]


class TooFewCustomers(KefuError):
    """There are too few customers to find groups among."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """What one customer has come with, in numbers.

    Attributes:
        id: Only to say in which group he is.
        topics: Messages by topic.
        negative: Messages that sound negative, of those whose mood was read.
        moods: Those whose mood was read.
        days: On which he has written.
    """

    id: str
    topics: Mapping[str, int]
    negative: int
    moods: int
    days: int

    @property
    def messages(self) -> int:
        """All of his messages."""
        return sum(self.topics.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicShare:
    """A topic of a group: its share of the group's messages, and of all."""

    topic: str
    share: float
    of_all: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Customers who come with the like.

    Attributes:
        size: How many they are.
        topics: Those that it has more of than others do, the most typical first.
        negative: Share of negative messages among those whose mood was read; None where none was.
        messages, days: Of the customer in the middle.
        ids: Who they are.
    """

    size: int
    topics: tuple[TopicShare, ...]
    negative: float | None
    messages: float
    days: float
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """All customers, in groups.

    Attributes:
        groups: The largest first; one where nothing stands apart.
        everybody: All of them as one group.
        silhouette: How well the groups stand apart, in [-1, 1]; None for one group.
    """

    groups: tuple[Group, ...]
    everybody: Group
    silhouette: float | None


def group(customers: Sequence[Customer], *, most: int = 8, seed: int = 0) -> Grouping:
    """The customers in groups; the same for the same customers, in whatever order they come.

    Args:
        most: At most so many groups.

    Raises:
        TooFewCustomers: There are fewer than `MIN_CUSTOMERS`.
    """
    if len(customers) < MIN_CUSTOMERS:
        raise TooFewCustomers(
            f"There are {len(customers)} customers; groups are found among {MIN_CUSTOMERS} or more. Take a longer time."
        )
    ordered = sorted(customers, key=lambda one: one.id)
    overall = _topics_of(ordered)
    rows = _rows(ordered, [topic for topic, _ in overall.most_common(MAX_TOPICS)])
    labels, silhouette = _best_labels(rows, most, seed)
    members = [[one for one, label in zip(ordered, labels, strict=True) if label == k] for k in sorted(set(labels))]
    groups = sorted((_described(each, overall) for each in members), key=lambda one: (-one.size, one.ids[0]))
    return Grouping(groups=tuple(groups), everybody=_described(ordered, overall), silhouette=silhouette)


def _best_labels(rows: Floats, most: int, seed: int) -> tuple[list[int], float | None]:
    """The group of each row, by the number of groups that stand apart best; all 0 where none do."""
    best, labels = MIN_SILHOUETTE, [0] * len(rows)
    distinct = len(np.unique(rows, axis=0))
    for count in range(2, min(most, distinct, len(rows) // MIN_OF_GROUP) + 1):
        found = KMeans(count, n_init=4, random_state=seed).fit_predict(rows)
        if np.bincount(found, minlength=count).min() < MIN_OF_GROUP:
            continue
        stands = silhouette_score(rows, found, sample_size=min(SAMPLE, len(rows)), random_state=seed)
        if stands > best:
            best, labels = float(stands), [int(label) for label in found]
    return labels, None if best == MIN_SILHOUETTE else best


def _rows(customers: Sequence[Customer], topics: Sequence[str]) -> Floats:
    """One row a customer: roots of topic shares, mood, frequency."""
    counts = np.array([[one.topics.get(topic, 0) for topic in topics] for one in customers], np.float64)
    messages = np.array([max(1, one.messages) for one in customers], np.float64)
    usual_mix = counts.sum(axis=0) / counts.sum()
    mix = np.sqrt((counts + TOPIC_PRIOR * usual_mix) / (messages + TOPIC_PRIOR)[:, None])
    negative = np.array([one.negative for one in customers], np.float64)
    moods = np.array([one.moods for one in customers], np.float64)
    usual = negative.sum() / max(1.0, moods.sum())
    mood = (negative + MOOD_PRIOR * usual) / (moods + MOOD_PRIOR)
    often = np.stack([np.log1p(messages), np.log1p([one.days for one in customers])], axis=1)
    often = (often - often.mean(axis=0)) / np.maximum(often.std(axis=0), 1e-9)
    return np.concatenate([mix, MOOD_WEIGHT * mood[:, None], FREQUENCY_WEIGHT * often], axis=1)


def _described(customers: Sequence[Customer], overall: Counter[str]) -> Group:
    counts, moods = _topics_of(customers), sum(one.moods for one in customers)
    total, of_all = sum(counts.values()), sum(overall.values())
    shares = [TopicShare(topic=topic, share=n / total, of_all=overall[topic] / of_all) for topic, n in counts.items()]
    typical = sorted(shares, key=lambda one: (-(one.share - one.of_all), -one.share, one.topic))
    return Group(
        size=len(customers),
        topics=tuple(typical[:SHOWN_TOPICS]),
        negative=sum(one.negative for one in customers) / moods if moods else None,
        messages=float(np.median([one.messages for one in customers])),
        days=float(np.median([one.days for one in customers])),
        ids=tuple(one.id for one in customers),
    )


def _topics_of(customers: Sequence[Customer]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for one in customers:
        counts.update(one.topics)
    return counts
