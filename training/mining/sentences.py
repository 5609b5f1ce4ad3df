"""Cuts a message into sentences, and puts those that are kept together again as they stood."""

import re
from collections.abc import Callable, Iterable

from training.data_checks.words import words_of

# Behind a mark that ends a sentence, unless it ends an abbreviation or a list's number; and at each line's end.
_END = re.compile(
    r"(?<!\b[Mm]r)(?<!\b[Mm]rs)(?<!\b[Mm]s)(?<!\b[Dd]r)(?<!\b[Ss]t)(?<!\b[Nn]o)(?<!\be\.g)(?<!\bi\.e)(?<!\betc)"
    r"(?<!^\d)(?<!\n\d)(?<!^\d\d)(?<!\n\d\d)(?:[.!?…]{1,8}[\"')\]]{0,3}(?=\s)|[。！？]+[”』」]?|(?=\n))\s*"
)
_ENDED = re.compile(r"[.!?,;:…。！？，；：~～)\]]$")
_HAN_START = "\u3000"


def sentences(text: str) -> list[str]:
    """The sentences of `text`, each with the white space behind it: joined, they are `text` again."""
    parts, start = [], 0
    for found in _END.finditer(text):
        if found.end() > start:
            parts.append(text[start : found.end()])
            start = found.end()
    return [*parts, text[start:]] if start < len(text) else parts


def without(text: str, is_dropped: Callable[[str], bool]) -> str:
    """`text` without the sentences that are dropped; layout stays."""
    return "".join(part for part in sentences(text) if not is_dropped(part.strip())).strip()


def joined(texts: Iterable[str]) -> str:
    """Several messages of one side as one text, a line each."""
    return "\n".join(text for text in texts if text)


def on_one_line(text: str) -> str:
    """Lines as sentences one after the other, with single blanks."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    ended = [line if _ENDED.search(line) else f"{line}{'，' if line[-1] > _HAN_START else '.'}" for line in lines[:-1]]
    return " ".join([*ended, *lines[-1:]]).replace("， ", "，")


def word_count(text: str) -> int:
    """Words, where two Chinese or Japanese signs count as one."""
    words = words_of(text)
    signs = sum(len(word.form) == 1 and word.form > "\u3000" for word in words)
    return len(words) - signs + (signs + 1) // 2
