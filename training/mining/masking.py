"""Takes personal data out of what is proposed: each find becomes a placeholder that says what stood there.

Found are the finds of `training/data_checks/personal_data.py`, names that somebody says or is greeted by, order and
other numbers, street addresses, and links made for one person. It is a net with holes, which is why a person reviews:
what is found never leaves this module, what is not found may.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from training.data_checks.personal_data import CARD, CHINESE_ID, EMAIL, PHONE, find_personal_data
from training.mining.conversation import Conversation, Role
from training.mining.phrases import requests
from training.mining.sentences import sentences

Regions: TypeAlias = Sequence[str | None]

NAME, NUMBER, ADDRESS, LINK = "name", "number", "address", "link"
_PLACEHOLDERS = {EMAIL: "email", PHONE: "phone", CARD: "card number", CHINESE_ID: "identity number"}
PLACEHOLDER = re.compile(r"\[(?:email|phone|card number|identity number|name|number|address|link)\]")

# A value is the company's own, and stays, where agents say it in that many conversations and customers hardly do ...
PUBLIC_AGENT_CONVERSATIONS = 3
MAX_CUSTOMER_SHARE = 1 / 3
# ... and a number or code is a product's, and stays, where that many conversations hold it, whoever says it.
PUBLIC_CODE_CONVERSATIONS = 10

_CAPITAL = r"[A-Z\u00c0-\u00de][\w'\u2019-]+"
_FULL = rf"({_CAPITAL}(?: {_CAPITAL}){{0,2}})"
_LATIN_NAME = rf"(?:(?:Mr|Mrs|Ms|Dr)\.? )?{_FULL}"
_RELATIVES = (
    "friend|wife|husband|partner|son|daughter|mother|mom|father|dad|brother|sister|boss|colleague|girlfriend|boyfriend"
)
_INTRODUCED = (
    re.compile(rf"\b(?:[Mm]y name is|[Mm]y name's|[Nn]ame:|[Mm]y full name is) {_LATIN_NAME}"),
    re.compile(
        rf"(?:^|[.!?\n]\s+)\W*(?:[Ii] am|[Ii]'m|[Tt]his is|[Ii]t's) {_LATIN_NAME}"
        r"(?= here| speaking| from| and\b|\s*[,.!;]|\s*$)"
    ),
    re.compile(rf"\b[Mm]y (?:best )?(?:{_RELATIVES})(?:'s name is|,)? {_LATIN_NAME}"),
    re.compile(rf"(?:^|[,.!])\s*{_LATIN_NAME} (?:here|speaking)\b"),
    re.compile(r"(?:我叫|我的名字是|姓名[是:：]|收件人[是:：]?)\s*([\u4e00-\u9fff]{2,4}?)(?=[，。,.!！\s、]|$)"),
    re.compile(r"(?:我姓|免贵姓)\s*([\u4e00-\u9fff])"),
)
_GREETED = (
    re.compile(
        r"^\W*(?:[Hh]i|[Hh]ello|[Hh]ey|[Dd]ear|[Tt]hanks|[Tt]hank you|[Ww]elcome)(?: there)?,? "
        rf"{_LATIN_NAME}(?=\s*[,!.:\n]|$)"
    ),
    re.compile(r"(?<![\u4e00-\u9fff])([\u4e00-\u9fff]{1,3})(?:先生|女士|小姐)"),
)
_SIGNED = re.compile(
    r"\n[^\n]{0,80}(?:[Rr]egards|[Ss]incerely|[Bb]est|[Tt]hanks|[Cc]heers|[Tt]hank you)[,.!]?[ \t]*\n\n?[ \t]*" + _FULL
)
_ONLY_NAME = re.compile(rf"^\W*({_CAPITAL}(?: {_CAPITAL}){{0,2}}|[\u4e00-\u9fff]{{2,4}})\W*$")
_ASKED_NAME = re.compile(r"\bname\b|姓名|名字|称呼|贵姓", re.IGNORECASE)
_NO_NAMES = frozenset([
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
_NUMBERED = (
    r"\b(?:order|ticket|booking|reservation|account|customer|invoice|tracking|reference|case|policy|confirmation|code)\b"
    "|订单|单号|运单|快递|编号|账号|卡号|会员"
)
# A Chinese character may stand right beside a number, so borders are those of Latin words.
_NUMBERS = (
    re.compile(r"(#\s?\d{3,})(?![A-Za-z0-9_])"),
    re.compile(
        rf"(?:{_NUMBERED})(?:\s*(?:number|no\.?|nr\.?|id|code|号码?))?\s*(?:is|was|:|：|是|为)?\s*"
        r"((?=[A-Za-z0-9-]*[0-9]{3})[A-Za-z0-9-]{3,})(?![A-Za-z0-9_-])",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?<![A-Za-z0-9_.,-])((?=[A-Z-]*\d[A-Z-]*\d[A-Z-]*\d)(?=[0-9-]*[A-Z])[A-Z0-9]{1,40}(?:-[A-Z0-9]{1,40}){0,8})"
        r"(?![A-Za-z0-9_-])"
    ),
    re.compile(r"(?<![A-Za-z0-9_.,-])(\d{6,})(?![A-Za-z0-9_-]|[.,]\d)"),
    re.compile(r"(?<![A-Za-z0-9_.,-])(\d{2,4}(?:[ -]\d{2,4}){2,})(?![A-Za-z0-9_-]|[.,]\d)"),
)
_DATE = re.compile(r"(?:19|20)\d\d[-/. ]\d{1,2}[-/. ]\d{1,2}|\d{1,2}[-/. ]\d{1,2}[-/. ](?:19|20)?\d\d")
_WAYS = "Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Boulevard|Blvd|Way|Court|Ct|Place|Square"
_ADDRESSES = (
    re.compile(
        rf"\b\d{{1,5}}[A-Za-z]? (?:{_CAPITAL} ){{1,3}}(?:{_WAYS})\b(?:,? {_CAPITAL}){{0,4}}(?:,? \w{{2,4}} ?\d{{3,5}})?"
    ),
    re.compile(
        r"\b[A-ZÄÖÜ][a-zäöüß]{1,40}(?:straße|strasse|weg|platz|allee|gasse) \d{1,4}[a-z]?\b"
        r"(?:,? \d{4,5} [A-ZÄÖÜ][a-zäöüß]+)?"
    ),
    re.compile(
        r"[\u4e00-\u9fff]{2,12}(?:路|街|大道|巷|弄)\d+号"
        r"(?:[\u4e00-\u9fff]{0,8}\d+(?:号楼|栋|幢|单元|楼|层|室|号)){0,4}(?:\d+室?)?"
    ),
)
_LINK = re.compile(r"https?://[^\s<>()\"']{0,300}?(?:\d{6,}|[?&][\w-]+=[\w%-]{6,}|/[A-Za-z0-9_-]{20,})[^\s<>()\"']*")
# Names that are only called or introduced: the sentence says the same without.
_CALLED = re.compile(
    r"^(?:\[name\][,，:：!！]\s*)+|[,，]\s*\[name\](?=\s*[.!?。！？]|$)|"
    r"\b(?:my (?:full )?name is|i am|i'm|this is)\s+\[name\]\s*(?:here|speaking)?\s*(?:[,.;!]\s*)?(?:and\s+)?|"
    r"(?:我叫|我是|我的名字是)\[name\][，,。]?",
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """One find: `text[start:end]`; `value` is the same however it is written."""

    kind: str
    start: int
    end: int
    value: str


def find_private(text: str, regions: Regions, names: frozenset[str] = frozenset()) -> list[Find]:
    """What `text` holds of one person, in order.

    Args:
        regions: Where phone numbers without a country code may be from.
        names: The names of those who take part in the conversation.
    """
    found = [
        Find(kind=_PLACEHOLDERS[one.name], start=one.start, end=one.end, value=one.value)
        for one in find_personal_data(text, regions)
    ]
    for find in (*_links(text), *_addresses(text), *_numbers(text), *_names(text, names)):
        if all(find.end <= other.start or other.end <= find.start for other in found):
            found.append(find)
    return sorted(found, key=lambda one: one.start)


def masked(text: str, finds: Iterable[Find], public: frozenset[str] = frozenset()) -> str:
    """`text` with a placeholder for each find whose value is not public; a name that is only called is left out."""
    for find in sorted(finds, key=lambda one: one.start, reverse=True):
        if find.value not in public:
            text = f"{text[: find.start]}[{find.kind}]{text[find.end :]}"
    called_gone = _CALLED.sub("", text)
    return called_gone if re.search(r"\w", called_gone) else text


def placeholders(text: str) -> tuple[str, ...]:
    """The kinds of placeholders in a masked text, in order."""
    return tuple(found[0][1:-1] for found in PLACEHOLDER.finditer(text))


def names_in(conversation: Conversation) -> frozenset[str]:
    """The names by which those who take part introduce themselves, are greeted, or sign."""
    names: set[str] = set()
    name_was_asked = False
    for turn in conversation.turns:
        for sentence in sentences(turn.text):
            for pattern in (*_INTRODUCED, *_GREETED):
                names.update(found[1] for found in pattern.finditer(sentence.strip()))
        names.update(found[1] for found in _SIGNED.finditer(f"\n{turn.text}"))
        if turn.role is Role.CUSTOMER and name_was_asked and (only := _ONLY_NAME.match(turn.text)):
            names.add(only[1])
        asked = [part for part in sentences(turn.text) if requests(part.strip())]
        name_was_asked = turn.role is not Role.CUSTOMER and any(_ASKED_NAME.search(part) for part in asked)
    words = {word for name in names for word in name.split()}
    return frozenset(word for word in words if word not in _NO_NAMES and not word.startswith(("I'", "I\u2019")))


class PublicValues:
    """Counts in how many conversations a value is said, and by which side. Names are never public."""

    def __init__(self, regions: Regions, public: Iterable[str] = ()) -> None:
        self._regions = regions
        self._given = frozenset(public)
        self._agents: Counter[str] = Counter()
        self._customers: Counter[str] = Counter()
        self._codes: set[str] = set()

    def count(self, conversation: Conversation) -> None:
        """Takes a conversation into account."""
        said: Mapping[bool, set[str]] = {True: set(), False: set()}
        for turn in conversation.turns:
            for find in find_private(turn.text, self._regions):
                said[turn.role is Role.CUSTOMER].add(find.value)
                if find.kind in (NUMBER, LINK):
                    self._codes.add(find.value)
        self._customers.update(said[True])
        self._agents.update(said[False])

    def values(self) -> frozenset[str]:
        """Those that belong to the company or a product and not to a person."""
        own = {
            value
            for value, count in self._agents.items()
            if count >= PUBLIC_AGENT_CONVERSATIONS and self._customers[value] <= count * MAX_CUSTOMER_SHARE
        }
        frequent = {
            value
            for value in self._codes
            if max(self._agents[value], self._customers[value]) >= PUBLIC_CODE_CONVERSATIONS
        }
        return self._given | own | frequent


def _links(text: str) -> Iterator[Find]:
    for found in _LINK.finditer(text):
        yield Find(kind=LINK, start=found.start(), end=found.end(), value=found[0])


def _addresses(text: str) -> Iterator[Find]:
    for pattern in _ADDRESSES:
        for found in pattern.finditer(text):
            yield Find(kind=ADDRESS, start=found.start(), end=found.end(), value=found[0])


def _numbers(text: str) -> Iterator[Find]:
    if not re.search(r"\d.*\d.*\d", text, re.DOTALL):
        return
    seen: set[int] = set()
    for pattern in _NUMBERS:
        for found in pattern.finditer(text):
            start, end = found.span(1)
            if _DATE.fullmatch(found[1]) or not seen.isdisjoint(range(start, end)):
                continue
            seen.update(range(start, end))
            yield Find(kind=NUMBER, start=start, end=end, value=re.sub(r"\W", "", found[1]).upper())


def _names(text: str, names: frozenset[str]) -> Iterator[Find]:
    if not names:
        return
    anywhere = sorted((name for name in names if name not in _ALSO_WORDS), key=len, reverse=True)
    latin = [re.escape(name) for name in anywhere if name.isascii() or not _is_han(name)]
    patterns = [re.compile(rf"(?<!\w)(?:{'|'.join(latin)})(?!\w)(?: (?:{'|'.join(latin)})(?!\w))*")] if latin else []
    patterns += [re.compile(rf"{name}(?:先生|女士|小姐)?") for name in anywhere if _is_han(name) and len(name) > 1]
    patterns += [re.compile(rf"{name}(?:先生|女士|小姐)") for name in anywhere if _is_han(name) and len(name) == 1]
    for pattern in patterns:
        for found in pattern.finditer(text):
            yield Find(kind=NAME, start=found.start(), end=found.end(), value=found[0])
    for pattern in (*_INTRODUCED, *_GREETED):
        for found in pattern.finditer(text):
            if found[1] not in _NO_NAMES and not set(found[1].split()) & _NO_NAMES:
                yield Find(kind=NAME, start=found.start(1), end=found.end(1), value=found[1])


def _is_han(name: str) -> bool:
    return all("\u4e00" <= character <= "\u9fff" for character in name)
