"""How many threads a refresh computes with: half of the cores, so that serving has the others."""

import os

import torch
from threadpoolctl import threadpool_limits


def limit_threads() -> int:
    """Limits this process to half of the cores, for good; returns how many threads that are."""
    threads = max(1, (os.cpu_count() or 2) // 2)
    torch.set_num_threads(threads)
    threadpool_limits(threads)
    return threads
