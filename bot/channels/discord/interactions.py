"""Discord's commands and pressed buttons as our messages.

Source: https://docs.discord.com/developers/interactions/receiving-and-responding
"""

from enum import IntEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from bot.channels.channel import conversation_id
from bot.channels.discord.config import NAME
from bot.messages import UserMessage

TOKEN_LASTS_S = 15 * 60.0 - 30.0  # half a minute before Discord stops taking it

Snowflake = Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]


class Kind(IntEnum):
    """What happened."""

    PING = 1
    COMMAND = 2
    COMPONENT = 3


class Answer(IntEnum):
    """What the customer sees at once."""

    PONG = 1
    THINKING = 5  # the first reply takes its place
    UNCHANGED = 6


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class User(_Read):
    """A customer."""

    id: Snowflake


class Member(_Read):
    """A customer on a server."""

    user: User


class Option(_Read):
    """What was written behind a command."""

    value: Any = None
    options: tuple["Option", ...] | None = None

    def words(self) -> list[str]:
        """The texts and numbers in it, in order."""
        inner = [word for option in self.options or () for word in option.words()]
        return ([] if self.value is None else [str(self.value)]) + inner


class Data(_Read):
    """A command or a component."""

    name: str = ""
    options: tuple[Option, ...] | None = None
    custom_id: str | None = None
    values: tuple[str, ...] | None = None


class Interaction(_Read):
    """What Discord brings."""

    id: Snowflake
    application_id: Snowflake
    type: int
    token: Annotated[str, Field(min_length=1, max_length=1_000)]
    channel_id: Snowflake | None = None
    guild_id: Snowflake | None = None
    member: Member | None = None
    user: User | None = None
    data: Data | None = None
    locale: str | None = None


def parse_interaction(interaction: Interaction, now: float) -> tuple[UserMessage, dict[str, Any]] | None:
    """What a customer asked, or what a pressed button stands for, and the way back; None for the rest."""
    user = interaction.member.user if interaction.member else interaction.user
    data, channel = interaction.data, interaction.channel_id
    if user is None or data is None or channel is None:
        return None
    text = _said(interaction.type, data)
    if not text:
        return None
    message = UserMessage(
        conversation_id=conversation_id(NAME, channel, user.id),
        text=text,
        channel=NAME,
        account=interaction.application_id,
        external_id=interaction.id,
        metadata={"guild": interaction.guild_id, "locale": interaction.locale},
    )
    return message, {"channel": channel, "token": interaction.token, "until": now + TOKEN_LASTS_S}


def answer_to(interaction: Interaction) -> Answer | None:
    """What the customer sees until the reply comes; None for what is not known."""
    known = {Kind.PING: Answer.PONG, Kind.COMMAND: Answer.THINKING, Kind.COMPONENT: Answer.UNCHANGED}
    return next((answer for kind, answer in known.items() if kind == interaction.type), None)


def _said(kind: int, data: Data) -> str:
    if kind == Kind.COMMAND:  # without words, what the command is called: an intent may be taught by it
        return " ".join(word for option in data.options or () for word in option.words()) or data.name
    if kind == Kind.COMPONENT:
        return (data.values or (data.custom_id or "",))[0]
    return ""
