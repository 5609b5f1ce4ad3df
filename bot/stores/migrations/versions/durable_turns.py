"""Inbox, outbox, leases, reminders, the evidence of turns, and a version for each conversation."""

import json
from typing import Any

from alembic.operations import Operations
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    Text,
    UniqueConstraint,
    inspect,
    text,
)

revision = "kefu_0002"
down_revision = "kefu_0001"

_ID = BigInteger().with_variant(Integer, "sqlite")


def upgrade(op: Operations) -> None:
    """Makes the tables, gives conversations a version, and has the events' index hold their order."""
    _change_events_and_conversations(op)
    _make_inbox_and_outbox(op)
    _make_turns(op)
    _make(
        op,
        "reminders",
        Column("conversation_id", Text, nullable=False),
        Column("key", Text, nullable=False, unique=True),
        Column("name", Text, nullable=False),
        Column("due_at", Float, nullable=False, index=True),
        Column("channel", Text, nullable=False),
        Column("account", Text, nullable=False),
        Column("payload", Text, nullable=False),
        UniqueConstraint("conversation_id", "name", name="uq_reminders_name"),
    )
    if op.get_bind().dialect.name != "sqlite":
        op.create_table(
            "leases",
            Column("fence", _ID, primary_key=True),
            Column("conversation_id", Text, nullable=False, unique=True),
            Column("holder", Text, nullable=False),
            Column("expires_at", Float, nullable=False),
        )


def _make(op: Operations, name: str, *columns: Any) -> None:
    """Makes a table whose rows are numbered, and no number comes again."""
    op.create_table(name, Column("id", _ID, primary_key=True), *columns, sqlite_autoincrement=True)


def _change_events_and_conversations(op: Operations) -> None:
    if any(index["name"] == "ix_events_sender_id" for index in inspect(op.get_bind()).get_indexes("events")):
        op.drop_index("ix_events_sender_id", "events")
    op.create_index("ix_events_sender_id_id", "events", ["sender_id", "id"])
    op.add_column("conversations", Column("version", Integer, nullable=False, server_default=text("0")))
    op.add_column("conversations", Column("last_commit", Text))
    op.add_column("conversations", Column("handoff", Text))
    there = text("handoff IS NOT NULL")
    op.create_index(
        "ix_conversations_handoff", "conversations", ["sender_id"], sqlite_where=there, postgresql_where=there
    )
    _change_states(op.get_bind())


def _change_states(connection: Connection) -> None:
    """Moves slots to where a state keeps them now. A conversation that is there has been committed: version 1."""
    page = text("SELECT sender_id, state FROM conversations WHERE sender_id > :after ORDER BY sender_id LIMIT 1000")
    change = text("UPDATE conversations SET state = :state, version = 1 WHERE sender_id = :sender_id")
    after = ""
    while rows := connection.execute(page, {"after": after}).all():
        connection.execute(change, [{"sender_id": row.sender_id, "state": _changed(row.state)} for row in rows])
        after = rows[-1].sender_id


def _changed(state: str) -> str:
    old = json.loads(state)
    if "slots" in old:  # every turn ended by listening, and what came before it is not known
        old["now"] = {"slots": old.pop("slots"), "action": "action_listen", "from_start": False}
    return json.dumps(old, ensure_ascii=False)


def _make_inbox_and_outbox(op: Operations) -> None:
    _make(
        op,
        "inbox",
        Column("channel", Text, nullable=False),
        Column("account", Text, nullable=False),
        Column("external_id", Text, nullable=False),
        Column("conversation_id", Text, nullable=False),
        Column("conv_seq", Integer, nullable=False),
        Column("kind", Text, nullable=False),
        Column("payload", Text, nullable=False),
        Column("received_at", Float, nullable=False),
        Column("state", Text, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("finished_at", Float),
        Column("reason", Text),
        UniqueConstraint("channel", "account", "external_id", name="uq_inbox_message"),
        UniqueConstraint("conversation_id", "conv_seq", name="uq_inbox_conv_seq"),
    )
    waiting = text("state = 'waiting'")
    for name, columns in (("ix_inbox_waiting", ["id"]), ("ix_inbox_head", ["conversation_id", "conv_seq"])):
        op.create_index(name, "inbox", columns, sqlite_where=waiting, postgresql_where=waiting)
    _make(
        op,
        "outbox",
        Column("key", Text, nullable=False, unique=True),
        Column("inbox_id", _ID, ForeignKey("inbox.id")),
        Column("conversation_id", Text, nullable=False),
        Column("part_no", Integer, nullable=False),
        Column("channel", Text, nullable=False),
        Column("account", Text, nullable=False),
        Column("payload", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("taken_by", Text),
        Column("sending_until", Float),
        Column("not_before", Float, nullable=False),
        Column("created_at", Float, nullable=False),
        Column("expires_at", Float),
        Column("finished_at", Float),
        Column("reason", Text),
        UniqueConstraint("inbox_id", "part_no", name="uq_outbox_part"),
    )
    op.create_index("ix_outbox_conversation_id", "outbox", ["conversation_id", "id"])
    unfinished = text("state IN ('pending', 'sending')")
    for name, columns in (("ix_outbox_unfinished", ["id"]), ("ix_outbox_head", ["conversation_id", "id"])):
        op.create_index(name, "outbox", columns, sqlite_where=unfinished, postgresql_where=unfinished)


def _make_turns(op: Operations) -> None:
    op.create_table(
        "turns",
        Column("conversation_id", Text, primary_key=True),
        Column("seq", Integer, primary_key=True),
        Column("at", Float, nullable=False),
        Column("release_id", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("confidence", Float),
        Column("evidence", Text, nullable=False),
    )
    _make(
        op,
        "feedback",
        Column("conversation_id", Text, nullable=False),
        Column("turn_seq", Integer, nullable=False),
        Column("who", Text, nullable=False),
        Column("verdict", Text, nullable=False),
        Column("comment", Text),
        Column("at", Float, nullable=False),
        ForeignKeyConstraint(["conversation_id", "turn_seq"], ["turns.conversation_id", "turns.seq"]),
        UniqueConstraint("conversation_id", "turn_seq", "who", name="uq_feedback_who"),
    )
