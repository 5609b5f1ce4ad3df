"""What `telegram:` of `credentials.yml` may say, under Rasa's names where Rasa has them."""

import hmac
import re
from hashlib import sha256
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AnyHttpUrl, BeforeValidator, Field, SecretStr, model_validator

from bot.channels.channel import ChannelConfig

NAME = "telegram"
PURPOSE = b"the secret token of kefu's webhook"

_ACCESS_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{10,100}\Z")
_SECRET_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,256}\Z")


def _access_token(token: SecretStr) -> SecretStr:
    if not _ACCESS_TOKEN.match(token.get_secret_value()):
        raise ValueError("it is no token of a bot; BotFather's have the form 4242:ABC…")
    return token


def _secret_token(token: SecretStr) -> SecretStr:
    if not _SECRET_TOKEN.match(token.get_secret_value()):
        raise ValueError("Telegram takes 16 to 256 of A-Z, a-z, 0-9, _ and -; leave it out, and one is made")
    return token


UserName = Annotated[
    str,
    BeforeValidator(lambda name: name.removeprefix("@") if isinstance(name, str) else name),
    Field(pattern=r"^[A-Za-z0-9_]{3,64}$"),
]


class Config(ChannelConfig):
    """`telegram:` of `credentials.yml`.

    Attributes:
        access_token: What BotFather gave for the bot.
        verify: The bot's user name.
        webhook_url: The address of the webhook; Telegram is told it when the server starts.
        mode: How messages come in; by the webhook where there is an address for it, else by polling.
        secret_token: What Telegram sends along with everything; without one it is made of the access token.
        start_text: What a customer is taken to say who presses Start.
        api_url: Where the Bot API is.
    """

    access_token: Annotated[SecretStr, AfterValidator(_access_token)]
    verify: UserName
    webhook_url: AnyHttpUrl | None = None
    mode: Literal["webhook", "polling"] | None = None
    secret_token: Annotated[SecretStr, AfterValidator(_secret_token)] | None = None
    start_text: Annotated[str, Field(min_length=1, max_length=200)] = "hello"
    api_url: AnyHttpUrl = AnyHttpUrl("https://api.telegram.org")

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.mode == "polling" and self.webhook_url is not None:
            raise ValueError("with `mode: polling` there is no webhook; take webhook_url out")
        return self

    @property
    def polls(self) -> bool:
        """Whether messages are fetched."""
        return self.mode == "polling" or (self.mode is None and self.webhook_url is None)

    @property
    def bot_id(self) -> int:
        """The bot's own id, with which its token begins."""
        return int(self.access_token.get_secret_value().partition(":")[0])

    @property
    def secret(self) -> str:
        """What Telegram sends along with everything; nobody can tell the access token from it."""
        if self.secret_token is not None:
            return self.secret_token.get_secret_value()
        return hmac.new(self.access_token.get_secret_value().encode("ascii"), PURPOSE, sha256).hexdigest()
