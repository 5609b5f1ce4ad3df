"""What `telegram:` of `credentials.yml` may say, under Rasa's names where Rasa has them."""

import hmac
from hashlib import sha256
from typing import Annotated, Literal, Self

from pydantic import AnyHttpUrl, BeforeValidator, Field, SecretStr, model_validator

from bot.channels.channel import ChannelConfig

NAME = "telegram"
PURPOSE = b"the secret token of kefu's webhook"

AccessToken = Annotated[SecretStr, Field(pattern=r"^[0-9]{1,20}:[A-Za-z0-9_-]{10,100}$")]
SecretToken = Annotated[SecretStr, Field(pattern=r"^[A-Za-z0-9_-]{16,256}$")]
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

    access_token: AccessToken
    verify: UserName
    webhook_url: AnyHttpUrl | None = None
    mode: Literal["webhook", "polling"] | None = None
    secret_token: SecretToken | None = None
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
