"""A help desk that is told by signed webhooks who waits for a person, and answers by the HTTP API."""

from bot.channels.helpdesk.channel import HelpDesk
from bot.channels.helpdesk.config import Config

__all__ = ["Config", "make"]

make = HelpDesk
