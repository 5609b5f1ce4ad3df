"""How a Chinese message leans on the one before, and how a subject is put in."""

import re
from collections.abc import Sequence

MAX_CHARS_OF_A_FRAGMENT = 4
MAX_QUESTION_CHARS = 100

HAN = re.compile(r"[\u4e00-\u9fff]")
# 那 begins a follow-up, but not where a measure word makes it "that one": 那部电影.
_OPENING = re.compile(r"(?:那么|那要是|那如果|那(?![个款些种部件位条家边里时天首本场])|还有|另外|然后|要是)[，, ]*")
_END = re.compile(r"呢?[？?。!！~～ ]*$")
_PRONOUN = re.compile(r"(?:它们|它|这个|那个|这款|那款|这种|这些|那些)的?")
# A question without a subject begins like these.
_BARE = re.compile(
    r"(?:一般|大概|通常|老是|第一次|平时)?(?:会不会|能不能|可不可以|可以|是不是|有没有|要不要|用不用|怎么|如何|多少|多久|多长|多大|"
    r"多重|适合|支持|需要|什么|[会能可要是有几贵重够])"
)
_PERSON = re.compile(r"[我你您咱他她]")
_GENERAL = re.compile(
    r"那么|一般|大概|通常|需要|多久|多少|多长|几天|什么|怎么|如何|时候|可以|是不是|有没有|能不能|要不要|还有|另外|请问|一下|"
    r"[那呢吗嘛么啊吧的了是会能可要有我你您它这个在到钱也还都就，。？！?! ]"
)


def points_back_zh(text: str) -> bool:
    """Whether a word of `text` stands for something said before, or it goes on with it: 那…, …呢."""
    return bool(_OPENING.match(text) or _PRONOUN.search(text) or text.rstrip("？?。 ").endswith("呢"))


def is_bare_zh(text: str) -> bool:
    """Whether `text` is a few characters, or a question that names neither a subject nor a person."""
    bare = _END.sub("", text)
    return not _PERSON.search(bare) and (_BARE.match(bare) is not None or is_short_zh(text))


def is_short_zh(text: str) -> bool:
    """Whether little is left of `text` without the words that open and end a follow-up."""
    return len(_core(text)) <= MAX_CHARS_OF_A_FRAGMENT


def special_parts_zh(text: str) -> list[str]:
    """Pairs of characters of `text`, without words that fit any subject."""
    pieces = [piece for piece in _GENERAL.split(text) if piece]
    return [piece[at : at + 2] for piece in pieces for at in range(max(1, len(piece) - 1))]


def put_in_chinese(subject: str, text: str) -> str:
    """`text` with `subject` in place of the word that stands for it, or before it where there is none."""
    rest = _core(text)
    return _PRONOUN.sub(subject, rest, count=1) if _PRONOUN.search(rest) else f"{subject}{rest}"


def chinese_subject(question: str, sources: Sequence[str], tags: Sequence[str]) -> str:
    """The longest tag that the question or the answer's texts name, else the longest text that they share; else ""."""
    named = [tag for tag in tags if any(tag in text for text in (question, *sources))]
    return max(named, key=len, default="") or _shared(question[:MAX_QUESTION_CHARS], sources[-1])


def _core(text: str) -> str:
    return _END.sub("", _OPENING.sub("", text, count=1))


def _shared(question: str, answer: str) -> str:
    spans = (question[start:end] for start in range(len(question)) for end in range(start + 2, len(question) + 1))
    return max((span for span in spans if HAN.match(span) and span in answer), key=len, default="")
