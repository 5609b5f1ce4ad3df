"""The Twilio channel against the fake of Twilio: signatures, what comes in, and what goes out."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from bench import Bench, bench, part
from fakes.twilio import ACCOUNT, NUMBER, PATH, SIGNATURE, TOKEN, URL, digits, message_sid
from fakes.twilio import FakeTwilio as Fake
from fakes.vendor import Fault, Request
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.channels.posting import ServerAnswer
from bot.channels.twilio import Config, make
from bot.channels.twilio.form import failure_of, parse_form, parse_message
from bot.channels.twilio.rendering import rendered
from bot.channels.twilio.rest_api import check
from bot.delivery import NotSent, Rejected, Uncertain
from bot.errors import Overloaded, Refused
from bot.messages import BotMessage

ANN = digits("ann")
WHATSAPP = "whatsapp:+15005550006"
ADDRESS = {"to": ANN, "from": NUMBER}
TEXT = BotMessage(text="Hello")
KEY = "00000000-0000-4000-8000-000000000001"
REPORTS = ("StatusCallback", f"{URL}?part={KEY}")


@pytest.fixture
def settings() -> dict[str, Any]:
    """What a test sets besides the fake's credentials; None takes one out."""
    return {}


@pytest.fixture
async def twilio(settings: dict[str, Any]) -> AsyncIterator[Bench]:
    fake = Fake()
    fake.number = settings.get("twilio_number", NUMBER)

    def made(credentials: dict[str, Any], intake: Any) -> Any:
        chosen = {key: value for key, value in {**credentials, **settings}.items() if value is not None}
        return make(Config.model_validate(chosen), intake)

    async with bench(fake, made) as running:
        fake.customer("ann")
        yield running


class TestWhatComesIn:
    async def test_a_message_is_taken_in_and_twilio_is_told_to_do_nothing(self, twilio: Bench) -> None:
        status, body = await twilio.post(twilio.fake.message(user="ann", text="hello & 你好 👋", id="1"))

        assert (status, body) == (200, b'<?xml version="1.0" encoding="UTF-8"?><Response></Response>')
        (taken,) = twilio.new
        assert taken.message.conversation_id == twilio.fake.conversation_of("ann") == f"twilio:{ANN}"
        assert (taken.message.text, taken.message.account) == ("hello & 你好 👋", NUMBER)
        assert taken.message.external_id == message_sid("1")
        assert taken.address == ADDRESS

    async def test_fields_that_twilio_may_add_are_signed_too(self, twilio: Bench) -> None:
        form = twilio.fake.form(user="ann", text="hello", id="1", ANewField="ä", Empty="", ProfileName="Ann")
        assert (await twilio.post(twilio.fake.posted(form)))[0] == 200
        assert len(twilio.new) == 1

    @pytest.mark.parametrize("settings", [{"webhook_url": f"{URL}?shop=1#rc=5&rp=all"}])
    async def test_the_address_is_signed_as_it_stands_at_twilio(self, twilio: Bench) -> None:
        form = twilio.fake.form(user="ann", text="hello", id="1")
        accepted = (f"{URL}?shop=1", f"https://bot.example:443{PATH}?shop=1", f"{URL}?shop=1#rc=5&rp=all")
        assert [(await twilio.post(twilio.fake.posted(form, url=url)))[0] for url in accepted] == [200] * 3
        assert (await twilio.post(twilio.fake.posted(form, url=URL)))[0] == 401

    @pytest.mark.parametrize("settings", [{"webhook_url": None}])
    async def test_without_an_address_that_of_the_request_counts(self, twilio: Bench) -> None:
        form = twilio.fake.form(user="ann", text="hello", id="1")

        async def brought(url: str, path: str = PATH, **headers: str) -> int:
            request = twilio.fake.posted(form, url=url, **headers)
            return (await twilio.post(Request(path=path, headers=request.headers, body=request.body)))[0]

        assert await brought(f"https://bot.example{PATH}?a=%20b", f"{PATH}?a=%20b", Host="bot.example") == 200
        assert await brought(f"http://bot.example:5005{PATH}", Host="bot.example:5005") == 200
        assert await brought(f"https://bot.example{PATH}", Host="other.example") == 401
        assert await brought(f"https://bot.example{PATH}", **{"X-Forwarded-Host": "bot.example"}) == 401

    @pytest.mark.parametrize("host", ["[", "bot.example:port", "b\u00f6t", ""])
    @pytest.mark.parametrize("settings", [{"webhook_url": None}])
    async def test_a_host_that_is_none_breaks_nothing(self, twilio: Bench, host: str) -> None:
        request = twilio.fake.message(user="ann", text="hello", id="1")
        headers = {**request.headers, "Host": host}
        assert (await twilio.post(Request(path=PATH, headers=headers, body=request.body)))[0] in (400, 401)

    async def test_what_cannot_be_stored_is_brought_again(self, twilio: Bench) -> None:
        real = twilio.intake.accept

        async def refuse(*_: Any) -> Any:
            twilio.intake.accept = real
            raise Overloaded("too many messages wait")

        twilio.intake.accept = refuse
        request = twilio.fake.message(user="ann", text="hello", id="1")
        assert [(await twilio.post(request))[0] for _ in range(2)] == [503, 200]
        assert len(twilio.new) == 1

    @pytest.mark.parametrize("words", ["STOP", " stop ", "Unsubscribe", "QUIT"])
    async def test_a_word_that_twilio_answers_is_left_to_twilio(self, twilio: Bench, words: str) -> None:
        assert (await twilio.post(twilio.fake.message(user="ann", text=words, id="1")))[0] == 200
        assert twilio.new == []

    @pytest.mark.parametrize("words", ["stop please", "cancel my order", "yes", "start"])
    async def test_such_a_word_among_others_is_a_message(self, twilio: Bench, words: str) -> None:
        await twilio.post(twilio.fake.message(user="ann", text=words, id="1"))
        assert [taken.message.text for taken in twilio.new] == [words]

    @pytest.mark.parametrize("settings", [{"twilio_number": WHATSAPP}])
    async def test_on_whatsapp_such_a_word_is_a_message(self, twilio: Bench) -> None:
        await twilio.post(twilio.fake.message(user="ann", text="cancel", id="1"))
        (taken,) = twilio.new
        assert taken.message.conversation_id == f"twilio:whatsapp:{ANN}"
        assert taken.address == {"to": f"whatsapp:{ANN}", "from": WHATSAPP}

    async def test_a_message_that_advanced_opt_out_has_answered_is_passed_over(self, twilio: Bench) -> None:
        form = twilio.fake.form(user="ann", text="AIUTO", id="1", OptOutType="HELP")
        assert (await twilio.post(twilio.fake.posted(form)))[0] == 200
        assert twilio.new == []

    async def test_a_report_that_a_message_did_not_arrive_is_kept(self, twilio: Bench) -> None:
        await deliver(twilio, TEXT)
        noted: list[tuple[str, ...]] = []

        async def note(*told: str) -> bool:
            noted.append(told)
            return True

        twilio.intake.not_delivered = note
        for status, code in (("sent", ""), ("delivered", ""), ("undelivered", "63016"), ("failed", "x")):
            assert (await twilio.post(twilio.fake.report(twilio.fake.sent[0], status, code)))[0] == 200

        late = "The customer wrote over 24 hours ago; only a template reaches them."
        assert noted == [
            ("twilio", KEY, f"Twilio reports undelivered, error 63016. {late}"),
            ("twilio", KEY, "Twilio reports failed, error 0."),
        ]
        assert twilio.new == []

    async def test_a_report_of_another_part_than_was_signed_is_refused(self, twilio: Bench) -> None:
        await deliver(twilio, TEXT)
        report = twilio.fake.report(twilio.fake.sent[0], "failed", "30003")
        other = KEY[:-1] + "2"
        for path in (f"{PATH}?part={other}", f"{PATH}?part={other}&part={KEY}", f"{PATH}?part={other}&xpart={KEY}"):
            assert (await twilio.post(Request(path=path, headers=report.headers, body=report.body)))[0] == 401

    @pytest.mark.parametrize("settings", [{"webhook_url": f"{URL}?shop=1#rc=5"}])
    async def test_reports_go_to_the_webhook_s_address(self, twilio: Bench) -> None:
        await deliver(twilio, TEXT)
        assert ("StatusCallback", f"{URL}?shop=1&part={KEY}") in twilio.fake.sent[0].raw
        assert (await twilio.post(twilio.fake.report(twilio.fake.sent[0], "delivered")))[0] == 200


FORM = {"MessageSid": message_sid("1"), "From": ANN, "To": NUMBER, "Body": "hi", "SmsStatus": "received"}


@pytest.mark.parametrize(
    ("fields", "media"),
    [
        ({"NumMedia": "0"}, None),
        (
            {"NumMedia": "2", "MediaUrl0": "https://api.twilio.com/a", "MediaContentType0": "image/jpeg",
             "MediaUrl1": "https://api.twilio.com/b", "MediaContentType1": "application/pdf"},
            [{"kind": "image", "url": "https://api.twilio.com/a", "mime": "image/jpeg"},
             {"kind": "file", "url": "https://api.twilio.com/b", "mime": "application/pdf"}],
        ),
        ({"NumMedia": "1"}, [{"kind": "file"}]),
        ({"NumMedia": "999"}, [{"kind": "file"}] * 10),
        ({"NumMedia": "9" * 5_000}, None),
        ({"NumMedia": "-1"}, None),
        ({"NumMedia": "٣"}, None),
        ({"Latitude": "52.5", "Longitude": "13.4"}, [{"kind": "location", "latitude": 52.5, "longitude": 13.4}]),
        ({"Latitude": "nan", "Longitude": "13.4"}, None),
        ({"Latitude": "north", "Longitude": "13.4"}, None),
    ],
)  # fmt: skip
def test_what_is_no_text(fields: dict[str, str], media: Any) -> None:
    found = parse_message(FORM | fields)
    assert found is not None
    assert found[0].metadata == ({} if media is None else {"media": media})


@pytest.mark.parametrize(
    "changed",
    [
        {"MessageSid": ""},
        {"MessageSid": "a b"},
        {"From": ""},
        {"From": "+1\n2"},
        {"To": "x" * 200},
        {"SmsStatus": "sent"},
    ],
)
def test_what_is_no_message_is_passed_over(changed: dict[str, str]) -> None:
    assert parse_message(FORM | changed) is None


NAMES = [*FORM, "NumMedia", "MediaUrl0", "Latitude", "Longitude", "OptOutType", "MessageStatus", "ErrorCode"]


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=40)), st.binary(max_size=60))
def test_no_form_breaks_the_parser(fields: dict[str, str], raw: bytes) -> None:
    parse_message(FORM | fields)
    failure_of(FORM | fields)
    with suppress(Refused):
        parse_message(parse_form(raw))


@pytest.mark.parametrize("body", [b"a=%ff", b"\xff", b"&".join([b"a=1"] * 600)])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        parse_form(body)
    assert caught.value.status == 400


class TestWhatGoesOut:
    async def test_it_comes_from_the_number_that_was_written_to(self, twilio: Bench) -> None:
        await deliver(twilio, TEXT)
        assert twilio.fake.sent[0].raw == [("To", ANN), ("From", NUMBER), REPORTS, ("Body", "Hello")]

    async def test_a_customer_is_written_to_first(self, twilio: Bench) -> None:
        await twilio.channel.deliver(part(TEXT, {}, conversation_id=f"twilio:{ANN}"))
        assert twilio.fake.sent[0].raw == [("To", ANN), ("From", NUMBER), REPORTS, ("Body", "Hello")]

    @pytest.mark.parametrize("settings", [{"twilio_number": WHATSAPP}])
    async def test_a_picture_on_whatsapp(self, twilio: Bench) -> None:
        await deliver(twilio, BotMessage(image="https://shop.example/a.png"), {"to": f"whatsapp:{ANN}"})
        assert ("MediaUrl", "https://shop.example/a.png") in twilio.fake.sent[0].raw
        assert twilio.channel.abilities.reply_within_s == 86_400

    async def test_by_sms_pictures_are_addresses_unless_you_want_mms(self, twilio: Bench) -> None:
        assert not twilio.channel.abilities.images
        config = Config.model_validate({**twilio.fake.credentials(), "mms": True})
        assert make(config, twilio.intake).abilities.images

    async def test_the_longest_text(self, twilio: Bench) -> None:
        await deliver(twilio, BotMessage(text="a" * 1_600))
        with pytest.raises(Rejected, match=r"error 21617\. The text is over 1,600 characters"):
            await deliver(twilio, BotMessage(text="a" * 1_601))

    async def test_a_template_reaches_a_customer_after_the_window(self, twilio: Bench) -> None:
        twilio.fake.silent.add("ann")
        with pytest.raises(Rejected, match="only a template reaches them"):
            await deliver(twilio, TEXT)
        await deliver(twilio, BotMessage(custom={"content_sid": "HX1", "content_variables": {"1": "Ännchen"}}))
        assert twilio.fake.sent[0].raw[3:] == [("ContentSid", "HX1"), ("ContentVariables", '{"1": "Ännchen"}')]

    async def test_a_messaging_service_chooses_the_number(self, twilio: Bench) -> None:
        custom = {"body": "hi", "messaging_service_sid": "MG1", "to": "+1666", "from_": "+1666"}
        await deliver(twilio, BotMessage(custom=custom))
        assert twilio.fake.sent[0].raw == [("To", ANN), REPORTS, ("Body", "hi"), ("MessagingServiceSid", "MG1")]

    async def test_a_customer_who_has_written_stop_is_not_tried_again(self, twilio: Bench) -> None:
        twilio.fake.unsubscribed.add("ann")
        with pytest.raises(Rejected, match="has written STOP"):
            await deliver(twilio, TEXT)

    @pytest.mark.parametrize("settings", [{"auth_token": TOKEN + "x"}])
    async def test_a_wrong_secret_is_said(self, twilio: Bench) -> None:
        with pytest.raises(Rejected, match=r"error 20003\. account_sid or auth_token") as caught:
            await deliver(twilio, TEXT)
        assert TOKEN not in str(caught.value)

    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            (Fault.TOO_MANY, NotSent),
            (Fault.SERVER_ERROR, NotSent),
            (Fault.HANG_UP, Uncertain),
            (Fault.LOST_ANSWER, Uncertain),
        ],
    )
    async def test_each_failure_is_told_for_what_it_is(
        self, twilio: Bench, fault: Fault, kind: type[Exception]
    ) -> None:
        twilio.fake.faults.append(fault)
        with pytest.raises(kind):
            await deliver(twilio, TEXT)
        assert len(twilio.fake.sent) == (fault is Fault.LOST_ANSWER)


async def deliver(twilio: Bench, message: BotMessage, address: Any = None) -> None:
    await twilio.channel.deliver(part(message, address or ADDRESS, channel="twilio"))


@pytest.mark.parametrize(
    ("custom", "fields"),
    [
        ({"body": "hi", "send_as_mms": True}, [("Body", "hi"), ("SendAsMms", "true")]),
        ({"media_url": ["https://a/1", "https://a/2"]}, [("MediaUrl", "https://a/1"), ("MediaUrl", "https://a/2")]),
        ({"body": "hi", "validity_period": 60, "x": None}, [("Body", "hi"), ("ValidityPeriod", "60")]),
    ],
)
def test_custom_payloads_are_arguments_of_twilios_library(custom: dict[str, Any], fields: Any) -> None:
    assert list(rendered(BotMessage(custom=custom))) == fields


@pytest.mark.parametrize("custom", [{"text": "hi"}, {"to": "+1"}, ["body"]])
def test_other_custom_payloads_are_refused(custom: Any) -> None:
    with pytest.raises(Rejected):
        rendered(BotMessage(custom=custom))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"code": 21611}', NotSent),
        (400, b'{"code": "21611"}', Rejected),
        (400, b"<html>", Rejected),
        (302, b"", Rejected),
        (429, b"", NotSent),
        (503, b'{"code": 20503}', NotSent),
    ],
)
def test_what_an_answer_means(status: int, body: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        check(ServerAnswer(status=status, headers={}, body=body, retry_after_s=None))


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"account_sid": "AC1"}, "account_sid"),
        ({"auth_token": "short"}, "auth_token"),
        ({"twilio_number": "+1 500"}, "twilio_number"),
        ({"webhook_url": "bot.example"}, "webhook_url"),
    ],
)
def test_wrong_settings_are_said(changed: dict[str, str], field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        Config.model_validate({"account_sid": ACCOUNT, "auth_token": TOKEN, "twilio_number": NUMBER, **changed})


def test_the_fake_signs_as_twilio_documents_it() -> None:
    """The example of Twilio's own documentation, with its secret."""
    form = {"Digits": "1234", "To": "+18005551212", "From": "+14158675309", "Caller": "+14158675309",
            "CallSid": "CA1234567890ABCDE"}  # fmt: skip
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    request = Fake().posted(form, url=url, token="12345")  # noqa: S106
    assert request.headers[SIGNATURE] == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
