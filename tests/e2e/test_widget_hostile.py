"""Whatever a customer, an answer or a broken server says: nothing runs, nothing is fetched, the layout holds."""

import json
from typing import Any

import pytest
from e2e_servers import BotSite, ScriptedBot
from e2e_visitor import Visit, Visitor
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")

RAN = "window.ran = true; parent.ran = true"
MARKUP = [
    f"<script>{RAN}</script>",
    f"<img src=x onerror='{RAN}'>",
    f"<svg><script>{RAN}</script></svg>",
    f"<svg onload='{RAN}'><foreignObject><img src=x onerror='{RAN}'></foreignObject></svg>",
    f"<math><mtext><table><mglyph><style><img src=x onerror='{RAN}'></style></mglyph></table></mtext></math>",
    f"<a href='javascript:{RAN}'>press me</a>",
    f"<a href=' &#106;ava\tscript:{RAN}'>press me</a>",
    f"<a href='data:text/html,<script>{RAN}</script>'>press me</a>",
    f"<a href='vbscript:{RAN}'>press me</a>",
    f"<a href='https://good.example' onclick='{RAN}' style='position:fixed;inset:0'>x</a>",
    f"<iframe srcdoc='<script>{RAN}</script>'></iframe><object data='javascript:{RAN}'></object>",
    f"<embed src='javascript:{RAN}'>",
    f"<form action='javascript:{RAN}'><button formaction='javascript:{RAN}'>Send</button></form>",
    f"<input autofocus onfocus='{RAN}'>",
    "<style>* { display: none }</style><link rel=stylesheet href='https://evil.example/x.css'>",
    "<base href='https://evil.example/'>",
    f"<template><script>{RAN}</script></template>",
    f"<noscript><p title='</noscript><img src=x onerror={RAN!r}>'></noscript>",
    f"<p onmouseover='{RAN}' class='launcher' id='title' style='position:fixed;inset:0;z-index:9'>covers</p>",
    f"<details open ontoggle='{RAN}'><summary>x</summary></details><video><source onerror='{RAN}'></video>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<slot name=x></slot><kefu-chat data-full></kefu-chat>",
]


@pytest.fixture
def events() -> list[dict[str, Any]]:
    """What no server of ours says."""
    bidi = "\u202egpj.exe\u202c\u2066"
    return [
        *({"from": "bot", "html": markup, "text": "plain"} for markup in MARKUP),
        {"from": "bot", "html": "<p>" * 20_000 + "deep"},
        {"from": "bot", "html": "<b>x</b>" * 20_000, "text": "many"},
        {"from": "bot", "text": "W" * 20_000},
        {"from": "bot", "text": "Z" + "\u0301\u0489" * 2_000},
        {"from": "bot", "text": f"{bidi}\nnext"},
        {"from": "bot", "html": "<pre><code>" + "x" * 5_000 + "</code></pre>"},
        {"from": "bot", "html": "<table><tr>" + "<td>wide cell</td>" * 100 + "</tr></table>"},
        {"from": "bot", "html": "<ul><li>" * 12 + "x", "buttons": "no list"},
        {"from": "bot", "image": {"src": f"javascript:{RAN}", "alt": "x"}, "text": "image"},
        {"from": "bot", "image": {"src": "data:image/svg+xml,<svg onload='alert(1)'/>"}, "text": "image"},
        {"from": "bot", "image": "x", "file": {"url": f"javascript:{RAN}", "name": bidi}, "text": "file"},
        {"from": "bot", "file": {"url": "/x", "name": "N" * 4_000 + bidi, "mime": "image/svg+xml", "bytes": "many"}},
        {"from": "bot", "cards": [None, 5, {"title": {"a": 1}, "image": f"javascript:{RAN}", "buttons": [None]}]},
        {"from": "bot", "cards": [{"title": "T" * 500, "links": [{"url": f"javascript:{RAN}", "title": "go"}]}] * 50},
        {"from": "bot", "text": "pick", "buttons": [{"title": "B" * 3_000, "payload": "/a"}] * 100},
        {"from": "bot", "text": "x", "buttons": [{"title": bidi, "payload": 5}, None, {"title": "", "payload": "/x"}]},
        {"from": "person", "name": f"<b>{bidi}" + "n" * 900, "text": "hello"},
        {"from": "note", "note": "__proto__", "text": "<b>note</b>"},
        {"from": "note", "note": "joined", "name": "x" * 3_000},
        {"from": "system", "text": "unknown"},
        {"from": "user", "text": "<img src=x onerror=alert(1)>", "id": "x"},
        {"from": "bot", "text": "rated", "rate": True, "turn": "<b>", "verdict": "<script>", "at": "never"},
        {"from": "bot", "text": "late", "at": 1e300},
    ]


async def nothing_happened(ann: Visitor, *origins: str) -> None:
    assert await ann.page.evaluate("window.ran") is None
    assert {address for address in ann.asked if not address.startswith((*origins, "data:,"))} == set()
    assert await ann.spills() == []
    assert ann.wrong == []


@pytest.mark.parametrize("path", ["chat", "plain"], ids=["strict policy", "no policy"])
async def test_nothing_that_a_server_says_runs_or_breaks_the_layout(
    visit: Visit, scripted: ScriptedBot, events: list[dict[str, Any]], path: str
) -> None:
    ann = await visit(f"{scripted.origin}/{path}", viewport={"width": 420, "height": 700})
    await expect(ann.field).to_be_enabled()

    for event in events:
        await scripted.event(**event)
    await scripted.event(**{"from": "bot", "text": "the end"})

    await ann.sees("the end")
    for link in await ann.log.get_by_text("press me").all():
        await link.click(force=True, timeout=2_000)
    tags = await ann.log.evaluate(
        "(log) => [...new Set([...log.querySelectorAll('.rich *')].map((node) => node.tagName))]"
    )
    assert set(tags) <= {"A", "B", "P", "PRE", "CODE", "TABLE", "TBODY", "TR", "TD", "UL", "LI", "SPAN", "IMG"}
    attributes = await ann.log.evaluate(
        "(log) => [...new Set([...log.querySelectorAll('.rich *')].flatMap((node) => node.getAttributeNames()))].sort()"
    )
    assert set(attributes) <= {
        "class",
        "href",
        "target",
        "rel",
        "loading",
        "decoding",
        "referrerpolicy",
        "alt",
        "src",
        "tabindex",
    }
    schemes = await ann.log.evaluate(
        "(log) => [...new Set([...log.querySelectorAll('a[href]')].map((one) => one.protocol))]"
    )
    assert set(schemes) <= {"http:", "https:"}
    assert "\u202e" not in str(await ann.log.inner_text())
    await expect(ann.log.locator(".bubble").filter(has_text="many")).to_have_count(1)
    await ann.picture("hostile")
    # Pictures that are not there; and of what it reads but does not run, a strict policy says that it must not.
    ann.wrong = [
        one
        for one in ann.wrong
        if "404" not in one and not one.startswith(("Executing inline", "Applying inline", "policy: "))
    ]
    await nothing_happened(ann, scripted.origin)


async def test_frames_that_are_none_change_nothing(visit: Visit, scripted: ScriptedBot) -> None:
    ann = await visit(f"{scripted.origin}/chat")
    await expect(ann.field).to_be_enabled()
    await scripted.event(**{"from": "bot", "text": "before"})
    seen = [
        json.dumps(frame)
        for frame in (None, 5, [], {}, {"type": 5}, {"type": "ack"}, {"type": "event"}, {"type": "typing"})
    ]
    others = [
        '{"type": "event", "seq": "7", "from": "bot", "text": "text for a number"}',
        '{"type": "event", "seq": 1, "from": "bot", "text": "again"}',
        '{"type": "state", "who": 5, "name": {}, "place": "x", "opens": []}',
        '{"type": "error", "id": "x", "retry_after_s": "soon"}',
        '{"type": "verdict", "turn": {}}',
        '{"type": "seen"}',
        "{",
        "\0",
    ]
    for frame in (*seen, *others):
        await scripted.tell(frame)
    await ann.say("still there")
    await ann.sees("still there", by="user")
    assert await ann.conversation() == [("bot", "before"), ("user", "still there")]
    assert ann.wrong == []


async def test_nothing_in_a_real_answer_runs(visit: Visit, bot: BotSite) -> None:
    ann = await visit(f"{bot.origin}/chat", viewport={"width": 420, "height": 700})
    answer = await ann.ask("What would an attacker put into an answer?", "Spoofed")
    await expect(answer.locator("button:not(.thumb), svg:not(.thumb svg), iframe, script, img")).to_have_count(0)
    await expect(answer.locator("a")).to_have_count(0)
    await ann.ask("How long is the longest word?", "WWWW")
    await nothing_happened(ann, bot.origin)


async def test_nothing_that_a_customer_writes_runs(visit: Visit, bot: BotSite) -> None:
    ann = await visit(f"{bot.origin}/chat", viewport={"width": 420, "height": 700})
    said = [*MARKUP[:6], "\u202egnp.exe", "**bold** [link](https://evil.example)", "x" * 3_000]
    for text in said:
        await ann.say(text)
        await expect(ann.log.locator(".pendings .message")).to_have_count(0, timeout=15_000)
    await ann.page.reload()
    await ann.sees("xxxx", by="user")
    await expect(ann.log.locator(".message.user")).to_have_count(len(said))
    await expect(ann.log.locator(".message.user a, .message.user img, .message.user script")).to_have_count(0)
    await nothing_happened(ann, bot.origin)
