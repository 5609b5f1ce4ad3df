"""A period's figures from a store are those that plain Python counts over the list of its turns."""

import json
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from plain_measures import PlainTurn, figures
from random_turns import random_turns, write

from bot.measures import Measures, Period, measure
from bot.stores.store import ConversationStore
from bot.stores.tables import events
from bot.stores.turn_counting import Only

LONDON = ZoneInfo("Europe/London")
SINCE = 1_761_436_800.0  # a Sunday on which the clocks are put back
TWO_WEEKS = Period(since=SINCE + 1_000, until=SINCE + 14 * 86_400 - 777, zone=LONDON)
TWO_DAYS = Period(since=SINCE - 40_000, until=SINCE + 90_000, zone=LONDON)


def told(measures: Measures) -> dict[str, Any]:
    """As `figures` tells them."""
    seen, judged = measures.conversations, measures.judged
    return {
        "conversations": (seen.count, seen.asked, seen.with_person, seen.left),
        "outcomes": dict(measures.outcomes.by),
        "moods": [measures.moods.negative, measures.moods.neutral, measures.moods.positive],
        "channels": {(part.name, name): n for part in measures.channels for name, n in part.outcomes.by.items()},
        "intents": {(part.name, name): n for part in measures.intents for name, n in part.outcomes.by.items()},
        "pairs": {pair.id: pair.count for pair in measures.pairs},
        "hours": dict(measures.hours),
        "times": [measures.time.p50_ms, measures.time.p90_ms, measures.time.p99_ms],
        "given": judged.given,
        "judged": (judged.wrong.count, judged.wrong.of),
        "thumbs": (measures.thumbs.up, measures.thumbs.down),
    }


@pytest.mark.parametrize("period", [TWO_WEEKS, TWO_DAYS], ids=["by day", "by hour"])
async def test_the_figures_are_those_of_the_turns(store: ConversationStore, period: Period) -> None:
    turns = random_turns(7, period.since, period.until, count=300)
    await store.write(partial(write, every=turns))

    for only in (Only(), Only(channel="widget"), Only(intent="refund"), Only(channel="telegram", intent="greet")):
        measures = await measure(store.read, period, only)
        expected = partial(figures, turns, zone=LONDON, channel=only.channel, intent=only.intent)
        assert told(measures) == expected(period.since, period.until)
        for part in measures.parts:
            plain = expected(part.since, part.until)
            had = part.conversations
            assert (had.count, had.asked, had.with_person, had.left) == plain["conversations"]
            assert dict(part.outcomes.by) == plain["outcomes"]
            assert [part.time.p50_ms, part.time.p90_ms, part.time.p99_ms] == plain["times"]
            assert (part.wrong.count, part.wrong.of) == plain["judged"]
        if only == Only():
            for channel in measures.channels:
                theirs = [turn for turn in turns if turn.channel == channel.name]
                seen = channel.conversations
                plain = figures(theirs, period.since, period.until, LONDON, None, None)
                assert seen is not None
                assert (seen.count, seen.asked, seen.with_person, seen.left) == plain["conversations"]
                assert (channel.wrong.count, channel.wrong.of) == plain["judged"]


async def test_an_empty_store_has_figures_of_nothing(store: ConversationStore) -> None:
    measures = await measure(store.read, TWO_WEEKS)

    assert told(measures) == told(measures) | figures([], TWO_WEEKS.since, TWO_WEEKS.until, LONDON, None, None)
    assert measures.rising is None
    assert measures.judged.sentence == "Nobody has judged an answer."
    assert measures.satisfaction.mean is None
    assert [part.outcomes.messages for part in measures.parts] == [0] * 14


async def test_a_turn_from_before_its_outcome_was_kept_is_a_message_and_no_more(store: ConversationStore) -> None:
    nothing = {"channel": None, "intent": None, "outcome": None}
    old = PlainTurn("ann", 1, SINCE + 5_000, feedback=(("customer", "wrong"),), **nothing)
    await store.write(partial(write, every=[old]))

    measures = await measure(store.read, TWO_WEEKS)

    assert (measures.outcomes.messages, measures.outcomes.questions) == (1, 0)
    assert (measures.conversations.count, measures.conversations.asked) == (1, 0)
    assert (measures.judged.wrong.count, measures.judged.wrong.of) == (1, 1)


async def test_the_last_score_of_each_conversation_counts(store: ConversationStore) -> None:
    def survey(sender: str, at: float, value: Any, name: str = "kefu_survey") -> dict[str, Any]:
        event = {"event": "slot", "timestamp": at, "name": name, "value": value}
        return {"sender_id": sender, "type_name": "slot", "timestamp": at, "data": json.dumps(event)}

    at = TWO_WEEKS.since + 10
    found = [
        survey("ann", at, {"score": 1, "comment": None}),
        survey("ann", at + 1, {"score": 5, "comment": '"name": "kefu_survey"'}),
        survey("ben", at, {"score": 4}),
        survey("cem", at, {"score": 2}),
        survey("dan", at, {"name": "kefu_survey", "score": 1}, name="other"),
        survey("eve", at, {"score": "many"}),
        survey("fay", at, {"score": True}),
        survey("gil", at, 3),
        survey("hal", TWO_WEEKS.until, {"score": 1}),
        survey("ida", TWO_WEEKS.since - 1, {"score": 1}),
    ]
    turns = [PlainTurn("ann", 1, at, channel="widget"), PlainTurn("ben", 1, at, channel="socketio")]
    await store.write(lambda connection: connection.execute(events.insert(), found))
    await store.write(partial(write, every=turns))

    every = (await measure(store.read, TWO_WEEKS)).satisfaction
    of_widget = (await measure(store.read, TWO_WEEKS, Only(channel="widget"))).satisfaction

    assert every.scores == (0, 1, 0, 1, 1)
    assert every.mean == pytest.approx(11 / 3)
    assert (every.satisfied.count, every.satisfied.of) == (2, 3)
    assert of_widget.scores == (0, 0, 0, 0, 1)
