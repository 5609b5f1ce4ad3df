"""Discord: commands and buttons come in by the webhook, messages by the gateway; replies go out by the REST API."""

from bot.channels.discord.channel import Discord, make
from bot.channels.discord.config import Config

__all__ = ["Config", "Discord", "make"]
