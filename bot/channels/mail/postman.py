"""Hands mails to an SMTP server, and tells apart what it surely did not take, what it refused and what nobody knows."""

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from bot.channels.mail.config import Config, Security
from bot.delivery import NotSent, Rejected, Uncertain

ANSWER_S = 10.0
_ERRORS = (SMTPException, OSError, TimeoutError)


class Postman:
    """Sends each mail on a connection of its own."""

    def __init__(self, config: Config, answer_s: float = ANSWER_S) -> None:
        self._config, self._answer_s = config, answer_s
        self._where = f"{config.smtp_host}:{config.smtp_port}"

    async def send(self, recipient: str, mail: bytes) -> None:
        """Returns once the server has taken `mail`.

        Raises:
            NotSent: It could not be reached, did not let the bot in, or refused for now.
            Rejected: It refused for good.
            Uncertain: It did not answer after all was sent.
        """
        client = self._client()
        try:
            await self._connect(client)
            await self._address(client, recipient)
            await self._hand_over(client, mail)
        finally:
            client.close()

    def _client(self) -> SMTP:
        config = self._config
        return SMTP(
            hostname=config.smtp_host,
            port=config.smtp_port,
            username=config.login,
            password=config.password.get_secret_value(),
            use_tls=config.smtp_security is Security.TLS,
            start_tls=config.smtp_security is Security.STARTTLS,
            timeout=self._answer_s,
        )

    async def _connect(self, client: SMTP) -> None:
        try:
            await client.connect()
        except _ERRORS as error:  # a wrong password, too: once it is mended nothing was lost
            raise NotSent(f"{self._where} cannot be used: {_shown(error)}") from error

    async def _address(self, client: SMTP, recipient: str) -> None:
        try:
            await client.mail(self._config.address)
            await client.rcpt(recipient)
        except SMTPResponseException as error:
            raise self._refusal(error) from error
        except _ERRORS as error:
            raise NotSent(f"{self._where} did not answer: {_shown(error)}") from error

    async def _hand_over(self, client: SMTP, mail: bytes) -> None:
        try:
            await client.data(mail)
        except SMTPResponseException as error:
            raise self._refusal(error) from error
        except _ERRORS as error:
            raise Uncertain(f"{self._where} did not answer: {_shown(error)}") from error

    def _refusal(self, error: SMTPResponseException) -> NotSent | Rejected:
        """What a code means: 4xx is for now, 5xx for good. Source: RFC 5321, 4.2.1."""
        if error.code >= 500:
            return Rejected(f"{self._where} answered {error.code}")
        return NotSent(f"{self._where} answered {error.code}")


def _shown(error: BaseException) -> str:
    """Not what the server says: that may name the customer."""
    return f"{type(error).__name__} {error.code}" if isinstance(error, SMTPResponseException) else type(error).__name__
