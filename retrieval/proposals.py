"""Question-answer pairs that were mined and wait for a person's word, in SQLite: pending, accepted or rejected.

Owns what was proposed and who decided. What is live is the knowledge store's: accepting writes there first and is then
noted here, so that a crash between the two leaves a proposal that can be accepted again, to no effect.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, Self

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    create_engine,
    event,
    exc,
    inspect,
    select,
)
from sqlalchemy.pool import NullPool

from configs.errors import KefuError
from nlu.text import prepare_text
from retrieval.knowledge_store import Put, Remove
from retrieval.pair import Pair

PROPOSALS_FILE = "proposals.db"
MAX_ALSO_ASKED = 8
BUSY_TIMEOUT_MS = 5_000
SOURCE = "mined"

_metadata = MetaData()
_proposals = Table(
    "proposals",
    _metadata,
    Column("id", String(64), primary_key=True),
    Column("state", String(16), nullable=False, index=True),
    Column("doubtful", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    Column("score", Float, nullable=False),
    Column("data", Text, nullable=False),
    Column("mined_at", Float, nullable=False),
    Column("decided_by", String(255)),
    Column("decided_at", Float),
    Column("pair_id", String(255)),
    Column("pair_version", Integer),
)


class State(StrEnum):
    """What became of a proposal."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A pair that conversations suggest, with all that speaks for and against it.

    Attributes:
        question: The wording nearest to all others.
        also_asked: Other wordings, the most frequent first.
        count: Conversations in which it was asked and answered.
        conversations: Their ids. They may point to customers, and stay in this file.
        score: How well the exchanges went, in [0, 1], higher is better.
        evidence: Figures by name, for a person to read.
        warnings: What a reviewer should look at.
        doubtful: Whether the answer may hold for one customer only, or was never seen to settle the question.
        contradicts: The id of a stored pair that answers the same question otherwise, or "".
    """

    id: str
    question: str
    answer: str
    also_asked: tuple[str, ...] = ()
    count: int
    conversations: tuple[str, ...] = ()
    score: float
    evidence: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    doubtful: bool = False
    contradicts: str = ""

    @property
    def questions(self) -> tuple[str, ...]:
        """All wordings, `question` first."""
        return (self.question, *self.also_asked)

    def to_pair(self) -> Pair:
        """The pair that it would become."""
        return Pair(
            id=f"mined-{self.id}",
            question=self.question,
            answer=self.answer,
            also_asked=self.also_asked,
            source=SOURCE,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Takes back what `to_dict` gave."""
        tuples = {name: tuple(values[name]) for name in ("also_asked", "conversations", "warnings")}
        return cls(**{**values, **tuples})


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A proposal and what became of it.

    Attributes:
        by: Who decided, or "".
        at: When, in seconds since 1970, or None.
        pair_id: The pair that was written, or "".
    """

    proposal: Proposal
    state: State
    by: str = ""
    at: float | None = None
    pair_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of proposals that were handed in.

    Attributes:
        new: Not seen before.
        renewed: Pending already, and now with more conversations or another wording.
        decided: Accepted or rejected before, and left as they are.
    """

    new: int = 0
    renewed: int = 0
    decided: int = 0


class ProposalError(KefuError):
    """The proposals cannot be read or written, or one cannot be decided as asked."""


class _Stored(Protocol):
    """A pair as the knowledge store hands it out."""

    @property
    def version(self) -> int: ...


class Knowledge(Protocol):
    """What accepting needs of `retrieval.knowledge_store.KnowledgeStore`."""

    def change(self, edits: Iterable[Put | Remove]) -> int:
        """Applies all edits or none; returns the revisions made."""
        ...

    def get(self, pair_id: str) -> _Stored | None:
        """The pair as it stands, or None."""
        ...


def proposal_id(question: str, answer: str) -> str:
    """The same for texts that differ in case and white space only."""
    key = "\n".join(prepare_text(text).casefold() for text in (question, answer))
    return sha256(key.encode("utf-8", "replace")).hexdigest()[:12]


class ProposalStore:
    """Keeps proposals in one SQLite file. Several processes may use it at a time.

    Args:
        now: Seconds since 1970.

    Raises:
        ProposalError: The file cannot be opened, or is no file of proposals; it is left as it was.
    """

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, hide_parameters=True)
        event.listen(self._engine, "connect", _set_pragmas)
        event.listen(self._engine, "begin", _begin)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._engine.begin() as connection:
                _make_table(connection)
        except (exc.SQLAlchemyError, OSError, ValueError) as error:
            raise ProposalError(
                f"The proposals {path} cannot be opened: {_reason(error)}. Move the file away or restore a backup "
                "over it."
            ) from error

    def add(self, proposals: Iterable[Proposal]) -> Added:
        """Takes what was mined, all or nothing; what was decided before stays decided.

        A proposal that is pending already keeps its id and gets the new values, with the conversations of both.

        Raises:
            ProposalError: The file cannot be written.
        """
        new = renewed = decided = 0
        with self._transaction() as connection:
            for proposal in proposals:
                row = _row(connection, proposal.id)
                if row is None:
                    connection.execute(_proposals.insert(), [self._values(proposal)])
                    new += 1
                elif row.state != State.PENDING:
                    decided += 1
                else:
                    united = _united(_filed(row).proposal, proposal)
                    this = _proposals.c.id == proposal.id
                    connection.execute(_proposals.update().where(this).values(**self._values(united)))
                    renewed += 1
        return Added(new=new, renewed=renewed, decided=decided)

    def list(self, *states: State) -> list[Filed]:
        """Proposals in these states, all if none is named; the most frequent first, and doubtful ones last.

        Raises:
            ProposalError: The file cannot be read.
        """
        columns = _proposals.c
        order = (columns.doubtful, columns.count.desc(), columns.score.desc(), columns.id)
        query = select(_proposals).order_by(*order)
        if states:
            query = query.where(_proposals.c.state.in_(states))
        with self._transaction() as connection:
            return [_filed(row) for row in connection.execute(query)]

    def get(self, id_: str) -> Filed | None:
        """The proposal with this id.

        Raises:
            ProposalError: The file cannot be read.
        """
        with self._transaction() as connection:
            row = _row(connection, id_)
        return None if row is None else _filed(row)

    def accept(self, id_: str, by: str, knowledge: Knowledge, pair: Pair | None = None) -> Pair:
        """Writes the proposal as a pair, and notes who accepted it.

        Args:
            pair: The pair as a person has edited it; the proposal's own if left out.

        Raises:
            ProposalError: There is no such proposal, or it was decided before.
            KefuError: The knowledge store refuses the pair.
        """
        with self._transaction() as connection:
            filed = _pending(connection, id_)
            accepted = pair or filed.proposal.to_pair()
            plural = "" if filed.proposal.count == 1 else "s"
            note = f"mined from {filed.proposal.count:,} conversation{plural}"
            knowledge.change([Put(accepted, by, note=note)])
            stored = knowledge.get(accepted.id)
            self._decide(
                connection,
                id_,
                State.ACCEPTED,
                by,
                pair_id=accepted.id,
                pair_version=None if stored is None else stored.version,
            )
        return accepted

    def reject(self, id_: str, by: str) -> None:
        """Notes that it is not wanted; it is not proposed again.

        Raises:
            ProposalError: There is no such proposal, or it was decided before.
        """
        with self._transaction() as connection:
            _pending(connection, id_)
            self._decide(connection, id_, State.REJECTED, by)

    def reopen(self, id_: str, by: str, knowledge: Knowledge) -> None:
        """Takes a decision back; a pair that was accepted is removed unless somebody has changed it since.

        Raises:
            ProposalError: There is no such proposal, or it waits already.
            VersionConflict: The pair was changed since.
        """
        with self._transaction() as connection:
            row = _row(connection, id_)
            if row is None or row.state == State.PENDING:
                raise ProposalError(f"The proposal {id_!r} is not decided, so there is nothing to take back.")
            if row.state == State.ACCEPTED and knowledge.get(row.pair_id) is not None:
                knowledge.change([Remove(row.pair_id, by, expected_version=row.pair_version, note="review taken back")])
            undecided = {"state": State.PENDING.value, "decided_by": None, "decided_at": None}
            values = {**undecided, "pair_id": None, "pair_version": None}
            connection.execute(_proposals.update().where(_proposals.c.id == id_).values(**values))

    def rewrite(self, change: Callable[[Filed], Proposal | None]) -> int:
        """Makes of each proposal what `change` says, None being to delete it; what was there is in the file no more.

        Returns:
            How many were changed or deleted.

        Raises:
            ProposalError: The file cannot be read or written.
        """
        changed = 0
        with self._transaction() as connection:
            for row in connection.execute(select(_proposals)).all():
                filed = _filed(row)
                new = change(filed)
                this = _proposals.c.id == row.id
                if new is None:
                    connection.execute(_proposals.delete().where(this))
                elif new != filed.proposal:
                    data = json.dumps(new.to_dict(), ensure_ascii=False)
                    connection.execute(_proposals.update().where(this).values(data=data, count=new.count))
                changed += new != filed.proposal
        self._vacuum()
        return changed

    def close(self) -> None:
        """Lets go of the file."""
        self._engine.dispose()

    def _vacuum(self) -> None:
        """Writes the file anew, without what was deleted from it."""
        raw = self._engine.raw_connection()
        try:
            raw.cursor().execute("VACUUM")
        except sqlite3.Error as error:
            raise ProposalError(f"The proposals {self._path} cannot be written anew: {error}.") from error
        finally:
            raw.close()

    def _values(self, proposal: Proposal) -> dict[str, Any]:
        return {
            "id": proposal.id,
            "state": State.PENDING.value,
            "doubtful": int(proposal.doubtful),
            "count": proposal.count,
            "score": proposal.score,
            "data": json.dumps(proposal.to_dict(), ensure_ascii=False),
            "mined_at": self._now(),
        }

    def _decide(self, connection: Connection, id_: str, state: State, by: str, **pair: Any) -> None:
        values = {"state": state.value, "decided_by": by, "decided_at": self._now(), **pair}
        connection.execute(_proposals.update().where(_proposals.c.id == id_).values(**values))

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except exc.SQLAlchemyError as error:
            raise ProposalError(
                f"The proposals {self._path} cannot be used: {_reason(error)}. Nothing was changed."
            ) from error


def _set_pragmas(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself: `_begin` does
    # SQLite's own rollback journal, not WAL: several processes write. FULL: what was decided is on disk.
    for pragma in ("synchronous=FULL", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # what is read stays true until it is written


def _make_table(connection: Connection) -> None:
    found = inspect(connection)
    names = set(found.get_table_names())
    if names and _proposals.name not in names:
        raise ValueError("it is a database of something else")
    if names:
        columns = {column["name"] for column in found.get_columns(_proposals.name)}
        if missing := {column.name for column in _proposals.columns} - columns:
            raise ValueError(f"its table proposals has no column {sorted(missing)[0]}")
    _metadata.create_all(connection)


def _row(connection: Connection, id_: str) -> Row[Any] | None:
    return connection.execute(select(_proposals).where(_proposals.c.id == id_)).one_or_none()


def _pending(connection: Connection, id_: str) -> Filed:
    row = _row(connection, id_)
    if row is None:
        raise ProposalError(f"There is no proposal {id_!r}. `kefu knowledge proposals` lists them.")
    filed = _filed(row)
    if filed.state is not State.PENDING:
        raise ProposalError(f"The proposal {id_!r} was {filed.state} by {filed.by} before.")
    return filed


def _filed(row: Row[Any]) -> Filed:
    return Filed(
        proposal=Proposal.from_dict(json.loads(row.data)),
        state=State(row.state),
        by=row.decided_by or "",
        at=row.decided_at,
        pair_id=row.pair_id or "",
    )


def _united(old: Proposal, new: Proposal) -> Proposal:
    """The new values, with the conversations and the wordings of both."""
    conversations = tuple(dict.fromkeys((*old.conversations, *new.conversations)))
    wordings: Sequence[str] = [text for text in dict.fromkeys((*new.questions, *old.questions)) if text != new.question]
    return replace(
        new,
        also_asked=tuple(wordings[:MAX_ALSO_ASKED]),
        conversations=conversations,
        count=len(conversations) or max(old.count, new.count),
    )


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", error) or error)
