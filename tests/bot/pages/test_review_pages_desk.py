"""The review in a browser without a window: what is shown, what is kept, who may."""

import re

import pytest
from page_client import Browse, PageClient
from review_pages_world import ReviewWorld

from bot.pages import Role

CARD = "4111 1111 1111 1111"
HOSTILE = [
    "<script>window.ran = 1</script><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }} {% raw %} ${jndi:x} %s {0}",
    '" onclick="alert(1)" \'',
    "x" * 4_000,
    "e" + "\u0301" * 500,
    "\u202etxt.exe\u202c \u2066x",
    "nul \0 bell \x07 esc \x1b[31m",
    "</title></textarea></form><!-- ",
]


def turns_in(page: str) -> list[str]:
    return re.findall(r'name="turn" value="([\w-]+)"', page)


def next_in(page: str) -> str:
    found = re.search(r'name="next" value="([\w-]*)"', page)
    return found[1] if found else ""


async def say(client: PageClient, say: str, path: str = "/review", **fields: str) -> tuple[int, str]:
    """Says something of the first message on a page."""
    page = await client.page(path)
    return await client.send(
        "/review/label", page, turn=turns_in(page)[0], say=say, next=next_in(page), shown_for="uncertain", **fields
    )


async def test_a_message_is_shown_with_what_the_bot_did_and_why(world: ReviewWorld, browse: Browse) -> None:
    await world.said(
        "where is my parcel",
        outcome="asked_back",
        confidence=0.41,
        evidence={
            "decision": {"kind": "ask_back", "options": [{"intent": "hours"}, {"pair": "p1"}]},
            "intents": [["order", 0.41], ["hours", 0.3]],
            "past_answers": [["p1", 0.2]],
            "scope": 0.5,
        },
    )
    page = await (await browse(Role.VIEWER)).page("/review")
    for words in (
        "where is my parcel",
        "It asked back: “Opening hours” or “Do you deliver abroad?”?",
        "It was not sure enough of anything.",
        "41 %",
        "order 41 %; Opening hours 30 %",
        "Do you deliver abroad? 20 %",
        "more than 50 %",
        "I did not understand.",
        "Uncertain",
    ):
        assert words in page


async def test_personal_data_and_who_the_customer_is_are_not_shown(world: ReviewWorld, browse: Browse) -> None:
    await world.said(f"my card is {CARD}", answer=f"Your card {CARD}?")
    client = await browse(Role.ADMIN)
    page = await client.page("/review")
    assert "my card is" in page
    for private in (CARD, "ann.miller@gmail.com", "+49170000"):
        assert private not in page
        assert private not in await client.page("/review/history")
        assert private not in await client.page("/review/clusters")


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_texts_are_shown_as_texts(world: ReviewWorld, browse: Browse, text: str) -> None:
    key = await world.said(text, answer=text)
    client = await browse(Role.REVIEWER)
    await world.label(key, "answer", text.replace("\0", "").replace("\x07", "").replace("\x1b", ""), "eve")
    for path in ("/review", "/review/clusters", "/review/history", "/review/disagreements"):
        page = await client.page(path)
        assert len(page) < 60_000
        for forbidden in ("<script>", "<img", '" onclick', "\u202e", "\0", "\x1b", "\u0301" * 5, "<!-- ", "49 %"):
            assert forbidden not in page


async def test_scripts_are_named_so_that_they_are_drawn_right(world: ReviewWorld, browse: Browse) -> None:
    await world.said("我的订单在哪里？")
    await world.said("أين طلبي؟")
    page = await (await browse(Role.VIEWER)).page("/review")
    assert '<span class="said" lang="zh" dir="auto">我的订单在哪里？</span>' in page or (
        'lang="zh" dir="auto">我的订单在哪里？' in page
    )
    assert 'lang="" dir="auto">أين طلبي؟' in page


@pytest.mark.parametrize(
    ("say_", "value", "stored"),
    [
        ("right:", "", ("right", "intent:order")),
        ("intent:hours", "", ("intent", "hours")),
        ("intent", "Opening ho", ("intent", "hours")),
        ("new_intent", "track_my_refund", ("new_intent", "track_my_refund")),
        ("pair:p1", "", ("pair", "p1")),
        ("answer", "We are *open*.", ("answer", "We are *open*.")),
        ("ignore:", "", ("ignore", "")),
    ],
)
async def test_what_a_reviewer_says_is_kept_under_the_name_and_the_next_message_comes(
    world: ReviewWorld, browse: Browse, say_: str, value: str, stored: tuple[str, str]
) -> None:
    decision = {"decision": {"kind": "template", "intent": "order"}}
    keys = [await world.said(text, evidence=decision) for text in ("where is my parcel", "open on sundays?")]
    anna = await browse(Role.REVIEWER)
    status, leads = await say(anna, say_, value=value)
    assert status == 303
    kept = [label for key in keys for label in await world.labels(key)]
    assert kept == [(*stored, "reviewer")]
    page = await anna.page(leads)
    assert "Kept." in page
    assert len(set(turns_in(page))) == 2  # what was kept, to be undone, and the next
    assert "Nothing waits" in await anna.page("/review?kind=handed_over")


async def test_a_new_intent_is_named_with_its_answer_and_both_are_taken_back(
    world: ReviewWorld, browse: Browse
) -> None:
    key = await world.said("where is my parcel")
    anna = await browse(Role.REVIEWER)
    _, leads = await say(anna, "new_intent", value="track_it", answer="Look *here*.")
    assert await world.labels(key) == [
        ("new_intent", "track_it", "reviewer"),
        ("answer", "Look *here*.", "reviewer"),
    ]
    page = await anna.page(leads)
    labels = re.search(r'name="labels" value="([\d.]+)"', page)
    assert labels is not None
    assert (await anna.send("/review/undo", page, labels=labels[1]))[0] == 303
    assert await world.labels(key) == []


async def test_a_label_is_taken_back_and_its_message_comes_again(world: ReviewWorld, browse: Browse) -> None:
    key = await world.said("where is my parcel")
    anna = await browse(Role.REVIEWER)
    _, leads = await say(anna, "ignore:")
    page = await anna.page(leads)
    assert "Nothing waits" in page
    labels = re.search(r'name="labels" value="([\d.]+)"', page)
    assert labels is not None
    status, leads = await anna.send("/review/undo", page, labels=labels[1], turn=turns_in(page)[0])
    assert status == 303
    assert await world.labels(key) == []
    assert (await world.all_labels(key))[0].undone_by == "reviewer"
    assert "where is my parcel" in await anna.page(leads)
    assert (await anna.send("/review/undo", page, labels=labels[1]))[0] == 404


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"say": "intent", "value": "o"}, 422),  # order, Opening hours
        ({"say": "intent", "value": "nothing like it"}, 422),
        ({"say": "intent", "value": ""}, 422),
        ({"say": "new_intent", "value": "two words"}, 422),
        ({"say": "new_intent", "value": "<script>"}, 422),
        ({"say": "pair:nowhere"}, 422),
        ({"say": "answer", "value": " "}, 422),
        ({"say": "sing:"}, 422),
        ({"say": "right:"}, 422),
        ({}, 422),
    ],
)
async def test_what_cannot_be_kept_is_told_and_nothing_is_kept(
    world: ReviewWorld, browse: Browse, fields: dict[str, str], status: int
) -> None:
    key = await world.said("where is my parcel")
    anna = await browse(Role.REVIEWER)
    page = await anna.page("/review")
    got, text = await anna.send("/review/label", page, turn=turns_in(page)[0], **fields)
    assert got == status
    assert 'role="alert"' in text
    assert "<script>" not in text
    assert await world.labels(key) == []


async def test_a_part_of_the_page_says_what_is_wrong_where_it_belongs(world: ReviewWorld, browse: Browse) -> None:
    await world.said("where is my parcel")
    anna = await browse(Role.REVIEWER)
    page = await anna.page("/review")
    part = await anna.page("/review", **{"HX-Request": "true"})
    assert "<html" not in part
    assert part.lstrip().startswith('<div id="desk"')
    restored = await anna.page("/review", **{"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in restored
    data = {"csrf": await anna.token_of_forms("/review"), "turn": turns_in(page)[0], "say": "sing"}
    answer = await anna.post("/review/label", data=data, headers={"HX-Request": "true"})
    assert (answer.status, answer.headers["HX-Retarget"]) == (422, "#notice")


@pytest.mark.parametrize("name", ["x", "", "AAAA" * 20, "é" * 30, "A" * 5_000, "../../etc"])
async def test_a_turn_is_named_only_by_names_that_were_given(world: ReviewWorld, browse: Browse, name: str) -> None:
    await world.said("where is my parcel")
    anna = await browse(Role.REVIEWER)
    if name:
        assert (await anna.get("/review", params={"at": name})).status == 404
    page = await anna.page("/review")
    assert (await anna.send("/review/label", page, turn=name, say="ignore:"))[0] == 404


@pytest.mark.parametrize("query", ["kind=nothing", "kept=x", "kept=" + ".".join(["1"] * 200), "kept=-1"])
async def test_an_address_that_cannot_be_is_refused(world: ReviewWorld, browse: Browse, query: str) -> None:
    assert (await (await browse(Role.VIEWER)).get(f"/review?{query}")).status in (400, 422)


async def test_past_answers_are_found_by_a_question(world: ReviewWorld, browse: Browse) -> None:
    await world.said("where is my parcel")
    client = await browse(Role.REVIEWER)
    part = await client.page("/review/pairs?q=abroad%3F")
    assert 'value="pair:p1"' in part
    assert "Yes, everywhere." in part
    assert 'value="pair:p1"' in await client.page("/review?q=abroad%3F")
    assert "<button" not in await client.page("/review/pairs?q=")


async def test_the_queue_can_be_walked_and_filtered(world: ReviewWorld, browse: Browse) -> None:
    for text in ("where is my parcel", "open on sundays?", "abroad?"):
        await world.said(text, outcome="asked_back")
    await world.said("a person please", outcome="handed_over")
    client = await browse(Role.VIEWER)
    page = await client.page("/review")
    assert re.findall(r"(\w[\w ]*) <span class=\"count\">(\d+)", page) == [("Handed over", "1"), ("Uncertain", "3")]
    seen = []
    while True:
        heading = re.search(r'<h2 id="message"><span[^>]*>([^<]*)', page)
        assert heading is not None
        seen.append(heading[1])
        following = re.search(r'<a href="([^"]*)" data-key="j"', page)
        if following is None:
            break
        page = await client.page(following[1].replace("&amp;", "&"))
    assert sorted(seen) == ["a person please", "abroad?", "open on sundays?", "where is my parcel"]
    assert "a person please" not in await client.page("/review?kind=uncertain")


async def test_a_viewer_sees_everything_and_changes_nothing(world: ReviewWorld, browse: Browse) -> None:
    key = await world.said("where is my parcel")
    kept = await world.label(key, "ignore", "", "eve")
    await world.said("open on sundays?")
    viewer, anna = await browse(Role.VIEWER), await browse(Role.REVIEWER)
    turn = turns_in(await anna.page("/review"))[0]
    for path in ("/review", "/review/clusters", "/review/history", "/review/disagreements"):
        page = await viewer.page(path)
        assert re.findall(r'<form method="post" action="([^"]*)"', page) == ["/sign-out"]
        assert 'data-key="r"' not in page
    page = await viewer.page("/review")
    forged = {"turn": turn, "say": "ignore:", "labels": str(kept), "label": str(kept), "cluster": "0"}
    for path in ("/review/label", "/review/undo", "/review/clusters", "/review/disagreements"):
        assert (await viewer.send(path, page, **forged))[0] == 403
    assert await world.labels(key) == [("ignore", "", "eve")]


async def test_whoever_has_not_signed_in_sees_nothing_at_any_route(world: ReviewWorld, browse: Browse) -> None:
    await world.said("where is my parcel")
    stranger = await browse(None)
    open_to_all = {"/sign-in", "/pages/{name}"}
    routes = [(route.method, route.resource.canonical) for route in world.app.router.routes() if route.resource]
    tried = [(method, path) for method, path in routes if path not in open_to_all]
    assert len(tried) > 10
    for method, path in tried:
        answer = await stranger.request(
            method, path, data={"say": "x"} if method == "POST" else None, allow_redirects=False
        )
        assert answer.status == (401 if method == "POST" else 303), (method, path)
        assert "parcel" not in await answer.text()
