"""What `line:` of `credentials.yml` may say."""

from typing import Annotated

from pydantic import AnyHttpUrl, Field, SecretStr

from bot.channels.channel import ChannelConfig

NAME = "line"
Secret = Annotated[SecretStr, Field(min_length=8)]
Words = Annotated[str, Field(min_length=1, max_length=200)]


class Config(ChannelConfig):
    """`line:` of `credentials.yml`.

    Attributes:
        channel_secret: What LINE signs with.
        channel_access_token: The channel's long-lived token.
        follow_text: What a customer is taken to say who adds the account as a friend; None is nothing.
        reply_tokens: Whether a reply begins by the token that came with the message, which costs nothing.
        api_url: Where the Messaging API is.
    """

    channel_secret: Secret
    channel_access_token: Secret
    follow_text: Words | None = None
    reply_tokens: bool = True
    api_url: AnyHttpUrl = AnyHttpUrl("https://api.line.me")
