"""What one refresh may learn at most, and what waits for an admin's word: limits against those who teach on purpose.

Each limit is a pure function from rows to those that are kept and those that are left out. What is too much for today
is not lost: it is looked at again with the next refresh, when what was learned today is no longer new.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from configs.assistant_config import RefreshConfig
from configs.taught import Meaning, Taught
from nlu.masking import Regions
from training.learned import origin_of
from training.refresh.contacts import new_contacts
from training.refresh.left_out import LeftOut, Why
from training.refresh.validate import words_of

ALIKE_SCORE = 80.0  # of 100, by rapidfuzz.fuzz.ratio: thirty signs and a dozen more are still alike
_NOT_WORDS = re.compile(r"[\W\d_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the limits go by.

    Attributes:
        contacts: Links and numbers in the owner's own texts; see `training.refresh.contacts`.
        learned: Rows, as `Origin.row` names them, that the release in use was trained with.
        examples: By intent, how many examples it has without what is new.
        accepted: Ids of rows that an admin has let through.
    """

    contacts: frozenset[str]
    learned: Collection[str]
    examples: Mapping[str, int]
    accepted: Collection[str]
    regions: Regions = ()


def limited(rows: Sequence[Taught], known: Known, config: RefreshConfig) -> tuple[list[Taught], list[LeftOut]]:
    """The rows that may be learned now, in their order, and the others with the limit that they are over."""
    kept, left_out = list(rows), list[LeftOut]()
    for limit in (_quarantined, _of_senders, _alike, _of_intents):
        kept, more = limit(kept, known, config)
        left_out += more
    return kept, left_out


def quarantine_id(row: Taught) -> str:
    """By which an admin names a row; another text or another answer is another row."""
    named = "\0".join((str(row.number), row.text, row.meaning, row.value))
    return hashlib.sha256(named.encode("utf-8", "replace")).hexdigest()[:8]


Kept = tuple[list[Taught], list[LeftOut]]


def _quarantined(rows: Sequence[Taught], known: Known, config: RefreshConfig) -> Kept:
    """What would put a link or a number before customers that the owner has written nowhere."""
    del config
    kept, left_out = list[Taught](), list[LeftOut]()
    for row in rows:
        found = new_contacts(_shown(row), known.contacts, known.regions)
        if found and quarantine_id(row) not in known.accepted:
            detail = f"{quarantine_id(row)}: {', '.join(found)}"
            left_out.append(LeftOut(row=row, why=Why.QUARANTINED, detail=detail))
        else:
            kept.append(row)
    return kept, left_out


def _shown(row: Taught) -> str:
    """What of a row customers may come to read: an answer, and a question that is offered to them."""
    if row.meaning is Meaning.INTENT:
        return ""
    return f"{row.text}\n{row.value}" if row.meaning is Meaning.ANSWER else row.text


def _of_senders(rows: Sequence[Taught], known: Known, config: RefreshConfig) -> Kept:
    del known
    of_sender: Counter[str] = Counter()
    of_both: Counter[tuple[str, str, str]] = Counter()

    def fits(row: Taught) -> bool:
        both = (row.conversation, row.meaning, row.value)
        if of_sender[row.conversation] >= config.max_per_sender or of_both[both] >= config.max_per_sender_intent:
            return False
        of_sender[row.conversation] += 1
        of_both[both] += 1
        return True

    return _parted(rows, [fits(row) for row in rows], Why.SENDER)


def _alike(rows: Sequence[Taught], known: Known, config: RefreshConfig) -> Kept:
    """Of texts that are nearly the same the first few: many senders may be one."""
    del known
    counts: dict[tuple[str, str], dict[str, int]] = {}

    def fits(row: Taught) -> bool:
        groups = counts.setdefault((row.meaning, row.value), {})
        words = " ".join(sorted(_NOT_WORDS.sub(" ", words_of(row.text)).split()))
        first = words if words in groups else _nearest(words, groups)
        groups[first] = groups.get(first, 0) + 1
        return groups[first] <= config.max_alike

    return _parted(rows, [row.meaning is Meaning.ANSWER or fits(row) for row in rows], Why.ALIKE)


def _nearest(words: str, groups: Collection[str]) -> str:
    found = process.extractOne(words, list(groups), scorer=fuzz.ratio, score_cutoff=ALIKE_SCORE)
    return str(found[0]) if found else words


def _of_intents(rows: Sequence[Taught], known: Known, config: RefreshConfig) -> Kept:
    """So many rows that are new to an intent, that what it was before still counts."""
    new: Counter[str] = Counter()

    def fits(row: Taught) -> bool:
        if row.meaning is not Meaning.INTENT or origin_of(row).row in known.learned:
            return True
        new[row.value] += 1
        return new[row.value] <= max(config.max_new, known.examples.get(row.value, 0))

    return _parted(rows, [fits(row) for row in rows], Why.SHARE)


def _parted(rows: Sequence[Taught], fit: Sequence[bool], why: Why) -> Kept:
    kept = [row for row, fits in zip(rows, fit, strict=True) if fits]
    return kept, [LeftOut(row=row, why=why) for row, fits in zip(rows, fit, strict=True) if not fits]
