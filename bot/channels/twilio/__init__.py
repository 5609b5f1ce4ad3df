"""Twilio: SMS and WhatsApp messages come in by the webhook, replies go out by the REST API."""

from bot.channels.twilio.channel import Twilio, make
from bot.channels.twilio.config import Config

__all__ = ["Config", "Twilio", "make"]
