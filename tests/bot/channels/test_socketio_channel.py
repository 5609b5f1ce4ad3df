"""Rasa's Socket.IO channel, under the rules of the two widgets that speak it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
import socketio
from fakes.socketio_client import Page, RasaChatWidget, RasaWebchat
from scripted_bot import DOMAIN, SPEC
from socketio_house import House

from bot.channels.socketio import lines
from bot.stores.outbox import SendState
from configs import Button, Variation

KEY = "k" * 64
EVERYTHING = Variation(
    text="One.\n\nTwo.",
    buttons=(Button(title="Hours", payload="/hours"),),
    image="https://shop.example/a.png",
    attachment={"type": "video", "payload": {"src": "https://shop.example/v"}},
    custom={"data": {"type": "rating", "options": []}},
    elements=({"title": "Lamp", "image_url": "https://shop.example/l.png"},),
)
SAID = [("text", "On its way."), ("text", "Here is the link.")]
Open = Callable[..., Awaitable[House]]


@pytest.fixture
async def open_house(tmp_path: Path) -> AsyncIterator[Open]:
    houses: list[House] = []

    async def start(**section: Any) -> House:
        house = House(tmp_path / "conversations.db", **{"session_persistence": True, **section})
        await house.start()
        houses.append(house)
        return house

    yield start
    for house in houses:
        await house.close()


@pytest.fixture
async def house(open_house: Open) -> House:
    return await open_house()


@pytest.mark.parametrize("kind", [RasaWebchat, RasaChatWidget])
@pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]])
async def test_a_message_is_answered_part_by_part(house: House, kind: type[Page], transports: list[str]) -> None:
    page = await house.visit(kind(house.url, transports=transports))

    await page.say("where is it")

    assert await page.sees(2) == SAID
    assert page.raw == [{"text": "On its way."}, {"text": "Here is the link."}]


async def test_everything_that_is_said_has_rasas_form(open_house: Open) -> None:
    responses = {**DOMAIN.responses, "utter_greet": (EVERYTHING,)}
    house = await open_house(spec=replace(SPEC, domain=replace(DOMAIN, responses=responses)))
    page = await house.visit(RasaWebchat(house.url))

    await page.say("hello")
    await page.sees(6)

    button = {"content_type": "text", "title": "Hours", "payload": "/hours"}
    card = {"title": "Lamp", "image_url": "https://shop.example/l.png"}
    assert page.raw == [
        {"text": "One.", "quick_replies": []},
        {"text": "Two.", "quick_replies": [button]},
        {"type": "rating", "options": []},
        {"attachment": {"type": "image", "payload": {"src": "https://shop.example/a.png"}}},
        {"attachment": {"type": "video", "payload": {"src": "https://shop.example/v"}}},
        {"attachment": {"type": "template", "payload": {"template_type": "generic", "elements": card}}},
    ]
    assert [kind for kind, *_ in page.shown] == ["buttons", "buttons", "custom", "image", "video", "carousel"]


async def test_a_button_works_when_it_is_pressed(house: House) -> None:
    page = await house.visit(RasaWebchat(house.url))
    await page.say("hello")
    await page.sees(1)

    await page.say("/hours")

    assert (await page.sees(3))[1:] == [("text", "We open at nine."), ("text", "We close at five.")]


async def test_messages_are_answered_in_the_order_they_were_written(house: House) -> None:
    page = await house.visit(RasaWebchat(house.url))

    for _ in range(5):
        await page.say("where is it")
        await page.say("when are you open")

    said = [*SAID, ("text", "We open at nine."), ("text", "We close at five.")]
    assert await page.sees(20) == said * 5


async def test_metadata_reaches_the_user_event_under_the_key_that_is_set(open_house: Open) -> None:
    house = await open_house(metadata_key="customData")
    page = await house.visit(RasaWebchat(house.url, custom_data={"page": "/a"}))
    await page.say("where is it")
    await page.say("where is it", customData='{"page": "/b"}')
    await page.sees(4)

    (name,) = await house.conversations()
    events = [event for event in await house.store.events(name) if event["event"] == "user"]
    assert [event["metadata"] for event in events] == [{"page": "/a"}, {"page": "/b"}]
    assert {event["input_channel"] for event in events} == {"socketio"}


async def test_names_of_events_namespace_and_path_can_be_set(open_house: Open) -> None:
    house = await open_house(user_message_evt="ask", bot_message_evt="tell", namespace="/shop", socketio_path="/a/b/")

    class Other(RasaWebchat):
        user_event, bot_event = "ask", "tell"

    page = await house.visit(Other(house.url, namespace="/shop", path="a/b"))
    await page.say("where is it")

    assert await page.sees(2) == SAID


async def test_the_channel_says_that_it_is_there(house: House) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{house.url}/webhooks/socketio/") as response:
        assert (response.status, await response.json()) == (200, {"status": "ok"})


class TestSessions:
    async def test_the_confirmed_id_is_a_bare_text_that_a_page_may_bring_again(self, house: House) -> None:
        page = await house.visit(RasaWebchat(house.url))
        first = page.session_id
        await page.come_back()

        assert page.confirmed == [first, first]
        assert isinstance(first, str)
        assert len(first) == 32

    @pytest.mark.parametrize("kind", [RasaWebchat, RasaChatWidget])
    async def test_a_page_that_comes_back_goes_on_with_its_conversation(self, house: House, kind: type[Page]) -> None:
        page = await house.visit(kind(house.url))
        await page.say("hello")
        await page.sees(1)
        await page.come_back()
        await page.say("2")

        assert (await page.sees(3))[1:] == SAID
        assert len(await house.conversations()) == 1

    @pytest.mark.parametrize("kind", [RasaWebchat, RasaChatWidget])
    async def test_so_does_one_after_a_restart_of_the_server(self, house: House, kind: type[Page]) -> None:
        page = await house.visit(kind(house.url))
        await page.say("hello")
        await page.sees(1)
        await until(lambda: are(house, SendState.SENT))  # else the confirmation may be lost, and it is said again
        await house.stop()
        await house.start()
        await page.come_back()
        await page.say("2")

        assert (await page.sees(3))[1:] == SAID

    @pytest.mark.parametrize("made_up", ["ann", "1", "socketio:ann", "0" * 32, "x" * 255, "../../etc", " ", "'; --"])
    async def test_an_id_that_can_be_guessed_gets_a_session_of_its_own(self, house: House, made_up: str) -> None:
        ann, bob = RasaWebchat(house.url, stored_id=made_up), RasaWebchat(house.url, stored_id=made_up)
        for page in (ann, bob):
            await house.visit(page)
        assert made_up not in (ann.session_id, bob.session_id)
        assert ann.session_id != bob.session_id

        await ann.say("where is it", session_id=made_up)

        assert await ann.sees(2) == SAID
        assert bob.shown == []

    async def test_a_conversation_cannot_be_joined_by_its_name(self, house: House) -> None:
        ann = await house.visit(RasaWebchat(house.url))
        await ann.say("where is it")
        await ann.sees(2)
        (name,) = await house.conversations()

        for stolen in (name, name.removeprefix("socketio:")):
            thief = await house.visit(RasaWebchat(house.url, stored_id=stolen))
            assert thief.session_id != stolen
            await thief.say("when are you open", session_id=stolen)
            await thief.sees(2)
        assert len(ann.shown) == 2
        assert len(await house.conversations()) == 3

    async def test_the_connections_own_id_is_no_session(self, house: House) -> None:
        ann = await house.visit(RasaWebchat(house.url))
        thief = await house.visit(RasaWebchat(house.url, stored_id=ann.client.get_sid()))
        await ann.say("where is it")
        await ann.sees(2)

        assert thief.shown == []

    async def test_two_tabs_see_the_same(self, house: House) -> None:
        one = await house.visit(RasaWebchat(house.url))
        two = await house.visit(RasaWebchat(house.url, stored_id=one.session_id))
        await two.say("where is it")

        assert await one.sees(2) == await two.sees(2) == SAID
        await two.leave()
        await one.say("where is it")
        assert await one.sees(4) == SAID * 2

    async def test_a_widget_that_makes_its_own_id_keeps_it(self, house: House) -> None:
        page = await house.visit(RasaChatWidget(house.url))

        assert page.confirmed == [page.session_id]

    async def test_without_a_session_a_message_is_refused(self, house: House) -> None:
        page = await house.visit(Silent(house.url))

        assert (await page.say_surely("hello"))["status"] == "refused"
        assert await house.conversations() == []

    async def test_without_persistence_each_connection_is_a_conversation(self, open_house: Open) -> None:
        house = await open_house(session_persistence=False)
        page = await house.visit(RasaWebchat(house.url))
        await page.say("where is it")
        await page.sees(2)
        await page.come_back()
        await page.say("where is it")
        await page.sees(4)

        assert len(await house.conversations()) == 2
        assert house.channel.abilities.reply_within_s == 60


class Silent(Page):
    """A page that asks for no session."""

    async def _on_connect(self) -> None:
        pass

    def _message(self, text: str) -> dict[str, Any]:
        return {"message": text}

    def _show(self, said: Any) -> Any:
        return said


class TestDelivery:
    @pytest.mark.parametrize("kind", [RasaWebchat, RasaChatWidget])
    async def test_what_was_said_while_the_page_was_gone_comes_when_it_is_back(
        self, house: House, kind: type[Page]
    ) -> None:
        page = await house.visit(kind(house.url))
        await house.pause_replies()
        await page.say("where is it")
        await house.until_parts(2)
        await page.leave()
        house.resume_replies()
        await until(lambda: tried(house))

        await page.come_back()

        assert await page.sees(2) == SAID

    async def test_it_comes_after_a_restart_too(self, house: House) -> None:
        page = await house.visit(RasaWebchat(house.url))
        await house.pause_replies()
        await page.say("where is it")
        await house.until_parts(2)
        await house.stop()
        await house.start()
        await page.come_back()

        assert await page.sees(2) == SAID
        assert {part.state for part in await house.parts()} == {SendState.SENT}

    async def test_it_is_not_sent_after_its_time(self, house: House) -> None:
        page = await house.visit(RasaWebchat(house.url))
        await house.pause_replies()
        await page.say("where is it")
        await house.until_parts(2)
        await page.leave()
        house.clock.now += 24 * 3_600 + 1
        house.resume_replies()
        await page.come_back()
        await until(lambda: are(house, SendState.EXPIRED))

        assert page.shown == []

    async def test_a_page_that_has_not_answered_is_not_told_twice(self, house: House) -> None:
        page = await house.visit(RasaWebchat(house.url, transports=["websocket"]))
        pongs = hold_pongs(page)
        await page.say("where is it")
        assert await page.sees(1) == SAID[:1]
        await until(lambda: tried(house))

        house.clock.now += 2
        await until(lambda: tried(house, 2))
        assert page.shown == SAID[:1]

        await pongs()
        house.clock.now += 10
        assert await page.sees(2) == SAID
        await until(lambda: are(house, SendState.SENT))

    async def test_a_page_that_was_cut_off_before_it_answered_is_told_again(self, house: House) -> None:
        page = await house.visit(RasaWebchat(house.url, transports=["websocket"]))
        hold_pongs(page)
        await page.say("where is it")
        await page.sees(1)
        await until(lambda: tried(house))

        await page.come_back()

        assert await page.sees(3) == [SAID[0], *SAID]

    async def test_a_new_connection_takes_over_from_one_that_hangs(self, house: House) -> None:
        hanging = await house.visit(RasaWebchat(house.url, transports=["websocket"]))
        hold_pongs(hanging)
        await hanging.say("where is it")
        await hanging.sees(1)

        page = await house.visit(RasaWebchat(house.url, stored_id=hanging.session_id))

        assert await page.sees(2) == SAID

    async def test_one_that_hangs_does_not_hold_up_others(self, house: House) -> None:
        hanging = await house.visit(RasaWebchat(house.url, transports=["websocket"]))
        hold_pongs(hanging)
        page = await house.visit(RasaWebchat(house.url))
        await hanging.say("where is it")
        await hanging.sees(1)

        await page.say("where is it")

        assert await page.sees(2) == SAID

    async def test_a_message_with_an_id_is_answered_once(self, house: House) -> None:
        page = await house.visit(RasaWebchat(house.url))
        for where in ({"message_id": "m1"}, {"message_id": "m1"}, {"metadata": {"message_id": "m1"}}):
            assert await page.say_surely("where is it", **where) == {"status": "accepted"}
        await page.come_back()
        await page.say("where is it", message_id="m1")
        await page.say("when are you open")

        assert (await page.sees(4))[:2] == SAID
        assert len(page.shown) == 4

    async def test_the_same_id_of_another_page_is_another_message(self, house: House) -> None:
        for _ in range(2):
            page = await house.visit(RasaWebchat(house.url))
            await page.say("where is it", message_id="m1")
            assert await page.sees(2) == SAID


class TestTokens:
    @pytest.fixture
    async def house(self, open_house: Open) -> House:
        return await open_house(jwt_key=KEY)

    @pytest.mark.parametrize("prefix", ["", "Bearer "])
    async def test_a_signed_token_opens(self, house: House, prefix: str) -> None:
        page = await house.visit(RasaChatWidget(house.url, token=prefix + token()))
        await page.say("where is it")

        assert await page.sees(2) == SAID

    @pytest.mark.parametrize(
        "auth",
        [
            None,
            {},
            {"token": None},
            {"token": ""},
            {"token": 5},
            {"token": ["a"]},
            "token",
            {"token": "a.b.c"},
            {"token": "x" * 10_000},
            {"token": jwt.encode({"sub": "a"}, "l" * 64)},
            {"token": jwt.encode({"sub": "a"}, KEY, "HS512")},
            {"token": jwt.encode({"sub": "a"}, None, "none")},
            {"token": jwt.encode({"sub": "a", "exp": 1_000}, KEY)},
            {"token": jwt.encode({"sub": "a", "nbf": 9_999_999_999}, KEY)},
            {"token": jwt.encode({"sub": "a", "aud": "others"}, KEY)},
        ],
    )
    async def test_any_other_is_refused(self, house: House, auth: Any) -> None:
        page = Silent(house.url, auth=auth)

        with pytest.raises(socketio.exceptions.ConnectionError):
            await page.connect()
        await page.leave()

    async def test_who_was_refused_cannot_speak(self, house: House) -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(raw_address(house)) as socket:
            await socket.receive_str()
            for frame in ("40", '42["connect",{},{"token":"x"}]', '42["user_uttered",{"message":"hello"}]'):
                await socket.send_str(frame)
            answer = await socket.receive_str()

        assert answer.startswith("44")
        assert await house.conversations() == []

    async def test_plain_names_of_sessions_belong_to_whom_the_token_names(self, house: House) -> None:
        ann = await house.visit(RasaChatWidget(house.url, sender_id="customer-7", token=token("ann")))
        bob = await house.visit(RasaChatWidget(house.url, sender_id="customer-7", token=token("bob")))
        assert ann.confirmed == bob.confirmed == ["customer-7"]
        await ann.say("hello")
        await ann.sees(1)
        await ann.come_back()
        await ann.say("2")

        assert (await ann.sees(3))[1:] == SAID
        assert bob.shown == []
        assert len(await house.conversations()) == 1


class TestHostileFrames:
    @pytest.mark.parametrize(
        "data",
        [
            None,
            "hello",
            [],
            {},
            {"message": None},
            {"message": 5},
            {"message": ["a"]},
            {"message": "hi", "session_id": 5},
            {"message": "hi", "session_id": "s" * 300},
            {"message": "hi", "metadata": [1]},
            {"message": "hi", "metadata": "{"},
            {"message": "hi", "metadata": {"a": float("nan")}},
            {"message": "hi", "metadata": {"a": "\ud800"}},
            {"message": "hi", "message_id": ""},
            {"message": "hi", "message_id": "\x00"},
            {"message": b"hi"},
            b"\xff",
        ],
    )
    async def test_what_is_no_message_is_refused_and_the_page_goes_on(self, house: House, data: Any) -> None:
        page = await house.visit(RasaWebchat(house.url))

        answer = await page.client.call("user_uttered", data, timeout=5)

        assert answer["status"] == "refused"
        await page.say("where is it")
        assert await page.sees(2) == SAID

    @pytest.mark.parametrize("text", ["", "  ", "\u200b", "\x00\x1b"])
    async def test_nothing_to_read_is_nothing(self, house: House, text: str) -> None:
        page = await house.visit(RasaWebchat(house.url))

        assert await page.say_surely(text) == {"status": "empty"}

    async def test_a_long_text_is_cut(self, house: House) -> None:
        page = await house.visit(RasaWebchat(house.url))
        await page.say_surely("a" * 10_000)
        await page.sees(1)

        assert house.bot.inference.asked == ["a" * 100]

    @pytest.mark.parametrize(
        "frames",
        [
            ["42"],
            ["42["],
            ["42[]"],
            ["42[5]"],
            ['42["user_uttered"]'],
            ['42["user_uttered",1,2,3]'],
            ['42[["user_uttered"],{}]'],
            ['42["disconnect"]', '42["user_uttered",{"message":"x"}]'],
            ['42["connect",{},{}]'],
            ["42" + "[" * 20_000],
            ["4"],
            ["49"],
            ["451-"],
            ['451-["user_uttered",{"_placeholder":true,"num":9}]', "bnot base64"],
            ["40/other,"],
            ["43999[]"],
            ["3", "3", "3"],
            ["x"],
            [""],
            ['42["session_request",{"session_id":{}}]'],
            ['42["session_request",[]]'],
        ],
    )
    async def test_broken_frames_harm_only_their_sender(self, house: House, frames: list[str]) -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(raw_address(house)) as socket:
            await socket.receive_str()
            for frame in ("40", *frames):
                await socket.send_str(frame)
            page = await house.visit(RasaWebchat(house.url))
            await page.say("where is it")

            assert await page.sees(2) == SAID
        assert len(await house.conversations()) == 1

    async def test_a_frame_over_the_limit_ends_the_connection(self, house: House) -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(raw_address(house)) as socket:
            await socket.receive_str()
            await socket.send_str("4" + "x" * 70_000)
            ended = await socket.receive()
            while ended.type is aiohttp.WSMsgType.TEXT:
                ended = await socket.receive()

        assert ended.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)

    async def test_pongs_that_nobody_asked_for_confirm_nothing(self, house: House) -> None:
        page = await house.visit(RasaWebchat(house.url, transports=["websocket"]))
        for _ in range(5):
            await send_pong(page)
        hold_pongs(page)
        await page.say("where is it")
        await page.sees(1)
        await until(lambda: tried(house))

        assert not await are(house, SendState.SENT)

    async def test_a_custom_payload_cannot_be_sent_to_others(self, open_house: Open) -> None:
        custom = {"data": {"text": "secret"}, "room": None, "to": None, "skip_sid": "x", "namespace": "/"}
        responses = {**DOMAIN.responses, "utter_greet": (Variation(custom=custom),)}
        house = await open_house(spec=replace(SPEC, domain=replace(DOMAIN, responses=responses)))
        other = await house.visit(RasaWebchat(house.url))
        page = await house.visit(RasaWebchat(house.url))
        await page.say("hello")

        assert await page.sees(1) == [("text", "secret")]
        assert other.shown == []


class TestLimits:
    async def test_no_more_may_connect_than_the_server_holds(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lines, "MAX_LINES", 1)
        page = await house.visit(RasaWebchat(house.url))
        other = RasaWebchat(house.url)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await other.connect()
        await other.leave()
        await page.leave()

        await house.visit(RasaWebchat(house.url))

    async def test_the_oldest_page_of_a_conversation_gives_way(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lines, "MAX_OF_ONE", 2)
        oldest = await house.visit(RasaWebchat(house.url))
        pages = [await house.visit(RasaWebchat(house.url, stored_id=oldest.session_id)) for _ in range(2)]
        await pages[0].say("where is it")

        assert [await page.sees(2) for page in pages] == [SAID, SAID]
        assert oldest.shown == []

    async def test_a_full_inbox_is_told_to_who_asks(self, house: House) -> None:
        page = await house.visit(RasaWebchat(house.url))
        house.store.inbox._cap = 0

        assert (await page.say_surely("where is it"))["reason"] == "Overloaded"


class TestOrigins:
    @pytest.mark.parametrize(
        ("origin", "status"),
        [
            ("https://shop.example", 200),
            ("https://shop.example.evil.example", 400),
            ("http://shop.example", 400),
            ("null", 400),
            ("own", 200),
            (None, 200),
        ],
    )
    @pytest.mark.parametrize("transport", ["polling", "websocket"])
    async def test_only_pages_that_are_named_may_connect(
        self, open_house: Open, origin: str | None, status: int, transport: str
    ) -> None:
        house = await open_house(origins=("https://shop.example",))
        headers = {} if origin is None else {"Origin": house.url if origin == "own" else origin}

        if transport == "websocket":
            assert await upgraded(house, headers) == (status == 200)
            return
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{house.url}/socket.io/?EIO=4&transport=polling", headers=headers) as response,
        ):
            assert response.status == status
            allowed = response.headers.get("Access-Control-Allow-Origin")
        assert allowed == (headers.get("Origin") if status == 200 else None)

    async def test_every_page_may_where_the_owner_says_so(self, open_house: Open) -> None:
        house = await open_house(origins=("*",))

        assert await upgraded(house, {"Origin": "https://any.example"})


async def upgraded(house: House, headers: dict[str, str]) -> bool:
    async with aiohttp.ClientSession() as session:
        try:
            async with session.ws_connect(raw_address(house), headers=headers) as socket:
                return (await socket.receive_str()).startswith("0{")
        except aiohttp.WSServerHandshakeError:
            return False


async def test_the_server_ends_while_pages_are_connected(house: House) -> None:
    await house.visit(RasaWebchat(house.url, transports=["websocket"]))
    await house.visit(RasaWebchat(house.url, transports=["polling"]))
    began = time.monotonic()

    await house.stop()

    assert time.monotonic() - began < 5
    await house.start()


def raw_address(house: House) -> str:
    return f"{house.url}/socket.io/?EIO=4&transport=websocket"


def token(subject: str = "ann") -> str:
    return jwt.encode({"sub": subject, "exp": int(time.time()) + 600}, KEY)


def hold_pongs(page: Page) -> Callable[[], Awaitable[None]]:
    """Keeps the page from answering pings, as one does whose tab sleeps; call what this gives to answer them."""
    held: list[Any] = []
    transport = page.client.eio
    send = transport._send_packet

    async def hold(packet: Any) -> None:
        if packet.packet_type == 3:
            held.append(packet)
        else:
            await send(packet)

    transport._send_packet = hold

    async def answer() -> None:
        transport._send_packet = send
        for packet in held:
            await send(packet)

    return answer


async def send_pong(page: Page) -> None:
    import engineio  # noqa: PLC0415 - only this speaks below Socket.IO

    await page.client.eio._send_packet(engineio.packet.Packet(engineio.packet.PONG))


async def tried(house: House, times: int = 1) -> bool:
    parts = await house.parts()
    return any(part.state is SendState.PENDING and part.attempts >= times for part in parts)


async def are(house: House, state: SendState) -> bool:
    return {part.state for part in await house.parts()} == {state}


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():  # noqa: ASYNC110 - the other side is a server
            await asyncio.sleep(0.01)
