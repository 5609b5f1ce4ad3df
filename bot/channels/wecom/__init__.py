"""WeCom: messages to an app of the company come in by the webhook, replies go out as messages of the app."""

from bot.channels.wecom.channel import WeCom, make
from bot.channels.wecom.config import Config

__all__ = ["Config", "WeCom", "make"]
