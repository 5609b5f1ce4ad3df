"""By which words a message leans on the one before, and how a subject is put in, in whatever language it is written."""

import re
from enum import IntEnum

from bot.context_chinese import (
    HAN,
    chinese_subject,
    is_bare_zh,
    is_short_zh,
    points_back_zh,
    put_in_chinese,
    special_parts_zh,
)
from bot.context_english import (
    WORD,
    english_subject,
    has_verb,
    is_short,
    name_in,
    points_back,
    put_in_english,
    special_words,
    stems,
)
from retrieval.pair import Pair

MAX_QUESTION_CHARS = 300
MAX_ANSWER_CHARS = 1_500

_NUMBERS = {
    "first": 1, "1st": 1, "one": 1, "second": 2, "2nd": 2, "two": 2, "third": 3, "3rd": 3, "three": 3,
    "fourth": 4, "4th": 4, "four": 4, "fifth": 5, "5th": 5, "five": 5, "last": -1,
    "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "最后": -1, "前": 1, "后": 2,
}  # fmt: skip
_CHOICE = re.compile(
    r"(?:(?:i(?:'d| would)? (?:want|mean|like|take|choose)|i meant|take|choose)\s+)?(?:"
    r"(?:the\s+)?(?P<ordinal>first|second|third|fourth|fifth|last|1st|2nd|3rd|4th|5th)(?:\s+(?:one|option|choice|answer))?"
    r"|(?:option|number|no\.?|nr\.?|choice|answer|#)\s*(?P<number>\d|one|two|three|four|five)"
    r"|(?P<digit>\d)[.)]?)(?:,?\s*(?:please|pls))?[.!]?",
    re.IGNORECASE,
)
_CHOICE_ZH = re.compile(
    r"(?:我?(?:选|要|是|想问|问)(?:的是)?)?(?:第(?P<ordinal>[一二三四五1-5])|(?P<last>最后)一|(?P<side>[前后])者|"
    r"(?P<digit>[1-5一二三四五])(?=号|$))[个项条种号吧]*"
)


class Lean(IntEnum):
    """How much a message leans on the one before."""

    NONE = 0
    WEAK = 1  # short, or without a subject
    STRONG = 2  # a word stands for something that was said, or goes on with it


def lean_of(text: str) -> Lean:
    """How much `text` leans on what came before it."""
    chinese = HAN.search(text) is not None
    if points_back_zh(text) if chinese else points_back(text):
        return Lean.STRONG
    return Lean.WEAK if (is_bare_zh(text) if chinese else is_short(text)) else Lean.NONE


def choice_of(text: str, count: int) -> int | None:
    """Which of `count` options `text` names, from 0; None where it names none."""
    found = _CHOICE.fullmatch(text.strip()) or _CHOICE_ZH.fullmatch(text.strip(" 。！!"))
    if found is None:
        return None
    word = next(group for group in found.groups() if group).lower()
    number = int(word) if word.isascii() and word.isdigit() else _NUMBERS.get(word, 0)
    place = count - 1 if number < 0 else number - 1
    return place if 0 <= place < count else None


def is_fragment(text: str) -> bool:
    """Whether `text` lacks a verb, so that it takes that of the question before: "and to Norway?"."""
    return is_short_zh(text) if HAN.search(text) else not has_verb(text)


def is_grounded(text: str, answer: str) -> bool:
    """Whether at least half of what `text` says, besides words that fit anything, is found in `answer`.

    So "when do they lapse?" belongs to an answer about points that lapse, and "who won the match?" to none of a shop.
    """
    if HAN.search(text):
        found = [part in answer for part in special_parts_zh(text)]
    else:
        known = frozenset(stems(WORD.findall(answer.lower())))
        found = [stem in known for stem in stems(special_words(text))]
    return 2 * sum(found) >= len(found)


def put_in(subject: str, text: str) -> str:
    """`text` with `subject` in place of the word that stands for it, or added where there is none."""
    return put_in_chinese(subject, text) if HAN.search(text) else put_in_english(subject, text)


def subject_of(question: str, pair: Pair) -> str:
    """What `question`, answered by `pair`, is about, in a few words; "" where nothing fits."""
    question, sources = (
        question[:MAX_QUESTION_CHARS],
        (pair.question[:MAX_QUESTION_CHARS], pair.answer[:MAX_ANSWER_CHARS]),
    )
    if HAN.search(question):
        return chinese_subject(question, sources, pair.tags)
    return english_subject(question, (*sources, *pair.tags))


def name_of(question: str) -> str:
    """The name that `question`, answered by a template, holds; "" where it holds none."""
    return name_in(question[:MAX_QUESTION_CHARS])
