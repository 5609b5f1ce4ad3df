"""The channel `botframework` against the fake of the Azure Bot Service."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from bench import Bench, Clock, bench, part
from fakes.botframework import APP, BOT, FakeBotFramework
from fakes.vendor import Fault
from microsoft_agents.activity import Activity as SdkActivity
from microsoft_agents.activity import HeroCard as SdkHeroCard
from microsoft_agents.hosting.core import OutboundHostValidator
from microsoft_agents.hosting.core.authorization import AgentAuthConfiguration, JwtTokenValidator, jwt
from yarl import URL

from bot.channels.botframework import Config, make
from bot.channels.botframework.activities import Activity, parse_activity
from bot.channels.botframework.keys import MAX_AGE_S, MIN_GAP_S, RETRY_S, OpenIdKeys
from bot.channels.botframework.rendering import rendered, typing_sign
from bot.channels.posting import JsonPoster
from bot.delivery import NotSent, Rejected, Uncertain
from bot.errors import Refused
from bot.messages import BotMessage
from configs.domain import Button

TEXT = BotMessage(text="Hello")
HOURS = Button(title="Hours", payload="/hours")


@pytest.fixture
def settings() -> dict[str, Any]:
    """What a test sets besides the fake's credentials."""
    return {}


@pytest.fixture
async def teams(settings: dict[str, Any]) -> AsyncIterator[Bench]:
    fake = FakeBotFramework()
    async with bench(
        fake, lambda credentials, intake: make(Config.model_validate(credentials | settings), intake)
    ) as running:
        fake.now = fake.clock = running.clock
        yield running


async def written_by(teams: Bench, user: str = "ann") -> dict[str, Any]:
    """The way back to a customer who has written."""
    assert (await teams.post(teams.fake.message(user=user, text="hello", id="1")))[0] == 200
    return dict(teams.intake.taken[-1].address or {})


class TestWhatComesIn:
    async def test_a_message_in_a_personal_chat(self, teams: Bench) -> None:
        assert await teams.post(teams.fake.message(user="ann", text="Where is it?", id="1485983408511")) == (200, b"")

        (taken,) = teams.new
        assert taken.message.conversation_id == teams.fake.conversation_of("ann") == "botframework:msteams:a:1ann"
        assert (taken.message.text, taken.message.account) == ("Where is it?", BOT)
        assert taken.message.external_id == "a:1ann:1485983408511"
        assert taken.message.metadata == {
            "channel": "msteams",
            "locale": "en-GB",
            "tenant": "t-1",
            "aad_object_id": "00000000-0000-0000-0000-000000000001",
        }
        assert taken.address == {
            "service_url": teams.fake.service_url,
            "channel": "msteams",
            "conversation": "a:1ann",
            "activity": "1485983408511",
            "bot": {"id": BOT, "name": "Shop"},
            "customer": {"id": "29:ann", "name": "Ann"},
        }

    async def test_a_mention_in_a_channel_has_a_conversation_for_each_customer(self, teams: Bench) -> None:
        place = {
            "conversation": {
                "isGroup": True,
                "conversationType": "channel",
                "id": "19:a@thread.tacv2;messageid=1",
                "tenantId": "t-1",
            },
            "entities": [{"type": "mention", "text": "<at>Shop</at>", "mentioned": {"id": BOT, "name": "Shop"}}],
        }
        for user in ("ann", "ben"):
            text = "<at>Shop</at> is <at>Cem</at> there?"
            await teams.post(teams.fake.message(user=user, text=text, id=user, **place))

        assert [(taken.message.conversation_id, taken.message.text) for taken in teams.new] == [
            ("botframework:msteams:19:a@thread.tacv2;messageid=1:29:ann", "is Cem there?"),
            ("botframework:msteams:19:a@thread.tacv2;messageid=1:29:ben", "is Cem there?"),
        ]

    @pytest.mark.parametrize(
        ("more", "text"),
        [
            ({"text": "a &amp; b &lt; c", "textFormat": "xml"}, "a & b < c"),
            ({"text": "a &amp; b", "textFormat": "plain"}, "a &amp; b"),
            ({"text": "", "value": {"payload": "/hours"}}, "/hours"),
            ({"text": None, "value": "/hours"}, "/hours"),
            ({"text": "/hours", "value": {"payload": "/other"}}, "/hours"),
        ],
    )
    async def test_words_and_pressed_buttons(self, teams: Bench, more: dict[str, Any], text: str) -> None:
        await teams.post(teams.fake.posted(teams.fake.activity(user="ann", text="", id="1") | more))

        assert [taken.message.text for taken in teams.new] == [text]

    async def test_a_file_is_taken_in_without_words(self, teams: Bench) -> None:
        kind = "application/vnd.microsoft.teams.file.download.info"
        files = [{"contentType": kind, "name": "a.pdf"}, {"contentType": "image/png"}, {"contentType": "text/html"}]
        await teams.post(teams.fake.message(user="ann", text="", id="1", attachments=files))

        assert [taken.message.metadata["media"] for taken in teams.new] == [
            [{"kind": "file", "name": "a.pdf", "mime": kind}, {"kind": "image", "name": None, "mime": "image/png"}]
        ]

    @pytest.mark.parametrize(
        "more",
        [
            {"type": "conversationUpdate", "membersAdded": [{"id": BOT}]},
            {"type": "messageReaction", "reactionsAdded": [{"type": "like"}]},
            {"type": "messageUpdate"},
            {"type": "installationUpdate", "action": "add"},
            {"type": "typing"},
            {"from": {"id": BOT}},
            {"from": {"id": "29:bot", "role": "bot"}},
            {"id": None},
            {"conversation": {}},
            {"text": 7},
            {"entities": "none"},
            {"text": "<at>Shop</at>", "attachments": []},
        ],
        ids=str,
    )
    async def test_what_nobody_says_is_passed_over(self, teams: Bench, more: dict[str, Any]) -> None:
        activity = teams.fake.activity(user="ann", text="hello", id="1") | more
        if "Shop" in str(more.get("text")):
            activity["entities"] = [{"type": "mention", "text": "<at>Shop</at>", "mentioned": {"id": BOT}}]

        assert (await teams.post(teams.fake.posted(activity)))[0] == 200
        assert teams.intake.taken == []

    async def test_what_comes_again_is_taken_in_once(self, teams: Bench) -> None:
        for _ in range(2):
            await teams.post(teams.fake.message(user="ann", text="hello", id="1"))
        await teams.post(teams.fake.message(user="ben", text="hello", id="1"))

        assert len(teams.new) == 2

    async def test_the_store_that_fails_is_not_acknowledged(self, teams: Bench) -> None:
        await teams.store.close()

        assert (await teams.post(teams.fake.message(user="ann", text="hello", id="1")))[0] == 503

    @pytest.mark.parametrize("settings", [{"typing": True}])
    async def test_the_bot_is_seen_writing(self, teams: Bench) -> None:
        await written_by(teams)
        await asyncio.gather(*teams.channel._under_way)

        assert teams.fake.typing == ["a:1ann"]


class TestWhatIsRefused:
    async def test_forged_tokens(self, teams: Bench) -> None:
        forgeries = teams.fake.forgeries()

        answers = {name: (await teams.post(request))[0] for name, request in forgeries.items()}

        by_content = {"another server in the activity", "another server's", "a channel that the key may not sign for"}
        assert answers == {name: 403 if name in by_content else 401 for name in forgeries}
        assert teams.intake.taken == []
        assert teams.fake.fetches == 1

    async def test_a_header_that_comes_twice(self, teams: Bench) -> None:
        request = teams.fake.message(user="ann", text="hello", id="1")

        assert (await teams.post(request, ("Authorization", request.headers["Authorization"])))[0] == 401

    @pytest.mark.parametrize(
        ("nbf", "exp", "status"),
        [(-299, 1, 200), (299, 600, 200), (-600, -300, 200), (-600, -301, 401), (301, 600, 401)],
    )
    async def test_clocks_may_differ_by_five_minutes(self, teams: Bench, nbf: int, exp: int, status: int) -> None:
        at = int(teams.clock())
        token = teams.fake.token(nbf=at + nbf, exp=at + exp)
        activity = teams.fake.activity(user="ann", text="hello", id="1")

        assert (await teams.post(teams.fake.posted(activity, token)))[0] == status

    @pytest.mark.parametrize(
        ("body", "status"), [(b"\xff", 400), (b"{", 400), (b"[" * 100_000, 400), (b"null", 200), (b"{}", 403)]
    )
    async def test_a_body_of_another_form(self, teams: Bench, body: bytes, status: int) -> None:
        request = teams.fake.message(user="ann", text="hello", id="1")

        assert (await teams.post(type(request)(path=request.path, headers=request.headers, body=body)))[0] == status

    async def test_every_channel_may_be_signed_for_by_a_key_without_endorsements(self, teams: Bench) -> None:
        teams.fake.endorsements = []

        assert (await teams.post(teams.fake.message(user="ann", text="hello", id="1", channelId="emulator")))[0] == 200


class TestKeys:
    @pytest.fixture
    async def fake(self) -> AsyncIterator[FakeBotFramework]:
        fake = FakeBotFramework()
        await fake.start()
        yield fake
        await fake.close()

    @pytest.fixture
    async def keys(self, fake: FakeBotFramework) -> AsyncIterator[tuple[OpenIdKeys, Clock]]:
        poster, clock = JsonPoster(), Clock()
        yield OpenIdKeys(URL(fake.credentials()["openid_url"]), poster, clock), clock
        await poster.close()

    async def test_they_are_fetched_once_a_day(self, fake: FakeBotFramework, keys: tuple[OpenIdKeys, Clock]) -> None:
        known, clock = keys
        await asyncio.gather(*(known.key("first") for _ in range(5)))
        clock.now += MAX_AGE_S
        found = await known.key("first")

        assert fake.fetches == 1
        assert found is not None
        assert found.endorsements == {"msteams", "webchat", "directline"}
        clock.now += 1
        await known.key("first")
        assert fake.fetches == 2

    async def test_a_new_key_is_found_and_a_made_up_one_costs_little(
        self, fake: FakeBotFramework, keys: tuple[OpenIdKeys, Clock]
    ) -> None:
        known, clock = keys
        await known.key("first")
        fake.keys = ["second"]
        assert await known.key("second") is None
        clock.now += MIN_GAP_S
        assert await known.key("second") is not None
        assert await known.key("first") is None
        assert [await known.key(f"made up {number}") for number in range(5)] == [None] * 5
        assert fake.fetches == 2

    async def test_known_keys_stay_where_none_can_be_fetched(
        self, fake: FakeBotFramework, keys: tuple[OpenIdKeys, Clock]
    ) -> None:
        known, clock = keys
        await known.key("first")
        fake.is_up = False
        clock.now += MAX_AGE_S + 1

        assert await known.key("first") is not None

    async def test_without_any_key_the_sender_is_to_come_again(
        self, fake: FakeBotFramework, keys: tuple[OpenIdKeys, Clock]
    ) -> None:
        known, clock = keys
        fake.is_up = False
        for _ in range(2):
            with pytest.raises(Refused) as caught:
                await known.key("first")
            assert caught.value.status == 503
        fake.is_up = True
        clock.now += RETRY_S
        assert await known.key("first") is not None

    async def test_keys_of_another_server_are_not_fetched(
        self, fake: FakeBotFramework, keys: tuple[OpenIdKeys, Clock], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(FakeBotFramework, "url", "http://169.254.169.254")
        with pytest.raises(Refused):
            await keys[0].key("first")

        assert fake.fetches == 0


class TestWhatGoesOut:
    async def test_buttons_are_a_card_below_the_text(self, teams: Bench) -> None:
        address = await written_by(teams)
        await teams.channel.deliver(part(BotMessage(text="Which?\nThis?", buttons=(HOURS,)), address))

        (sent,) = teams.fake.sent
        assert (sent.user, sent.text) == ("ann", "Which?\nThis?")
        assert sent.raw == {
            "type": "message",
            "from": {"id": BOT, "name": "Shop"},
            "recipient": {"id": "29:ann", "name": "Ann"},
            "conversation": {"id": "a:1ann"},
            "replyToId": "1",
            "text": "Which?  \nThis?",
            "textFormat": "markdown",
            "attachments": [
                {
                    "contentType": "application/vnd.microsoft.card.hero",
                    "content": {
                        "buttons": [
                            {
                                "type": "messageBack",
                                "title": "Hours",
                                "displayText": "Hours",
                                "text": "/hours",
                                "value": {"payload": "/hours"},
                            }
                        ]
                    },
                }
            ],
        }

    async def test_one_token_serves_until_it_expires(self, teams: Bench) -> None:
        address = await written_by(teams)
        await asyncio.gather(*(teams.channel.deliver(part(TEXT, address)) for _ in range(3)))
        assert teams.fake.logins == 1
        teams.clock.now += 3_599 - 300
        await teams.channel.deliver(part(TEXT, address))

        assert (teams.fake.logins, len(teams.fake.sent)) == (2, 4)

    async def test_a_token_that_was_taken_back_is_replaced(self, teams: Bench) -> None:
        address = await written_by(teams)
        await teams.channel.deliver(part(TEXT, address))
        teams.fake.tokens.clear()
        await teams.channel.deliver(part(TEXT, address))

        assert (teams.fake.logins, len(teams.fake.sent)) == (2, 2)

    @pytest.mark.parametrize("settings", [{"app_password": "wrong"}])
    async def test_a_wrong_password_is_named(self, teams: Bench) -> None:
        address = await written_by(teams)
        with pytest.raises(Rejected, match=r"answered 401 invalid_client\. Compare app_id, app_password"):
            await teams.channel.deliver(part(TEXT, address))

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
        self, teams: Bench, fault: Fault, expected: type[Exception], sent: int
    ) -> None:
        address = await written_by(teams)
        teams.fake.faults.append(fault)
        with pytest.raises(expected):
            await teams.channel.deliver(part(TEXT, address))

        assert len(teams.fake.sent) == sent

    async def test_the_pace_of_a_conversation_is_told_with_its_wait(self, teams: Bench) -> None:
        address = await written_by(teams)
        for _ in range(7):
            await teams.channel.deliver(part(TEXT, address))
        with pytest.raises(NotSent) as caught:
            await teams.channel.deliver(part(TEXT, address))

        assert caught.value.retry_after_s == 1.0

    @pytest.mark.parametrize(
        ("changed", "problem"),
        [
            ({"conversation": "a:1nobody"}, "404 ConversationNotFound"),
            ({"bot": {"id": "28:another"}}, "400 BadSyntax"),
            ({"service_url": "http://169.254.169.254/"}, "not one of Microsoft's"),
        ],
    )
    async def test_a_refusal_is_final(self, teams: Bench, changed: dict[str, Any], problem: str) -> None:
        address = await written_by(teams)
        with pytest.raises(Rejected, match=problem):
            await teams.channel.deliver(part(TEXT, address | changed))

    async def test_without_a_message_there_is_no_way_back(self, teams: Bench) -> None:
        with pytest.raises(Rejected, match="nobody has written"):
            await teams.channel.deliver(part(TEXT, {}))

    @pytest.mark.parametrize("settings", [{"login_url": "http://127.0.0.1:9/"}])
    async def test_a_login_that_cannot_be_reached_leaves_the_message_unsent(self, teams: Bench) -> None:
        address = await written_by(teams)
        with pytest.raises(NotSent):
            await teams.channel.deliver(part(TEXT, address))

    async def test_a_login_that_hangs_up_leaves_the_message_unsent(self, teams: Bench) -> None:
        address = await written_by(teams)
        teams.fake.logs_in = False
        with pytest.raises(NotSent):
            await teams.channel.deliver(part(TEXT, address))


@pytest.mark.parametrize(
    ("service_url", "is_allowed"),
    [
        ("https://smba.trafficmanager.net/emea/", True),
        ("https://webchat.botframework.com/", True),
        ("https://smba.infra.gcc.teams.microsoft.com/gcc", True),
        ("https://SMBA.trafficmanager.net/", True),
        ("https://own.example:8443/api", True),
        ("https://own.example/api", False),
        ("http://smba.trafficmanager.net/emea/", False),
        ("https://smba.trafficmanager.net:8443/", False),
        ("https://evil.trafficmanager.net/", False),
        ("https://smba.trafficmanager.net.evil.example/", False),
        ("https://evilbotframework.com/", False),
        ("https://user@webchat.botframework.com/", False),
        ("https://webchat.botframework.com@evil.example/", False),
        ("http://127.0.0.1/", False),
        ("http://[::ffff:169.254.169.254]/", False),
        ("file:///etc/passwd", False),
        ("//botframework.com", False),
        ("botframework.com", False),
        ("", False),
        ("https://[", False),
    ],
)
def test_replies_go_to_microsofts_servers_only(service_url: str, is_allowed: bool) -> None:
    config = Config.model_validate({"app_id": "a", "app_password": "b", "service_urls": ["https://own.example:8443"]})

    assert config.may_be_called(service_url) is is_allowed
    if is_allowed and "own.example" not in service_url:
        assert OutboundHostValidator(enabled=True).is_allowed(service_url)


ADDRESS = {
    "service_url": "https://smba.trafficmanager.net/emea/",
    "channel": "slack",
    "conversation": "c",
    "activity": "1",
    "bot": {"id": BOT},
    "customer": {"id": "29:ann"},
}


@pytest.mark.parametrize(
    ("message", "content"),
    [
        (BotMessage(text="```\na\nb\n```"), {"text": "```\na\nb\n```", "textFormat": "markdown"}),
        (
            BotMessage(image="https://a.example/b.jpg"),
            {"attachments": [{"contentType": "image/jpeg", "contentUrl": "https://a.example/b.jpg", "name": "b.jpg"}]},
        ),
        (BotMessage(image="https://["), {"attachments": [{"contentType": "image/png", "contentUrl": "https://["}]}),
        (
            BotMessage(attachment={"type": "file", "payload": {"src": "https://a.example/b"}}),
            {"text": "https://a.example/b", "textFormat": "markdown"},
        ),
        (
            BotMessage(attachment={"contentType": "application/vnd.microsoft.card.adaptive", "content": {}}),
            {"attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": {}}]},
        ),
        (
            BotMessage(custom={"type": "event", "name": "seen", "from": {"id": "x"}, "recipient": {"id": "y"}}),
            {"type": "event", "name": "seen"},
        ),
        (
            BotMessage(text="?", buttons=(HOURS,)),
            {
                "text": "?",
                "textFormat": "markdown",
                "attachments": [
                    {
                        "contentType": "application/vnd.microsoft.card.hero",
                        "content": {"buttons": [{"type": "imBack", "title": "Hours", "value": "/hours"}]},
                    }
                ],
            },
        ),
    ],
)  # fmt: skip
def test_each_thing_has_its_form_and_microsofts_models_take_it(message: BotMessage, content: dict[str, Any]) -> None:
    activity = rendered(message, ADDRESS)

    assert activity == typing_sign(ADDRESS) | {"type": "message"} | content
    parsed = SdkActivity.model_validate(activity)
    assert (parsed.from_property.id, parsed.recipient.id, parsed.conversation.id) == (BOT, "29:ann", "c")
    for attachment in parsed.attachments or []:
        if attachment.content_type.endswith("hero"):
            assert SdkHeroCard.model_validate(attachment.content).buttons[0].title == "Hours"


class TestTheFake:
    """What the fake brings is genuine in the eyes of Microsoft's own library."""

    async def test_microsofts_validator_takes_its_tokens_and_model_its_activities(
        self, teams: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake = teams.fake
        fake.now = time.time
        uris = {"https://api.botframework.com": f"{fake.url}/v1/.well-known/keys"}
        monkeypatch.setattr(jwt.jwt_token_validator, "BOTFRAMEWORK_JWKS_URIS", uris)
        validator = JwtTokenValidator(AgentAuthConfiguration(client_id=APP))

        identity = await validator.validate_token(fake.token())
        assert identity.claims["serviceurl"] == fake.service_url
        for token in (fake.token("another", kid="first"), fake.token(aud="another")):
            with pytest.raises(Exception, match=r"Signature verification failed|Invalid audience"):
                await validator.validate_token(token)
        raw = fake.activity(user="ann", text="hello", id="1")
        theirs, ours = SdkActivity.model_validate(raw), parse_activity(Activity.model_validate(raw))
        assert ours is not None
        assert (theirs.text, theirs.from_property.id, theirs.conversation.id) == ("hello", "29:ann", "a:1ann")
        assert (ours[0].text, ours[1]["customer"]["id"], ours[1]["conversation"]) == ("hello", "29:ann", "a:1ann")


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("a < b", "a &lt; b"),
        ("<at>everyone</at>", "&lt;at>everyone&lt;/at>"),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>"),
        ("`<b>` and <b>", "`<b>` and &lt;b>"),
        ("```\n<b>\n```", "```\n<b>\n```"),
        ("**bold** > [here](https://shop.example)", "**bold** > [here](https://shop.example)"),
    ],
)
def test_nothing_in_a_text_is_a_tag(said: str, sent: str) -> None:
    assert rendered(BotMessage(text=said), ADDRESS)["text"] == sent
