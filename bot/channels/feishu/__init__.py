"""Feishu and Lark: events and pressed buttons come in by the webhook, replies go out by the message API."""

from bot.channels.feishu.channel import Feishu, make
from bot.channels.feishu.config import Config

__all__ = ["Config", "Feishu", "make"]
