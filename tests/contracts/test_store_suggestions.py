"""What was offered is kept and known again when it is pressed; what was answered is read page by page, newest first."""

from functools import partial

import pytest
from plain_measures import PlainTurn
from random_turns import random_turns, write

from bot.stores import suggestions as table
from bot.stores.store import ConversationStore
from bot.stores.suggestions import Clicks, answered_before, click_rates, own_topics, topic_in, write_suggested
from bot.stores.turn import Suggested

NOW = 1_761_436_800.0
SHOWN = (Suggested(kind="next", answer="intent:refund"), Suggested(kind="related", answer="pair:p1"))


async def offer(store: ConversationStore, at: float, *, taken: str = "", who: str = "ann", seq: int = 1) -> None:
    shown = () if taken else SHOWN
    await store.write(partial(write_suggested, conversation_id=who, seq=seq, shown=shown, taken=taken, now=at))


async def test_a_button_that_is_pressed_within_a_day_counts_for_where_it_was_shown_last(
    store: ConversationStore,
) -> None:
    await offer(store, NOW)
    await offer(store, NOW + 60, seq=2)
    await offer(store, NOW + 70, who="bob")
    await offer(store, NOW + 80, taken="pair:p1", seq=3)
    await offer(store, NOW + 90, taken="pair:p1", seq=4)
    await offer(store, NOW + 90_000, taken="intent:refund", seq=5)
    await offer(store, NOW + 90, taken="pair:unheard", seq=6)

    found = await store.read(partial(click_rates, since=NOW, until=NOW + 100))

    assert found == [Clicks(kind="next", shown=3, clicked=0), Clicks(kind="related", shown=3, clicked=1)]
    last = await store.read(partial(click_rates, since=NOW + 60, until=NOW + 61))
    assert [one.clicked for one in last] == [0, 1]


async def test_answered_turns_are_read_page_by_page(store: ConversationStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "_BEFORE", table._BEFORE.limit(7))
    turns = random_turns(4, NOW, NOW + 86_400, count=120)
    twins = [PlainTurn(f"t{number}", 1, NOW + 500.0) for number in range(20)]
    await store.write(partial(write, every=[*turns, *twins]))
    expected = sorted(
        (
            (turn.at, turn.conversation, turn.seq)
            for turn in [*turns, *twins]
            if turn.outcome == "answered" and turn.at >= NOW
        ),
        reverse=True,
    )

    found, place = [], (NOW + 1e9, "", 0)
    while page := await store.read(partial(answered_before, place=place, since=NOW)):
        assert len(page) <= 7
        found += [(at, conversation, seq) for conversation, seq, at, _ in page]
        place = found[-1]

    assert found == expected


async def test_a_customers_own_topics_come_with_the_newest_last(store: ConversationStore) -> None:
    asked = [{"kind": "template", "intent": "greet"}, None, {"kind": "past_answer", "pair": "p1"}]
    turns = [PlainTurn("ann", seq, NOW + seq, decision=decision) for seq, decision in enumerate(asked)]
    other = PlainTurn("bob", 1, NOW, decision={"kind": "template", "intent": "refund"})
    await store.write(partial(write, every=[*turns, other]))

    assert await store.read(partial(own_topics, conversation_id="ann", count=9)) == ["intent:greet", "pair:p1"]
    assert await store.read(partial(own_topics, conversation_id="ann", count=1)) == ["pair:p1"]


@pytest.mark.parametrize("evidence", ["{}", '{"decision": null}', '{"decision": {"kind": "ask_back", "options": []}}'])
def test_a_turn_that_answered_nothing_has_no_topic(evidence: str) -> None:
    assert topic_in(evidence) is None
