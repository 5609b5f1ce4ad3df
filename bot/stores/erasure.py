"""A conversation is made to be gone: every row of it, in every table."""

from sqlalchemy import Connection, delete

from bot.stores.tables import (
    addresses,
    conversations,
    events,
    feedback,
    inbox,
    labels,
    leases,
    outbox,
    reminders,
    shadows,
    suggestions,
    turns,
)

WHOSE = (  # what refers to others comes before them
    (leases, leases.c.conversation_id),
    (feedback, feedback.c.conversation_id),
    (labels, labels.c.conversation_id),
    (shadows, shadows.c.conversation_id),
    (suggestions, suggestions.c.conversation_id),
    (turns, turns.c.conversation_id),
    (reminders, reminders.c.conversation_id),
    (addresses, addresses.c.conversation_id),
    (outbox, outbox.c.conversation_id),
    (inbox, inbox.c.conversation_id),
    (conversations, conversations.c.sender_id),
    (events, events.c.sender_id),
)


def erase(connection: Connection, conversation_id: str) -> int:
    """Deletes all rows of a conversation; returns how many.

    Its lease goes too, so that a turn under way cannot be written any more.
    """
    return sum(connection.execute(delete(table).where(column == conversation_id)).rowcount for table, column in WHOSE)
