"""Ids that nobody needs to be unable to guess: of messages, of commits, of holders of a lease."""

import random

# Asking the system for 16 bytes costs some virtual machines a third of a millisecond, several times a turn.
_numbers = random.Random()  # noqa: S311 - seeded by the system, and no secret hangs on them


def new_id() -> str:
    """32 hexadecimal digits that no other process comes upon."""
    return f"{_numbers.getrandbits(128):032x}"
