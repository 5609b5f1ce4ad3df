"""The tables of the conversation store, the same in SQLite and PostgreSQL.

`events` is Rasa's table. Values that only Kefu reads are JSON in a text column, which keeps every character.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()
_Id = BigInteger().with_variant(Integer, "sqlite")  # only an INTEGER counts up by itself there


def _only(condition: str) -> dict[str, Any]:
    """Has an index hold only the rows that fulfil `condition`."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


_SURVEY = "{} = 'slot' AND {} LIKE '%\"name\": \"kefu_survey\"%'"

events = Table(
    "events",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("sender_id", Text, nullable=False),
    Column("type_name", String(255), nullable=False),
    Column("timestamp", Float),
    Column("intent_name", String(255)),
    Column("action_name", String(255)),
    Column("data", Text),
    Index("ix_events_sender_id_id", "sender_id", "id"),
    Index("ix_events_surveys", "timestamp", **_only(_SURVEY.format("type_name", "data"))),
)
conversations = Table(
    "conversations",
    metadata,
    Column("sender_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("0")),  # one more with each commit
    Column("last_commit", Text),  # by it a commit whose answer got lost is known again
    Column("handoff", Text),  # while a person is wanted or there: `waiting` or `human`
    Index("ix_conversations_handoff", "sender_id", **_only("handoff IS NOT NULL")),
)
leases = Table(
    "leases",
    metadata,
    Column("fence", _Id, primary_key=True),
    Column("conversation_id", Text, nullable=False, unique=True),
    Column("holder", Text, nullable=False),
    Column("expires_at", Float, nullable=False),
    sqlite_autoincrement=True,
)
inbox = Table(
    "inbox",
    metadata,
    Column("id", _Id, primary_key=True),
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
    Index("ix_inbox_waiting", "id", **_only("state = 'waiting'")),
    Index("ix_inbox_head", "conversation_id", "conv_seq", **_only("state = 'waiting'")),
    sqlite_autoincrement=True,
)
outbox = Table(
    "outbox",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("inbox_id", _Id, ForeignKey("inbox.id")),
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
    Index("ix_outbox_conversation_id", "conversation_id", "id"),
    Index("ix_outbox_unfinished", "id", **_only("state IN ('pending', 'sending')")),
    Index("ix_outbox_head", "conversation_id", "id", **_only("state IN ('pending', 'sending')")),
    sqlite_autoincrement=True,
)
addresses = Table(  # the way back to a customer, as the channel was told with the last message
    "addresses",
    metadata,
    Column("conversation_id", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("address", Text, nullable=False),
)
reminders = Table(
    "reminders",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("conversation_id", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("due_at", Float, nullable=False, index=True),
    Column("channel", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("payload", Text, nullable=False),
    UniqueConstraint("conversation_id", "name", name="uq_reminders_name"),
    sqlite_autoincrement=True,
)
turns = Table(
    "turns",
    metadata,
    Column("conversation_id", Text, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("release_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("confidence", Float),
    Column("evidence", Text, nullable=False),
    Column("message", Text),  # the customer's words
    Column("channel", Text),
    Column("intent", Text),
    Column("outcome", Text),  # see bot/outcome.py
    Column("sentiment", Text),
    Column("took_ms", Float),
    Index("ix_turns_at", "at"),
)
labels = Table(  # what people say that messages mean; what is undone stays, marked
    "labels",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("conversation_id", Text, nullable=False),
    Column("turn_seq", Integer, nullable=False),
    Column("text", Text, nullable=False),  # with personal data masked: this is what is learned from
    Column("kind", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("shown_for", Text, nullable=False),
    Column("undone_at", Float),
    Column("undone_by", Text),
    ForeignKeyConstraint(["conversation_id", "turn_seq"], ["turns.conversation_id", "turns.seq"]),
    Index("ix_labels_turn", "conversation_id", "turn_seq"),
    sqlite_autoincrement=True,
)
shadows = Table(  # what a release that nobody hears would have done
    "shadows",
    metadata,
    Column("conversation_id", Text, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("release_id", Text, primary_key=True),
    Column("at", Float, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("confidence", Float),
    Column("agrees", Integer, nullable=False),
)
suggestions = Table(  # questions offered under an answer, and whether they were taken
    "suggestions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("conversation_id", Text, nullable=False),
    Column("turn_seq", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("clicked_at", Float),
    Index("ix_suggestions_turn", "conversation_id", "turn_seq"),
    sqlite_autoincrement=True,
)
alerts = Table(  # what an owner was told of, so that several processes tell it once
    "alerts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("began_at", Float, nullable=False),
    Column("found_at", Float, nullable=False),
    Column("detail", Text, nullable=False),
    Column("sent_at", Float),
    UniqueConstraint("kind", "topic", "began_at", name="uq_alerts_once"),
    sqlite_autoincrement=True,
)
feedback = Table(
    "feedback",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("conversation_id", Text, nullable=False),
    Column("turn_seq", Integer, nullable=False),
    Column("who", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("comment", Text),
    Column("at", Float, nullable=False),
    ForeignKeyConstraint(["conversation_id", "turn_seq"], ["turns.conversation_id", "turns.seq"]),
    UniqueConstraint("conversation_id", "turn_seq", "who", name="uq_feedback_who"),
    sqlite_autoincrement=True,
)

# SQLite takes an index of some rows only where a query holds its condition word for word, not as a parameter.
IS_WAITING = text("inbox.state = 'waiting'")
IS_SURVEY = text(_SURVEY.format("events.type_name", "events.data"))  # as `bot.stores.events` writes one
IS_HANDED_OVER = text("conversations.handoff IS NOT NULL")
EARLIER_IS_WAITING = text("earlier.state = 'waiting'")
IS_UNFINISHED = text("outbox.state IN ('pending', 'sending')")
EARLIER_IS_UNFINISHED = text("earlier.state IN ('pending', 'sending')")


def lasting_tables(dialect: str) -> list[Table]:
    """The tables that a database keeps.

    In SQLite leases are none of them: one process has the file to itself, and what it held ends with it.
    """
    return [table for table in metadata.sorted_tables if dialect != "sqlite" or table is not leases]
