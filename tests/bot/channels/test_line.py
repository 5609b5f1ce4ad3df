"""The LINE channel against the fake of LINE: signatures, events, reply tokens and pushes."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from bench import Bench, bench, part
from fakes.line import DESTINATION, SECRET, SIGNATURE, TOKEN, line_id
from fakes.line import FakeLine as Fake
from fakes.vendor import Fault
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.channels.line import Config, Line
from bot.channels.line.events import Event, Mentionee, parse_event, without
from bot.channels.line.messaging_api import TokenUsed, check
from bot.channels.line.rendering import rendered
from bot.channels.line.signature import signature_of
from bot.channels.posting import ServerAnswer
from bot.delivery import NotSent, Rejected, Uncertain
from bot.errors import Overloaded
from bot.messages import BotMessage
from configs.domain import Button

ANN, GROUP = line_id("U", "ann"), line_id("C", "shop")
TEXT = BotMessage(text="Hello")
KEY = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def settings() -> dict[str, Any]:
    """What a test sets besides the fake's credentials."""
    return {}


@pytest.fixture
async def line(settings: dict[str, Any]) -> AsyncIterator[Bench]:
    fake = Fake()

    async def no_wait(_: float) -> None:
        return

    def made(credentials: dict[str, Any], intake: Any) -> Line:
        return Line(Config.model_validate(credentials | settings), intake, no_wait)

    async with bench(fake, made) as running:
        fake.user_id("ann")
        yield running


async def brought(line: Bench, *events: Any) -> list[Any]:
    """What is taken in of events that come in one request."""
    assert await line.post(line.fake.posted(*events)) == (200, b"")
    return [taken.message for taken in line.new]


class TestWhatComesIn:
    async def test_a_message(self, line: Bench) -> None:
        event = line.fake.text(user="ann", text="hello 你好 👋", id="1")
        (message,) = await brought(line, event)

        assert message.conversation_id == line.fake.conversation_of("ann") == f"line:{ANN}"
        assert (message.text, message.account) == ("hello 你好 👋", DESTINATION)
        assert message.external_id == event["webhookEventId"]
        assert line.new[0].address == {"to": ANN, "reply_token": event["replyToken"], "at": line.clock.now}

    async def test_the_console_s_check_brings_no_events(self, line: Bench) -> None:
        assert await brought(line) == []

    async def test_an_event_that_is_delivered_again_is_taken_in_once(self, line: Bench) -> None:
        event = line.fake.text(user="ann", text="hello", id="1")
        again = {**event, "deliveryContext": {"isRedelivery": True}}
        await brought(line, event)
        assert len(await brought(line, again)) == 1

    async def test_an_event_that_is_delivered_again_is_taken_in_if_it_was_not_before(self, line: Bench) -> None:
        again = line.fake.text(user="ann", text="hello", id="1", deliveryContext={"isRedelivery": True})
        assert len(await brought(line, again)) == 1

    async def test_a_bad_event_spoils_no_other(self, line: Bench) -> None:
        bad: list[Any] = [None, [], {}, {"type": "message"}, {"type": 5, "webhookEventId": "x"}]
        bad += [line.fake.text(user="ann", text="x", id="0") | {"message": {"type": "text", "id": "1", "text": [1]}}]
        bad += [line.fake.text(user="ann", text="x", id="0") | {"webhookEventId": "a b"}]
        good = [line.fake.text(user=user, text=f"I am {user}", id=user) for user in ("ann", "ben")]
        messages = await brought(line, good[0], *bad, good[1])
        assert [message.text for message in messages] == ["I am ann", "I am ben"]

    async def test_what_cannot_be_stored_is_brought_again_and_stays_in_order(self, line: Bench) -> None:
        real, ann = line.intake.accept, line.fake.conversation_of("ann")

        async def refuse(message: Any, address: Any = None) -> Any:
            if message.conversation_id == ann:
                raise Overloaded("too many messages wait")
            return await real(message, address)

        line.intake.accept = refuse
        said = (("ann", "first"), ("ben", "hi"), ("ann", "second"))
        request = line.fake.posted(*(line.fake.text(user=user, text=text, id=text) for user, text in said))
        assert (await line.post(request))[0] == 503
        assert [taken.message.text for taken in line.new] == ["hi"]

        line.intake.accept = real
        assert (await line.post(request))[0] == 200
        assert [taken.message.text for taken in line.new] == ["hi", "first", "second"]

    async def test_a_pressed_button(self, line: Bench) -> None:
        assert (await line.post(line.fake.button(user="ann", payload="/hours", id="1")))[0] == 200
        assert [taken.message.text for taken in line.new] == ["/hours"]

    @pytest.mark.parametrize(
        ("message", "media"),
        [
            ({"type": "image", "id": "1", "contentProvider": {"type": "line"}, "quoteToken": "q"},
             {"kind": "image", "id": "1"}),
            ({"type": "audio", "id": "1", "contentProvider": {"type": "line"}, "duration": 60_000},
             {"kind": "audio", "id": "1"}),
            ({"type": "file", "id": "1", "fileName": "bill.pdf", "fileSize": 2_138},
             {"kind": "file", "id": "1", "name": "bill.pdf"}),
            ({"type": "sticker", "id": "1", "packageId": "1", "stickerId": "1", "stickerResourceType": "STATIC",
              "quoteToken": "q"}, {"kind": "sticker", "id": "1"}),
            ({"type": "location", "id": "1", "title": "a", "address": "b", "latitude": 35.65, "longitude": 139.7},
             {"kind": "location", "latitude": 35.65, "longitude": 139.7}),
        ],
    )  # fmt: skip
    async def test_what_is_no_text(self, line: Bench, message: dict[str, Any], media: dict[str, Any]) -> None:
        (taken,) = await brought(line, line.fake.event(user="ann", id="1", message=message))
        assert (taken.text, taken.metadata) == ("", {"media": [media]})

    @pytest.mark.parametrize(
        "fields",
        [
            {"type": "unfollow"},
            {"type": "follow", "follow": {"isUnblocked": False}},
            {"type": "unsend", "unsend": {"messageId": "1"}},
            {"type": "join", "source": {"type": "group", "groupId": GROUP}},
            {"mode": "standby", "message": {"type": "text", "id": "1", "text": "hi", "quoteToken": "q"}},
        ],
    )
    async def test_what_is_no_message_to_the_bot_is_passed_over(self, line: Bench, fields: dict[str, Any]) -> None:
        assert await brought(line, line.fake.event(user="ann", id="1", **fields)) == []

    async def test_what_line_may_add_is_passed_over(self, line: Bench) -> None:
        event = line.fake.text(user="ann", text="hello", id="1")
        assert await brought(line, {**event, "type": "something_new"}, {**event, "source": {"type": "planet"}}) == []
        assert len(await brought(line, {**event, "aNewField": [1]})) == 1

    @pytest.mark.parametrize("settings", [{"follow_text": "hello"}])
    async def test_a_new_friend_may_be_greeted(self, line: Bench) -> None:
        event = line.fake.event(user="ann", id="1", type="follow", follow={"isUnblocked": False})
        assert [message.text for message in await brought(line, event)] == ["hello"]

    async def test_in_a_group_only_what_names_the_bot_is_read(self, line: Bench) -> None:
        source = {"type": "group", "groupId": GROUP, "userId": ANN}

        def said(id: str, text: str, **mentionee: Any) -> dict[str, Any]:  # noqa: A002
            mention = {"mentionees": [{"index": 3, "length": 5, "type": "user", **mentionee}]}
            return line.fake.text(user="ann", text=text, id=id, source=source, message={"mention": mention})

        messages = await brought(
            line,
            line.fake.text(user="ann", text="hello everybody", id="1", source=source),
            said("2", "👋 @Ben! hello", isSelf=False),
            said("3", "👋 @Kefu when are you open?", isSelf=True),
        )
        (message,) = messages
        assert message.text == "👋  when are you open?"
        assert message.conversation_id == f"line:{GROUP}:{ANN}"
        assert line.new[0].address["to"] == GROUP

    async def test_a_body_that_is_not_signed_to_the_letter_is_refused(self, line: Bench) -> None:
        request = line.fake.message(user="ann", text="hello", id="1")
        assert (await line.post(request, (SIGNATURE, request.headers[SIGNATURE])))[0] == 401
        assert line.intake.taken == []

    @pytest.mark.parametrize("destination", [None, 5, "\ud83d", "x" * 900, {"a": 1}])
    async def test_an_account_that_is_none_breaks_nothing(self, line: Bench, destination: Any) -> None:
        body = {"destination": destination, "events": [line.fake.text(user="ann", text="hello", id="1")]}
        assert (await line.post(line.fake.signed(json.dumps(body).encode())))[0] == 200
        assert len(line.new) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("type", "mode", "webhookEventId", "replyToken", "source", "message", "postback", "timestamp")
CONFIG = Config.model_validate({"channel_secret": SECRET, "channel_access_token": TOKEN, "follow_text": "hello"})


@given(
    st.dictionaries(st.sampled_from(FIELDS), JSON), st.dictionaries(st.sampled_from(["text", "mention", "id"]), JSON)
)
def test_no_event_breaks_the_parser(fields: dict[str, Any], content: dict[str, Any]) -> None:
    whole = Fake().text(user="ann", text="hello", id="1")
    for event in (whole | fields, whole | {"message": whole["message"] | content}):
        try:
            read = Event.model_validate(event)
        except ValidationError:
            continue
        parse_event(read, DESTINATION, CONFIG, 0.0)


@pytest.mark.parametrize(("index", "length", "left"), [(0, 3, "b"), (2, 1, "👋b"), (90, 1, "👋ab"), (0, 90, "")])
def test_names_are_taken_out_by_utf16_units(index: int, length: int, left: str) -> None:
    assert without("👋ab", [Mentionee(index=index, length=length)]) == left


def test_the_signature_is_the_documented_one() -> None:
    """The example of LINE's documentation of how a signature is verified."""
    secret = "8c570fa6dd201bb328f1c1eac23a96d8"  # noqa: S105
    body = b'{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}'
    assert signature_of(secret, body) == "GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs="


class TestWhatGoesOut:
    async def test_the_first_part_goes_by_the_reply_token_and_the_others_are_pushed(self, line: Bench) -> None:
        address = await asked(line)
        await deliver(line, TEXT, address)
        await deliver(line, BotMessage(text="Bye"), address, part_no=1, key=KEY[:-1] + "2")

        assert line.fake.calls == ["reply", "push"]
        assert [sent.text for sent in line.fake.sent] == ["Hello", "Bye"]

    async def test_a_token_is_used_once(self, line: Bench) -> None:
        address = await asked(line)
        await deliver(line, TEXT, address)
        await deliver(line, TEXT, address, inbox_id=2)
        assert line.fake.calls == ["reply", "push"]

    async def test_an_old_token_is_not_tried(self, line: Bench) -> None:
        address = await asked(line)
        line.clock.now += 51
        await deliver(line, TEXT, address)
        assert line.fake.calls == ["push"]

    async def test_a_token_that_is_of_no_use_is_made_up_for_by_a_push(self, line: Bench) -> None:
        address = await asked(line)
        line.fake.expired.add(address["reply_token"])
        await deliver(line, TEXT, address)
        assert line.fake.calls == ["reply", "push"]
        assert [sent.key for sent in line.fake.sent] == [KEY]

    @pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.HANG_UP, Fault.LOST_ANSWER])
    async def test_a_reply_of_which_nobody_knows_is_tried_again_and_shown_once(self, line: Bench, fault: Fault) -> None:
        address = await asked(line)
        line.fake.faults.append(fault)
        await deliver(line, TEXT, address)
        assert line.fake.calls == ["reply", "reply"]
        assert [sent.text for sent in line.fake.sent] == ["Hello"]

    async def test_an_outage_is_waited_for(self, line: Bench) -> None:
        address = await asked(line)
        line.fake.faults.extend([Fault.SERVER_ERROR] * 3)
        with pytest.raises(NotSent, match="500"):
            await deliver(line, TEXT, address)
        await deliver(line, TEXT, address, attempts=2)
        assert line.fake.calls == ["reply"] * 3 + ["push"]
        assert len(line.fake.sent) == 1

    async def test_a_reply_of_which_nobody_can_learn_more_is_held(self, line: Bench) -> None:
        address = await asked(line)
        line.fake.faults.extend([Fault.HANG_UP, Fault.SERVER_ERROR, Fault.SERVER_ERROR])
        with pytest.raises(Uncertain):
            await deliver(line, TEXT, address)

    @pytest.mark.parametrize("settings", [{"reply_tokens": False}])
    async def test_without_reply_tokens_everything_is_pushed_and_may_be_sent_again(self, line: Bench) -> None:
        assert line.channel.abilities.resends
        await deliver(line, TEXT, await asked(line))
        assert line.fake.calls == ["push"]

    async def test_a_push_of_which_nobody_knows_is_sent_again_and_shown_once(self, line: Bench) -> None:
        line.fake.faults.append(Fault.LOST_ANSWER)
        with pytest.raises(NotSent, match="may be sent again"):
            await deliver(line, TEXT, {"to": ANN})
        await deliver(line, TEXT, {"to": ANN}, attempts=2)
        assert [sent.key for sent in line.fake.sent] == [KEY]

    async def test_a_month_whose_messages_are_used_up_is_said(self, line: Bench) -> None:
        line.fake.is_used_up = True
        with pytest.raises(Rejected, match="larger plan"):
            await deliver(line, TEXT, {"to": ANN})

    @pytest.mark.parametrize("settings", [{"channel_access_token": TOKEN + "x"}])
    async def test_a_wrong_token_is_said(self, line: Bench) -> None:
        with pytest.raises(Rejected, match=r"channel_access_token in credentials\.yml") as caught:
            await deliver(line, TEXT, {"to": ANN})
        assert TOKEN not in str(caught.value)

    async def test_without_a_way_back_nothing_is_sent(self, line: Bench) -> None:
        with pytest.raises(Rejected, match="nobody has written"):
            await deliver(line, TEXT, {})

    @pytest.mark.parametrize("count", [1, 4, 5, 13])
    async def test_as_many_buttons_as_line_takes_with_the_longest_titles(self, line: Bench, count: int) -> None:
        buttons = tuple(Button(title=f"{number:020}", payload=f"{number:0300}") for number in range(count))
        await deliver(line, BotMessage(text="x" * 160, buttons=buttons), {"to": ANN})
        await deliver(line, BotMessage(text="x" * 5_000, buttons=buttons), {"to": ANN}, key=KEY[:-1] + "2")
        assert [sent.raw["type"] for sent in line.fake.sent] == ["template" if count <= 4 else "text", "text"]


async def asked(line: Bench) -> Any:
    """The way back to a customer who has just written."""
    await brought(line, line.fake.text(user="ann", text="hello", id="asked"))
    return line.new[-1].address


async def deliver(line: Bench, message: BotMessage, address: Any, **changed: Any) -> None:
    await line.channel.deliver(part(message, address, channel="line", **changed))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (BotMessage(text="a *b* <c>"), {"type": "text", "text": "a *b* <c>"}),
        (
            BotMessage(image="https://a.example/b.png"),
            {
                "type": "image",
                "originalContentUrl": "https://a.example/b.png",
                "previewImageUrl": "https://a.example/b.png",
            },
        ),
        (BotMessage(image="http://a.example/b.png"), {"type": "text", "text": "http://a.example/b.png"}),
        (BotMessage(custom={"type": "flex", "altText": "x"}), {"type": "flex", "altText": "x"}),
        (
            BotMessage(text="Which?", buttons=(Button(title="Site", payload="https://a.example"),)),
            {
                "type": "template",
                "altText": "Which?",
                "template": {
                    "type": "buttons",
                    "text": "Which?",
                    "actions": [{"type": "uri", "label": "Site", "uri": "https://a.example"}],
                },
            },
        ),
        (
            BotMessage(text="x" * 161, buttons=(Button(title="Hours", payload="/hours"),)),
            {
                "type": "text",
                "text": "x" * 161,
                "quickReply": {
                    "items": [
                        {
                            "type": "action",
                            "action": {
                                "type": "postback",
                                "label": "Hours",
                                "data": "/hours",
                                "displayText": "Hours",
                            },
                        }
                    ]
                },
            },
        ),
    ],
)
def test_what_is_said_as_line_s_messages(message: BotMessage, expected: dict[str, Any]) -> None:
    assert rendered(message) == expected


@pytest.mark.parametrize("custom", [{"text": "hi"}, {"type": 5}, ["text"], "text"])
def test_custom_payloads_that_are_no_messages_are_refused(custom: Any) -> None:
    with pytest.raises(Rejected):
        rendered(BotMessage(custom=custom))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"message": "Invalid reply token"}', TokenUsed),
        (400, b'{"message": "The request body has 1 error(s)"}', Rejected),
        (400, b"<html>", Rejected),
        (409, b'{"message": "Conflict"}', Rejected),
        (302, b"", Rejected),
        (429, b'{"message": "The API rate limit has been exceeded. Try again later."}', NotSent),
        (503, b"<html>", NotSent),
    ],
)
def test_what_an_answer_means(status: int, body: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        check(ServerAnswer(status=status, headers={}, body=body, retry_after_s=None))
    assert type(caught.value) is kind


@pytest.mark.parametrize("missing", ["channel_secret", "channel_access_token"])
def test_missing_settings_are_said(missing: str) -> None:
    given = {"channel_secret": SECRET, "channel_access_token": TOKEN}
    del given[missing]
    with pytest.raises(ValidationError, match=missing):
        Config.model_validate(given)
