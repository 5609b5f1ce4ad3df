"""Clusters of unanswered questions: which are shown, how they are called, and what is kept of what is said of one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from review_world import World, texts

from bot.errors import Refused
from bot.review import ShownFor
from bot.stores.labels import LabelKind
from bot.stores.sqlite import SqliteStore

CONTRACTS = [
    "how do i cancel my contract",
    "how do i cancel the contract",
    "how can i cancel my contract",
    "how do i cancel my contracts",
    "please how do i cancel my contract",
    "how do i cancel my contract now",
]
INVOICES = [
    "send me the invoice again",
    "please send me the invoice again",
    "send me the invoice once again",
    "send me this invoice again",
    "can you send me the invoice again",
]
OTHERS = ["what is the weather", "zebra", "you are great", "0049 x", "qqqq"]


@pytest.fixture
async def world(store: SqliteStore, tmp_path: Path) -> AsyncIterator[World]:
    world = World(store, tmp_path)
    for one in zip(CONTRACTS, [*INVOICES, "zebra!"], [*OTHERS, "?"], strict=True):
        for message in one:
            await world.said(message)
    yield world
    await world.knowledge.close()


async def test_what_is_alike_is_one_cluster_called_by_its_middle_and_the_rest_is_none(world: World) -> None:
    first, second = await world.desk.clusters()

    assert sorted(first.texts) == sorted(CONTRACTS)
    assert sorted(second.texts) == sorted(INVOICES)
    assert (first.typical, second.typical) == (CONTRACTS[0], INVOICES[0])
    assert (first.size, second.size) == (6, 5)
    assert {one.value for one in first.nearest} == {"greet", "hours", "order"}
    assert await world.desk.clusters(1) == [first]


async def test_the_same_question_asked_again_makes_a_cluster_larger_and_not_longer(world: World) -> None:
    await world.said("Send me the invoice again!")
    await world.said("send me the invoice again")

    first, second = await world.desk.clusters()

    assert (first.typical, first.size, len(first.texts)) == (INVOICES[0], 7, 5)
    assert second.size == 6


async def test_every_member_gets_the_label_and_the_cluster_is_gone(world: World) -> None:
    cluster, _ = await world.desk.clusters()

    named = await world.desk.label_cluster(cluster.id, LabelKind.NEW_INTENT, "cancel_contract", "anna")
    answered = await world.desk.label_cluster(cluster.id, LabelKind.ANSWER, "Write us a line.", "anna")

    assert len(named) == len(answered) == 6
    for key in cluster.turns:
        assert await world.labels(key) == [
            ("new_intent", "cancel_contract", "anna"),
            ("answer", "Write us a line.", "anna"),
        ]
    assert [left.typical for left in await world.desk.clusters()] == [INVOICES[0]]
    assert await world.desk.queue(ShownFor.DISAGREEMENT) == []


async def test_a_cluster_that_was_never_shown_and_a_kind_that_says_nothing_of_all_are_refused(world: World) -> None:
    (cluster, *_) = await world.desk.clusters()

    with pytest.raises(Refused, match="no such cluster"):
        await world.desk.label_cluster("0" * 16, LabelKind.IGNORE, "", "anna")
    with pytest.raises(Refused, match="not do the same with all"):
        await world.desk.label_cluster(cluster.id, LabelKind.RIGHT, "", "anna")
    with pytest.raises(Refused, match="no past answer"):
        await world.desk.label_cluster(cluster.id, LabelKind.PAIR, "p99", "anna")


async def test_members_are_shown_for_their_cluster_once_it_was_found(world: World) -> None:
    assert await world.desk.queue(ShownFor.CLUSTER) == []
    await world.desk.clusters()

    shown = await world.desk.queue(ShownFor.CLUSTER)

    assert sorted(texts(shown)) == sorted(CONTRACTS + INVOICES)
    counts = await world.desk.counts("anna")
    assert (counts[ShownFor.CLUSTER], counts[ShownFor.OUT_OF_SCOPE], counts[ShownFor.DISAGREEMENT]) == (11, 16, 0)


async def test_of_messages_that_are_alike_one_comes_first_and_the_others_behind_what_is_new(world: World) -> None:
    first = texts(await world.desk.queue(limit=3))

    assert len(set(first) & set(CONTRACTS)) <= 1
    assert len(set(first) & set(INVOICES)) <= 1


async def test_an_erased_member_is_left_out(world: World) -> None:
    cluster, _ = await world.desk.clusters()
    await world.store.erase(cluster.turns[-1][0])

    assert len(await world.desk.label_cluster(cluster.id, LabelKind.IGNORE, "", "anna")) == 5


async def test_a_cluster_keeps_its_id_as_long_as_it_has_the_same_members(world: World) -> None:
    before = [cluster.id for cluster in await world.desk.clusters()]
    await world.said("Send me the invoice again")

    assert set(before) == {cluster.id for cluster in await world.new_desk().clusters()}
