"""Keeps a retriever up with the knowledge store: what was edited there since the base was built is found here."""

import time
from pathlib import Path

from retrieval.knowledge_store import KnowledgeStore, Revision
from retrieval.retriever import Embed, Retriever

BUDGET_S = 0.03  # of a message that comes while many edits wait
LOCKED_S = 0.02  # that a message waits for another process's commit; the next message tries again
_AT_ONCE = 256


class LiveKnowledge:
    """Applies the store's revisions to a retriever, in their order. For one thread at a time.

    Args:
        path: The store's file; while there is none, nothing was edited.
        seq: The last revision that the retriever's base has in it.
        embed: The embeddings of texts, as the base was embedded.
    """

    def __init__(self, retriever: Retriever, path: Path, *, seq: int, embed: Embed) -> None:
        self.seq = seq
        self._retriever = retriever
        self._path = path
        self._embed = embed
        self._store: KnowledgeStore | None = None
        self._seen: int | None = None

    def catch_up(self, budget_s: float | None = BUDGET_S) -> bool:
        """Applies what is new, at least one revision, but begins none after `budget_s`; says whether all is applied.

        Where nothing is new this takes some microseconds.

        Raises:
            KnowledgeStoreError: The store is locked for more than `LOCKED_S`, or damaged; what was applied stays.
        """
        if self._store is not None and not self._store.is_in_place():  # a backup was put in its place: all of it is new
            self._store.close()
            self._store, self._seen, self.seq = None, None, 0
        if self._store is None:
            if not self._path.exists():
                return True
            self._store = KnowledgeStore(self._path, busy_timeout_s=LOCKED_S)
        version = self._store.data_version()
        if version == self._seen:
            return True
        started, begun = time.monotonic(), False
        if self._store.latest_seq() < self.seq:  # another store than was known, or a backup of it: all of it is new
            self.seq = 0
        while revisions := self._store.since(self.seq, _AT_ONCE):
            # Only the newest revision of a pair counts: a pair that is edited often is embedded once.
            newest = {revision.pair_id: revision.seq for revision in revisions}
            for revision in revisions:
                if newest[revision.pair_id] == revision.seq:
                    if begun and budget_s is not None and time.monotonic() - started > budget_s:
                        return False
                    begun = True
                    self._apply(revision)
                self.seq = revision.seq
        self._seen = version
        return True

    def _apply(self, revision: Revision) -> None:
        if revision.pair is None:
            self._retriever.remove(revision.pair_id)
        elif revision.pair != self._retriever.pair(revision.pair_id):
            self._retriever.put(revision.pair, self._embed)
