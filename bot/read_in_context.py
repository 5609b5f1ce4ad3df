"""Reads a message as it stands and as a follow-up, all at once, and keeps the reading that the evidence chooses."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from bot.context import Candidate, FollowUp, choose_reading
from bot.engine import Reading
from bot.policy import Decision
from bot.topic import Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadInContext:
    """What came of it.

    Attributes:
        text: The text whose reading was chosen: the message, or the message with its subject put in.
        reading: Its reading, with entities and mood of the message as the customer wrote it.
    """

    text: str
    reading: Reading
    decision: Decision


async def read_in_context(
    read: Callable[[str], Awaitable[Reading]],
    decide: Callable[[Reading], Decision],
    text: str,
    topic: Topic,
    follow: FollowUp,
) -> ReadInContext:
    """Reads `text` and what `follow` makes of it.

    Args:
        read: Reads one text, all of them by one release; several at once share a batch.

    Raises:
        Refused: The server is overloaded or too slow.
    """
    texts = (text, *follow.rewritten)
    readings = await asyncio.gather(*map(read, texts))
    candidates = [Candidate(text=said, decision=decide(reading)) for said, reading in zip(texts, readings, strict=True)]
    place = choose_reading(follow, topic, candidates)
    plain, chosen = readings[0].understanding, readings[place]
    if place:
        heard = replace(chosen.understanding, text=text, entities=plain.entities, mood=plain.mood)
        chosen = replace(chosen, understanding=heard)
    return ReadInContext(text=candidates[place].text, reading=chosen, decision=candidates[place].decision)
