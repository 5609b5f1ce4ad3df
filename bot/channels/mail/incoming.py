"""Reads a mail: who wrote it, in which thread, and what is new in it. What a machine has sent is not answered."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from hashlib import sha256
from typing import Any

from bot.channels.channel import conversation_id
from bot.channels.mail.config import ADDRESS, NAME
from bot.channels.mail.html_text import text_of_html
from bot.channels.mail.quoted import new_text

MAX_REFERENCES = 50
MAX_ATTACHMENTS = 20
MAX_SUBJECT_CHARS = 200
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_OURS = re.compile(r"<kefu\.([0-9a-f]{32})\.")
_MACHINES = re.compile(r"(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)([+.-].*)?@", re.IGNORECASE)
_BULK = frozenset({"bulk", "list", "junk", "auto_reply"})


class Ignored(Exception):
    """The mail is not to be answered, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A customer's mail.

    Attributes:
        sender: Where the reply goes, in lower case.
        message_id: The mail's own id; made of its content where it has none.
        references: The ids of the mails before it in its thread, the first one first.
        thread: 32 hexadecimal digits that name the thread.
        text: What is new in it.
        media: The attachments, as they are told to the bot.
    """

    sender: str
    message_id: str
    references: tuple[str, ...]
    thread: str
    subject: str
    text: str
    media: tuple[dict[str, str], ...]

    @property
    def conversation_id(self) -> str:
        """A thread with one customer: whoever writes into it from elsewhere begins another."""
        return conversation_id(NAME, self.sender, self.thread)

    @property
    def external_id(self) -> str:
        """By which the mail is known if it comes again; nobody else's can be the same."""
        return sha256(f"{self.sender} {self.message_id}".encode("utf-8", "surrogateescape")).hexdigest()

    @property
    def address(self) -> dict[str, Any]:
        """The way back into the thread."""
        return {
            "to": self.sender,
            "subject": self.subject,
            "thread": self.thread,
            "in_reply_to": self.message_id,
            "references": [*self.references, self.message_id][-MAX_REFERENCES:],
        }


def parse_mail(raw: bytes, own_address: str) -> Incoming:
    """The mail in `raw`.

    Raises:
        Ignored: It is not from a person, or nobody could be answered.
    """
    mail = BytesParser(policy=default).parsebytes(raw)
    sender = _sender(mail)
    _refuse_machines(mail, sender, own_address)
    message_id = _first(_ids(mail, "Message-ID")) or f"<{sha256(raw).hexdigest()}@unnamed>"
    before = tuple(dict.fromkeys([*_ids(mail, "References"), *_ids(mail, "In-Reply-To")]))[:MAX_REFERENCES]
    subject = " ".join(str(mail["Subject"] or "").split())[:MAX_SUBJECT_CHARS]
    media = tuple(_media(mail))
    text = new_text(_body(mail))
    return Incoming(
        sender=sender,
        message_id=message_id,
        references=before,
        thread=_thread(sender, before, message_id),
        subject=subject,
        text=text if text or media else subject,
        media=media,
    )


def _sender(mail: EmailMessage) -> str:
    """Whom the answer would go to, so that nobody can have it sent elsewhere under a customer's name."""
    header = mail["Reply-To"] or mail["From"]
    found = [address.addr_spec for address in header.addresses] if header is not None else []
    if len(found) != 1 or ADDRESS.fullmatch(found[0]) is None:
        raise Ignored("it has no address to answer to, or several")
    return str(found[0]).lower()


def _refuse_machines(mail: EmailMessage, sender: str, own_address: str) -> None:
    """An automatic answer to an automatic answer goes on for ever. Source: RFC 3834."""
    written_by = [address.addr_spec.lower() for address in mail["From"].addresses] if mail["From"] is not None else []
    if own_address.lower() in (sender, *written_by):
        raise Ignored("it is the bot's own")
    if str(mail["Auto-Submitted"] or "no").strip().lower().partition(";")[0] != "no":
        raise Ignored("a machine has sent it")
    if mail["List-Id"] or str(mail["Precedence"] or "").strip().lower() in _BULK:
        raise Ignored("it went to many")
    is_report = mail.get_content_type() == "multipart/report" or str(mail["Return-Path"] or "").strip() == "<>"
    if is_report or _MACHINES.match(sender):
        raise Ignored("it is a report, or nobody reads what is answered to it")


def _thread(sender: str, before: tuple[str, ...], message_id: str) -> str:
    """By an id of ours among those before, else by the first mail of the thread."""
    for one in before:
        if ours := _OURS.match(one):
            return ours[1]
    root = before[0] if before else message_id
    return sha256(f"{sender} {root}".encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _ids(mail: EmailMessage, header: str) -> list[str]:
    return _MESSAGE_ID.findall(str(mail[header] or ""))


def _first(found: list[str]) -> str | None:
    return found[0] if found else None


def _body(mail: EmailMessage) -> str:
    plain = mail.get_body(("plain",))
    if plain is not None and (text := _decoded(plain)).strip():
        return text
    html = mail.get_body(("html",))
    return "" if html is None else text_of_html(_decoded(html))


def _decoded(part: Any) -> str:
    raw = part.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return ""
    try:
        return raw.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        return raw.decode("utf-8", "replace")


def _media(mail: EmailMessage) -> Iterator[dict[str, str]]:
    if not mail.is_multipart():
        return
    for number, part in enumerate(mail.iter_attachments()):
        if number >= MAX_ATTACHMENTS:
            return
        mime = part.get_content_type()
        kind = mime.partition("/")[0]
        name = "".join(one for one in str(part.get_filename() or "") if one.isprintable())[:200]
        yield {
            "kind": kind if kind in ("image", "audio", "video") else "file",
            "mime": mime[:100],
            **({"name": name} if name else {}),
        }
