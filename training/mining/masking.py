"""Takes personal data out of what is proposed: what in a conversation is a name, and what is the company's own.

The finding and the placeholders are those of `nlu/masking/`. A name that is only called or introduced is left out, for
the sentence says the same without.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from nlu.masking import CAPITAL, FULL_NAME, NO_NAMES, Find, Kind, Regions, find_private, names_said, replaced
from training.mining.conversation import Conversation, Role
from training.mining.phrases import requests
from training.mining.sentences import sentences

# A value is the company's own, and stays, where agents say it in that many conversations and customers hardly do ...
PUBLIC_AGENT_CONVERSATIONS = 3
MAX_CUSTOMER_SHARE = 1 / 3
# ... and a number or code is a product's, and stays, where that many conversations hold it, whoever says it.
PUBLIC_CODE_CONVERSATIONS = 10

_SIGNED = re.compile(
    r"\n[^\n]{0,80}(?:[Rr]egards|[Ss]incerely|[Bb]est|[Tt]hanks|[Cc]heers|[Tt]hank you)[,.!]?[ \t]*\n\n?[ \t]*"
    + FULL_NAME
)
_ONLY_NAME = re.compile(rf"^\W*({CAPITAL}(?: {CAPITAL}){{0,2}}|[\u4e00-\u9fff]{{2,4}})\W*$")
_ASKED_NAME = re.compile(r"\bname\b|姓名|名字|称呼|贵姓", re.IGNORECASE)
# Names that are only called or introduced: the sentence says the same without.
_CALLED = re.compile(
    r"^(?:\[name\][,，:：!！]\s*)+|[,，]\s*\[name\](?=\s*[.!?。！？]|$)|"
    r"\b(?:my (?:full )?name is|i am|i'm|this is)\s+\[name\]\s*(?:here|speaking)?\s*(?:[,.;!]\s*)?(?:and\s+)?|"
    r"(?:我叫|我是|我的名字是)\[name\][，,。]?",
    re.MULTILINE | re.IGNORECASE,
)


def masked(text: str, finds: Iterable[Find], public: frozenset[str] = frozenset()) -> str:
    """`text` with a placeholder for each find whose value is not public; a name that is only called is left out."""
    text = replaced(text, finds, public)
    called_gone = _CALLED.sub("", text)
    return called_gone if re.search(r"\w", called_gone) else text


def names_in(conversation: Conversation) -> frozenset[str]:
    """The names by which those who take part introduce themselves, are greeted, or sign."""
    names: set[str] = set()
    name_was_asked = False
    for turn in conversation.turns:
        for sentence in sentences(turn.text):
            names.update(names_said(sentence.strip()))
        names.update(found[1] for found in _SIGNED.finditer(f"\n{turn.text}"))
        if turn.role is Role.CUSTOMER and name_was_asked and (only := _ONLY_NAME.match(turn.text)):
            names.add(only[1])
        asked = [part for part in sentences(turn.text) if requests(part.strip())]
        name_was_asked = turn.role is not Role.CUSTOMER and any(_ASKED_NAME.search(part) for part in asked)
    words = {word for name in names for word in name.split()}
    return frozenset(word for word in words if word not in NO_NAMES and not word.startswith(("I'", "I\u2019")))


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
                if find.kind in (Kind.NUMBER, Kind.LINK):
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
