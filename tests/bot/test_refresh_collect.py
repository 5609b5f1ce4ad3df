"""Labels and feedback become rows: what people agree on, with personal data masked, in a fixed order."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.refresh import Collected, collect
from bot.stores.evidence import Feedback, give_feedback, write_evidence
from bot.stores.labels import Label, LabelKind, give_label, undo_label
from bot.stores.sqlite import SqliteStore
from bot.stores.turn import Evidence
from configs.taught import Meaning, Taught
from nlu.masking import regions_of


class Store:
    """A store into which turns, labels and thumbs are written."""

    def __init__(self, store: SqliteStore) -> None:
        self.store, self.at = store, 1_000.0

    async def turn(self, conversation: str, seq: int = 1, message: str = "hello there", **decision: str) -> None:
        why = Evidence(
            at=self.at,
            release_id="r",
            reason="template",
            confidence=0.9,
            evidence={"decision": decision},
            message=message,
            outcome="answered",
        )
        await self.store.write(partial(write_evidence, conversation_id=conversation, seq=seq, why=why))

    async def label(self, conversation: str, kind: str, value: str, who: str = "anna", **more: Any) -> int:
        self.at += 1
        values = {"turn_seq": 1, "text": f"text of  {conversation}", "at": self.at, **more}
        label = Label(conversation_id=conversation, kind=LabelKind(kind), value=value, who=who, **values)
        return int(await self.store.write(partial(give_label, given=label)) or 0)

    async def thumb(self, conversation: str, verdict: str = "right", who: str = "customer") -> None:
        self.at += 1
        given = Feedback(conversation_id=conversation, turn_seq=1, who=who, verdict=verdict, comment=None, at=self.at)
        assert await self.store.write(partial(give_feedback, given=given))

    async def collected(self, since: float = 0.0) -> Collected:
        return await self.store.read(partial(collect, regions=regions_of("en"), since=since))

    async def rows(self, since: float = 0.0) -> list[tuple[str, Meaning, str]]:
        return [(row.text, row.meaning, row.value) for row in (await self.collected(since)).rows]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = SqliteStore(tmp_path / "conversations.db")
    await store.open()
    yield Store(store)
    await store.close()


async def test_a_label_becomes_a_row_with_where_it_comes_from(store: Store) -> None:
    await store.turn("a")
    first = await store.label("a", "intent", "hours")
    await store.label("a", "right", "intent:hours", who="bob")
    collected = await store.collected()

    assert collected == Collected(
        rows=(
            Taught(
                number=first,
                conversation="a",
                turn=1,
                text="text of a",
                meaning=Meaning.INTENT,
                value="hours",
                who="anna, bob",
                at=1_001.0,
            ),
        ),
        labels=2,
        disagreeing=0,
        praised=0,
    )


async def test_each_kind_of_label_teaches_its_own(store: Store) -> None:
    for name in "abcdefg":
        await store.turn(name)
    await store.label("a", "right", "pair:p1")
    await store.label("b", "pair", "p2")
    await store.label("c", "answer", "Yes.")
    await store.label("d", "ignore", "")
    await store.label("e", "new_intent", "crypto")
    await store.label("e", "answer", "No.")
    await store.label("f", "right", "")
    undone = await store.label("g", "intent", "hours")
    await store.store.write(partial(undo_label, label_id=undone, who="anna", now=0.0))
    rows = (await store.collected()).rows

    assert [(row.conversation, row.meaning, row.value, row.intent, row.new) for row in rows] == [
        ("a", "pair", "p1", "", False),
        ("b", "pair", "p2", "", False),
        ("c", "answer", "Yes.", "", False),
        ("e", "intent", "crypto", "", True),
        ("e", "answer", "No.", "crypto", False),
    ]


async def test_people_who_disagree_teach_nothing_until_they_agree(store: Store) -> None:
    await store.turn("a")
    await store.label("a", "intent", "hours")
    await store.label("a", "intent", "order", who="bob")
    assert (await store.collected()).rows == ()
    assert (await store.collected()).disagreeing == 1

    await store.label("a", "intent", "hours", who="bob")
    assert await store.rows() == [("text of a", Meaning.INTENT, "hours")]


async def test_only_what_was_said_since_teaches(store: Store) -> None:
    await store.turn("a")
    await store.turn("b")
    await store.label("a", "intent", "hours")
    await store.label("b", "intent", "hours")

    assert [text for text, _, _ in await store.rows(since=1_002.0)] == ["text of b"]


async def test_thumbs_count_where_three_conversations_agree(store: Store) -> None:
    for name in "abc":
        await store.turn(
            name,
            message="Call me on +44 20 7946 0958" if name == "a" else "call me  on +44 20 7946 0958",
            intent="call",
        )
    for name in "ab":
        await store.thumb(name)
        await store.thumb(name, who="another window")
    assert await store.rows() == []

    await store.thumb("c")
    (row,) = (await store.collected()).rows
    assert (row.text, row.value, row.conversation, row.who, row.weak) == (
        "Call me on [phone]",
        "call",
        "a",
        "customers",
        True,
    )
    assert (await store.collected()).praised == 3


@pytest.mark.parametrize("spoilt", ["blamed", "labelled", "taken otherwise", "asked back"])
async def test_thumbs_that_do_not_agree_teach_nothing(store: Store, spoilt: str) -> None:
    for name in "abc":
        last = {
            "blamed": {"intent": "hours"},
            "labelled": {"intent": "hours"},
            "taken otherwise": {"pair": "p"},
            "asked back": {},
        }
        await store.turn(name, **(last[spoilt] if name == "c" else {"intent": "hours"}))
        await store.thumb(name)
    if spoilt == "blamed":
        await store.thumb("c", "wrong", who="another")
    if spoilt == "labelled":
        await store.label("c", "ignore", "")

    assert await store.rows() == []
