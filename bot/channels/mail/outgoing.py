"""Writes a reply that mail programs show in the customer's thread."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from bot.channels.mail.config import Config

LATEST_REFERENCES = 20  # of a long thread, besides its first


def compose(config: Config, address: Mapping[str, Any], text: str, key: str, now: float) -> bytes:
    """The reply as it goes over the wire.

    Args:
        address: The way back, as `Incoming.address` has it.
        key: Names the reply; the same each time it is sent, and so is its `Message-ID`.
        now: Unix time.
    """
    user, _, domain = config.address.rpartition("@")
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(config.name, user, domain)
    mail["To"] = address["to"]
    mail["Subject"] = reply_subject(str(address.get("subject") or ""))
    mail["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    mail["Message-ID"] = f"<kefu.{address['thread']}.{key}@{domain}>"
    mail["In-Reply-To"] = address["in_reply_to"]
    first, *others = address["references"]
    mail["References"] = " ".join([first, *others[-LATEST_REFERENCES:]])
    mail["Auto-Submitted"] = "auto-replied"
    mail.set_content(text, charset="utf-8", cte="base64")
    return mail.as_bytes()


def reply_subject(subject: str) -> str:
    """`subject` as that of a reply."""
    plain = " ".join("".join(one if one.isprintable() else " " for one in subject).split())
    return plain if plain[:3].lower() == "re:" else f"Re: {plain}".strip()
