"""WhatsApp through Meta's Cloud API, without anybody in between."""

from bot.channels.whatsapp.channel import WhatsApp, make
from bot.channels.whatsapp.config import Config

__all__ = ["Config", "WhatsApp", "make"]
