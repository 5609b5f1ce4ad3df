"""The way back to customers whom a channel cannot reach by the conversation's id alone."""

from alembic.operations import Operations
from sqlalchemy import Column, Text

revision = "kefu_0003"
down_revision = "kefu_0002"


def upgrade(op: Operations) -> None:
    """Makes the table."""
    op.create_table(
        "addresses",
        Column("conversation_id", Text, primary_key=True),
        Column("channel", Text, primary_key=True),
        Column("address", Text, nullable=False),
    )
