"""What a platform can show its customers, and how fast it may be sent to."""

import sys
from dataclasses import dataclass
from enum import StrEnum


class TextUnit(StrEnum):
    """What a platform counts a text's length in."""

    CODE_POINTS = "code points"
    UTF16_UNITS = "UTF-16 units"
    UTF8_BYTES = "bytes of UTF-8"

    def length(self, text: str) -> int:
        """How long `text` is."""
        match self:
            case TextUnit.CODE_POINTS:
                return len(text)
            case TextUnit.UTF16_UNITS:
                return len(text.encode("utf-16-le", "surrogatepass")) // 2
            case TextUnit.UTF8_BYTES:
                return len(text.encode("utf-8", "surrogatepass"))


class Follows(StrEnum):
    """Of which conversations a channel wants to know when a person is called, and when the bot answers again."""

    NONE = "none"
    OWN = "own"  # those of its own customers: the platform has an inbox for persons
    OTHERS = "others"  # those of all channels that have no such inbox, and what is said in them


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a platform can show, and how fast it may be sent to; what it cannot show is said in another way.

    Attributes:
        max_text: The longest text, in `unit`; longer ones are split.
        max_buttons: The most buttons below a text; 0 where there are none. More become numbered lines.
        max_button_title: The longest title of a button, in `unit`; with longer ones all become numbered lines.
        max_payload_bytes: The longest payload of a button; longer ones become a short token. None has no limit.
        link_buttons: Whether a button can open an address, which is then never replaced by a token.
        images: Whether it shows a picture of which it is told the address.
        attachments: Whether it takes `attachment` of Rasa's responses as it is.
        cards: Whether it shows cards with picture, title and buttons.
        custom: Whether `custom` of Rasa's responses is a payload of the platform's own.
        typing: Whether it shows that the bot is writing.
        threads: Whether a conversation may be a thread among others, and its replies stay in it.
        joins: Whether all words of a turn are one message; else each is one of its own.
        reply_within_s: How long after it was written a reply may still be sent; None for ever.
        per_second: The most sends in a second, in all; None where it is not limited.
        per_conversation_s: The least seconds between two sends to one customer.
        burst: How many sends to one customer may follow at once, where they stood still before; their time is owed.
        resends: Whether the platform takes a send with the same key only once, so that one of which nobody knows may
            be repeated.
        follows: What it wants to know of persons who take over.
        own_page: Whether a page of the owner's own shows it, which may be given addresses without a host.
    """

    max_text: int = 4_096
    unit: TextUnit = TextUnit.CODE_POINTS
    max_buttons: int = 0
    max_button_title: int = 20
    max_payload_bytes: int | None = None
    link_buttons: bool = False
    images: bool = False
    attachments: bool = False
    cards: bool = False
    custom: bool = False
    typing: bool = False
    threads: bool = False
    joins: bool = False
    reply_within_s: float | None = None
    per_second: float | None = None
    per_conversation_s: float | None = None
    burst: int = 1
    resends: bool = False
    follows: Follows = Follows.NONE
    own_page: bool = False


EVERYTHING = Abilities(
    max_text=sys.maxsize,
    max_buttons=sys.maxsize,
    max_button_title=sys.maxsize,
    link_buttons=True,
    images=True,
    attachments=True,
    cards=True,
    custom=True,
    own_page=True,
)
