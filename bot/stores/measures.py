"""Turns, counted in a stretch of a few hours: what the database can add up, it does, and no turn leaves it.

Each stretch is one query of its own, so that whoever takes turns meanwhile waits for a short one only.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from sqlalchemy import Connection

from bot.stores.turn_counting import Only, counting, stretch, topics

Name: TypeAlias = str | None
Counts: TypeAlias = dict[tuple[Name, Name], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What happened in a stretch of time.

    A name is None in turns that do not have it; those from before it was kept have none of them.

    Attributes:
        messages: By hour since `hour_began`, outcome and sentiment.
        channels: By channel and outcome.
        intents: By intent and outcome.
        times: By the milliseconds that a turn took at least, rounded down to `STEPS_MS`.
        given: Answers that a promised error rate speaks of.
        pairs: How often each past answer was given.
        topics: In how many conversations each intent came up, whatever intent is asked for.
        conversations: Each with the channel, and what it had.
    """

    messages: dict[tuple[int, Name, Name], int] = field(default_factory=dict)
    channels: Counts = field(default_factory=dict)
    intents: Counts = field(default_factory=dict)
    times: dict[int, int] = field(default_factory=dict)
    given: int = 0
    pairs: dict[str, int] = field(default_factory=dict)
    topics: dict[Name, int] = field(default_factory=dict)
    conversations: list[tuple[str, Name, int]] = field(default_factory=list)


def count_turns(connection: Connection, since: float, until: float, only: Only, hour_began: float) -> Counted:
    """What happened from `since` until before `until`, Unix times a few hours apart.

    Args:
        hour_began: When the hour began that `since` is in.
    """
    return _counted(connection.execute(counting(since, until, only, hour_began)).all())


def count_topics(connection: Connection, since: float, until: float, channel: str | None = None) -> dict[Name, int]:
    """In how many conversations each intent came up from `since` until before `until`."""
    found = connection.execute(topics(stretch(since, until, Only(channel=channel))))
    return {row.a: row.n for row in found}


def _counted(rows: Iterable[Any]) -> Counted:
    counted, given = Counted(), 0
    for part, number, a, b, count in rows:
        match part:
            case "message":
                counted.messages[(number, a, b)] = count
            case "channel":
                counted.channels[(a, b)] = count
            case "intent":
                counted.intents[(a, b)] = count
            case "time":
                counted.times[number] = count
            case "given":
                given += count * number
            case "pair":
                counted.pairs[a] = count
            case "topic":
                counted.topics[a] = count
            case "conversation":
                counted.conversations.append((a, b, number))
    return replace(counted, given=given)
