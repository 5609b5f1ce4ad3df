"""What is learned from: turns with what was said, people's labels, silent rivals, suggestions and alerts."""

from alembic.operations import Operations
from sqlalchemy import BigInteger, Column, Float, ForeignKeyConstraint, Integer, Text, UniqueConstraint, text

revision = "kefu_0004"
down_revision = "kefu_0003"

_IS_SURVEY = text("type_name = 'slot' AND data LIKE '%\"name\": \"kefu_survey\"%'")
_Id = BigInteger().with_variant(Integer, "sqlite")


def upgrade(op: Operations) -> None:
    """Widens `turns` and makes the tables."""
    for name in ("message", "channel", "intent", "outcome", "sentiment"):
        op.add_column("turns", Column(name, Text))
    op.add_column("turns", Column("took_ms", Float))
    op.create_index("ix_turns_at", "turns", ["at"])
    op.create_index("ix_events_surveys", "events", ["timestamp"], sqlite_where=_IS_SURVEY, postgresql_where=_IS_SURVEY)
    op.create_table(
        "labels",
        Column("id", _Id, primary_key=True),
        Column("conversation_id", Text, nullable=False),
        Column("turn_seq", Integer, nullable=False),
        Column("text", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("value", Text, nullable=False),
        Column("who", Text, nullable=False),
        Column("at", Float, nullable=False),
        Column("shown_for", Text, nullable=False),
        Column("undone_at", Float),
        Column("undone_by", Text),
        ForeignKeyConstraint(["conversation_id", "turn_seq"], ["turns.conversation_id", "turns.seq"]),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_labels_turn", "labels", ["conversation_id", "turn_seq"])
    op.create_table(
        "shadows",
        Column("conversation_id", Text, primary_key=True),
        Column("seq", Integer, primary_key=True),
        Column("release_id", Text, primary_key=True),
        Column("at", Float, nullable=False),
        Column("outcome", Text, nullable=False),
        Column("answer", Text, nullable=False),
        Column("confidence", Float),
        Column("agrees", Integer, nullable=False),
    )
    op.create_table(
        "suggestions",
        Column("id", _Id, primary_key=True),
        Column("conversation_id", Text, nullable=False),
        Column("turn_seq", Integer, nullable=False),
        Column("kind", Text, nullable=False),
        Column("answer", Text, nullable=False),
        Column("position", Integer, nullable=False),
        Column("at", Float, nullable=False),
        Column("clicked_at", Float),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_suggestions_turn", "suggestions", ["conversation_id", "turn_seq"])
    op.create_table(
        "alerts",
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
