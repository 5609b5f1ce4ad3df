"""Counts of a period as they come in, stretch by stretch."""

from collections import Counter
from dataclasses import dataclass, field

from bot.measures.conversations import SeenConversations
from bot.measures.period import HOUR_S, Period
from bot.stores.measures import Counted, Name


@dataclass(slots=True)
class BucketTally:
    """Counts of one day or hour.

    Attributes:
        messages: By outcome and sentiment.
        times: By milliseconds, rounded down.
        topics: Conversations by intent, whatever intent is asked for.
    """

    messages: Counter[tuple[Name, Name]] = field(default_factory=Counter)
    times: Counter[int] = field(default_factory=Counter)
    topics: Counter[Name] = field(default_factory=Counter)


class Tally:
    """Counts of a period.

    Attributes:
        hours: Messages by day of the week, 0 for Monday, and hour.
    """

    def __init__(self, period: Period) -> None:
        self._period = period
        self.buckets = [BucketTally() for _ in period.buckets()]
        self.seen = SeenConversations()
        self.hours: Counter[tuple[int, int]] = Counter()
        self.channels: Counter[tuple[Name, Name]] = Counter()
        self.intents: Counter[tuple[Name, Name]] = Counter()
        self.pairs: Counter[str] = Counter()
        self.given = 0

    def add(self, place: int, hour_began: float, counted: Counted) -> None:
        """Takes in what was counted in a stretch of the bucket at `place`."""
        bucket = self.buckets[place]
        for (hour, outcome, sentiment), count in counted.messages.items():
            bucket.messages[(outcome, sentiment)] += count
            moment = self._period.local(hour_began + hour * HOUR_S)
            self.hours[(moment.weekday(), moment.hour)] += count
        bucket.times.update(counted.times)
        bucket.topics.update(counted.topics)
        self.seen.add(place, counted.conversations)
        self.channels.update(counted.channels)
        self.intents.update(counted.intents)
        self.pairs.update(counted.pairs)
        self.given += counted.given
