"""What a refresh takes out of the conversations."""

from bot.refresh.collect import Collected, collect

__all__ = ["Collected", "collect"]
