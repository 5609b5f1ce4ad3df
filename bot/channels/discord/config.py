"""What `discord:` of `credentials.yml` may say."""

from typing import Annotated, Self

from pydantic import AnyHttpUrl, ConfigDict, Field, SecretStr, model_validator

from bot.channels.channel import ChannelConfig

NAME = "discord"


class Config(ChannelConfig):
    """`discord:` of `credentials.yml`.

    Attributes:
        application_id: The application's id.
        bot_token: The bot's token.
        public_key: With what Discord signs commands and pressed buttons; without it the webhook is not served.
        gateway: Whether the bot keeps a connection by which it hears messages.
        api_url: Where the REST API is.
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)  # an id without quotes is a number to YAML

    application_id: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
    bot_token: Annotated[SecretStr, Field(min_length=1)]
    public_key: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None = None
    gateway: bool = True
    api_url: AnyHttpUrl = AnyHttpUrl("https://discord.com/api/v10/")

    @model_validator(mode="after")
    def _has_a_way_in(self) -> Self:
        if self.public_key is None and not self.gateway:
            raise ValueError("write public_key for the webhook, or gateway: true")
        return self
