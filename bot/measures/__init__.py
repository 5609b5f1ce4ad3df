"""Measures that owners ask for: how often the bot helped, how often it was wrong, what customers come for, and when."""

from bot.measures.gathering import measure
from bot.measures.measures import Measures
from bot.measures.period import Period, parse_period

__all__ = ["Measures", "Period", "measure", "parse_period"]
