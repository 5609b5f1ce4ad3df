"""A sender is made to be gone: from the conversations, and from everything that was made of them."""

from bot.erasure.eraser import erase_sender
from bot.erasure.outcome import Erased, Failure

__all__ = ["Erased", "Failure", "erase_sender"]
