"""The settings of the help desk's webhooks, and their secrets."""

import base64
import binascii
from typing import Annotated, Any

from pydantic import AnyHttpUrl, BeforeValidator, Field, SecretStr

from bot.channels.channel import ChannelConfig
from bot.notices import NoticeType

NAME = "helpdesk"
PREFIX = "whsec_"
KEY_BYTES = (24, 64)  # as Standard Webhooks wants it


def key_in(secret: str) -> bytes:
    """The key that a secret stands for.

    Raises:
        ValueError: It is none of Standard Webhooks.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not KEY_BYTES[0] <= len(key) <= KEY_BYTES[1]:
        raise ValueError(f"write {PREFIX} and 24 to 64 random bytes in Base64")
    return key


def _listed(value: Any) -> Any:
    """One secret as a list, each checked."""
    secrets = value if isinstance(value, list | tuple) else [value]
    for secret in secrets:
        key_in(secret if isinstance(secret, str) else "")
    return secrets


class Config(ChannelConfig):
    """`helpdesk:` of `credentials.yml`.

    Attributes:
        url: Where the events are posted.
        secret: With which they are signed; of several each signs, so that one can take the place of another.
        events: Those that are posted.
    """

    url: AnyHttpUrl
    secret: Annotated[tuple[SecretStr, ...], BeforeValidator(_listed), Field(min_length=1, max_length=5)]
    events: tuple[NoticeType, ...] = tuple(NoticeType)

    @property
    def keys(self) -> tuple[bytes, ...]:
        """What the secrets stand for."""
        return tuple(key_in(one.get_secret_value()) for one in self.secret)
