"""What customers have asked one after another, counted from their turns beside the messages."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from bot.stores.store import ConversationStore
from bot.stores.suggestions import answered_before, topic_in
from bot.suggestions.next_topic import NextTopics

SESSION_S = 6 * 3_600.0  # a longer silence begins a new session
HISTORY_S = 60 * 86_400.0
MAX_TURNS = 50_000
BETWEEN_S = 0.05  # between two pages, so that messages come before


async def count_topics(
    store: ConversationStore, now: float, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> NextTopics:
    """What is likely to come next, by at most the newest `MAX_TURNS` of the last `HISTORY_S`.

    Raises:
        StoreError: The turns cannot be read.
        Overloaded: Too many wait for the database.
    """
    since, place = now - HISTORY_S, (now, "\U0010ffff", 0)
    rows: list[tuple[str, int, float, str]] = []
    while len(rows) < MAX_TURNS:
        page = await store.read(partial(answered_before, place=place, since=since))
        if not page:
            break
        rows += page
        conversation, turn, at, _ = page[-1]
        place = (at, conversation, turn)
        await sleep(BETWEEN_S)
    return await asyncio.to_thread(counted, rows)


def counted(rows: list[tuple[str, int, float, str]]) -> NextTopics:
    """What follows from turns, the newest first."""
    sessions: dict[str, list[list[str]]] = {}
    last_at: dict[str, float] = {}
    for conversation, _, at, evidence in reversed(rows):
        topic = topic_in(evidence)
        if topic is None:
            continue
        theirs = sessions.setdefault(conversation, [])
        if not theirs or at - last_at[conversation] > SESSION_S:
            theirs.append([])
        theirs[-1].append(topic)
        last_at[conversation] = at
    return NextTopics.counted(sessions.values())
