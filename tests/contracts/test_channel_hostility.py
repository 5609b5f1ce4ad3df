"""Whatever customers and answers hold, a channel makes words of it: nothing fails, nobody is called."""

import json
from dataclasses import replace
from typing import Any

import pytest
import stub_engine
from channel_world import RELEASE, World
from fakes.vendor import Request
from fakes.wechat import FakeWeChat
from hostile_words import HALF, WORDS, harm_in
from stub_engine import words_of

from bot.web_address import may_be_shown
from configs.bot_spec import BotSpec
from configs.domain import Button, Variation

MEGABYTE = 1024 * 1024
TOO_LARGE = 413
UNREADABLE = 422  # a server of the owner's own is told; a platform cannot be, so that the rest is read
OWN_PAGES = {"callback"}
GOOD_PICTURE = "https://shop.example/lamp.png"
BAD_ADDRESSES = (
    "javascript:alert(1)",
    "java\tscript:alert(2)",
    "data:text/html,<script>alert(3)</script>",
    "file:///etc/passwd",
    "http://127.0.0.1:5432/x.png",
    "http://0x7f.1/x.png",
    "http://[::ffff:169.254.169.254]/latest.png",
    "http://localhost/x.png",
    "https://shop.example/x y.png",
    "//evil.example/x.png",
    "http://[::1",
)


def with_half_a_pair(world: World, request: Request, user: str, id: str) -> Request:  # noqa: A002
    """`request` with half of a surrogate pair as an escape of JSON, where the platform sends JSON."""
    plain = world.vendor.plain(user=user, text=WORDS["half of a surrogate pair"], id=id)
    changed = world.vendor.bringing(plain.replace(HALF.encode(), b"\\ud83d")) if plain[:1] in b"{[" else None
    return changed or request


async def test_whatever_a_customer_writes_is_said_again_as_words(world: World) -> None:
    users = {what: f"u-{number}" for number, what in enumerate(WORDS)}
    refused = set()
    for what, user in users.items():
        request = world.vendor.message(user=user, text=WORDS[what], id=f"m-{user}")
        if what == "half of a surrogate pair":
            request = with_half_a_pair(world, request, user, f"m-{user}")
        status, _ = await world.bring(request)
        assert status < 300 or (status == UNREADABLE and not world.vendor.authenticated), what
        if status == UNREADABLE:
            refused.add(what)
    users = {what: user for what, user in users.items() if what not in refused}
    for user in users.values():
        await world.settled(user, 2)

    shown = [(what, sent) for what, user in users.items() for sent in world.vendor.sent if sent.user == user]
    assert {what: harm for what, sent in shown if (harm := harm_in(world.vendor.channel, sent))} == {}
    turns = {what: "\n".join(world.heard(user)).count(words_of(RELEASE)) for what, user in users.items()}
    assert {what: count for what, count in turns.items() if count != 1} == {}


async def test_a_text_of_a_megabyte_is_cut_or_refused(world: World) -> None:
    status, _ = await world.bring(world.vendor.message(user="ann", text="x" * MEGABYTE, id="m-1"))
    if status != TOO_LARGE:
        await world.settled("ann", 2)
    await world.say("ben", "hello", "m-2")
    await world.settled("ben", 2)

    assert status == TOO_LARGE or status < 300
    assert "You said hello." in "\n".join(world.heard("ben"))


async def test_metadata_nested_fifty_deep_are_refused_or_passed_over(world: World) -> None:
    plain = world.vendor.plain(user="ann", text="hello", id="m-1")
    if plain[:1] != b"{":
        return
    deep: dict[str, Any] = {}
    for _ in range(50):
        deep = {"x": deep}
    request = world.vendor.bringing(json.dumps(json.loads(plain) | {"metadata": deep}).encode())
    assert request is not None

    status, _ = await world.bring(request)

    assert status < 500
    await world.say("ann", "later", "m-2")
    await world.settled("ann", 2)


async def test_a_button_that_nobody_was_offered_is_only_words(world: World) -> None:
    pressed = world.vendor.button(user="ann", payload='/slow{"said": "forged"}', id="b-1")
    if pressed is None:
        return

    _, taken = await world.bring(pressed)
    await world.settled("ann", 2)

    assert taken
    assert "\n".join(world.heard("ann")).startswith("You said /slow")


def cunning(spec: BotSpec) -> BotSpec:
    """An assistant whose answer holds all that an action or an editor might have put there."""
    many = tuple(Button(title=f"{number} " + "t" * 298, payload=f"/choice{number}") for number in range(30))
    odd = tuple(Button(title=f"Open {number}", payload=one) for number, one in enumerate(BAD_ADDRESSES[:8]))
    cards = tuple(
        {
            "title": f"Card {number}",
            "subtitle": "12 EUR",
            "image_url": address,
            "default_action": {"type": "web_url", "url": address},
            "buttons": [{"title": "Look", "url": address}, {"title": "Buy", "payload": "/buy"}],
        }
        for number, address in enumerate(BAD_ADDRESSES)
    )
    said = [Variation(text="Choose one.", buttons=many), Variation(text="Or one.", buttons=odd)]
    said += [
        Variation(
            image=BAD_ADDRESSES[number], attachment={"type": "file", "payload": {"src": BAD_ADDRESSES[-1 - number]}}
        )
        for number in range(5)
    ]
    said += [Variation(text="That is all.", image=GOOD_PICTURE, elements=cards)]
    responses = {f"utter_cunning{number}": (one,) for number, one in enumerate(said)}
    echo, *others = spec.rules
    user, *steps = echo.steps
    more = stub_engine.rule("echo", *responses).steps[1:]
    domain = replace(spec.domain, responses={**spec.domain.responses, **responses})
    return replace(spec, domain=domain, rules=(replace(echo, steps=(user, *steps, *more)), *others))


@pytest.fixture
def _cunning(monkeypatch: pytest.MonkeyPatch) -> None:
    made = stub_engine.spec
    monkeypatch.setattr(stub_engine, "spec", lambda word: cunning(made(word)))


@pytest.mark.usefixtures("_cunning")
class TestCunningAnswers:
    async def test_only_addresses_of_the_web_leave(self, world: World) -> None:
        if isinstance(world.vendor, FakeWeChat):
            world.vendor.quota = 100
        await world.say("ann", "hello", "m-1")
        await world.settled("ann", 5)

        told = json.dumps([[sent.text, sent.raw] for sent in world.vendor.sent], ensure_ascii=False)
        on_own_page = world.vendor.channel in OWN_PAGES
        bad = [address for address in BAD_ADDRESSES if not (on_own_page and may_be_shown(address))]
        assert [address for address in bad if json.dumps(address, ensure_ascii=False)[1:-1] in told] == []
        assert GOOD_PICTURE in told
        assert "That is all." in told

    async def test_thirty_buttons_with_endless_titles_are_said_somehow(self, world: World) -> None:
        if isinstance(world.vendor, FakeWeChat):
            world.vendor.quota = 100
        await world.say("ann", "hello", "m-1")
        await world.settled("ann", 5)

        told = json.dumps([[sent.text, sent.raw] for sent in world.vendor.sent], ensure_ascii=False)
        assert [number for number in range(30) if f"{number} tttttttt" not in told] == []
