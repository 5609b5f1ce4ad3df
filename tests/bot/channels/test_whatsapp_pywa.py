"""pywa, an independent client of the Cloud API, reads what the fake brings and sends what the channel sends."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from bench import Bench, bench, part
from fakes.meta import SECRET, TOKEN, VERIFY
from fakes.whatsapp import NUMBERS, TEMPLATE, FakeWhatsApp
from pywa_async import WhatsApp, types
from pywa_async.types.templates import TemplateLanguage

from bot.channels.whatsapp import Config, make
from bot.messages import BotMessage
from configs.domain import Button

KEY = "00000000-0000-4000-8000-000000000001"
LINK = "https://shop.example/a/b.png"


@pytest.fixture
async def whatsapp() -> AsyncIterator[Bench]:
    fake = FakeWhatsApp()
    async with bench(fake, lambda credentials, intake: make(Config.model_validate(credentials), intake)) as running:
        fake.now = running.clock
        yield running


@pytest.fixture
async def pywa(whatsapp: Bench) -> AsyncIterator[WhatsApp]:
    async with httpx.AsyncClient() as session:
        client = WhatsApp(phone_id=NUMBERS[0], token=TOKEN, session=session, verify_token=VERIFY, app_secret=SECRET)
        session.base_url = httpx.URL(whatsapp.fake.api_url)
        yield client


def buttons(count: int) -> tuple[Button, ...]:
    return tuple(Button(title=f"Title {number}", payload=f"/intent_{number}") for number in range(count))


async def both_sent(whatsapp: Bench, message: BotMessage) -> tuple[Any, Any]:
    """What pywa has just sent, and what the channel sends of `message`."""
    conversation = {"conversation_id": whatsapp.fake.conversation_of("ann")}
    await whatsapp.channel.deliver(part(message, {"to": whatsapp.fake.id_of("ann")}, **conversation))
    theirs, ours = whatsapp.fake.sent
    return theirs.raw, ours.raw


class TestSending:
    @pytest.fixture
    def ann(self, whatsapp: Bench) -> str:
        whatsapp.fake.opened("ann")
        return str(whatsapp.fake.id_of("ann"))

    async def test_a_text(self, whatsapp: Bench, pywa: WhatsApp, ann: str) -> None:
        await pywa.send_message(ann, "Hello *you* 🍮", tracker=KEY)

        theirs, ours = await both_sent(whatsapp, BotMessage(text="Hello **you** 🍮"))
        assert ours == theirs

    async def test_reply_buttons(self, whatsapp: Bench, pywa: WhatsApp, ann: str) -> None:
        choices = [types.Button(one.title, callback_data=one.payload) for one in buttons(3)]
        await pywa.send_message(ann, "Which?", buttons=choices, tracker=KEY)

        theirs, ours = await both_sent(whatsapp, BotMessage(text="Which?", buttons=buttons(3)))
        assert ours == theirs

    async def test_a_list(self, whatsapp: Bench, pywa: WhatsApp, ann: str) -> None:
        rows = [types.SectionRow(one.title, callback_data=one.payload) for one in buttons(10)]
        sections = types.SectionList("Options", sections=[types.Section("Options", rows=rows)])
        await pywa.send_message(ann, "Which?", buttons=sections, tracker=KEY)

        theirs, ours = await both_sent(whatsapp, BotMessage(text="Which?", buttons=buttons(10)))
        assert ours == theirs

    async def test_a_button_that_opens_an_address(self, whatsapp: Bench, pywa: WhatsApp, ann: str) -> None:
        await pywa.send_message(ann, "Look", buttons=types.URLButton("Our shop", url=LINK), tracker=KEY)

        link = (Button(title="Our shop", payload=LINK),)
        theirs, ours = await both_sent(whatsapp, BotMessage(text="Look", buttons=link))
        assert ours == theirs

    async def test_a_picture(self, whatsapp: Bench, pywa: WhatsApp, ann: str) -> None:
        await pywa.send_image(ann, LINK, tracker=KEY)

        theirs, ours = await both_sent(whatsapp, BotMessage(image=LINK))
        assert ours == theirs

    async def test_a_document(self, whatsapp: Bench, pywa: WhatsApp, ann: str) -> None:
        await pywa.send_document(ann, "https://shop.example/a/terms.pdf", filename="terms.pdf", tracker=KEY)

        attachment = {"type": "file", "payload": {"src": "https://shop.example/a/terms.pdf"}}
        theirs, ours = await both_sent(whatsapp, BotMessage(attachment=attachment))
        assert ours == theirs

    async def test_to_a_customer_whose_number_is_not_known(self, whatsapp: Bench, pywa: WhatsApp) -> None:
        whatsapp.fake.opened("ann")
        await pywa.send_message(whatsapp.fake.user_id("ann"), "Hello", tracker=KEY)

        where = {"conversation_id": whatsapp.fake.conversation_of("ann")}
        await whatsapp.channel.deliver(part(BotMessage(text="Hello"), {}, **where))
        theirs, ours = whatsapp.fake.sent
        assert ours.raw == theirs.raw

    async def test_a_template(self, whatsapp: Bench, pywa: WhatsApp, ann: str) -> None:
        name, _ = TEMPLATE
        await pywa.send_template(ann, name=name, language=TemplateLanguage.ENGLISH, params=None, tracker=KEY)

        config = whatsapp.fake.credentials() | {"template": {"name": "reopen", "language": "en"}}
        channel = make(Config.model_validate(config), whatsapp.intake)
        late = {"to": ann, "written_at": whatsapp.clock() - 90_000}
        where = {"conversation_id": whatsapp.fake.conversation_of("ann")}
        await channel.deliver(part(BotMessage(text="Hello"), late, **where))
        await channel.close()
        theirs, ours = whatsapp.fake.sent
        assert ours.raw == theirs.raw


def kept(listen_for: Callable[..., Any]) -> list[Any]:
    """Whatever pywa reads of one kind."""
    heard: list[Any] = []

    async def keep(_: WhatsApp, update: Any) -> None:
        heard.append(update)

    listen_for(keep)
    return heard


class TestReading:
    async def test_a_message_and_its_signature(self, whatsapp: Bench, pywa: WhatsApp) -> None:
        heard: list[types.Message] = kept(pywa.on_message)
        request = whatsapp.fake.message(user="ann", text="Crème brûlée 🍮", id="1")

        signature = request.headers["X-Hub-Signature-256"]
        assert await pywa.webhook_update_validator(request.body, signature) is None
        assert await pywa.webhook_update_handler(request.body) == ("ok", 200)
        (message,) = heard

        assert await whatsapp.post(request) == (200, b"")
        (taken,) = whatsapp.new
        assert (taken.message.text, taken.message.external_id) == (message.text, message.id)
        assert taken.message.account == message.metadata.phone_number_id
        assert taken.message.conversation_id == f"whatsapp:{NUMBERS[0]}:{message.from_user.bsuid}"
        assert taken.address == {"to": message.from_user.wa_id, "written_at": message.timestamp.timestamp()}

    async def test_a_pressed_button(self, whatsapp: Bench, pywa: WhatsApp) -> None:
        heard: list[types.CallbackButton] = kept(pywa.on_callback_button)
        request = whatsapp.fake.button(user="ann", payload="/hours", id="1")

        assert await pywa.webhook_update_handler(request.body) == ("ok", 200)
        await whatsapp.post(request)

        assert whatsapp.new[0].message.text == heard[0].data == "/hours"

    async def test_news_of_a_failure(self, whatsapp: Bench, pywa: WhatsApp) -> None:
        heard: list[types.MessageStatus] = kept(pywa.on_message_status)
        failure = whatsapp.fake.status("ann", "failed", key=KEY, code=131047)
        request = whatsapp.fake.signed(whatsapp.fake.update(statuses=[failure]))

        await pywa.webhook_update_handler(request.body)
        (status,) = heard
        assert (status.tracker, status.error and status.error.code) == (KEY, 131047)

    async def test_the_handshake(self, whatsapp: Bench, pywa: WhatsApp) -> None:
        answer, status = await pywa.webhook_challenge_handler(VERIFY, "1158201444")

        assert await whatsapp.post(whatsapp.fake.handshake()) == (status, str(answer).encode())

    async def test_what_pywa_refuses_is_refused(self, whatsapp: Bench, pywa: WhatsApp) -> None:
        for what, request in whatsapp.fake.forgeries().items():
            given = request.headers.get("X-Hub-Signature-256")
            # pywa asks for no `sha256=`, and cannot compare what is not ASCII
            if request.method == "POST" and what not in ("no algorithm", "letters that are not ASCII"):
                assert await pywa.webhook_update_validator(request.body, given) is not None, what
            assert (await whatsapp.post(request))[0] in (401, 403), what
