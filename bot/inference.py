"""The one crossing between the event loop and the models."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.batching import BatchWorker
from bot.engine import Engine, Reading
from bot.errors import Refused
from bot.model_host import ModelHost, no_model
from retrieval.pair import Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A message, how much is wanted to know of it, and of which release; None for the one that serves by then."""

    text: str
    engine: Engine | None = None
    parsed: bool = False
    explained: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _PairWanted:
    """The past answer with this id."""

    pair_id: str
    engine: Engine | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _CatchUp:
    """Edits of past answers, while no message wants the thread."""


_Wanted: TypeAlias = _Asked | _PairWanted | _CatchUp


class Inference:
    """Reads messages in micro-batches in one thread; releases are swapped between two batches.

    Args:
        timeout_s: A message not read by then is refused.
    """

    def __init__(self, host: ModelHost, *, max_batch: int, max_waiting: int, timeout_s: float) -> None:
        self.host = host
        self.timeout_s = timeout_s
        self._worker: BatchWorker[_Wanted, Any] = BatchWorker(
            "inference", self._work_off, max_batch=max_batch, max_waiting=max_waiting
        )

    @property
    def waiting(self) -> int:
        """Messages waiting or being read."""
        return self._worker.waiting

    async def read(self, text: str, engine: Engine | None = None) -> Reading:
        """Understands one message and looks it up.

        Args:
            engine: The one that the message's turn began with; the one that serves by then where None is given.

        Raises:
            Refused: Too many wait, or it took too long.
        """
        reading: Reading = await self._ask(_Asked(text=text, engine=engine))
        return reading

    async def parse(self, text: str, *, explained: bool = False) -> Reading:
        """As `read`, and finds every intent of the message and, where it is wanted, the reasons.

        An explanation takes the thread for some sixty messages' time; messages meanwhile wait.

        Raises:
            Refused: Too many wait, or it took too long.
        """
        reading: Reading = await self._ask(_Asked(text=text, parsed=True, explained=explained))
        return reading

    async def pair(self, pair_id: str, engine: Engine | None = None) -> Pair | None:
        """The past answer with this id, if there is one.

        Args:
            engine: As for `read`.

        Raises:
            Refused: Too many wait, or it took too long.
        """
        pair: Pair | None = await self._ask(_PairWanted(pair_id=pair_id, engine=engine))
        return pair

    async def catch_up(self) -> bool:
        """Takes over some edits of past answers; says whether none are left.

        Raises:
            Refused: Too many wait, or it took too long.
        """
        done: bool = await self._ask(_CatchUp())
        return done

    async def close(self) -> None:
        """Finishes what waits and ends the thread."""
        await self._worker.close()

    async def _ask(self, asked: _Wanted) -> Any:
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._worker.submit(asked)
        except TimeoutError as error:
            raise Refused(503, "Timeout", f"No answer within {self.timeout_s:g} s.", retry_after_s=5) from error

    def _work_off(self, batch: Sequence[_Wanted]) -> Sequence[Any]:
        """Each message by the release that its turn began with: during a swap, or with two in use, a batch has two."""
        engines = [self._engine_for(asked) for asked in batch]
        results: dict[int, Any] = {}
        for engine in {id(engine): engine for engine in engines}.values():
            places = [place for place, of_it in enumerate(engines) if of_it is engine]
            results.update(zip(places, _work_off(engine, [batch[place] for place in places]), strict=True))
        return [results[place] for place in range(len(batch))]

    def _engine_for(self, asked: _Wanted) -> Engine | None:
        pinned: Engine | None = getattr(asked, "engine", None)
        return pinned or (self.host.engine if self.host.is_loaded else None)


def _work_off(engine: Engine | None, batch: Sequence[_Wanted]) -> Sequence[Any]:
    if engine is None:
        return [no_model()] * len(batch)
    try:
        readings = iter(engine.read([asked.text for asked in batch if isinstance(asked, _Asked)]))
    except Exception as error:  # an edge of the worker's loop: one message must not fail those beside it
        return [error] if len(batch) == 1 else [_work_off(engine, [one])[0] for one in batch]
    return [_done(engine, asked, readings) for asked in batch]


def _done(engine: Engine, asked: _Wanted, readings: Iterator[Reading]) -> Any:
    match asked:
        case _Asked(parsed=parsed):
            return _parsed(engine, next(readings), asked) if parsed else next(readings)
        case _PairWanted(pair_id=pair_id):
            return engine.pair(pair_id)
        case _CatchUp():
            return engine.catch_up()


def _parsed(engine: Engine, reading: Reading, asked: _Asked) -> Reading | Exception:
    try:
        return engine.parse(reading, explained=asked.explained)
    except Exception as error:  # an edge of the worker's loop: the messages beside it have been read
        return error
