"""How long each stage of one request took, gathered along the way without passing anything on."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter

_stages: ContextVar[dict[str, float] | None] = ContextVar("stages", default=None)


@contextmanager
def timed_request() -> Iterator[dict[str, float]]:
    """Gathers the stages of everything awaited inside, in milliseconds by name."""
    stages: dict[str, float] = {}
    token = _stages.set(stages)
    try:
        yield stages
    finally:
        _stages.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Adds the time spent inside to the stage `name`."""
    started = perf_counter()
    try:
        yield
    finally:
        add_stage(name, 1e3 * (perf_counter() - started))


def add_stage(name: str, spent_ms: float) -> None:
    """Adds time that was measured elsewhere."""
    stages = _stages.get()
    if stages is not None:
        stages[name] = stages.get(name, 0.0) + spent_ms
