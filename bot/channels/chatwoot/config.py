"""The settings of the Chatwoot channel, and its secrets."""

from typing import Annotated, Self

from pydantic import AnyHttpUrl, Field, SecretStr, model_validator

from bot.channels.channel import ChannelConfig

NAME = "chatwoot"
Secret = Annotated[SecretStr, Field(min_length=1)]


class Config(ChannelConfig):
    """`chatwoot:` of `credentials.yml`; it needs `webhook_secret`, `path_token` or both.

    Attributes:
        url: Of the Chatwoot installation.
        access_token: Of the agent bot.
        webhook_secret: With which Chatwoot signs what it brings.
        path_token: What the webhook's address ends with, for a Chatwoot that does not sign.
        account_id: The only account that is listened to; without it, any.
    """

    url: AnyHttpUrl
    access_token: Secret
    webhook_secret: Secret | None = None
    path_token: Annotated[SecretStr, Field(min_length=16)] | None = None
    account_id: int | None = None

    @model_validator(mode="after")
    def _has_a_secret(self) -> Self:
        if self.webhook_secret is None and self.path_token is None:
            raise ValueError("without webhook_secret or path_token anybody could write as a customer")
        return self
