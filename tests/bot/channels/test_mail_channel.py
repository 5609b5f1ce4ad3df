"""E-mail, over servers that speak IMAP and SMTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.mail_servers import PASSWORD, USER, ImapServer, Sent, SmtpServer
from pydantic import ValidationError
from scripted_bot import SPEC, Clock, make_bot
from test_mail_incoming import mail

from bot.channels.intake import Intake
from bot.channels.mail import Config, Mail
from bot.channels.mail.incoming import parse_mail
from bot.channels.mail.mailbox import MailboxError
from bot.channels.mail.outgoing import reply_subject
from bot.channels.mail.postman import Postman
from bot.inbox_worker import InboxWorker
from bot.outbox_sender import OutboxSender
from bot.stores.outbox import SendState
from bot.stores.sqlite import SqliteConnector
from bot.stores.store import ConversationStore

CONVERSATION = parse_mail(mail("where is it"), USER).conversation_id


class Office:
    """The channel between a mailbox, a mail server and a scripted bot; each step is taken by hand."""

    def __init__(self, path: Path, imap: ImapServer, smtp: SmtpServer, **section: Any) -> None:
        self.imap, self.smtp, self.clock = imap, smtp, Clock()
        self.config = Config.model_validate(
            {
                "address": USER,
                "name": "Shop, Help",
                "password": PASSWORD,
                "imap_host": "127.0.0.1",
                "imap_port": imap.port,
                "imap_security": "none",
                "smtp_host": "127.0.0.1",
                "smtp_port": smtp.port,
                "smtp_security": "none",
                **section,
            }
        )
        self.store = ConversationStore(SqliteConnector(path), now=self.clock)
        intake = Intake(self.store, max_text_chars=1_000, on_accept=lambda: None, now=self.clock)
        self.channel = Mail(self.config, intake, Postman(self.config, answer_s=2))
        bot = make_bot(self.store, SPEC, sends_to={"email": self.channel.abilities})  # type: ignore[arg-type]
        bot.dialogue._now = self.clock
        self.bot = bot
        self.worker = InboxWorker(self.store, bot.dialogue)
        self.sender = OutboxSender(self.store.outbox, {"email": self.channel.deliver}, now=self.clock)

    async def answer(self) -> list[Sent]:
        """Fetches, answers and sends; everything that was ever sent."""
        await self.channel.collect()
        await self.worker.drain()
        await self.sender.drain()
        return self.smtp.sent

    async def states(self, conversation: str) -> list[SendState]:
        return [part.state for part in await self.store.outbox.parts_of(conversation)]


Open = Callable[..., Awaitable[Office]]


@pytest.fixture
async def open_office(tmp_path: Path) -> AsyncIterator[Open]:
    imap, smtp = ImapServer(), SmtpServer()
    await imap.start()
    await smtp.start()
    offices: list[Office] = []

    async def start(**section: Any) -> Office:
        office = Office(tmp_path / "conversations.db", imap, smtp, **section)
        await office.store.open()
        offices.append(office)
        return office

    yield start
    for office in offices:
        await office.store.close()
    await imap.close()
    await smtp.close()


@pytest.fixture
async def office(open_office: Open) -> Office:
    return await open_office()


async def test_a_mail_is_answered_by_one_mail_in_its_thread(office: Office) -> None:
    office.imap.bring(mail("where is it"))

    (sent,) = await office.answer()

    assert (sent.sender, sent.recipient) == (USER, "ann@home.example")
    reply = sent.mail
    assert reply["From"] == '"Shop, Help" <help@shop.example>'
    assert (reply["To"], reply["Subject"]) == ("ann@home.example", "Re: Order 4711")
    assert reply["In-Reply-To"] == reply["References"] == "<m1@home.example>"
    assert reply["Auto-Submitted"] == "auto-replied"
    assert reply["Date"] == "Tue, 14 Nov 2023 22:13:20 +0000"
    assert sent.text == "On its way.\n\nHere is the link."
    assert office.imap.unread == []


async def test_an_answer_to_the_answer_goes_on_with_the_conversation(office: Office) -> None:
    office.imap.bring(mail("hello"))
    (first,) = await office.answer()
    assert first.text == "Hello friend!\n1. Hours\n2. Order"

    quoted = "2\r\n\r\nOn Mon, Help wrote:\r\n> Hello friend!\r\n> 1. Hours\r\n> 2. Order\r\n"
    office.imap.bring(
        mail(
            quoted,
            message_id="<m2@home.example>",
            subject="Re: Order 4711",
            references=f"<m1@home.example> {first.mail['Message-ID']}",
        )
    )
    _, second = await office.answer()

    assert second.text == "On its way.\n\nHere is the link."
    assert second.mail["Subject"] == "Re: Order 4711"
    assert second.mail["References"] == f"<m1@home.example> {first.mail['Message-ID']} <m2@home.example>"


async def test_threads_of_one_customer_are_apart(office: Office) -> None:
    office.imap.bring(mail("hello"))
    office.imap.bring(mail("2", message_id="<m2@home.example>"))

    sent = await office.answer()

    assert len({one.mail["Message-ID"].split(".")[1] for one in sent}) == 2
    assert office.bot.inference.asked == ["hello", "2"]


async def test_the_same_mail_twice_is_answered_once(office: Office) -> None:
    for _ in range(2):
        office.imap.bring(mail("where is it"))

    assert len(await office.answer()) == 1


async def test_mail_that_was_not_marked_as_read_is_not_answered_twice(office: Office) -> None:
    office.imap.bring(mail("where is it"))
    office.imap.breaks_at = "UID STORE"
    with pytest.raises(MailboxError):
        await office.channel.collect()
    assert len(office.imap.unread) == 1

    assert len(await office.answer()) == 1
    assert office.imap.unread == []


async def test_mail_that_the_inbox_did_not_take_stays_unread(office: Office) -> None:
    office.imap.bring(mail("where is it"))
    office.store.inbox._cap = 0
    with pytest.raises(Exception, match="The inbox holds 0 messages"):
        await office.channel.collect()
    assert len(office.imap.unread) == 1

    office.store.inbox._cap = 100
    assert len(await office.answer()) == 1


async def test_what_cannot_be_read_or_answered_does_not_hold_up_others(office: Office) -> None:
    office.imap.bring(b"")
    office.imap.bring(b"\xff\xfe\x00" * 100)
    office.imap.bring(mail(auto_submitted="auto-replied"))
    office.imap.bring(mail("where is it"))

    assert len(await office.answer()) == 1
    assert office.imap.unread == []


async def test_of_a_large_mail_the_beginning_is_read(office: Office) -> None:
    attachment = "--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment\r\n\r\n" + "x" * 900_000
    body = f"--b\r\nContent-Type: text/plain\r\n\r\nwhere is it\r\n{attachment}"
    office.imap.bring(mail(body, content_type="multipart/mixed; boundary=b"))

    (sent,) = await office.answer()

    assert sent.text.startswith("On its way.")


async def test_a_header_cannot_be_smuggled_in(office: Office) -> None:
    subject = "=?utf-8?q?hi=0D=0ABcc:_eve=40evil.example=0D=0A?="
    office.imap.bring(mail("where is it", subject=subject))

    (sent,) = await office.answer()

    assert sent.mail["Bcc"] is None
    assert b"\nBcc:" not in sent.raw


@pytest.mark.parametrize("text", ["你好 👩‍👩‍👧", ".\r\n..\r\n. dots", "From me", "a" * 5_000, "<script>"])
async def test_any_words_arrive_as_they_were_said(office: Office, text: str) -> None:
    office.imap.bring(mail("hello"))
    await office.answer()
    (part,) = await office.store.outbox.parts_of(CONVERSATION)

    await office.channel.deliver(replace(part, payload={"text": text}))

    assert office.smtp.sent[-1].text == text.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("fault", "state", "comes"),
    [
        (("EHLO", 0), SendState.PENDING, 0),
        (("AUTH", 535), SendState.PENDING, 0),
        (("MAIL", 421), SendState.PENDING, 0),
        (("MAIL", 0), SendState.PENDING, 0),
        (("RCPT", 450), SendState.PENDING, 0),
        (("RCPT", 550), SendState.FAILED, 0),
        (("DATA", 451), SendState.PENDING, 0),
        (("DATA", 554), SendState.FAILED, 0),
        ((".", 452), SendState.PENDING, 0),
        ((".", 552), SendState.FAILED, 0),
        ((".", 0), SendState.UNKNOWN, 0),
        (("!", 0), SendState.UNKNOWN, 1),
    ],
)
async def test_what_becomes_of_a_reply_that_was_not_taken(
    office: Office, fault: tuple[str, int], state: SendState, comes: int
) -> None:
    office.imap.bring(mail("where is it"))
    office.smtp.faults.append(fault)

    assert len(await office.answer()) == comes
    (part,) = await office.store.outbox.parts_of(CONVERSATION)
    assert part.state is state
    assert "ann@" not in (part.reason or "")  # the server's own words name the customer
    if state is SendState.PENDING:
        office.clock.now += 60
        assert len(await office.answer()) == 1


async def test_a_reply_has_the_same_id_each_time_it_is_sent(office: Office) -> None:
    office.imap.bring(mail("where is it"))
    office.smtp.faults.append(("!", 0))
    await office.answer()
    (part,) = await office.store.outbox.parts_of(CONVERSATION)

    await office.channel.deliver(part)

    assert len({one.mail["Message-ID"] for one in office.smtp.sent}) == 1


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"password": "wrong"}, "refuses username and password"),
        ({"username": "somebody"}, "refuses username and password"),
        ({"folder": "Other"}, "has no folder 'Other'"),
    ],
)
async def test_what_is_wrong_with_the_mailbox_is_told(open_office: Open, section: dict[str, Any], words: str) -> None:
    office = await open_office(**section)

    with pytest.raises(MailboxError, match=words) as caught:
        await office.channel.collect()
    assert PASSWORD not in str(caught.value)


async def test_a_mailbox_that_is_not_there_is_told(office: Office, unused_tcp_port: int) -> None:
    config = office.config.model_copy(update={"imap_port": unused_tcp_port})

    with pytest.raises(MailboxError, match=f"127.0.0.1:{unused_tcp_port} cannot be used: ConnectionRefusedError"):
        await Mail(config, office.channel._intake).collect()


@pytest.mark.parametrize(
    ("subject", "expected"),
    [("", "Re:"), ("Hi", "Re: Hi"), ("RE: Hi", "RE: Hi"), ("a\r\nBcc: b", "Re: a Bcc: b"), ("\u202eabc", "Re: abc")],
)
def test_a_subject_is_that_of_a_reply_and_one_line(subject: str, expected: str) -> None:
    assert reply_subject(subject) == expected


async def test_mails_are_answered_in_the_order_in_which_they_came(office: Office) -> None:
    for number in range(12):
        office.imap.bring(
            mail(
                "where is it",
                message_id=f"<a{number}@home.example>",
                references="<m1@home.example>",
                subject=f"{number}",
            )
        )

    await office.channel.collect()
    await office.worker.drain()
    await office.sender.drain()

    assert [sent.mail["In-Reply-To"] for sent in office.smtp.sent] == ["<a11@home.example>"] * 12
    assert len({sent.mail["Message-ID"] for sent in office.smtp.sent}) == 12


async def test_the_channel_says_that_it_is_there_and_looks_by_itself(office: Office) -> None:
    (route,) = office.channel.routes()
    assert route.path == "/webhooks/email/"
    office.imap.bring(mail("where is it"))
    running = asyncio.create_task(office.channel.run())
    async with asyncio.timeout(20):
        while office.imap.unread:  # noqa: ASYNC110 - the other side is a server
            await asyncio.sleep(0.01)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@pytest.mark.parametrize(
    "section",
    [
        {"address": "help"},
        {"address": "help@shop.example\r\nBcc: eve@evil.example"},
        {"name": "a\nb"},
        {"folder": 'a" b'},
        {"imap_port": 0},
        {"imap_security": "starttls"},
        {"poll_s": 0},
        {"password": None},
    ],
)
def test_a_wrong_setting_is_refused(section: dict[str, Any]) -> None:
    good = {"address": USER, "password": "p", "imap_host": "a", "smtp_host": "b"}
    Config.model_validate(good)
    with pytest.raises(ValidationError, match=next(iter(section))):
        Config.model_validate({**good, **section})
