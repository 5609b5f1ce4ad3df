"""Finds names that somebody says or is greeted by."""

import re
from collections.abc import Iterator

from nlu.masking.find import Find, Kind

CAPITAL = r"[A-Z\u00c0-\u00de][\w'\u2019-]{1,30}"
FULL_NAME = rf"({CAPITAL}(?: {CAPITAL}){{0,2}})"
_LATIN_NAME = rf"(?:(?:Mr|Mrs|Ms|Dr)\.? )?{FULL_NAME}"
_RELATIVES = (
    "friend|wife|husband|partner|son|daughter|mother|mom|father|dad|brother|sister|boss|colleague|girlfriend|boyfriend"
)
_INTRODUCED = (
    re.compile(rf"\b(?:[Mm]y name is|[Mm]y name's|[Nn]ame:|[Mm]y full name is) {_LATIN_NAME}"),
    re.compile(
        rf"(?:^|[.!?\n]\s{{1,4}})\W{{0,8}}(?:[Ii] am|[Ii]'m|[Tt]his is|[Ii]t's) {_LATIN_NAME}"
        r"(?= here| speaking| from| and\b|\s{0,4}[,.!;]|\s{0,4}$)"
    ),
    re.compile(rf"\b[Mm]y (?:best )?(?:{_RELATIVES})(?:'s name is|,)? {_LATIN_NAME}"),
    re.compile(rf"(?:^|[,.!])\s{{0,4}}{_LATIN_NAME} (?:here|speaking)\b"),
    re.compile(r"(?:我叫|我的名字是|姓名[是:：]|收件人[是:：]?)\s{0,4}([\u4e00-\u9fff]{2,4}?)(?=[，。,.!！\s、]|$)"),
    re.compile(rf"\b(?:[Ii]ch hei(?:ß|ss)e|[Mm]ein Name ist|[Hh]ier ist) (?:(?:Herr|Frau) )?{FULL_NAME}"),
    re.compile(r"(?:我姓|免贵姓)\s{0,4}([\u4e00-\u9fff])"),
)
_GREETED = (
    re.compile(
        r"^\W{0,8}(?:[Hh]i|[Hh]ello|[Hh]ey|[Dd]ear|[Tt]hanks|[Tt]hank you|[Ww]elcome)(?: there)?,? "
        rf"{_LATIN_NAME}(?=\s{{0,4}}[,!.:\n]|$)"
    ),
    re.compile(r"(?<![\u4e00-\u9fff])([\u4e00-\u9fff]{1,3})(?:先生|女士|小姐)"),
)
NO_NAMES = frozenset([
    "There", "Team", "All", "Customer", "Customers", "Sir", "Madam", "Support", "Everyone", "Again", "Guys",
    "Valued", "Service", "Thanks", "Thank", "You", "Hello", "Hi", "I", "Good", "Morning", "Afternoon",
    "Evening", "Day", "The", "A", "So", "Very", "Much", "For", "Yes", "No", "Ok", "Okay", "Great", "Please",
    "Not", "Just", "Sorry", "And", "But", "Friend", "Folks", "Dear", "One", "Moment", "This", "That", "It",
    "We", "您好", "你好", "亲爱", "客服", "谢谢", "好的", "请问", "不是", "是的", "可以",
])  # fmt: skip
# Names that are words: masked only where somebody says or is greeted by them.
_ALSO_WORDS = frozenset([
    "Will", "May", "Mark", "Grace", "Hope", "Faith", "Joy", "Rose", "Art", "Bill", "Rich", "Sue", "Pat", "Dean",
    "Chase", "April", "June", "August", "Summer", "Page", "Drew", "Grant", "Frank", "Ray", "Miles", "Crystal",
    "Amber", "Dawn", "Eve", "Iris", "Ivy", "Jack", "Jade", "Lily", "Olive", "Pearl", "Penny", "Ruby", "Violet",
    "Melody", "Gene", "Guy", "Max", "Can", "Price", "Day", "King", "Young", "Long", "Brown", "Green", "White",
    "Black", "Gray", "Cook", "Baker", "Bell", "Ford", "Cash", "Love", "Short", "Small", "Post", "Card",
])  # fmt: skip


def names_said(sentence: str) -> Iterator[str]:
    """The names by which somebody introduces themselves in `sentence`, or is greeted."""
    for pattern in (*_INTRODUCED, *_GREETED):
        for found in pattern.finditer(sentence):
            yield found[1]


def name_finds(text: str, names: frozenset[str]) -> Iterator[Find]:
    """Where `names` stand in `text`, and those by which somebody introduces themselves or is greeted in it.

    Names that are also words are found only in the latter way.
    """
    anywhere = sorted((name for name in names if name not in _ALSO_WORDS), key=len, reverse=True)
    latin = [re.escape(name) for name in anywhere if name.isascii() or not _is_han(name)]
    patterns = [re.compile(rf"(?<!\w)(?:{'|'.join(latin)})(?!\w)(?: (?:{'|'.join(latin)})(?!\w))*")] if latin else []
    patterns += [re.compile(rf"{name}(?:先生|女士|小姐)?") for name in anywhere if _is_han(name) and len(name) > 1]
    patterns += [re.compile(rf"{name}(?:先生|女士|小姐)") for name in anywhere if _is_han(name) and len(name) == 1]
    for pattern in patterns:
        for found in pattern.finditer(text):
            yield Find(kind=Kind.NAME, start=found.start(), end=found.end(), value=found[0])
    for pattern in (*_INTRODUCED, *_GREETED):
        for found in pattern.finditer(text):
            if found[1] not in NO_NAMES and not set(found[1].split()) & NO_NAMES:
                yield Find(kind=Kind.NAME, start=found.start(1), end=found.end(1), value=found[1])


def _is_han(name: str) -> bool:
    return all("\u4e00" <= character <= "\u9fff" for character in name)
