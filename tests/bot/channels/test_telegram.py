"""The Telegram channel against the fake of its Bot API: webhook, polling, and what goes out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from bench import Bench, bench, part
from fakes.telegram import BOT_NAME, HEADER, SECRET, TOKEN, FakeTelegram, number
from fakes.vendor import Fault
from structlog.testing import capture_logs

from bot.channels.telegram import Config, Telegram
from bot.delivery import NotSent, Rejected, Uncertain
from bot.errors import Overloaded
from bot.messages import BotMessage, UserMessage
from configs.domain import Button

ANN = number("ann")
ADDRESS = {"chat": ANN}
TEXT = BotMessage(text="Hello")


@pytest.fixture
def settings() -> dict[str, Any]:
    """What a test sets besides the fake's credentials; None takes one out."""
    return {}


@pytest.fixture
async def telegram(settings: dict[str, Any]) -> AsyncIterator[Bench]:
    fake = FakeTelegram()
    fake.waits = []

    async def wait(seconds: float) -> None:
        fake.waits.append(seconds)

    def make(credentials: dict[str, Any], intake: Any) -> Telegram:
        chosen = {key: value for key, value in {**credentials, **settings}.items() if value is not None}
        return Telegram(Config.model_validate(chosen), intake, wait)

    async with bench(fake, make) as running:
        fake.chat("ann")
        yield running


async def until(holds: Any) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the other side is a server
            await asyncio.sleep(0.005)


class TestWebhook:
    async def test_a_message_is_taken_in_and_the_answer_is_empty(self, telegram: Bench) -> None:
        assert await telegram.post(telegram.fake.message(user="ann", text="hello", id="1")) == (200, b"")

        (taken,) = telegram.new
        assert taken.message.conversation_id == telegram.fake.conversation_of("ann") == f"telegram:{ANN}"
        assert taken.message.external_id == str(number("1"))
        assert taken.address == ADDRESS

    async def test_a_pressed_button_is_acknowledged_once_it_is_kept(self, telegram: Bench) -> None:
        assert (await telegram.post(telegram.fake.button(user="ann", payload="/hours", id="1")))[0] == 200

        assert [taken.message.text for taken in telegram.new] == ["/hours"]
        await until(lambda: telegram.fake.acknowledged == ["q-1"])

    async def test_a_secret_that_is_sent_twice_is_refused(self, telegram: Bench) -> None:
        request = telegram.fake.message(user="ann", text="hello", id="1")
        assert (await telegram.post(request, (HEADER, SECRET)))[0] == 401
        assert telegram.intake.taken == []

    @pytest.mark.parametrize(
        "update",
        [
            {"update_id": 1},
            {"update_id": "one"},
            {"update_id": 1, "message": []},
            {"update_id": 1, "message": {"message_id": 1, "text": "no chat"}},
            {"update_id": 1, "poll": {"id": "1"}},
            {"update_id": 1, "something_new": {"a": [1]}},
        ],
    )
    async def test_what_cannot_be_read_is_not_brought_again(self, telegram: Bench, update: dict[str, Any]) -> None:
        assert (await telegram.post(telegram.fake.request(update)))[0] == 200
        assert telegram.intake.taken == []

    async def test_half_a_character_breaks_nothing(self, telegram: Bench) -> None:
        file = {"file_id": "a", "file_unique_id": "b", "file_name": "\ud83d.pdf"}
        for one, fields in enumerate(({"text": "\ud83d hi"}, {"text": None, "document": file})):
            update = telegram.fake.update(user="ann", text="", id=str(one))
            update["message"] |= fields
            assert (await telegram.post(telegram.fake.request(update)))[0] == 200
        assert len(telegram.new) == 2

    async def test_what_cannot_be_stored_is_brought_again(self, telegram: Bench) -> None:
        refuse_once(telegram)
        request = telegram.fake.message(user="ann", text="hello", id="1")

        assert [(await telegram.post(request))[0] for _ in range(2)] == [503, 200]
        assert len(telegram.new) == 1

    async def test_telegram_is_told_where_the_webhook_is(self, telegram: Bench) -> None:
        await telegram.channel.run()

        assert telegram.fake.webhook == {
            "url": "https://bot.example/webhooks/telegram/webhook",
            "secret_token": SECRET,
            "allowed_updates": ["message", "callback_query"],
        }

    async def test_telling_it_is_tried_until_it_is_done(self, telegram: Bench) -> None:
        telegram.fake.outages = 2
        await telegram.channel.run()
        assert telegram.fake.webhook
        assert telegram.fake.waits == [1.0, 2.0]

    @pytest.mark.parametrize("settings", [{"webhook_url": "http://bot.example/x"}])
    async def test_an_address_that_telegram_refuses_is_said(self, telegram: Bench) -> None:
        with capture_logs() as logs:
            await telegram.channel.run()
        assert [entry["event"] for entry in logs] == ["telegram_refused"]
        assert "HTTPS URL must be provided" in logs[0]["reason"]

    @pytest.mark.parametrize("settings", [{"verify": "another_bot"}])
    async def test_a_token_of_another_bot_is_said(self, telegram: Bench) -> None:
        with capture_logs() as logs:
            await telegram.channel.run()
        assert logs[0]["event"] == "telegram_other_bot"
        assert (logs[0]["verify"], logs[0]["name"]) == ("another_bot", BOT_NAME)


@pytest.mark.parametrize("settings", [{"webhook_url": None}])
class TestPolling:
    async def test_messages_are_fetched_in_order_and_confirmed(self, telegram: Bench, polling: None) -> None:
        updates = [telegram.fake.update(user="ann", text=f"message {one}", id=str(one)) for one in range(3)]
        for place, update in enumerate(updates):
            update["update_id"] = 500 + place
            telegram.fake.offer(update)

        await until(lambda: len(telegram.new) == 3 and not telegram.fake.waiting)
        assert [taken.message.text for taken in telegram.new] == ["message 0", "message 1", "message 2"]

    async def test_what_could_not_be_stored_is_fetched_again(self, telegram: Bench, polling: None) -> None:
        refuse_once(telegram)
        telegram.fake.offer(telegram.fake.update(user="ann", text="hello", id="1"))

        await until(lambda: len(telegram.new) == 1)
        assert telegram.fake.waits[0] == 1.0

    async def test_what_cannot_be_read_holds_up_nothing(self, telegram: Bench, polling: None) -> None:
        telegram.fake.offer({"update_id": 1, "message": []})
        telegram.fake.offer({**telegram.fake.update(user="ann", text="hello", id="1"), "update_id": 2})

        await until(lambda: len(telegram.new) == 1 and not telegram.fake.waiting)

    async def test_a_button_is_acknowledged(self, telegram: Bench, polling: None) -> None:
        telegram.fake.offer(telegram.fake.press(user="ann", payload="/hours", id="9"))
        await until(lambda: telegram.fake.acknowledged == ["q-9"])

    async def test_that_another_process_polls_is_said(self, telegram: Bench) -> None:
        telegram.fake.conflicts = 2
        with capture_logs() as logs:
            async with running(telegram):
                telegram.fake.offer(telegram.fake.update(user="ann", text="hello", id="1"))
                await until(lambda: len(telegram.new) == 1)

        said = [entry for entry in logs if entry["event"] == "telegram_conflict"]
        assert len(said) == 2
        assert "stop the other process" in said[0]["fix"]
        assert telegram.fake.waits == [30.0, 30.0]

    async def test_an_outage_is_waited_for(self, telegram: Bench) -> None:
        telegram.fake.outages = 3
        telegram.fake.offer(telegram.fake.update(user="ann", text="hello", id="1"))
        async with running(telegram):
            await until(lambda: len(telegram.new) == 1)
        assert telegram.fake.waits == [1.0, 2.0, 4.0]

    async def test_there_is_no_webhook(self, telegram: Bench) -> None:
        assert (await telegram.post(telegram.fake.message(user="ann", text="hello", id="1")))[0] == 404
        async with telegram.client.get("/webhooks/telegram/") as response:
            assert await response.json() == {"status": "ok"}


class TestWhatGoesOut:
    async def test_buttons_with_the_longest_payload(self, telegram: Bench) -> None:
        buttons = tuple(Button(title=f"{one} " + "x" * 62, payload=f"{one}" * 64) for one in range(3))
        await deliver(telegram, BotMessage(text="Which?", buttons=buttons))

        rows = telegram.fake.sent[0].raw["reply_markup"]["inline_keyboard"]
        assert [[button["callback_data"] for button in row] for row in rows] == [["0" * 64], ["1" * 64], ["2" * 64]]

    async def test_the_longest_text(self, telegram: Bench) -> None:
        await deliver(telegram, BotMessage(text="👋" * 2_048))
        with pytest.raises(Rejected, match="too long"):
            await deliver(telegram, BotMessage(text="👋" * 2_048 + "!"))
        assert len(telegram.fake.sent) == 1

    async def test_a_picture_that_telegram_cannot_fetch_is_sent_as_its_address(self, telegram: Bench) -> None:
        await deliver(telegram, BotMessage(image="https://shop.example/a.missing.png"))
        assert telegram.fake.sent[0].raw == {
            "method": "sendMessage",
            "chat_id": ANN,
            "text": "https://shop.example/a.missing.png",
        }

    async def test_a_group_that_moved_is_followed(self, telegram: Bench) -> None:
        telegram.fake.moved[-100] = ANN
        await deliver(telegram, TEXT, {"chat": -100, "reply_to": 5})
        assert telegram.fake.sent[0].raw == {"method": "sendMessage", "chat_id": ANN, "text": "Hello"}

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
        self, telegram: Bench, fault: Fault, kind: type[Exception]
    ) -> None:
        telegram.fake.faults.append(fault)
        with pytest.raises(kind) as caught:
            await deliver(telegram, TEXT)
        assert len(telegram.fake.sent) == (fault is Fault.LOST_ANSWER)
        assert TOKEN not in str(caught.value)
        if fault is Fault.TOO_MANY:
            assert caught.value.retry_after_s == 1

    async def test_a_customer_who_has_blocked_the_bot_is_not_tried_again(self, telegram: Bench) -> None:
        telegram.fake.blocked.add("ann")
        with pytest.raises(Rejected, match="blocked the bot"):
            await deliver(telegram, BotMessage(image="https://shop.example/a.png"))
        assert telegram.fake.asked == ["sendPhoto"]

    @pytest.mark.parametrize("settings", [{"access_token": TOKEN + "x"}])
    async def test_a_token_that_is_not_known_is_said(self, telegram: Bench) -> None:
        with pytest.raises(Rejected, match=r"access_token in credentials\.yml is wrong"):
            await deliver(telegram, TEXT)

    async def test_it_is_sent_no_faster_than_telegram_takes_it(self, telegram: Bench) -> None:
        for _ in range(5):
            await deliver(telegram, TEXT)
        with pytest.raises(NotSent, match="429"):
            await deliver(telegram, TEXT)


def refuse_once(telegram: Bench) -> None:
    """Has the intake take nothing the next time."""
    real = telegram.intake.accept

    async def refuse(message: UserMessage, address: Any = None) -> Any:
        telegram.intake.accept = real
        raise Overloaded("too many messages wait")

    telegram.intake.accept = refuse


async def deliver(telegram: Bench, message: BotMessage, address: Any = None) -> None:
    await telegram.channel.deliver(part(message, address or ADDRESS, channel="telegram"))


class running:  # noqa: N801 - reads like a function
    """The channel while it polls."""

    def __init__(self, telegram: Bench) -> None:
        self._telegram = telegram

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._telegram.channel.run())

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


@pytest.fixture
async def polling(telegram: Bench) -> AsyncIterator[None]:
    async with running(telegram):
        yield
