"""E-mail: messages are fetched from a mailbox by IMAP, replies go out by SMTP, in the customer's thread."""

from bot.channels.mail.channel import Mail, make
from bot.channels.mail.config import Config

__all__ = ["Config", "Mail", "make"]
