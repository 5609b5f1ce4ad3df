"""Lets a process give way to everything else on the machine."""

import os
from contextlib import suppress
from pathlib import Path

from bot.api.training_job import LOWEST_PRIORITY


def give_way() -> None:
    """Gives this process, with all the threads that it has, the lowest priority; it cannot be taken back."""
    threads = Path("/proc/self/task")
    ids = [int(path.name) for path in threads.iterdir()] if threads.is_dir() else [0]
    for thread in ids:
        with suppress(OSError):  # it has ended meanwhile
            os.setpriority(os.PRIO_PROCESS, thread, LOWEST_PRIORITY)
