"""Reads what a period's figures are made of, in pieces, so that turns go on between them."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

from bot.channels.widget.ending import SURVEY_SLOT
from bot.channels.widget.reader import CUSTOMER
from bot.measures.judged import JudgedTally
from bot.measures.measures import Measures, measures_of
from bot.measures.period import Period
from bot.measures.rising import Day, Rising, rising_topics
from bot.measures.satisfaction import satisfaction
from bot.measures.tally import Tally
from bot.stores.connector import Work
from bot.stores.judgements import PAGE, labelled_turns, survey_scores, verdicts_on
from bot.stores.measures import Name, count_topics, count_turns
from bot.stores.turn_counting import ALL, Only
from retrieval.promise import Promise

Read = Callable[[Work[Any]], Awaitable[Any]]
"""Runs a piece of reading on the store: `ConversationStore.read`, or one like it."""


async def measure(read: Read, period: Period, only: Only = ALL, *, promise: Promise | None = None) -> Measures:
    """The figures of a period.

    Args:
        only: Of one channel or one intent.
        promise: The one of the release in use.

    Raises:
        StoreError: The database cannot be read.
    """
    tally = await _counted(read, period, only)
    judged = await _judged(read, period, only)
    scores = await read(partial(survey_scores, since=period.since, until=period.until, only=only, slot=SURVEY_SLOT))
    return measures_of(
        period,
        only,
        tally,
        judged,
        satisfaction=satisfaction(score for _, score in scores),
        rising=await _rising(read, period, only, tally),
        promise=promise,
    )


async def _counted(read: Read, period: Period, only: Only) -> Tally:
    tally = Tally(period)
    for place, since, until in period.stretches():
        began = period.hour_of(since)
        tally.add(place, began, await read(partial(count_turns, since=since, until=until, only=only, hour_began=began)))
    return tally


async def _judged(read: Read, period: Period, only: Only) -> JudgedTally:
    judged = JudgedTally()
    within = partial(_in, period, only)
    async for labels in _pages(read, within(labelled_turns)):
        judged.add_labels(labels)
    async for verdicts in _pages(read, within(verdicts_on)):
        judged.add_verdicts(verdicts, CUSTOMER)
    judged.finish()
    return judged


def _in(period: Period, only: Only, reading: Callable[..., Any]) -> Callable[..., Any]:
    return partial(reading, since=period.since, until=period.until, only=only)


async def _pages(read: Read, reading: Callable[..., Any]) -> AsyncIterator[list[Any]]:
    """What `reading` finds, page by page."""
    after_id = 0
    while found := await read(partial(reading, after_id=after_id, limit=PAGE)):
        yield found
        if len(found) < PAGE:
            break
        after_id = found[-1].id


async def _rising(read: Read, period: Period, only: Only, tally: Tally) -> tuple[Rising, ...] | None:
    now = [bucket.topics for bucket in tally.buckets]
    if not any(now):
        return None
    found = rising_topics(now, await _topics_before(read, period, only))
    if found is None or only.intent is None:
        return found
    return tuple(one for one in found if one.topic == only.intent)


async def _topics_before(read: Read, period: Period, only: Only) -> list[Day]:
    earlier = period.before()
    days: list[Counter[Name]] = [Counter() for _ in earlier.buckets()]
    for place, since, until in earlier.stretches():
        days[place].update(await read(partial(count_topics, since=since, until=until, channel=only.channel)))
    return [*days]
