"""Review in the terminal: the review desk, shown as text and moved by keys."""

from bot.review_terminal.keyboard import Keyboard, TerminalKeyboard
from bot.review_terminal.sitting import Sitting, Tally

__all__ = ["Keyboard", "Sitting", "Tally", "TerminalKeyboard"]
