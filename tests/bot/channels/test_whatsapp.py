"""The WhatsApp channel against a fake of the Cloud API: what it takes in, what it refuses, and how it sends."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from io import BytesIO
from typing import Any

import pytest
from bench import Bench, bench, part
from fakes.vendor import Fault, Request
from fakes.whatsapp import NUMBERS, TEMPLATE, TEMPLATE_WITH_TEXT, FakeWhatsApp
from pydantic import ValidationError
from structlog.testing import capture_logs

from bot.channels.meta.graph import GraphRejected
from bot.channels.whatsapp import Config, make
from bot.channels.whatsapp.channel import abilities
from bot.conversation import Conversation, Moment
from bot.delivery import NotSent, Rejected, Uncertain
from bot.errors import Overloaded
from bot.messages import BotMessage
from bot.pace import Pace
from bot.stores.inbox import Accepted
from bot.stores.outbox import SendState
from bot.stores.turn import TurnWrite

HELLO = BotMessage(text="Hello")
KEY = "00000000-0000-4000-8000-000000000001"
SKIPPED = "Value error, it has no sender"
DAY_S = 24 * 3_600


@pytest.fixture
def settings() -> dict[str, Any]:
    """What a test sets besides the fake's credentials."""
    return {}


@pytest.fixture
async def whatsapp(settings: dict[str, Any]) -> AsyncIterator[Bench]:
    fake = FakeWhatsApp()
    async with bench(
        fake, lambda credentials, intake: make(Config.model_validate(credentials | settings), intake)
    ) as running:
        fake.now = running.clock
        yield running


class TestWhatComesIn:
    async def test_a_message_is_taken_in_once_however_often_it_comes(self, whatsapp: Bench) -> None:
        request = whatsapp.fake.message(user="ann", text="Crème brûlée 🍮", id="1")

        answers = await asyncio.gather(*(whatsapp.post(request) for _ in range(5)))
        assert set(answers) == {(200, b"")}
        (taken,) = whatsapp.new
        assert taken.message.conversation_id == whatsapp.fake.conversation_of("ann")
        assert taken.message.text == "Crème brûlée 🍮"
        assert taken.address == {"to": whatsapp.fake.id_of("ann"), "written_at": whatsapp.clock()}

    async def test_a_batch_of_a_thousand_with_a_bad_one_in_it(self, whatsapp: Bench) -> None:
        fake = whatsapp.fake
        items: list[Any] = [
            fake.item(f"user {number % 250}", str(number), type="text", text={"body": f"line {number}"})
            for number in range(1_000)
        ]
        items[500] = {"id": "wamid.500", "type": "text"}

        with capture_logs() as logs:
            assert (await whatsapp.post(fake.signed(fake.update(*items))))[0] == 200
        assert len(whatsapp.new) == 999
        heard = [
            one.message.text for one in whatsapp.new if one.message.conversation_id == fake.conversation_of("user 7")
        ]
        assert heard == ["line 7", "line 257", "line 507", "line 757"]
        assert [log for log in logs if log["event"] == "webhook_item_skipped"] == [
            {"event": "webhook_item_skipped", "log_level": "warning", "channel": "whatsapp", "reason": SKIPPED}
        ]

    async def test_each_number_has_conversations_of_its_own(self, whatsapp: Bench) -> None:
        fake = whatsapp.fake
        for number in NUMBERS:
            update = fake.update(fake.item("ann", "1", type="text", text={"body": "hi"}), number=number)
            await whatsapp.post(fake.signed(update))

        assert [one.message.account for one in whatsapp.new] == list(NUMBERS)
        assert len({one.message.conversation_id for one in whatsapp.new}) == 2

    @pytest.mark.parametrize("settings", [{"phone_number_ids": [NUMBERS[1]]}])
    async def test_a_number_that_is_not_the_bots_is_left_alone(self, whatsapp: Bench) -> None:
        assert (await whatsapp.post(whatsapp.fake.message(user="ann", text="hi", id="1")))[0] == 200
        assert whatsapp.new == []

    async def test_what_was_not_delivered_has_failed_and_is_in_the_log(self, whatsapp: Bench) -> None:
        fake = whatsapp.fake
        key = await sent_part(whatsapp)
        news = [
            fake.status("ann", "read", key=key),
            *(fake.status("ann", "failed", key=k, code=131026) for k in (key, "x")),
        ]

        with capture_logs() as logs:
            assert (await whatsapp.post(fake.signed(fake.update(statuses=news))))[0] == 200
        (part,) = await whatsapp.store.outbox.parts_of(fake.conversation_of("ann"))
        reason = "error 131026: the customer cannot be reached: no WhatsApp, an old one, or its terms not accepted"
        assert (part.state, part.reason) == (SendState.FAILED, reason)
        told = [(log["event"], log["key"], log["reason"], log["is_known"]) for log in logs]
        assert told == [("message_not_delivered", key, reason, True), ("message_not_delivered", "x", reason, False)]

    async def test_what_cannot_be_stored_is_brought_again(
        self, whatsapp: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake, accept = whatsapp.fake, whatsapp.intake.accept

        async def full_for_ann(message: Any, address: Any = None) -> Accepted | None:
            if message.conversation_id == fake.conversation_of("ann"):
                raise Overloaded("Too many messages wait")
            return await accept(message, address)

        monkeypatch.setattr(whatsapp.intake, "accept", full_for_ann)
        items = [fake.item(user, user, type="text", text={"body": "hi"}) for user in ("ann", "ben")]
        request = fake.signed(fake.update(*items))
        status, _ = await whatsapp.post(request)

        assert status == 503
        assert [one.message.conversation_id for one in whatsapp.new] == [fake.conversation_of("ben")]
        monkeypatch.setattr(whatsapp.intake, "accept", accept)
        assert (await whatsapp.post(request))[0] == 200
        assert len(whatsapp.new) == 2


async def sent_part(whatsapp: Bench) -> str:
    """Has Ann's message answered, and the answer sent; the key of it."""
    await whatsapp.post(whatsapp.fake.message(user="ann", text="hi", id="1"))
    claimed = await whatsapp.store.inbox.claim()
    assert claimed is not None
    turn = TurnWrite(lease=claimed.lease, inbox_id=claimed.inbox_id, parts=(asdict(HELLO),), deliver=True)
    state = Conversation(id=claimed.message.conversation_id, now=Moment(slots={}))
    events = [{"event": "user", "timestamp": 1.0, "text": "hi", "parse_data": {}}]
    await whatsapp.store.append(state, events, turn=turn)
    (part,) = await whatsapp.store.outbox.take({"whatsapp": 1})
    await whatsapp.channel.deliver(part)
    await whatsapp.store.outbox.sent(part)
    return part.key


class TestWhatIsRefused:
    async def test_what_meta_has_not_signed(self, whatsapp: Bench) -> None:
        forgeries = whatsapp.fake.forgeries()

        answers = {what: (await whatsapp.post(request))[0] for what, request in forgeries.items()}
        assert {what: status for what, status in answers.items() if status not in (401, 403)} == {}
        assert whatsapp.intake.taken == []

    async def test_two_signatures(self, whatsapp: Bench) -> None:
        request = whatsapp.fake.message(user="ann", text="hi", id="1")
        signature = request.headers["X-Hub-Signature-256"]

        assert (await whatsapp.post(request, ("X-Hub-Signature-256", signature)))[0] == 401

    @pytest.mark.parametrize(
        ("body", "status"),
        [(b"", 400), (b"\xff\xfe", 400), (b"{", 400), (b"[" * 100_000, 400), (b'{"a": NaN}', 400), (b"null", 200)],
    )
    async def test_what_is_signed_and_makes_no_sense(self, whatsapp: Bench, body: bytes, status: int) -> None:
        assert (await whatsapp.post(whatsapp.fake.signed(body)))[0] == status

    @pytest.mark.parametrize(("excess", "status"), [(0, 200), (1, 413)])
    async def test_three_megabytes_are_taken_and_not_a_byte_more(
        self, whatsapp: Bench, excess: int, status: int
    ) -> None:
        body = whatsapp.fake.message(user="ann", text="hi", id="1").body
        body += b" " * (3 * 1024 * 1024 - len(body) + excess)

        request = whatsapp.fake.signed(body)
        async with whatsapp.client.post(request.path, data=BytesIO(body), headers=request.headers) as response:
            assert response.status == status
        assert len(whatsapp.new) == (status == 200)

    async def test_another_type_of_body(self, whatsapp: Bench) -> None:
        request = whatsapp.fake.message(user="ann", text="hi", id="1")
        headers = {**request.headers, "Content-Type": "text/xml"}

        assert (await whatsapp.post(Request(path=request.path, headers=headers, body=request.body)))[0] == 415


class TestTheHandshake:
    async def test_the_challenge_is_echoed_as_text(self, whatsapp: Bench) -> None:
        request = whatsapp.fake.handshake(challenge="<script>alert(1)</script>")

        async with whatsapp.client.get(request.path) as response:
            assert (response.status, response.content_type) == (200, "text/plain")
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert await response.text() == "<script>alert(1)</script>"

    @pytest.mark.parametrize("wrong", [{"verify": "guessed"}, {"verify": ""}, {"verify": "é"}, {"mode": "unsubscribe"}])
    async def test_who_does_not_know_the_word_hears_nothing(self, whatsapp: Bench, wrong: dict[str, str]) -> None:
        status, body = await whatsapp.post(whatsapp.fake.handshake(challenge="4711", **wrong))

        assert status == 403
        assert b"4711" not in body

    @pytest.mark.parametrize("given", ["%ed%a0%80", "%ff", "%00"])
    async def test_a_word_that_is_no_text_is_wrong(self, whatsapp: Bench, given: str) -> None:
        query = f"hub.mode=subscribe&hub.challenge=4711&hub.verify_token={given}"

        assert (await whatsapp.post(Request(method="GET", path=f"{whatsapp.fake.webhook}?{query}")))[0] == 403

    async def test_without_a_question_there_is_no_answer(self, whatsapp: Bench) -> None:
        assert (await whatsapp.post(Request(method="GET", path=whatsapp.fake.webhook)))[0] == 403


def to_ann(whatsapp: Bench, message: BotMessage = HELLO, **changed: Any) -> Any:
    """A part for Ann, who has just written."""
    known = {"to": whatsapp.fake.id_of("ann"), "written_at": whatsapp.clock()}
    address = changed.pop("address", known)
    return part(message, address, **{"conversation_id": whatsapp.fake.conversation_of("ann"), **changed})


class TestSending:
    @pytest.fixture(autouse=True)
    def _ann_has_written(self, whatsapp: Bench) -> None:
        whatsapp.fake.opened("ann")

    async def test_a_part_is_shown_to_its_customer(self, whatsapp: Bench) -> None:
        await whatsapp.channel.deliver(to_ann(whatsapp))

        (sent,) = whatsapp.fake.sent
        assert (sent.user, sent.text, sent.raw["to"]) == ("ann", "Hello", whatsapp.fake.id_of("ann"))
        assert sent.raw["biz_opaque_callback_data"] == KEY

    async def test_where_the_way_is_not_known_it_follows_from_the_conversation(self, whatsapp: Bench) -> None:
        await whatsapp.channel.deliver(to_ann(whatsapp, address={}))
        number = f"whatsapp:{NUMBERS[0]}:{whatsapp.fake.id_of('ann')}"
        await whatsapp.channel.deliver(to_ann(whatsapp, address={}, conversation_id=number))

        first, second = (sent.raw for sent in whatsapp.fake.sent)
        assert (first["recipient"], second["to"]) == (whatsapp.fake.user_id("ann"), whatsapp.fake.id_of("ann"))

    @pytest.mark.parametrize(
        "conversation", ["ann", "slack:1:2", "whatsapp:", "whatsapp:1", "whatsapp:x:1", "whatsapp:1:"]
    )
    async def test_a_conversation_of_elsewhere_is_refused(self, whatsapp: Bench, conversation: str) -> None:
        with pytest.raises(Rejected, match="nobody knows whom to write to"):
            await whatsapp.channel.deliver(to_ann(whatsapp, conversation_id=conversation))

    @pytest.mark.parametrize(
        ("fault", "kind", "shown"),
        [
            (Fault.TOO_MANY, NotSent, 0),
            (Fault.SERVER_ERROR, NotSent, 0),
            (Fault.HANG_UP, Uncertain, 0),
            (Fault.LOST_ANSWER, Uncertain, 1),
        ],
    )
    async def test_each_fault_is_what_it_is(
        self, whatsapp: Bench, fault: Fault, kind: type[Exception], shown: int
    ) -> None:
        whatsapp.fake.faults.append(fault)

        with pytest.raises(kind):
            await whatsapp.channel.deliver(to_ann(whatsapp))
        assert len(whatsapp.fake.sent) == shown

    @pytest.mark.parametrize("settings", [{"access_token": "expired"}])
    async def test_a_token_that_has_expired_is_named(self, whatsapp: Bench) -> None:
        with pytest.raises(Rejected, match=r"401, error 190: access_token in credentials\.yml") as caught:
            await whatsapp.channel.deliver(to_ann(whatsapp))
        assert "expired" not in str(caught.value).replace("has expired", "")

    async def test_who_is_too_fast_for_one_customer_comes_again(self, whatsapp: Bench) -> None:
        for _ in range(45):
            await whatsapp.channel.deliver(to_ann(whatsapp))

        with pytest.raises(NotSent, match="error 131056") as caught:
            await whatsapp.channel.deliver(to_ann(whatsapp))
        assert caught.value.retry_after_s == 6
        whatsapp.clock.now += 6
        await whatsapp.channel.deliver(to_ann(whatsapp))

    async def test_the_pace_stays_within_what_whatsapp_allows(self, whatsapp: Bench) -> None:
        pace = Pace(abilities(whatsapp.channel._config), whatsapp.clock)
        for _ in range(200):
            while (wait_s := pace.wait_s("ann")) > 0:
                whatsapp.clock.now += wait_s
            whatsapp.fake.opened("ann")
            await whatsapp.channel.deliver(to_ann(whatsapp))

        assert (len(whatsapp.fake.sent), whatsapp.fake.refused) == (200, [])


class TestAfterADay:
    async def test_nothing_is_sent_that_would_not_arrive(self, whatsapp: Bench) -> None:
        late = {"to": whatsapp.fake.id_of("ann"), "written_at": whatsapp.clock() - DAY_S - 1}

        with pytest.raises(Rejected, match="name a template"):
            await whatsapp.channel.deliver(to_ann(whatsapp, address=late))
        assert (whatsapp.fake.sent, whatsapp.fake.refused) == ([], [])

    async def test_whatsapp_has_the_last_word(self, whatsapp: Bench) -> None:
        with pytest.raises(GraphRejected) as caught:
            await whatsapp.channel.deliver(to_ann(whatsapp))
        assert caught.value.code == 131047

    @pytest.mark.parametrize("settings", [{"template": dict(zip(("name", "language"), TEMPLATE, strict=True))}])
    @pytest.mark.parametrize("is_known", [True, False])
    async def test_the_template_is_sent_once_for_a_reply(self, whatsapp: Bench, is_known: bool) -> None:
        written_at = whatsapp.clock() - 2 * DAY_S if is_known else whatsapp.clock()
        late = {"to": whatsapp.fake.id_of("ann"), "written_at": written_at}

        await whatsapp.channel.deliver(to_ann(whatsapp, address=late))
        with pytest.raises(Rejected, match="was sent for the reply's first part"):
            await whatsapp.channel.deliver(to_ann(whatsapp, address=late, part_no=1))
        assert [sent.text for sent in whatsapp.fake.sent] == ["[reopen]"]
        assert len(whatsapp.fake.refused) == (0 if is_known else 2)

    @pytest.mark.parametrize(
        "settings", [{"template": {"name": TEMPLATE_WITH_TEXT[0], "language": TEMPLATE_WITH_TEXT[1], "text": True}}]
    )
    async def test_a_template_with_room_takes_every_part(self, whatsapp: Bench) -> None:
        late = {"to": whatsapp.fake.id_of("ann"), "written_at": 0}
        for number, words in enumerate(("Your parcel\nis here.", "Ring at the door.")):
            await whatsapp.channel.deliver(to_ann(whatsapp, BotMessage(text=words), address=late, part_no=number))

        texts = [sent.raw["template"]["components"][0]["parameters"][0]["text"] for sent in whatsapp.fake.sent]
        assert texts == ["Your parcel is here.", "Ring at the door."]

    async def test_without_a_template_a_reply_expires(self, whatsapp: Bench) -> None:
        with_template = whatsapp.fake.credentials() | {"template": {"name": "a", "language": "en"}}

        assert whatsapp.channel.abilities.reply_within_s == DAY_S
        assert abilities(Config.model_validate(with_template)).reply_within_s is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"verify": ""},
        {"secret": ""},
        {"access_token": ""},
        {"secret": None},
        {"phone_number_ids": ["+1 555"]},
        {"list_button": "more than twenty letters"},
        {"template": {"name": "a"}},
        {"template": {"name": "a", "language": "en", "lang": "en"}},
        {"api_url": "graph"},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    right = {"verify": "v", "secret": "s", "access_token": "t"}
    Config.model_validate(right)
    with pytest.raises(ValidationError):
        Config.model_validate(right | wrong)
