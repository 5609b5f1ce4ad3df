"""Telegram: messages and buttons come in by the webhook or by long polling, replies go out by the Bot API."""

from bot.channels.telegram.channel import Telegram, make
from bot.channels.telegram.config import Config

__all__ = ["Config", "Telegram", "make"]
