"""Customers who write e-mails: a mailbox that the bot looks into, and a server that takes its replies.

A mail that is marked as read is one of which there is a receipt. The servers fail as servers of that kind do.
"""

import asyncio
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from fakes import mail_servers
from fakes.mail_servers import PASSWORD, USER, ImapServer, SmtpServer
from fakes.platform import Bot, Fault, Platform, Sent

LOOK_S = 0.02
PATIENCE_S = 60.0
AFTER_ALL, AFTER_IT_WAS_TAKEN = ".", "!"
FAULTS = {
    Fault.TOO_MANY: ("RCPT", 450),
    Fault.SERVER_ERROR: (AFTER_ALL, 451),
    Fault.HANG_UP: (AFTER_ALL, 0),
    Fault.LOST_ANSWER: (AFTER_IT_WAS_TAKEN, 0),
}


class FakeMail(Platform):
    """The two servers, and a thread for each customer."""

    channel = "email"
    accept_limit_s = None  # a mail lies there until somebody looks
    authenticated = False

    def __init__(self) -> None:
        super().__init__()
        self.imap, self.smtp = ImapServer(), _Smtp(self._drawn, self._show)
        self._ids: dict[str, set[str]] = {}

    def credentials(self) -> dict[str, Any]:
        imap = {"imap_host": "127.0.0.1", "imap_port": self.imap.port, "imap_security": "none"}
        smtp = {"smtp_host": "127.0.0.1", "smtp_port": self.smtp.port, "smtp_security": "none"}
        return {"address": USER, "password": PASSWORD, "poll_s": 1, **imap, **smtp}

    async def start(self) -> None:
        await self.imap.start()
        await self.smtp.start()

    async def close(self) -> None:
        await self.imap.close()
        await self.smtp.close()

    async def carry(self, bot: Bot, *, user: str, text: str, id: str) -> bool:  # noqa: A002
        if self.failed() is not None:
            self.imap.breaks_at = "UID STORE"  # so that a mail is taken in, and not marked
        kept = self.imap.mails[self.imap.bring(self._written(user, text, id))]
        try:
            async with asyncio.timeout(PATIENCE_S):
                while r"\Seen" not in kept.flags:  # noqa: ASYNC110 - the other side is a server
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            return False
        return True

    def _written(self, user: str, text: str, id: str) -> bytes:  # noqa: A002
        mail, own_id = EmailMessage(policy=SMTP), f"<{id}.{user}@customer.example>"
        mail["From"], mail["To"], mail["Subject"] = f"{user}@customer.example", USER, "A question"
        mail["Message-ID"], mail["References"] = own_id, f"<{user}@customer.example>"
        mail.set_content(text)
        self._ids.setdefault(user, set()).add(own_id)
        return mail.as_bytes()

    def _drawn(self) -> Fault | None:
        return self.failed()  # as it is by then

    def _show(self, sent: mail_servers.Sent) -> None:
        user = sent.recipient.partition("@")[0]
        if sent.mail["In-Reply-To"] not in self._ids.get(user, ()):
            self.refused.append("a reply is in no thread of its customer's")
        self.sent.append(Sent(user=user, text=sent.text, key=sent.mail["Message-ID"], raw=sent.raw))


class _Smtp(SmtpServer):
    """Draws what goes wrong with each mail."""

    def __init__(self, draw: Callable[[], Fault | None], show: Callable[[mail_servers.Sent], None]) -> None:
        super().__init__()
        self._draw, self._show = draw, show

    def _taken(self, sent: mail_servers.Sent) -> int:
        count = len(self.sent)
        code = super()._taken(sent)
        for one in self.sent[count:]:
            self._show(one)
        return code

    def _fault(self, verb: str) -> int | None:
        if verb == "RCPT" and (fault := self._draw()) is not None:
            self.faults.append(FAULTS[fault])
        return super()._fault(verb)
