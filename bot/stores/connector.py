"""Runs an operation on a database. What the operations are stands in the files named after what they keep."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, TypeVar

from sqlalchemy import Connection

Result = TypeVar("Result")
Work: TypeAlias = Callable[[Connection], Result]


def telling_retries(work: Callable[[Connection, bool], Result]) -> Work[Result]:
    """Makes of `work` one that is told whether it was tried before, and so may have been committed already."""
    was_tried = False

    def work_with_retries(connection: Connection) -> Result:
        nonlocal was_tried
        is_retry, was_tried = was_tried, True
        return work(connection, is_retry)

    return work_with_retries


class Connector(Protocol):
    """The way to one database.

    Attributes:
        name: The database as an error names it, without a password.
        is_shared: Whether other processes may write to it at the same time.
    """

    name: str
    is_shared: bool

    async def open(self) -> Sequence[str]:
        """Opens the database and brings its tables to what this version of Kefu needs.

        Returns:
            The migrations that had to be made.

        Raises:
            StoreError: It cannot be opened, is no database of conversations, or belongs to a newer Kefu.
        """
        ...

    async def read(self, work: Work[Result]) -> Result:
        """What `work` reads.

        Raises:
            StoreError: The database cannot be read.
            Overloaded: Too many wait for it.
        """
        ...

    async def write(self, work: Work[Result]) -> Result:
        """Does `work` in a transaction, which is durable when this returns.

        Args:
            work: May raise a StoreRefusal. It may be done again where nobody can tell whether its commit succeeded.

        Raises:
            StoreError: The database cannot be written; nothing was.
            Overloaded: Too many wait for it.
        """
        ...

    async def clean(self) -> None:
        """Removes from the database's files what was deleted."""
        ...

    async def close(self) -> None:
        """Finishes what waits and closes the database."""
        ...
