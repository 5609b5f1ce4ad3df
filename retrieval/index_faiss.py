"""FAISS, the only file that imports it: without its type stubs, which leave out half of it, and on a counted thread."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import faiss as _stubbed

faiss: Any = _stubbed


@contextmanager
def faiss_threads(count: int | None) -> Iterator[None]:
    """FAISS works with `count` threads inside, or with as many as before for None.

    OpenMP keeps the number for each calling thread, so this neither slows nor speeds what other threads call.
    """
    before = faiss.omp_get_max_threads()
    if count is not None:
        faiss.omp_set_num_threads(count)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
