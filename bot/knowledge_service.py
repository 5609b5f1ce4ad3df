"""The knowledge store behind the event loop: one thread owns it, and edits that wait are committed together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from bot.batching import BatchWorker
from retrieval.knowledge_store import Edit, KnowledgeStore, KnowledgeStoreError, Revision, VersionConflict

MAX_COMMIT_SIZE = 64

Result = TypeVar("Result")
_Read: TypeAlias = Callable[[KnowledgeStore], Any]


@dataclass(frozen=True, slots=True)
class _Write:
    edit: Edit


class KnowledgeService:
    """Reads and edits past answers. An edit is on disk when `edit` returns.

    Args:
        path: The store's file; it is opened by the first use.
        max_waiting: Operations that may wait; more are refused as overload.
    """

    def __init__(self, path: Path, *, max_waiting: int = 1_000) -> None:
        self._path = path
        self._store: KnowledgeStore | None = None
        self._worker: BatchWorker[_Read | _Write, Any] = BatchWorker(
            "knowledge store", self._work_off, max_batch=MAX_COMMIT_SIZE, max_waiting=max_waiting
        )

    async def read(self, look: Callable[[KnowledgeStore], Result]) -> Result:
        """What `look` makes of the store, in the store's thread.

        Raises:
            KnowledgeStoreError: The store cannot be read.
            Overloaded: Too many operations wait.
        """
        found: Result = await self._worker.submit(look)
        return found

    async def edit(self, edit: Edit) -> Revision | None:
        """Makes one edit; None where it changed nothing.

        Raises:
            VersionConflict: It expected another version.
            KnowledgeStoreError: The store cannot be written.
            Overloaded: Too many operations wait.
        """
        made: Revision | None = await self._worker.submit(_Write(edit))
        return made

    async def edit_all(self, edits: Sequence[Edit]) -> int:
        """Makes all edits or none; returns how many changed anything.

        Raises:
            VersionConflict: One expected another version.
            KnowledgeStoreError: The store cannot be written.
            Overloaded: Too many operations wait.
        """
        return await self.read(lambda store: store.change(edits))

    async def close(self) -> None:
        """Does what waits and closes the file."""
        await self._worker.close()
        if self._store is not None:
            self._store.close()

    def _work_off(self, batch: Sequence[_Read | _Write]) -> Sequence[Any]:
        if self._store is not None and not self._store.is_in_place():  # a backup was put in its place
            self._store.close()
            self._store = None
        try:
            self._store = self._store or KnowledgeStore(self._path)
        except KnowledgeStoreError as error:  # the next batch tries again
            return [error] * len(batch)
        # Reads see the edits that came before them in the queue, or more; never fewer.
        edits = [item.edit for item in batch if isinstance(item, _Write)]
        writes = iter(_written(self._store, edits) if edits else ())
        return [next(writes) if isinstance(item, _Write) else _looked(self._store, item) for item in batch]


def _written(store: KnowledgeStore, edits: Sequence[Edit]) -> Sequence[Revision | VersionConflict | Exception | None]:
    """One commit for all; an edit that cannot be written at all is found by giving each a commit of its own."""
    try:
        return store.change_each(edits)
    except KnowledgeStoreError as error:  # the store's fault, so that of none of them
        return [error] * len(edits)
    except Exception as error:  # an edge of the worker's loop: the others in the batch are not to suffer
        return [error] if len(edits) == 1 else [_written(store, [edit])[0] for edit in edits]


def _looked(store: KnowledgeStore, look: _Read) -> Any:
    try:
        return look(store)
    except Exception as error:  # an edge of the worker's loop: the others in the batch have their answers
        return error
