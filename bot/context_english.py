"""How an English message leans on the one before, and how a subject is put in."""

import re
from collections.abc import Iterable, Sequence

MAX_WORDS_OF_A_FRAGMENT = 4
MAX_WORDS_OF_A_FOLLOW_UP = 14
MAX_SUBJECT_WORDS = 4

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|-\d+")
_OPENING = re.compile(r"(?:and|also|but|or|so|then|ok(?:ay)?|what about|how about)\b[\s,]*", re.IGNORECASE)
_PRONOUN = re.compile(
    r"\b(?:(?P<own>its|their)|(?P<plain>it|they|them)|(?P<pointing>this|that|these|those|one|ones))\b", re.IGNORECASE
)
# "It" that stands for nothing.
_EMPTY_IT = re.compile(
    r"\b(?:is it|it is|it['’]?s) (?:possible|true|allowed|going to (?:rain|snow)|been|raining|snowing|late)\b"
    r"|\btime is it\b",
    re.IGNORECASE,
)
# What may follow "that" where it stands alone: "that song" points to no subject.
_AFTER_POINTING = re.compile(
    r"\s*(?:$|[?.!,;]|(?:is|are|was|were|will|would|can|could|do|does|did|has|have|had|comes?|costs?|takes?|lasts?|"
    r"usually|normally|too|also|again|at|for|from|in|on|of|to|with|by|as|and|or|then|together|please)\b)",
    re.IGNORECASE,
)
_BEHIND_PREPOSITION = re.compile(
    r"\b(?:in|on|of|for|with|to|from|under|at|about|without|into|inside)\s+$", re.IGNORECASE
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|am|be|been|do|does|did|can|could|will|would|shall|should|may|might|must|has|have|had|needs?|"
    r"want|costs?|takes?|works?|comes?|goe?s?|get|got|(?:i|you|we|it|what|how|that)['’](?:m|ve|d|s|re|ll))\b",
    re.IGNORECASE,
)
_DETERMINER = re.compile(r"\b(?:the|an?|my|our|your|one of (?:the|my|your))\s+", re.IGNORECASE)
_NAME = re.compile(r"\b[A-Z]\w+(?: (?:-?\d+|[A-Z]\w+)){0,3}(?!\w)")
_SENTENCE_START = re.compile(r"(?:^|[.?!:]\s+)\W*\w+")
_NO_NAME = re.compile(
    r"yes|no|not|hi|hello|hey|dear|my|i(?:'m|'ve|'d)?|if|is|are|was|the|an?|and|or|but|so|for|from|with|in|on|at|to|of|by|as|its?|we|you|your|our|please|"
    r"sorry|each|both|all|every|one|two|three|some|any|there|th(?:is|at|ese|ose)|when|where|what|which|who|how|why|do|"
    r"does|did|can|could|will|would|should|may|might|must|ha(?:ve|s|d)|let|keep|put|take|use|give|send|since|after|"
    r"before|until|above|below|then|also|only|just|about|up|tell|write|jan(?:uary)?|feb(?:ruary)?|march|april|june|july|"
    r"august|september|october|november|december|(?:mon|tues|wednes|thurs|fri|satur|sun)day|mail|eur|usd|gbp",
    re.IGNORECASE,
)
_END_OF_PHRASE = re.compile(
    r"is|are|was|were|be|do|does|did|can|could|will|would|shall|should|may|might|must|ha(?:s|ve|d)|to|of|for|from|in|on|"
    r"at|by|with|and|or|but|not|if|when|while|before|after|until|that|which|who|go(?:es)?|comes?|came|takes?|took|needs?|"
    r"makes?|made|arrived|i|you|we|they|it|works?|weighs?|costs?|fits?|lasts?|looks?|wash(?:es)?",
    re.IGNORECASE,
)
# Words that fit any subject, so that they say nothing about which one is meant.
_GENERAL = re.compile(
    r"an?|about|all|also|and|any(?:thing)?|are|as|at|be(?:en)?|both|but|by|can(?:'t)?|costs?|could|did|do(?:es|n't|esn't|ne)?|"
    r"each|else|every|exactly|for|free|from|gets?|goe?s?|got|ha(?:ve|s|d)|happens?|how(?:'s)?|i(?:'m|'d|'ve)?|if|in|is|"
    r"it(?:s|'s)?|just|long(?:er)?|many|may|me|mean|might|more|much|must|my|need(?:ed|s)?|no|normally|not|of|often|ok(?:ay)?|"
    r"on|one|or|our|possible|really|shall|should|so|some(?:thing)?|soon|still|takes?|than|that(?:'s)?|the(?:ir|m|n|re|se|y)?|"
    r"this|those|to|too|us(?:ually)?|very|want|was|we|were|what(?:'s)?|when|where|which|who(?:m|se)?|why|will|with|works?|"
    r"would|yes|your?|please|thanks"
)


def points_back(text: str) -> bool:
    """Whether a word of `text` stands for something said before, or its beginning goes on with it.

    A long message names itself what it is about.
    """
    is_long = len(WORD.findall(text)) > MAX_WORDS_OF_A_FOLLOW_UP
    return not is_long and (_OPENING.match(text) is not None or _pronoun(text) is not None)


def is_short(text: str) -> bool:
    """Whether `text` is a few words without a verb."""
    return len(WORD.findall(text)) <= MAX_WORDS_OF_A_FRAGMENT and not has_verb(text)


def has_verb(text: str) -> bool:
    """Whether `text` holds one of the most frequent verbs."""
    return _VERB.search(text) is not None


def special_words(text: str) -> list[str]:
    """The words of `text` that do not fit any subject, in small letters."""
    words = WORD.findall(text.lower().replace("’", "'"))
    return [word for word in words if not _GENERAL.fullmatch(word)]


def stems(words: Iterable[str]) -> list[str]:
    """The beginnings of words, which their forms share."""
    return [word if len(word) < 5 else word[: max(4, len(word) - 2)][:6] for word in words]


def put_in_english(subject: str, text: str) -> str:
    """`text` with `subject` in place of the word that stands for it, or added where there is none."""
    found = _pronoun(text)
    if found is None:
        return f"{text.rstrip(' ?!.')} with the {subject}?"
    head, tail = text[: found.start()], text[found.end() :]
    article = "" if head.rstrip().lower().endswith("the") else "the "
    owner = "'s" if found["own"] else ""
    return f"{head}{article}{subject}{owner}{tail}"


def english_subject(question: str, sources: Sequence[str]) -> str:
    """A name in `question` that the answer's texts hold, with the noun behind it; else its last noun phrase; else "".

    Args:
        sources: The stored question, the answer and its tags.
    """
    name = name_in(question, sources)
    return f"{name} {_noun_after(name, question, sources)}".rstrip() if name else _last_phrase(question)


def name_in(question: str, sources: Sequence[str] = ()) -> str:
    """The longest name in `question`, spelled as `sources` spell it; "" where it holds none of theirs.

    Without sources a name is what is written with a capital inside the question.
    """
    asked = _spaced(question)
    spelled = [found for source in sources for found in _names(source)] or _names(_SENTENCE_START.sub(" ", question))
    short = [name.partition(" ")[0] for name in spelled]
    return max((name for name in (*spelled, *short) if _spaced(name) in asked), key=len, default="")


def _spaced(text: str) -> str:
    return f" {' '.join(WORD.findall(text.lower()))} "


def _names(text: str) -> list[str]:
    found = (_without_small_words(match[0]) for match in _NAME.finditer(text))
    return [name for name in found if name]


def _without_small_words(name: str) -> str:
    first, _, rest = name.partition(" ")
    return name if not _NO_NAME.fullmatch(first) else _without_small_words(rest) if rest else ""


def _noun_after(name: str, question: str, sources: Sequence[str]) -> str:
    """The word behind `name`, where the sources hold it too: "chairs" of "Alder chairs"; else ""."""
    found = re.search(rf"\b{re.escape(name)}\s+({WORD.pattern})", question, re.IGNORECASE)
    if found is None or _END_OF_PHRASE.fullmatch(found[1]):
        return ""
    known = stems(WORD.findall(" ".join(sources).lower()))
    return found[1] if stems([found[1].lower()])[0] in known else ""


def _last_phrase(question: str) -> str:
    phrases = [_phrase(question[found.end() :]) for found in _DETERMINER.finditer(question)]
    return next((phrase for phrase in reversed(phrases) if phrase), "")


def _phrase(text: str) -> str:
    words: list[str] = []
    for word in WORD.findall(text)[:MAX_SUBJECT_WORDS]:
        if _END_OF_PHRASE.fullmatch(word):
            break
        words.append(word)
    return " ".join(words)


def _pronoun(text: str) -> "re.Match[str] | None":
    """The first word that stands for something said before the message; what it named itself comes first."""
    if _EMPTY_IT.search(text):
        return None
    for found in _PRONOUN.finditer(text):
        if found["pointing"]:
            points_back = _AFTER_POINTING.match(text, found.end()) is not None
        else:
            points_back = not _is_named_before(text[: found.start()])
        if points_back:
            return found
    return None


def _is_named_before(head: str) -> bool:
    """Whether `head` names what a pronoun behind it stands for: "I washed the pan, is it", but not "the lid of it"."""
    return _DETERMINER.search(head) is not None and _BEHIND_PREPOSITION.search(head) is None
