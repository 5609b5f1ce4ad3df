"""What a period's figures list: channels, intents, past answers, questions that nothing answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.measures.conversations import Conversations
from bot.measures.figures import Outcomes
from bot.measures.share import NO_SHARE, Share
from bot.stores.measures import Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A channel or an intent.

    Attributes:
        name: None where it was not kept, or the message has none.
        conversations: Of a channel only.
        wrong: Of given answers that somebody judged.
    """

    name: Name
    outcomes: Outcomes
    wrong: Share
    conversations: Conversations | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenPair:
    """A past answer that was given.

    Attributes:
        question: As it is stored now; None where it is not known any more.
    """

    id: str
    count: int
    question: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """Messages that ask the like, to which the bot had no sure answer.

    Attributes:
        typical: The one in their middle, personal data masked.
    """

    typical: str
    size: int


def parts_of(
    counts: Mapping[tuple[Name, Name], int], wrong: Mapping[Name, Share], seen: Mapping[Name, Conversations]
) -> tuple[Part, ...]:
    """The channels or intents that turns were counted by, those with the most messages first."""
    by: dict[Name, dict[Name, int]] = {}
    for (name, outcome), count in counts.items():
        by.setdefault(name, {})[outcome] = count
    parts = [
        Part(name=name, outcomes=Outcomes(by=had), wrong=wrong.get(name, NO_SHARE), conversations=seen.get(name))
        for name, had in by.items()
    ]
    return tuple(sorted(parts, key=lambda part: (-part.outcomes.messages, part.name is None, part.name or "")))
