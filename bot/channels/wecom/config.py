"""What `wecom:` of `credentials.yml` may say."""

from typing import Annotated

from pydantic import AnyHttpUrl, Field, SecretStr

from bot.channels.channel import ChannelConfig
from bot.channels.wechat.crypto import AesKey

NAME = "wecom"


class Config(ChannelConfig):
    """`wecom:` of `credentials.yml`, with the names of WeCom's console.

    Attributes:
        corp_id: The company's id (企业ID).
        agent_id: The app's id, AgentId.
        secret: The app's Secret.
        token: Token, the word that requests are signed with.
        encoding_aes_key: EncodingAESKey, with which they are encrypted.
        api_url: Where the API is.
    """

    corp_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    agent_id: Annotated[int, Field(ge=1)]
    secret: Annotated[SecretStr, Field(min_length=1)]
    token: Annotated[SecretStr, Field(min_length=1, max_length=32)]
    encoding_aes_key: AesKey
    api_url: AnyHttpUrl = AnyHttpUrl("https://qyapi.weixin.qq.com/")
