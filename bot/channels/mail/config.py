"""What `email:` of `credentials.yml` may say."""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from bot.channels.channel import ChannelConfig

NAME = "email"
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,188}[A-Za-z0-9])?")


class Security(StrEnum):
    """How a connection is kept from being read."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


class ImapSecurity(StrEnum):
    """The same for IMAP, where TLS has to be there from the first byte."""

    TLS = "tls"
    NONE = "none"


def _address(text: str) -> str:
    if ADDRESS.fullmatch(text) is None:
        raise ValueError("it is no address such as help@shop.example")
    return text


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it must be one line of plain characters")
    return text


Port = Annotated[int, Field(ge=1, le=65_535)]


class Config(ChannelConfig):
    """`email:` of `credentials.yml`.

    Attributes:
        address: The bot's address, which customers write to.
        name: What stands before it in replies.
        username: For both servers; the address where it is not given.
        folder: Where new mail lies. The bot marks as read what it has taken in.
        poll_s: Seconds between two looks into it.
    """

    address: Annotated[str, AfterValidator(_address)]
    name: Annotated[str, Field(max_length=100), AfterValidator(_one_line)] = ""
    username: Annotated[str, Field(min_length=1, max_length=254), AfterValidator(_one_line)] | None = None
    password: SecretStr
    imap_host: Annotated[str, Field(min_length=1)]
    imap_port: Port = 993
    imap_security: ImapSecurity = ImapSecurity.TLS
    smtp_host: Annotated[str, Field(min_length=1)]
    smtp_port: Port = 465
    smtp_security: Security = Security.TLS
    folder: Annotated[str, Field(pattern=r'^[^"\\\r\n]+$', max_length=200)] = "INBOX"
    poll_s: Annotated[float, Field(ge=1, le=3_600)] = 30.0

    @property
    def login(self) -> str:
        """Who logs in."""
        return self.username or self.address
