"""What `wechat:` of `credentials.yml` may say."""

from typing import Annotated

from pydantic import AnyHttpUrl, Field, SecretStr

from bot.channels.channel import ChannelConfig
from bot.channels.wechat.crypto import AesKey

NAME = "wechat"
Word = Annotated[SecretStr, Field(min_length=3, max_length=32)]


class Config(ChannelConfig):
    """`wechat:` of `credentials.yml`, with the names of WeChat's console.

    Attributes:
        app_id: AppID.
        app_secret: AppSecret, for customer service messages; leave it out where the account may not send them.
        token: Token, the word that requests are signed with.
        encoding_aes_key: EncodingAESKey; with it only encrypted messages are taken.
        menus: Whether buttons become a menu message, which only customer service messages can be.
        on_subscribe: What a new follower counts as having said; empty says nothing.
        api_url: Where the API is.
    """

    app_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    app_secret: Annotated[SecretStr, Field(min_length=1)] | None = None
    token: Word
    encoding_aes_key: AesKey | None = None
    menus: bool = True
    on_subscribe: str = "你好"
    api_url: AnyHttpUrl = AnyHttpUrl("https://api.weixin.qq.com/")

    @property
    def may_send(self) -> bool:
        """Whether the account may write to customers besides answering their requests."""
        return self.app_secret is not None
