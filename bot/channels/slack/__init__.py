"""Slack: events and buttons come in by the webhook or by Socket Mode, replies go out by the Web API."""

from bot.channels.slack.channel import Slack, make
from bot.channels.slack.config import Config

__all__ = ["Config", "Slack", "make"]
