"""LINE: messages and buttons come in by the webhook, replies go out by reply tokens and pushes of the Messaging API."""

from bot.channels.line.channel import Line, make
from bot.channels.line.config import Config

__all__ = ["Config", "Line", "make"]
