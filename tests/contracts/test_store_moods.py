"""Customers who sound negative are counted as plain Python counts them, and an alert is kept once."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import partial

from contract_clock import OpenStore
from plain_measures import PlainTurn
from random_turns import random_turns, write

from bot.stores.alerts import Alert, alerts_since, mark_sent, write_alert
from bot.stores.moods import count_moods
from bot.stores.store import ConversationStore

DAY = 1_761_436_800.0
HOUR_S = 3_600.0
ALERT = Alert(kind="negative_share", topic="refund", began_at=DAY, found_at=DAY + 600, detail={"customers": 9})


def counted(turns: Sequence[PlainTurn], since: float, until: float) -> Counter[tuple[str, int, bool]]:
    """By topic, interval and mood, those who wrote so for the first time."""
    first: dict[tuple[str, str, bool], float] = {}
    for turn in turns:
        if since <= turn.at < until and turn.sentiment is not None and turn.outcome != "external":
            topic = "?" if turn.outcome in ("fell_back", "asked_back") else turn.intent or "-"
            for name in (topic, "*"):
                key = (turn.conversation, name, turn.sentiment == "negative")
                first[key] = min(first.get(key, turn.at), turn.at)
    return Counter((topic, int((at - since) // 300), bad) for (_, topic, bad), at in first.items())


async def test_moods_are_counted_as_plain_python_counts_them(store: ConversationStore) -> None:
    turns = random_turns(3, DAY, DAY + 86_400, count=400)
    await store.write(partial(write, every=turns))

    for since, until in ((DAY, DAY + 86_400), (DAY, DAY + 7_200), (DAY - 86_400, DAY)):
        found = await store.read(partial(count_moods, since=since, until=until, interval_s=300.0))
        assert {(one.topic, one.interval, one.is_negative): one.customers for one in found} == counted(
            turns, since, until
        )


async def test_an_alert_is_kept_once_whoever_finds_it(store: ConversationStore, open_store: OpenStore) -> None:
    stores = [store, await open_store()] if store.is_shared else [store]
    writes = [one.write(partial(write_alert, alert=ALERT, quiet_s=HOUR_S)) for one in stores for _ in range(3)]

    ids = await asyncio.gather(*writes)

    assert sorted(one is None for one in ids) == [False] + [True] * (len(ids) - 1)
    (kept,) = await store.read(partial(alerts_since, since=DAY))
    assert kept == Alert(
        kind=ALERT.kind,
        topic="refund",
        began_at=DAY,
        found_at=DAY + 600,
        detail={"customers": 9},
        id=max(filter(None, ids)),
    )


async def test_the_like_is_told_again_after_a_while_and_another_topic_at_once(store: ConversationStore) -> None:
    async def tell(topic: str, after_s: float) -> bool:
        alert = Alert(kind="negative_share", topic=topic, began_at=DAY + after_s, found_at=DAY + after_s, detail={})
        return await store.write(partial(write_alert, alert=alert, quiet_s=HOUR_S)) is not None

    assert await tell("refund", 0)
    assert not await tell("refund", 3_599)
    assert await tell("greet", 1)
    assert await tell("refund", 3_600)
    assert [one.topic for one in await store.read(partial(alerts_since, since=DAY + 1))] == ["greet", "refund"]


async def test_what_was_sent_is_marked_once(store: ConversationStore) -> None:
    alert_id = await store.write(partial(write_alert, alert=ALERT, quiet_s=HOUR_S))
    assert alert_id is not None

    assert await store.write(partial(mark_sent, alert_id=alert_id, now=DAY + 700))
    assert not await store.write(partial(mark_sent, alert_id=alert_id, now=DAY + 800))
    (kept,) = await store.read(partial(alerts_since, since=DAY))
    assert kept.sent_at == DAY + 700
