"""Rasa's event table, and each conversation's state beside it.

Databases that Kefu made before its schema had a version have these tables already; Rasa's have the first.
"""

from alembic.operations import Operations
from sqlalchemy import BigInteger, Column, Float, Integer, String, Text, inspect

revision = "kefu_0001"
down_revision = None


def upgrade(op: Operations) -> None:
    """Makes the tables that are missing."""
    found = inspect(op.get_bind())
    if not found.has_table("events"):
        op.create_table(
            "events",
            Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
            Column("sender_id", Text, nullable=False, index=True),
            Column("type_name", String(255), nullable=False),
            Column("timestamp", Float),
            Column("intent_name", String(255)),
            Column("action_name", String(255)),
            Column("data", Text),
        )
    if not found.has_table("conversations"):
        op.create_table(
            "conversations",
            Column("sender_id", Text, primary_key=True),
            Column("state", Text, nullable=False),
            Column("updated_at", Float, nullable=False),
        )
