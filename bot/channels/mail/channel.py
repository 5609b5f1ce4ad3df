"""E-mail: a mail is marked as read once it is in the inbox, and answered in its thread."""

import asyncio

import structlog
from aiohttp import web

from bot.abilities import Abilities
from bot.channels.channel import health
from bot.channels.intake import MEDIA, Intake
from bot.channels.mail.config import NAME, Config
from bot.channels.mail.incoming import Ignored, Incoming, parse_mail
from bot.channels.mail.mailbox import Mailbox, visit
from bot.channels.mail.outgoing import compose
from bot.channels.mail.postman import Postman
from bot.delivery import Rejected
from bot.errors import safe_reason
from bot.messages import UserMessage
from bot.stores.outbox import Part
from bot.turn_record import stored_reply
from configs.errors import KefuError

ABILITIES = Abilities(max_text=100_000, joins=True, threads=True)

_log = structlog.get_logger()


class Mail:
    """Fetches mails, and sends what the bot says to each as one mail."""

    name = NAME
    abilities = ABILITIES

    def __init__(self, config: Config, intake: Intake, postman: Postman | None = None) -> None:
        self._config, self._intake = config, intake
        self._postman = postman or Postman(config)

    def routes(self) -> list[web.RouteDef]:
        """The health route."""
        return [web.get(f"/webhooks/{NAME}/", health)]

    async def run(self) -> None:
        """Looks into the mailbox every so often."""
        while True:
            try:
                await self.collect()
            except KefuError as error:
                _log.warning("mailbox_not_read", reason=safe_reason(error))
            await asyncio.sleep(self._config.poll_s)

    async def collect(self) -> int:
        """Takes in what is unread; returns how many mails.

        Raises:
            MailboxError: The mailbox cannot be looked into; what was taken in stays so.
            KefuError: The inbox takes no more; the rest stays unread.
        """
        async with visit(self._config) as mailbox:
            numbers = await mailbox.unread()
            for number in numbers:
                await self._take(mailbox, number)
            return len(numbers)

    async def deliver(self, part: Part) -> None:
        """Sends one mail.

        Raises:
            NotSent: It was not taken; later it may be.
            Rejected: It was refused.
            Uncertain: Nobody can tell.
        """
        text = stored_reply([part.payload])[0].text
        if not text or not part.address:
            raise Rejected("there is nothing to say, or nobody to say it to")
        mail = compose(self._config, part.address, text, part.key, self._intake.now())
        await self._postman.send(str(part.address["to"]), mail)

    def stop(self) -> None:
        """Nothing: what is unread stays so."""

    async def close(self) -> None:
        """Nothing."""

    async def _take(self, mailbox: Mailbox, number: int) -> None:
        raw = await mailbox.fetch(number)
        try:
            mail = await asyncio.to_thread(parse_mail, raw, self._config.address)
        except Ignored as reason:
            _log.info("mail_ignored", number=number, reason=str(reason))
        except Exception as error:  # an edge: one mail that cannot be read must not hold up the others
            _log.error("mail_not_read", number=number, reason=type(error).__name__)
        else:
            await self._intake.accept(_message(mail, self._config), mail.address)
        await mailbox.mark_read(number)


def _message(mail: Incoming, config: Config) -> UserMessage:
    media = {MEDIA: list(mail.media)} if mail.media else {}
    return UserMessage(
        conversation_id=mail.conversation_id,
        text=mail.text,
        channel=NAME,
        account=config.address.lower(),
        external_id=mail.external_id,
        metadata={"subject": mail.subject, **media},
    )


make = Mail
