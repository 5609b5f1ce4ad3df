"""Who may take a conversation's next turn: one holder at a time, told from earlier ones by a number that rises."""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select, update

from bot.stores.dialects import Upsert
from bot.stores.errors import LeaseLost
from bot.stores.tables import leases

_THEIRS = leases.c.conversation_id == bindparam("conversation")
_MINE = leases.c.fence == bindparam("mine")
_DROP_RUN_OUT = delete(leases).where(_THEIRS, leases.c.expires_at <= bindparam("at"))
_TAKE = Upsert(leases, lambda insert: insert.on_conflict_do_nothing().returning(leases.c.fence))
_HELD_BY = select(leases.c.fence).where(_THEIRS, leases.c.holder == bindparam("holder"))
_HELD = select(leases.c.fence, leases.c.conversation_id).where(leases.c.holder == bindparam("holder"))
_CHECK = select(leases.c.fence).where(_MINE, _THEIRS).with_for_update()
_EXTEND = update(leases).where(_MINE).values(expires_at=bindparam("until"))
_RELEASE = delete(leases).where(_MINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to take a conversation's next turn.

    Attributes:
        fence: Higher than that of every lease before it, whoever had it.
    """

    conversation_id: str
    fence: int


def take_lease(connection: Connection, conversation_id: str, holder: str, now: float, lease_s: float) -> Lease | None:
    """A lease on the conversation; None while another holds one that has not run out.

    Args:
        holder: A name for this one taking of a lease. Taken again by the same name, it is the same lease: a commit
            whose answer got lost may be done once more.
    """
    named = {"conversation": conversation_id, "at": now, "holder": holder}
    connection.execute(_DROP_RUN_OUT, named)
    row = {"conversation_id": conversation_id, "holder": holder, "expires_at": now + lease_s}
    fence = connection.scalar(_TAKE.on(connection), row) or connection.scalar(_HELD_BY, named)
    return None if fence is None else Lease(conversation_id=conversation_id, fence=fence)


def lease_of(connection: Connection, holder: str) -> Lease | None:
    """The lease that was taken by this name."""
    row = connection.execute(_HELD, {"holder": holder}).one_or_none()
    return None if row is None else Lease(conversation_id=row.conversation_id, fence=row.fence)


def check_lease(connection: Connection, lease: Lease) -> None:
    """Makes sure that nobody else has come to hold the conversation, and keeps it so until the commit.

    Raises:
        LeaseLost: It ran out and was taken over, or the conversation was erased.
    """
    if connection.scalar(_CHECK, {"mine": lease.fence, "conversation": lease.conversation_id}) is None:
        raise LeaseLost("The conversation was taken over or erased while this turn was under way.")


def extend_lease(connection: Connection, lease: Lease, until: float) -> bool:
    """Lets a lease run out at `until`; False where it was lost before."""
    return connection.execute(_EXTEND, {"mine": lease.fence, "until": until}).rowcount == 1


def release_lease(connection: Connection, lease: Lease) -> None:
    """Gives the conversation back; does nothing where it was lost or given back before."""
    connection.execute(_RELEASE, {"mine": lease.fence})
