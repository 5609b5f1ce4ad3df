"""DingTalk: messages come in by Stream mode or the webhook, replies go to the session or by the robot API."""

from bot.channels.dingtalk.channel import DingTalk, make
from bot.channels.dingtalk.config import Config

__all__ = ["Config", "DingTalk", "make"]
