"""Microsoft Teams, and whatever else comes by the Azure Bot Service: Rasa's channel `botframework`."""

from bot.channels.botframework.channel import BotFramework, make
from bot.channels.botframework.config import Config

__all__ = ["BotFramework", "Config", "make"]
