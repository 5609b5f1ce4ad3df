"""WeChat Official Accounts: replies go back in the answer to a request, or as customer service messages."""

from bot.channels.wechat.channel import WeChat, make
from bot.channels.wechat.config import Config

__all__ = ["Config", "WeChat", "make"]
