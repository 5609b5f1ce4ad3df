"""Messages of Discord's gateway as our own. What is not a customer's message to the bot is None.

Source: https://docs.discord.com/developers/resources/message
"""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict

from bot.channels.channel import conversation_id
from bot.channels.discord.config import NAME, Config
from bot.channels.discord.interactions import Snowflake
from bot.channels.intake import MEDIA
from bot.messages import UserMessage

WRITTEN = frozenset({0, 19})  # a message, and a reply to one; the others tell of something else
KINDS = frozenset({"image", "audio", "video"})

_NAMED = re.compile(r"<@!?([0-9]{1,20})>")
_PICTURED = re.compile(r"<a?(:\w{1,64}:)[0-9]{1,20}>")


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Author(_Read):
    """Who wrote, or who is named."""

    id: Snowflake
    username: str = ""
    bot: bool = False


class File(_Read):
    """A file that came with it."""

    id: Snowflake
    filename: str | None = None
    content_type: str | None = None


class Written(_Read):
    """A message."""

    id: Snowflake
    type: int = 0
    channel_id: Snowflake
    guild_id: Snowflake | None = None
    author: Author
    webhook_id: Snowflake | None = None
    content: str = ""
    mentions: tuple[Author, ...] = ()
    attachments: tuple[File, ...] = ()


def parse_written(written: Written, config: Config, bot: str) -> tuple[UserMessage, dict[str, Any]] | None:
    """What a customer wrote to the bot, directly or by its name, and the way back.

    Args:
        bot: The bot's own id.
    """
    by_nobody = written.author.bot or written.webhook_id is not None or written.type not in WRITTEN
    is_meant = written.guild_id is None or any(one.id == bot for one in written.mentions)
    if by_nobody or not is_meant:
        return None
    message = UserMessage(
        conversation_id=conversation_id(NAME, written.channel_id, written.author.id),
        text=_said(written, bot),
        channel=NAME,
        account=config.application_id,
        external_id=written.id,
        metadata={"guild": written.guild_id} | _media(written.attachments),
    )
    replies_to = {"message": written.id} if written.guild_id else {}
    return message, {"channel": written.channel_id} | replies_to


def _said(written: Written, bot: str) -> str:
    """The words, with names instead of ids and without the bot's own."""
    names = {one.id: f"@{one.username}" for one in written.mentions} | {bot: ""}
    text = _NAMED.sub(lambda found: names.get(found[1], found[0]), written.content)
    return _PICTURED.sub(r"\1", text).strip()


def _media(files: Iterable[File]) -> dict[str, Any]:
    found = [
        {"kind": _kind(one.content_type), "id": one.id, "name": one.filename, "mime": one.content_type} for one in files
    ]
    return {MEDIA: found} if found else {}


def _kind(mime: str | None) -> str:
    kind = (mime or "").partition("/")[0]
    return kind if kind in KINDS else "file"
