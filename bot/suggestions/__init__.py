"""Questions offered under an answer: what is near the one asked, and what is likely to be asked next."""

from bot.suggestions.next_topic import NextTopics
from bot.suggestions.suggester import Suggester, clicks

__all__ = ["NextTopics", "Suggester", "clicks"]
