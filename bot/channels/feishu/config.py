"""What `feishu:` of `credentials.yml` may say."""

from typing import Annotated, Self

from pydantic import AnyHttpUrl, Field, SecretStr, model_validator

from bot.channels.channel import ChannelConfig

NAME = "feishu"
Secret = Annotated[SecretStr, Field(min_length=1)]


class Config(ChannelConfig):
    """`feishu:` of `credentials.yml`, with the names of Feishu's console.

    Attributes:
        app_id: App ID, `cli_…`.
        app_secret: App Secret.
        encrypt_key: Encrypt Key: requests are encrypted and signed with it.
        verification_token: Verification Token, which stands in each request.
        allow_unsigned: Whether requests are believed for their token alone. It is the same word in each, and whoever
            has seen one can write others.
        bot_open_id: The bot's own `open_id`: in groups only what names the bot is taken in. Without it, all is that
            Feishu brings.
        api_url: Where the API is; `https://open.larksuite.com/` for Lark.
    """

    app_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    app_secret: Secret
    encrypt_key: Secret | None = None
    verification_token: Secret | None = None
    allow_unsigned: bool = False
    bot_open_id: str | None = None
    api_url: AnyHttpUrl = AnyHttpUrl("https://open.feishu.cn/")

    @model_validator(mode="after")
    def _can_be_trusted(self) -> Self:
        if self.encrypt_key is None and not self.allow_unsigned:
            raise ValueError("write encrypt_key; without it nobody can tell who a request is from")
        if self.encrypt_key is None and self.verification_token is None:
            raise ValueError("write verification_token, as there is no encrypt_key")
        return self
