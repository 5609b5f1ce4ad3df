"""Clusters, the history and disagreements in a browser without a window."""

import re

from page_client import Browse
from review_pages_world import ReviewWorld

from bot.pages import Role


async def test_a_cluster_is_named_for_all_its_messages_at_once(world: ReviewWorld, browse: Browse) -> None:
    keys = [await world.said(f"do you sell lamp number {number}") for number in range(6)]
    anna = await browse(Role.REVIEWER)
    page = await anna.page("/review/clusters")
    cluster = re.search(r'name="cluster" value="(\w+)"', page)
    assert cluster is not None
    fields = {"cluster": cluster[1], "say": "new_intent", "value": "sells_lamps", "answer": "Yes, *all* of them."}
    status, leads = await anna.send("/review/clusters", page, **fields)
    assert status == 303
    for key in keys:
        assert await world.labels(key) == [
            ("new_intent", "sells_lamps", "reviewer"),
            ("answer", "Yes, *all* of them.", "reviewer"),
        ]
    page = await anna.page(leads)
    assert "Kept for 12 messages" in page or "Kept for 6 messages" in page
    labels = re.search(r'name="labels" value="([\d.]+)"', page)
    assert labels is not None
    status, leads = await anna.send("/review/undo", page, labels=labels[1], back="/review/clusters")
    assert (status, leads) == (303, "/review/clusters")
    assert [await world.labels(key) for key in keys] == [[]] * 6


async def test_an_answer_without_a_name_becomes_a_past_answer(world: ReviewWorld, browse: Browse) -> None:
    keys = [await world.said(f"do you sell lamp number {number}") for number in range(6)]
    anna = await browse(Role.REVIEWER)
    page = await anna.page("/review/clusters")
    cluster = re.search(r'name="cluster" value="(\w+)"', page)
    assert cluster is not None
    fields = {"cluster": cluster[1], "say": "new_intent", "value": "", "answer": "Yes."}
    assert (await anna.send("/review/clusters", page, **fields))[0] == 303
    assert await world.labels(keys[0]) == [("answer", "Yes.", "reviewer")]
    assert (await anna.send("/review/clusters", page, cluster="gone", say="ignore:"))[0] == 404


async def test_the_history_says_who_and_when_and_what_was_taken_back(world: ReviewWorld, browse: Browse) -> None:
    key = await world.said("where is my parcel")
    first = await world.label(key, "intent", "hours", "eve & co")
    await world.desk.undo(first, "mia")
    await world.label(key, "pair", "p1", "mia")
    anna = await browse(Role.REVIEWER)
    page = await anna.page("/review/history")
    for words in (
        "Intent: Opening hours",
        "Past answer to: Do you deliver abroad?",
        "eve &amp; co",
        "2023-11-14 22:13",
    ):
        assert words in page
    assert re.search(r"Taken back\s+2023-11-14 22:13 by <bdi>mia", page)
    assert page.count('action="/review/undo"') == 1
    of_eve = await anna.page("/review/history?who=eve+%26+co")
    assert "Opening hours" in of_eve
    assert "deliver abroad" not in of_eve


async def test_the_history_goes_on_page_by_page(world: ReviewWorld, browse: Browse) -> None:
    for number in range(55):
        await world.label(await world.said(f"message number {number}"), "ignore", "", "eve")
    client = await browse(Role.VIEWER)
    page = await client.page("/review/history")
    earlier = re.search(r'href="(/review/history\?before=\d+)', page)
    assert earlier is not None
    assert page.count("<tr>") == 51
    assert (await client.page(earlier[1])).count("<tr>") == 6
    assert (await client.get("/review/history?before=x")).status == 400
    assert (await client.get("/review/history?who=%00")).status == 422


async def test_people_who_disagree_are_shown_side_by_side_and_one_decides(world: ReviewWorld, browse: Browse) -> None:
    key = await world.said("where is my parcel")
    await world.label(key, "intent", "hours", "eve")
    right = await world.label(key, "intent", "order", "mia")
    anna = await browse(Role.REVIEWER)
    page = await anna.page("/review/disagreements")
    assert page.index("Intent: Opening hours") < page.index("Intent: order")
    turn = re.search(r'name="turn" value="([\w-]+)"', page)
    assert turn is not None
    assert (await anna.send("/review/disagreements", page, turn=turn[1], label="999"))[0] == 404
    assert (await anna.send("/review/disagreements", page, turn=turn[1], label=str(right)))[0] == 303
    assert await world.labels(key) == [("intent", "order", "mia")]
    assert [label.undone_by for label in await world.all_labels(key)] == ["reviewer", None]
    assert "Nobody disagrees" in await anna.page("/review/disagreements")
