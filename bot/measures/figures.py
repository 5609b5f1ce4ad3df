"""What is told of a period, of a day or an hour of it, of a channel or an intent."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.measures.conversations import Conversations
from bot.measures.response_time import ResponseTime
from bot.measures.share import Share
from bot.outcome import Outcome
from bot.stores.measures import Name
from bot.stores.turn_counting import QUESTIONS

NEGATIVE, NEUTRAL, POSITIVE = "negative", "neutral", "positive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What came of messages.

    Attributes:
        by: Messages by `bot.outcome.Outcome`; under None those of which it was not kept.
    """

    by: Mapping[Name, int] = field(default_factory=dict)

    @property
    def messages(self) -> int:
        """All that customers wrote or pressed."""
        return sum(self.by.values())

    @property
    def questions(self) -> int:
        """Messages that were the bot's to answer."""
        return sum(self.by.get(outcome, 0) for outcome in QUESTIONS)

    def share(self, outcome: Outcome) -> Share:
        """Of the questions."""
        return Share(count=self.by.get(outcome, 0), of=self.questions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moods:
    """How messages sounded; those of which nothing was read are left out."""

    negative: int = 0
    neutral: int = 0
    positive: int = 0

    @property
    def read(self) -> int:
        """Messages whose mood was read."""
        return self.negative + self.neutral + self.positive


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A day or an hour of the period.

    Attributes:
        since: Unix time.
        until: As `since`; what is at it belongs to the next.
        wrong: Of answers given in it that somebody judged.
    """

    since: float
    until: float
    conversations: Conversations
    outcomes: Outcomes
    moods: Moods
    time: ResponseTime
    wrong: Share


def outcomes_of(messages: Mapping[tuple[Name, Name], int]) -> Outcomes:
    """From the counts by outcome and sentiment."""
    by: Counter[Name] = Counter()
    for (outcome, _), count in messages.items():
        by[outcome] += count
    return Outcomes(by=dict(by))


def moods_of(messages: Mapping[tuple[Name, Name], int]) -> Moods:
    """From the counts by outcome and sentiment."""
    by: Counter[Name] = Counter()
    for (_, sentiment), count in messages.items():
        by[sentiment] += count
    return Moods(negative=by[NEGATIVE], neutral=by[NEUTRAL], positive=by[POSITIVE])
