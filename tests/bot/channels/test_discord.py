"""The Discord channel against the fake of Discord: commands, buttons, messages, and what goes out."""

import asyncio
import json
import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest
from bench import Bench, bench, part
from fakes.discord import APP, BOT, HALL, SERVER, TOKEN, FakeDiscord, snowflake
from fakes.vendor import Fault
from pydantic import ValidationError
from yarl import URL

from bot.channels.discord import Config, make
from bot.channels.discord.gateway import Gateway
from bot.channels.discord.interactions import TOKEN_LASTS_S
from bot.channels.discord.rendering import rendered
from bot.delivery import NotSent, Rejected, Uncertain
from bot.messages import BotMessage
from configs.domain import Button
from configs.errors import KefuError

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # discord.py takes sound from a part of Python that is to go
    import discord
    from discord.components import ActionRow, _component_factory
    from discord.gateway import DiscordWebSocket
    from discord.http import Route

ANN, HERS = snowflake("user", "ann"), snowflake("channel", "ann")
TEXT = BotMessage(text="Hello")


@pytest.fixture
async def discord_bench() -> AsyncIterator[Bench]:
    fake = FakeDiscord()
    async with bench(fake, lambda credentials, intake: make(Config.model_validate(credentials), intake)) as running:
        fake.now = fake.clock = running.clock
        yield running


async def asked_by(running: Bench, user: str = "ann") -> dict[str, Any]:
    """The way back to a customer who has used a command."""
    assert (await running.post(running.fake.message(user=user, text="hello", id="1")))[0] == 200
    return dict(running.intake.taken[-1].address or {})


class TestCommandsAndButtons:
    async def test_a_command_is_taken_in_while_the_customer_sees_that_the_bot_thinks(
        self, discord_bench: Bench
    ) -> None:
        status, body = await discord_bench.post(discord_bench.fake.message(user="ann", text="Where is it?", id="1"))

        assert (status, json.loads(body)) == (200, {"type": 5})
        (taken,) = discord_bench.new
        assert taken.message.conversation_id == discord_bench.fake.conversation_of("ann") == f"discord:{HERS}:{ANN}"
        assert (taken.message.text, taken.message.account) == ("Where is it?", APP)
        assert taken.message.external_id == snowflake("interaction", "1")
        assert taken.address == {
            "channel": HERS,
            "token": f"aW50ZXJhY3Rpb24{snowflake('token', '1')}",
            "until": discord_bench.clock() + TOKEN_LASTS_S,
        }

    async def test_a_pressed_button_leaves_its_message_as_it_is(self, discord_bench: Bench) -> None:
        status, body = await discord_bench.post(discord_bench.fake.button(user="ann", payload="/hours", id="1"))

        assert (status, json.loads(body)) == (200, {"type": 6})
        assert [taken.message.text for taken in discord_bench.new] == ["/hours"]

    @pytest.mark.parametrize(
        ("more", "text"),
        [
            ({}, "help"),
            ({"data": {"name": "x", "options": [{"options": [{"value": 4711}, {"value": "now"}]}]}}, "4711 now"),
            ({"type": 3, "data": {"custom_id": "menu", "values": ["/red", "/blue"]}}, "/red"),
            ({"user": None, "member": {"user": {"id": "7"}}, "guild_id": SERVER}, "help"),
        ],
    )
    async def test_whatever_else_a_customer_does(self, discord_bench: Bench, more: dict[str, Any], text: str) -> None:
        request = discord_bench.fake.posted(discord_bench.fake.interaction(user="ann", id="1") | more)

        assert (await discord_bench.post(request))[0] == 200
        assert [taken.message.text for taken in discord_bench.new] == [text]

    async def test_a_ping_is_answered(self, discord_bench: Bench) -> None:
        ping = discord_bench.fake.interaction(user="ann", id="1", type=1, data=None)

        status, body = await discord_bench.post(discord_bench.fake.posted(ping))

        assert (status, json.loads(body)) == (200, {"type": 1})
        assert discord_bench.intake.taken == []

    @pytest.mark.parametrize(
        "more",
        [
            {"application_id": "1"},
            {"type": 4},
            {"data": None},
            {"user": None},
            {"channel_id": None},
            {"channel_id": "a:b"},
            {"token": ""},
            {"type": 3, "data": {}},
            {"data": {"name": " \u200b "}},
        ],
        ids=str,
    )
    async def test_what_cannot_be_answered(self, discord_bench: Bench, more: dict[str, Any]) -> None:
        request = discord_bench.fake.posted(discord_bench.fake.interaction(user="ann", id="1") | more)

        assert (await discord_bench.post(request))[0] == 400
        assert discord_bench.intake.taken == []

    @pytest.mark.parametrize("name", FakeDiscord().forgeries())
    async def test_a_forged_request(self, discord_bench: Bench, name: str) -> None:
        assert (await discord_bench.post(discord_bench.fake.forgeries()[name]))[0] == 401
        assert discord_bench.intake.taken == []

    @pytest.mark.parametrize("header", ["X-Signature-Ed25519", "X-Signature-Timestamp"])
    async def test_a_header_that_comes_twice(self, discord_bench: Bench, header: str) -> None:
        request = discord_bench.fake.message(user="ann", text="hello", id="1")

        assert (await discord_bench.post(request, (header, request.headers[header])))[0] == 401

    @pytest.mark.parametrize("body", [b"\xff", b"{", b"[" * 100_000, b"null", b"[]"])
    async def test_a_signed_body_of_another_form(self, discord_bench: Bench, body: bytes) -> None:
        assert (await discord_bench.post(discord_bench.fake.signed(body)))[0] == 400

    async def test_the_store_that_fails_is_not_acknowledged(self, discord_bench: Bench) -> None:
        await discord_bench.store.close()

        assert (await discord_bench.post(discord_bench.fake.message(user="ann", text="hello", id="1")))[0] == 503

    def test_an_id_may_be_written_without_quotes(self) -> None:
        assert Config.model_validate({"application_id": 845027738276462632, "bot_token": "x"}).application_id == APP

    def test_settings_without_a_way_in(self) -> None:
        with pytest.raises(ValidationError, match="write public_key for the webhook, or gateway: true"):
            Config.model_validate({"application_id": "1", "bot_token": "x", "gateway": False})


class TestWhatGoesOut:
    async def test_a_command_is_answered_where_it_was_asked(self, discord_bench: Bench) -> None:
        message = BotMessage(text="Which?", buttons=(Button(title="Hours", payload="/hours"),))
        await discord_bench.channel.deliver(part(message, await asked_by(discord_bench)))

        (sent,) = discord_bench.fake.sent
        assert (sent.user, sent.text, sent.key) == ("ann", "Which?", None)
        assert sent.raw["allowed_mentions"] == {"parse": []}
        assert sent.raw["components"] == [
            {"type": 1, "components": [{"type": 2, "style": 2, "label": "Hours", "custom_id": "/hours"}]}
        ]

    async def test_what_can_be_answered_no_more_is_answered_in_the_channel(self, discord_bench: Bench) -> None:
        address = await asked_by(discord_bench)
        discord_bench.fake.gone.add(address["token"])
        await discord_bench.channel.deliver(part(TEXT, address))
        discord_bench.fake.gone.clear()
        discord_bench.clock.now += TOKEN_LASTS_S
        await discord_bench.channel.deliver(part(TEXT, address, key="2"))

        assert [len(sent.key) for sent in discord_bench.fake.sent] == [25, 25]

    @pytest.mark.parametrize(
        ("fault", "expected", "sent"),
        [
            (Fault.TOO_MANY, NotSent, 0),
            (Fault.SERVER_ERROR, NotSent, 0),
            (Fault.HANG_UP, Uncertain, 0),
            (Fault.LOST_ANSWER, Uncertain, 1),
        ],
    )
    async def test_what_became_of_an_answer_to_a_command_is_told_apart(
        self, discord_bench: Bench, fault: Fault, expected: type[Exception], sent: int
    ) -> None:
        address = await asked_by(discord_bench)
        discord_bench.fake.faults.append(fault)
        with pytest.raises(expected):
            await discord_bench.channel.deliver(part(TEXT, address))

        assert len(discord_bench.fake.sent) == sent

    @pytest.mark.parametrize("fault", [Fault.HANG_UP, Fault.LOST_ANSWER])
    async def test_a_message_whose_answer_is_lost_is_repeated_and_shown_once(
        self, discord_bench: Bench, fault: Fault
    ) -> None:
        address = {"channel": (await asked_by(discord_bench))["channel"]}
        discord_bench.fake.faults.append(fault)
        await discord_bench.channel.deliver(part(TEXT, address))

        assert [sent.text for sent in discord_bench.fake.sent] == ["Hello"]

    async def test_the_pace_is_told_with_its_wait(self, discord_bench: Bench) -> None:
        address = await asked_by(discord_bench)
        for _ in range(5):
            await discord_bench.channel.deliver(part(TEXT, address))
        with pytest.raises(NotSent) as caught:
            await discord_bench.channel.deliver(part(TEXT, address))

        assert caught.value.retry_after_s == 1.0

    @pytest.mark.parametrize(
        ("address", "problem"),
        [
            ({"channel": HALL}, "code 50001. Invite the bot"),
            ({"channel": "1"}, "code 10003"),
            ({}, "nobody has written"),
        ],
    )
    async def test_a_refusal_is_final(self, discord_bench: Bench, address: dict[str, Any], problem: str) -> None:
        discord_bench.fake.closed_to.add(HALL)
        with pytest.raises(Rejected, match=problem):
            await discord_bench.channel.deliver(part(TEXT, address))


@pytest.mark.parametrize(
    ("message", "content"),
    [
        (BotMessage(text="**Hi** @everyone"), {"content": "**Hi** @everyone"}),
        (BotMessage(image="https://a.example/b.png"), {"embeds": [{"image": {"url": "https://a.example/b.png"}}]}),
        (BotMessage(image="/b.png"), {"content": "/b.png"}),
        (BotMessage(image="https://["), {"content": "https://["}),
        (BotMessage(custom={"content": "x", "flags": 4}), {"content": "x", "flags": 4}),
    ],
)
def test_each_thing_has_its_form(message: BotMessage, content: dict[str, Any]) -> None:
    assert rendered(message) == {"allowed_mentions": {"parse": []}} | content


def test_discord_py_takes_the_buttons() -> None:
    buttons = [Button(title=f"Number {number}", payload=f"/n{number}") for number in range(25)]
    found = rendered(BotMessage(text="?", buttons=(*buttons[:7], buttons[0], *buttons[7:24])))["components"]

    rows = [_component_factory(row) for row in found]

    assert all(isinstance(row, ActionRow) for row in rows)
    assert [child.custom_id for row in rows for child in row.children] == [f"/n{number}" for number in range(24)]  # type: ignore[union-attr]
    assert [len(row["components"]) for row in found] == [5, 5, 5, 5, 4]


class TestTheGateway:
    @pytest.fixture
    async def connected(self, discord_bench: Bench) -> AsyncIterator[Bench]:
        async with self.gateway(discord_bench):
            await discord_bench.fake.connected.wait()
            yield discord_bench

    def gateway(self, running: Bench, token: str = TOKEN) -> Any:
        return _running(Gateway(token, running.channel._api, running.channel.take, hosts=OWN, wait=_at_once))

    async def test_a_direct_message(self, connected: Bench) -> None:
        await connected.fake.dispatch("MESSAGE_CREATE", connected.fake.written(user="ann", text="Where is it?", id="1"))

        assert await connected.heard(1) == ["Where is it?"]
        (taken,) = connected.new
        assert (taken.message.conversation_id, taken.address) == (f"discord:{HERS}:{ANN}", {"channel": HERS})
        assert taken.message.external_id == snowflake("message", "1")

    async def test_a_message_that_names_the_bot_is_answered_as_a_reply(self, connected: Bench) -> None:
        place = {"guild_id": SERVER, "channel_id": HALL, "member": {"roles": []}}
        named = [{"id": BOT, "username": "shop", "bot": True}, {"id": "7", "username": "cem"}]
        text = f"<@{BOT}> is <@!7> there <:smile:123> <@8>?"
        message = connected.fake.written(user="ann", text=text, id="1", mentions=named, **place)
        await connected.fake.dispatch("MESSAGE_CREATE", message)

        assert await connected.heard(1) == ["is @cem there :smile: <@8>?"]
        await connected.channel.deliver(part(TEXT, connected.new[0].address or {}))
        (sent,) = connected.fake.sent
        assert sent.raw["message_reference"] == {"message_id": snowflake("message", "1"), "fail_if_not_exists": False}

    @pytest.mark.parametrize(
        ("name", "more"),
        [
            ("MESSAGE_CREATE", {"author": {"id": BOT, "bot": True}}),
            ("MESSAGE_CREATE", {"webhook_id": "7"}),
            ("MESSAGE_CREATE", {"type": 7}),
            ("MESSAGE_CREATE", {"guild_id": SERVER}),
            ("MESSAGE_CREATE", {"id": 7}),
            ("MESSAGE_UPDATE", {}),
            ("MESSAGE_DELETE", {}),
            ("TYPING_START", {}),
        ],
    )
    async def test_what_nobody_says_to_the_bot_is_passed_over(
        self, connected: Bench, name: str, more: dict[str, Any]
    ) -> None:
        await connected.fake.dispatch(name, connected.fake.written(user="ann", text="hello", id="1") | more)
        await connected.fake.dispatch("MESSAGE_CREATE", connected.fake.written(user="ann", text="last", id="2"))

        assert await connected.heard(1) == ["last"]

    async def test_a_picture_without_words(self, connected: Bench) -> None:
        files = [{"id": "9", "filename": "a.png", "content_type": "image/png", "url": "https://cdn.example/a.png"}]
        message = connected.fake.written(user="ann", text="", id="1", attachments=files)
        await connected.fake.dispatch("MESSAGE_CREATE", message)

        await connected.heard(1)
        media = [{"kind": "image", "id": "9", "name": "a.png", "mime": "image/png"}]
        assert connected.new[0].message.metadata["media"] == media

    async def test_a_command_that_comes_by_it_is_answered_by_the_api(self, connected: Bench) -> None:
        await connected.fake.dispatch("INTERACTION_CREATE", connected.fake.interaction(user="ann", id="1"))
        await connected.fake.dispatch("MESSAGE_CREATE", connected.fake.written(user="ann", text="last", id="2"))

        assert await connected.heard(2) == ["help", "last"]
        assert connected.fake.shown_at_once == {snowflake("interaction", "1"): 5}

    @pytest.mark.parametrize("code", [1_000, 1_006, 4_000, 4_008])
    async def test_after_a_break_it_goes_on_where_it_was(self, connected: Bench, code: int) -> None:
        await connected.fake.dispatch("MESSAGE_CREATE", connected.fake.written(user="ann", text="before", id="1"))
        await connected.heard(1)
        socket, connected.fake.socket = connected.fake.socket, None
        await connected.fake.dispatch("MESSAGE_CREATE", connected.fake.written(user="ann", text="meanwhile", id="2"))
        connected.fake.socket = socket
        await connected.fake.breaks(code if code != 1_006 else 1_011)

        assert await connected.heard(2) == ["before", "meanwhile"]
        assert connected.fake.sessions == {"begun": 1, "taken up": 1}

    @pytest.mark.parametrize(
        ("op", "data", "sessions"),
        [
            (7, None, {"begun": 1, "taken up": 1}),
            (9, True, {"begun": 1, "taken up": 1}),
            (9, False, {"begun": 2, "taken up": 0}),
        ],
    )
    async def test_discord_asks_for_another_connection(
        self, connected: Bench, op: int, data: Any, sessions: dict[str, int]
    ) -> None:
        await connected.fake.asks(op, data)

        assert connected.fake.sessions == sessions
        assert connected.fake.codes == [4_000]

    async def test_a_session_that_has_ended_is_begun_anew(self, connected: Bench) -> None:
        await connected.fake.breaks(4_009)

        assert connected.fake.sessions == {"begun": 2, "taken up": 0}

    async def test_what_cannot_be_kept_comes_again(self, connected: Bench) -> None:
        accept, tries = connected.intake.accept, []

        async def fails_once(*given: Any) -> Any:
            tries.append(given)
            if len(tries) == 1:
                raise KefuError("the disk is full")
            return await accept(*given)

        connected.intake.accept = fails_once  # type: ignore[method-assign]
        await connected.fake.dispatch("MESSAGE_CREATE", connected.fake.written(user="ann", text="hello", id="1"))

        assert await connected.heard(1) == ["hello"]
        assert (len(tries), connected.fake.sessions) == (2, {"begun": 1, "taken up": 1})

    async def test_a_connection_on_which_nobody_answers_is_ended(self, discord_bench: Bench) -> None:
        fake = discord_bench.fake
        fake.interval_ms, fake.answers_heartbeats = 5.0, False
        async with self.gateway(discord_bench), asyncio.timeout(5):
            await fake.closed.wait()
        assert fake.codes[0] == 4_000
        assert fake.heartbeats >= 1

    @pytest.mark.parametrize(("token", "code"), [("wrong", None), (TOKEN, 4_014)])
    async def test_where_discord_wants_no_other_try_there_is_none(
        self, discord_bench: Bench, token: str, code: int | None
    ) -> None:
        discord_bench.fake.refuses_with = code
        gateway = Gateway(token, discord_bench.channel._api, discord_bench.channel.take, hosts=OWN, wait=_at_once)
        async with asyncio.timeout(5):
            await gateway.run()

        assert discord_bench.fake.sessions["begun"] == 0

    @pytest.mark.parametrize(
        ("url", "is_allowed"),
        [
            ("wss://gateway.discord.gg", True),
            ("wss://gateway-us-east1-b.discord.gg", True),
            ("ws://gateway.discord.gg", False),
            ("wss://discord.gg.evil.example", False),
            ("wss://evildiscord.gg", False),
            ("ws://127.0.0.1:1", True),
            ("http://169.254.169.254", False),
        ],
    )
    def test_connections_go_to_discord_only(self, discord_bench: Bench, url: str, is_allowed: bool) -> None:
        gateway = Gateway(TOKEN, discord_bench.channel._api, discord_bench.channel.take, hosts=OWN)
        if is_allowed:
            assert gateway._checked(url) == URL(url)
        else:
            with pytest.raises(KefuError):
                gateway._checked(url)


class TestTheFake:
    async def test_discord_py_hears_what_it_brings(self, discord_bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        fake, heard = discord_bench.fake, asyncio.Queue[discord.Message]()
        monkeypatch.setattr(Route, "BASE", f"{fake.url}/api/v10")
        monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", URL(fake._gateway_url))

        class Listener(discord.Client):
            async def on_message(self, message: discord.Message) -> None:
                heard.put_nowait(message)

        async with Listener(intents=discord.Intents(guild_messages=True, dm_messages=True)) as client:
            running = asyncio.create_task(client.start(TOKEN))
            await fake.connected.wait()
            written = fake.written(user="ann", text="hello", id="1")
            await fake.dispatch("MESSAGE_CREATE", written)
            message = await asyncio.wait_for(heard.get(), 5)
            await client.close()
            await asyncio.gather(running, return_exceptions=True)

        assert (message.content, str(message.author.id), str(message.channel.id)) == ("hello", ANN, HERS)


OWN = frozenset({"127.0.0.1"})


async def _at_once(_: float) -> None:
    await asyncio.sleep(0)


class _running:  # noqa: N801 - used as a function
    """Has a gateway run until the end of the block."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._gateway.run())

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
