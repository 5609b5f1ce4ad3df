"""The conversation store in PostgreSQL, for several processes at once.

Each operation is a transaction of its own. Where the server goes away, an operation waits for it a little; one whose
commit nobody heard of is done again, which the operations allow.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any, TypeVar

import structlog
from sqlalchemy import URL, exc
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.errors import Overloaded
from bot.stores.connector import Work
from bot.stores.errors import StoreError
from bot.stores.schema import bring_up_to_date

CONNECT_TIMEOUT_S = 5.0
STATEMENT_TIMEOUT_S = 10.0
POOL_TIMEOUT_S = 5.0
PATIENCE_S = 3.0  # how long an operation waits for a server that is away
PAUSE_S = (0.05, 1.0)  # between two tries: the first, and the longest
_SERVER_SETTINGS = {
    "application_name": "kefu",
    "statement_timeout": str(int(STATEMENT_TIMEOUT_S * 1000)),
    "lock_timeout": str(int(STATEMENT_TIMEOUT_S * 500)),
    "idle_in_transaction_session_timeout": "30000",
    "synchronous_commit": "on",
}
# Worth another try: two transactions got in each other's way, the server ends, starts or has no connection left, or it
# has become a copy that only reads.
_PASSING = frozenset({"40001", "40P01", "57P01", "57P02", "57P03", "53300", "25006"})
_READ_ONLY = "25006"
_log = structlog.get_logger()
Result = TypeVar("Result")


class PostgresConnector:
    """Runs operations on one PostgreSQL database.

    Args:
        pool_size: Connections that are opened at most.
        max_waiting: Operations that may wait or be in work; more are refused as overload.
        patience_s: How long an operation waits for a server that is away.
    """

    is_shared = True

    def __init__(
        self, url: URL, *, pool_size: int = 8, max_waiting: int = 10_000, patience_s: float = PATIENCE_S
    ) -> None:
        self.name = url.render_as_string(hide_password=True)
        self._max_waiting, self._patience_s = max_waiting, patience_s
        self._waiting = 0
        self._engine = _make_engine(url, pool_size)
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    async def open(self) -> Sequence[str]:
        """Makes the tables, or brings them to what this version of Kefu needs.

        Raises:
            StoreError: The server cannot be reached, or the database is that of another program or a newer Kefu.
        """
        try:
            migrated = await self.write(bring_up_to_date)
        except (StoreError, ValueError) as error:
            raise StoreError(
                f"The conversation store {self.name} cannot be opened: {error}. Look after KEFU_DATABASE_URL and the "
                "server it names."
            ) from error
        for revision in migrated:
            _log.info("schema_migrated", store=self.name, revision=revision)
        return migrated

    async def read(self, work: Work[Result]) -> Result:
        """What `work` reads."""
        return await self._patiently(self._reading, work)

    async def write(self, work: Work[Result]) -> Result:
        """Does `work` in a transaction of its own."""
        return await self._patiently(self._engine, work)

    async def clean(self) -> None:
        """Does nothing: the server itself clears away what was deleted."""

    async def close(self) -> None:
        """Closes all connections."""
        await self._engine.dispose()

    async def _patiently(self, engine: AsyncEngine, work: Work[Result]) -> Result:
        if self._waiting >= self._max_waiting:
            raise Overloaded(f"The conversation store has {self._waiting} operations waiting")
        self._waiting += 1
        try:
            return await self._until_done(engine, work)
        except exc.TimeoutError as error:
            raise Overloaded("All connections of the conversation store are busy") from error
        except (exc.SQLAlchemyError, OSError) as error:
            raise StoreError(f"The conversation store {self.name} cannot be used: {_reason(error)}.") from error
        finally:
            self._waiting -= 1

    async def _until_done(self, engine: AsyncEngine, work: Work[Result]) -> Result:
        deadline, pause = time.monotonic() + self._patience_s, PAUSE_S[0]
        while True:
            try:
                return await _once(engine, work)
            except (exc.DBAPIError, OSError) as error:
                if not _is_passing(error) or time.monotonic() + pause > deadline:
                    raise
                if _code(error) == _READ_ONLY:  # look for the server that has taken over
                    await self._engine.dispose()
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - so that not all come back at once
            pause = min(2 * pause, PAUSE_S[1])


async def _once(engine: AsyncEngine, work: Work[Result]) -> Result:
    async with engine.begin() as connection:
        return await connection.run_sync(work)


def _make_engine(url: URL, pool_size: int) -> AsyncEngine:
    try:
        return create_async_engine(
            url.set(drivername="postgresql+asyncpg"),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_S,
            hide_parameters=True,  # an error must not quote what a customer wrote
            connect_args={
                "timeout": CONNECT_TIMEOUT_S,
                "command_timeout": STATEMENT_TIMEOUT_S + 5,  # the server ends it before, unless it is gone
                "server_settings": _SERVER_SETTINGS,
            },
        )
    except ImportError as error:
        raise StoreError(f"PostgreSQL needs {error.name}. Run `pip install 'kefu[postgres]'`.") from error


def _is_passing(error: Exception) -> bool:
    if isinstance(error, exc.DBAPIError):
        return error.connection_invalidated or _code(error) in _PASSING
    return isinstance(error, ConnectionError)


def _code(error: Exception) -> str | None:
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def _reason(error: Exception) -> str:
    """What the server said in one line; its details would quote values."""
    original: Any = getattr(error, "orig", None)
    cause = getattr(original, "__cause__", None) or original or error
    said = str(cause.args[0] if len(cause.args) == 1 else cause) or type(cause).__name__
    return said.splitlines()[0].rstrip(".")
