"""Texts of customers as a page shows them: nothing that turns the page around, climbs out of its line or fills it."""

import re
import unicodedata
from datetime import UTC, datetime

SHOWN_CHARS = 2_000
STACKED_MARKS = 4  # the most that a script stacks on one letter, as Hebrew with its accents does
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_KANA = re.compile(r"[\u3040-\u30ff]")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


def shown(text: str | None, most_chars: int = SHOWN_CHARS) -> str:
    """`text` without control characters, without what sets the direction of writing, and cut at `most_chars`."""
    kept: list[str] = []
    marks = 0
    for character in (text or "")[: 4 * most_chars]:
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > STACKED_MARKS or character in _TURNING:
            continue
        kept.append("\ufffd" if category in ("Cc", "Cs") and character not in "\n\t" else character)
    is_cut = len(kept) > most_chars or len(text or "") > 4 * most_chars
    return "".join(kept[:most_chars]) + ("…" if is_cut else "")


def language_of(text: str | None) -> str:
    """What `lang` says of a text, so that it is drawn and read aloud as it should be; empty where nobody can tell."""
    if _KANA.search(text or ""):
        return "ja"
    return "zh" if _HAN.search(text or "") else ""


def moment(at: float | None) -> str:
    """A time in UTC, to the minute."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
