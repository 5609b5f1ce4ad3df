"""The Slack channel against the fake of Slack: what comes in, what is refused, and what goes out."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from bench import Bench, bench, part
from fakes.slack import BOT, BOT_ID, TEAM, FakeSlack, named, timestamp
from fakes.vendor import Fault
from pydantic import ValidationError
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_sdk.signature import Clock as SdkClock
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.channels.slack import Config, make
from bot.delivery import NotSent, Rejected, Uncertain
from bot.messages import BotMessage
from configs.domain import Button

ANN, HERS = named("U", "ann"), named("D", "ann")
TEXT = BotMessage(text="Hello")
ADDRESS = {"team": TEAM, "channel": HERS, "thread_ts": None}


@pytest.fixture
def settings() -> dict[str, Any]:
    """What a test sets besides the fake's credentials."""
    return {}


@pytest.fixture
async def slack(settings: dict[str, Any]) -> AsyncIterator[Bench]:
    fake = FakeSlack()
    async with bench(
        fake, lambda credentials, intake: make(Config.model_validate(credentials | settings), intake)
    ) as running:
        fake.now = fake.clock = running.clock
        yield running


class TestWhatComesIn:
    async def test_a_direct_message(self, slack: Bench) -> None:
        assert await slack.post(slack.fake.message(user="ann", text="a < b & c", id="1")) == (200, b"")

        (taken,) = slack.new
        assert taken.message.conversation_id == slack.fake.conversation_of("ann") == f"slack:{TEAM}:{ANN}:{HERS}"
        assert (taken.message.text, taken.message.account) == ("a < b & c", TEAM)
        assert taken.message.external_id == f"{HERS}:{timestamp('1')}"
        assert taken.message.metadata == {"out_channel": HERS, "thread_id": timestamp("1"), "users": ANN}
        assert taken.address == ADDRESS

    async def test_a_retry_is_taken_in_if_the_first_was_not(self, slack: Bench) -> None:
        request = slack.fake.message(user="ann", text="hello", id="1")

        retry = ("X-Slack-Retry-Num", "1"), ("X-Slack-Retry-Reason", "http_timeout")
        assert (await slack.post(request, *retry))[0] == 200
        assert (await slack.post(request, *retry))[0] == 200
        assert len(slack.new) == 1
        assert len(slack.intake.taken) == 2

    async def test_a_message_and_the_mention_of_it_are_one(self, slack: Bench) -> None:
        for kind in ("app_mention", "message"):
            mention = slack.fake.mention(user="ann", text="hello", id="1", kind=kind)
            assert (await slack.post(slack.fake.posted(mention)))[0] == 200

        (taken,) = slack.new
        assert (taken.message.text, taken.message.external_id) == ("hello", f"C0SHOP0001:{timestamp('1')}")
        assert slack.intake.taken[1].message == taken.message

    @pytest.mark.parametrize(
        "more",
        [
            {"bot_id": BOT_ID},
            {"user": BOT},
            {"user": "USLACKBOT"},
            {"user": None},
            {"subtype": "message_changed"},
            {"subtype": "message_deleted"},
            {"subtype": "bot_message"},
            {"subtype": "channel_join"},
            {"type": "reaction_added"},
            {"channel": "C0OTHERS01", "channel_type": "channel"},
            {"ts": "yesterday"},
            {"channel": "a:b"},
            {"channel": 7},
            {"files": "none"},
        ],
        ids=str,
    )
    async def test_what_nobody_says_to_the_bot_is_passed_over(self, slack: Bench, more: dict[str, Any]) -> None:
        payload = slack.fake.event(user="ann", text="hello", id="1")
        payload["event"] |= more

        assert (await slack.post(slack.fake.posted(payload)))[0] == 200
        assert slack.intake.taken == []

    @pytest.mark.parametrize("settings", [{"slack_channel": "C0OTHERS01"}])
    async def test_in_its_own_channel_every_message_is_meant(self, slack: Bench) -> None:
        elsewhere = {"channel": "C0OTHERS01", "channel_type": "channel"}
        await slack.post(slack.fake.message(user="ann", text="hello", id="1", **elsewhere))

        assert [taken.message.text for taken in slack.new] == ["hello"]

    async def test_in_a_thread_that_the_bot_began_every_message_is_meant(self, slack: Bench) -> None:
        thread = {"thread_ts": timestamp("0"), "parent_user_id": BOT, "channel": "C0OTHERS01", "channel_type": "group"}
        await slack.post(slack.fake.message(user="ann", text="hello", id="1", **thread))

        (taken,) = slack.new
        assert taken.address == {"team": TEAM, "channel": "C0OTHERS01", "thread_ts": timestamp("0")}

    async def test_a_file_is_taken_in_without_words(self, slack: Bench) -> None:
        file = {"id": "F0S43P1CZ", "name": "a.png", "mimetype": "image/png", "url_private": "https://files.slack.com/a"}
        more = {"subtype": "file_share", "files": [file]}
        await slack.post(slack.fake.message(user="ann", text="", id="1", **more))

        (taken,) = slack.new
        assert taken.message.text == ""
        assert taken.message.metadata["media"] == [
            {"kind": "image", "id": "F0S43P1CZ", "name": "a.png", "mime": "image/png"}
        ]

    async def test_a_pressed_button(self, slack: Bench) -> None:
        assert await slack.post(slack.fake.button(user="ann", payload="/hours", id="1")) == (200, b"")

        (taken,) = slack.new
        assert (taken.message.text, taken.message.external_id) == ("/hours", "13345224609.738474920.1")
        assert (taken.message.conversation_id, taken.address) == (slack.fake.conversation_of("ann"), ADDRESS)

    @pytest.mark.parametrize(
        ("action", "text"),
        [
            ({"type": "static_select", "selected_option": {"value": "/red"}}, ["/red"]),
            ({"type": "datepicker", "selected_date": "2026-11-25"}, ["2026-11-25"]),
            ({"type": "users_select", "selected_user": "U1"}, ["U1"]),
            ({"type": "button"}, []),
            ({"type": "multi_static_select", "selected_options": []}, []),
        ],
    )
    async def test_what_was_chosen_elsewhere(self, slack: Bench, action: dict[str, Any], text: list[str]) -> None:
        payload = slack.fake.action(user="ann", payload="", id="1", actions=[action])
        assert (await slack.post(slack.fake.form({"payload": json.dumps(payload)})))[0] == 200
        assert [taken.message.text for taken in slack.new] == text

    @pytest.mark.parametrize(
        ("settings", "conversations"),
        [
            ({"conversation_granularity": "sender"}, [f"slack:{TEAM}:{ANN}"] * 2),
            ({"conversation_granularity": "channel"}, [f"slack:{TEAM}:{ANN}:C0SHOP0001"] * 2),
            (
                {"conversation_granularity": "thread"},
                [f"slack:{TEAM}:{ANN}:C0SHOP0001:{timestamp(one)}" for one in ("1", "0")],
            ),
        ],
    )
    async def test_what_has_a_conversation_of_its_own(self, slack: Bench, conversations: list[str]) -> None:
        for id_, more in (("1", {}), ("2", {"thread_ts": timestamp("0")})):
            await slack.post(slack.fake.posted(slack.fake.mention(user="ann", text="hi", id=id_, **more)))

        assert [taken.message.conversation_id for taken in slack.new] == conversations

    @pytest.mark.parametrize(
        ("settings", "threads"),
        [
            ({}, [None, timestamp("0")]),
            ({"use_threads": True}, [timestamp("1"), timestamp("0")]),
            ({"conversation_granularity": "thread"}, [timestamp("1"), timestamp("0")]),
        ],
    )
    async def test_where_the_reply_goes(self, slack: Bench, threads: list[str | None]) -> None:
        for id_, more in (("1", {}), ("2", {"thread_ts": timestamp("0")})):
            await slack.post(slack.fake.posted(slack.fake.mention(user="ann", text="hi", id=id_, **more)))

        assert [(taken.address or {})["thread_ts"] for taken in slack.new] == threads

    async def test_the_address_is_verified_by_a_signed_challenge(self, slack: Bench) -> None:
        challenge = {"type": "url_verification", "token": "x", "challenge": "3eZbrw1aB<script>"}
        async with slack.client.post(
            "/webhooks/slack/webhook",
            data=(request := slack.fake.posted(challenge)).body,
            headers=request.headers,
        ) as response:
            assert (response.status, await response.text()) == (200, "3eZbrw1aB<script>")
            assert response.content_type == "text/plain"

    async def test_the_store_that_fails_is_not_acknowledged(self, slack: Bench) -> None:
        await slack.store.close()

        assert (await slack.post(slack.fake.message(user="ann", text="hello", id="1")))[0] == 503


class TestWhatIsRefused:
    @pytest.mark.parametrize("name", FakeSlack().forgeries())
    async def test_a_forged_request(self, slack: Bench, name: str) -> None:
        status, _ = await slack.post(slack.fake.forgeries()[name])

        assert status == 401
        assert slack.intake.taken == []

    @pytest.mark.parametrize("header", ["X-Slack-Signature", "X-Slack-Request-Timestamp"])
    async def test_a_header_that_comes_twice(self, slack: Bench, header: str) -> None:
        request = slack.fake.message(user="ann", text="hello", id="1")

        assert (await slack.post(request, (header, request.headers[header])))[0] == 401

    @pytest.mark.parametrize(
        ("body", "kind", "status"),
        [
            (b"\xff\xfe", "application/json", 400),
            (b"{", "application/json", 400),
            (b"[" * 100_000, "application/json", 400),
            (b'{"type": NaN}', "application/json", 400),
            (b"null", "application/json", 200),
            (b'{"type": "url_verification", "challenge": "\\ud83d"}', "application/json", 200),
            (b'{"type": "url_verification", "challenge": {"a": [1]}}', "application/json", 200),
            (b'{"type": ["event_callback"]}', "application/json", 200),
            (b'{"type": "event_callback"}', "application/json", 200),
            (b'{"type": "app_rate_limited", "minute_rate_limited": 1518467820}', "application/json", 200),
            (b"payload=%FF", "application/x-www-form-urlencoded", 400),
            (b"payload=%7B", "application/x-www-form-urlencoded", 400),
            (b"&".join([b"a=b"] * 200), "application/x-www-form-urlencoded", 400),
            (b"ssl_check=1&token=x", "application/x-www-form-urlencoded", 200),
            (b"<a/>", "application/xml", 415),
        ],
    )
    async def test_a_signed_body_of_another_form(self, slack: Bench, body: bytes, kind: str, status: int) -> None:
        assert (await slack.post(slack.fake.signed(body, kind)))[0] == status
        assert slack.intake.taken == []

    async def test_every_request_without_a_secret(self) -> None:
        fake = FakeSlack()

        def without_secret(credentials: dict[str, Any], intake: Any) -> Any:
            known = {"slack_token": fake.token, "app_token": fake.app_token, "api_url": credentials["api_url"]}
            return make(Config.model_validate(known), intake)

        async with bench(fake, without_secret) as running:
            fake.now = running.clock
            assert (await running.post(fake.message(user="ann", text="hello", id="1")))[0] == 401

    def test_settings_without_a_way_in(self) -> None:
        with pytest.raises(ValidationError, match="slack_signing_secret for the webhook, or app_token"):
            Config.model_validate({"slack_token": "xoxb-1"})


class TestWhatGoesOut:
    async def test_a_text_with_buttons_into_a_thread(self, slack: Bench) -> None:
        message = BotMessage(text="Which <one>?", buttons=(Button(title="Hours", payload="/hours"),))
        await slack.channel.deliver(part(message, ADDRESS | {"thread_ts": timestamp("1")}))

        (sent,) = slack.fake.sent
        assert sent.text == "Which <one>?"
        assert (sent.raw["channel"], sent.raw["thread_ts"]) == (HERS, timestamp("1"))
        assert sent.raw["blocks"][1]["elements"][0]["value"] == "/hours"

    async def test_a_picture_that_slack_cannot_fetch_is_sent_as_its_address(self, slack: Bench) -> None:
        slack.fake.fetches_pictures = False
        await slack.channel.deliver(part(BotMessage(image="https://intranet.example/a.png"), ADDRESS))

        assert [sent.text for sent in slack.fake.sent] == ["https://intranet.example/a.png"]
        assert slack.fake.refused == ["invalid_blocks"]

    @pytest.mark.parametrize("settings", [{"slack_channel": "C0SHOP0001"}])
    async def test_what_is_said_unasked_goes_to_the_bots_channel(self, slack: Bench) -> None:
        await slack.channel.deliver(part(TEXT, {}))

        assert [sent.user for sent in slack.fake.sent] == ["C0SHOP0001"]

    async def test_what_is_said_unasked_goes_nowhere_without_one(self, slack: Bench) -> None:
        with pytest.raises(Rejected, match="set slack_channel"):
            await slack.channel.deliver(part(TEXT, {}))

    @pytest.mark.parametrize("settings", [{"workspaces": {"T0OTHER001": "xoxb-other"}}])
    async def test_each_workspace_has_its_token(self, slack: Bench) -> None:
        slack.fake.token = "xoxb-other"  # noqa: S105
        await slack.channel.deliver(part(TEXT, ADDRESS | {"team": "T0OTHER001"}))

        assert len(slack.fake.sent) == 1
        with pytest.raises(Rejected, match="invalid_auth"):
            await slack.channel.deliver(part(TEXT, ADDRESS))

    async def test_the_limit_of_a_channel_is_told_with_its_wait(self, slack: Bench) -> None:
        for _ in range(3):
            await slack.channel.deliver(part(TEXT, ADDRESS))
        with pytest.raises(NotSent) as caught:
            await slack.channel.deliver(part(TEXT, ADDRESS))

        assert caught.value.retry_after_s == 1.0
        slack.clock.now += 1.0
        await slack.channel.deliver(part(TEXT, ADDRESS))
        assert len(slack.fake.sent) == 4

    @pytest.mark.parametrize(
        ("fault", "expected", "sent"),
        [
            (Fault.TOO_MANY, NotSent, 0),
            (Fault.SERVER_ERROR, NotSent, 0),
            (Fault.HANG_UP, Uncertain, 0),
            (Fault.LOST_ANSWER, Uncertain, 1),
        ],
    )
    async def test_what_became_of_it_is_told_apart(
        self, slack: Bench, fault: Fault, expected: type[Exception], sent: int
    ) -> None:
        slack.fake.faults.append(fault)
        with pytest.raises(expected):
            await slack.channel.deliver(part(TEXT, ADDRESS))

        assert len(slack.fake.sent) == sent

    async def test_a_refusal_says_what_to_do(self, slack: Bench) -> None:
        slack.fake.not_joined.add("C0SHOP0001")
        with pytest.raises(Rejected, match=r"not_in_channel\. Invite the bot"):
            await slack.channel.deliver(part(TEXT, ADDRESS | {"channel": "C0SHOP0001"}))
        with pytest.raises(Rejected, match="channel_not_found"):
            await slack.channel.deliver(part(TEXT, ADDRESS | {"channel": "nowhere"}))


class TestSocketMode:
    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"app_token": FakeSlack.app_token}

    @pytest.fixture
    async def connected(self, slack: Bench) -> AsyncIterator[Bench]:
        running = asyncio.create_task(slack.channel.run())
        await slack.fake.connected.wait()
        yield slack
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    async def acknowledged(self, fake: FakeSlack, count: int) -> list[str]:
        while len(fake.acknowledged) < count:
            fake.news.clear()
            await fake.news.wait()
        return fake.acknowledged

    async def test_an_envelope_is_acknowledged_once_it_is_kept(self, connected: Bench) -> None:
        fake = connected.fake
        await fake.bring("e1", fake.event(user="ann", text="hello", id="1"))
        await fake.bring("e2", fake.action(user="ann", payload="/hours", id="2"), "interactive")

        assert sorted(await self.acknowledged(fake, 2)) == ["e1", "e2"]
        assert [taken.message.text for taken in connected.new] == ["hello", "/hours"]

    async def test_what_is_not_kept_is_not_acknowledged(self, connected: Bench) -> None:
        fake = connected.fake
        await connected.store.close()
        await fake.bring("e1", fake.event(user="ann", text="hello", id="1"))
        await fake.bring("e2", {"type": "shortcut"}, "interactive")

        assert await self.acknowledged(fake, 1) == ["e2"]

    async def test_a_new_connection_is_opened_when_slack_asks_for_one(self, connected: Bench) -> None:
        fake = connected.fake
        await fake.reconnects()
        await fake.bring("e1", fake.event(user="ann", text="hello", id="1"))

        assert await self.acknowledged(fake, 1) == ["e1"]
        assert len(connected.new) == 1


class TestTheFake:
    """What the fake brings is genuine in the eyes of Slack's own libraries."""

    async def test_slacks_verifier_takes_its_signature(self, slack: Bench) -> None:
        request = slack.fake.message(user="ann", text="héllo 🙂", id="1")
        clock = SdkClock()
        clock.now = slack.clock  # type: ignore[method-assign]

        assert SignatureVerifier(slack.fake.secret, clock).is_valid_request(request.body, dict(request.headers))

    async def test_bolt_dispatches_its_messages_and_buttons(self, slack: Bench) -> None:
        fake, heard = slack.fake, []
        fake.now = fake.__class__().now  # bolt has no other clock
        client = AsyncWebClient(token=fake.token, base_url=f"{fake.url}/api/")
        app = AsyncApp(signing_secret=fake.secret, client=client, process_before_response=True)

        @app.event("message")
        async def hear(event: dict[str, Any]) -> None:
            heard.append(event["text"])

        @app.event("app_mention")
        async def hear_mention(event: dict[str, Any]) -> None:
            heard.append(event["text"])

        @app.action("choice_0")
        async def hear_button(ack: Any, action: dict[str, Any]) -> None:
            await ack()
            heard.append(action["value"])

        mention = fake.posted(fake.mention(user="ann", text="you", id="2"))
        button = fake.button(user="ann", payload="/hours", id="3")
        for request in (fake.message(user="ann", text="hello", id="1"), mention, button):
            bolt_request = AsyncBoltRequest(body=request.body.decode(), headers=dict(request.headers))
            assert (await app.async_dispatch(bolt_request)).status == 200
        forged = AsyncBoltRequest(body="{}", headers=dict(mention.headers))
        assert (await app.async_dispatch(forged)).status == 401
        assert heard == ["hello", f"<@{BOT}> you", "/hours"]
