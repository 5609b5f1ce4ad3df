"""Chatwoot, with the assistant as agent bot: it answers what is pending, and persons answer what is open."""

from bot.channels.chatwoot.channel import Chatwoot
from bot.channels.chatwoot.config import Config

__all__ = ["Config", "make"]

make = Chatwoot
