"""What a sentence of a service conversation does: greet, thank, object, ask, make wait. English and Chinese.

The patterns stand in `training/data/service_phrases.txt`, where a person can read and mend them. A sentence they do not
know is taken for one that says something: a gap costs a reviewer a glance, and never a pair.
"""

import re
from enum import StrEnum
from functools import cache
from importlib.resources import files

MAX_SENTENCE_CHARS = 500  # longer ones are no greetings, and patterns take their time

MAX_HEAD_CHARS = 40  # of what stands before a comma

_SECTION = re.compile(r"\[([a-z ]+)\]")
# Said beside anything: "thanks there", "ok then", "好的呀".
_POLITE = (
    r"there|all|team|everyone|again|so much|very much|a lot|then|please|sir|madam|ma'am|guys|dear|friend|and|but|or|so|"
    r"[啊呀哦呢吧啦哈的了噢喔]|your|with"
)
# A Latin word must end where the pattern ends; Chinese has no gaps between words.
_WORD_END = r"(?:(?<=[\u4e00-\u9fff])|(?!\w))\W*"
_NAME = r"(?:\[name\]|(?:(?:mr|mrs|ms|dr)\.? )?(?-i:[A-Z])[\w'-]+(?: (?-i:[A-Z])[\w'-]+)?)"
_HAN_NAME = r"(?:\[name\]|[\u4e00-\u9fff]{1,3})(?:先生|女士|小姐)"
_LEADING_GREETINGS = re.compile(
    rf"""(?:
    (?:hi|hello|hey|good\ (?:morning|afternoon|evening|day)|dear)\b
        (?:\ (?:there|team|all|support(?:\ team)?|customer(?:\ (?:service|support|care))?(?:\ team)?|sir\ or\ madam))?
        (?:[ ,]+{_NAME.replace(" ", "[ ]")}(?=[,!.:\n]))?[\s,!.:;-]+
    |(?:thanks|thank\ you|ok(?:ay)?|great|sure|no\ problem|of\ course|certainly|perfect)(?:\ (?:so|very)\ much)?
        (?:\ for\ (?:that|this|the\ info(?:rmation)?|confirming))?[,!.]\s+
    |(?:亲爱的|亲|您好|你好|嗨|早上好|下午好|晚上好|好的|嗯+|谢谢|那|(?:非常|很)?抱歉|不好意思)[呢啊呀哈]?(?:[\s,，!！。.~～、]+|(?=请问))
    |(?:oh|ok(?:ay)?|cool|well|wow|ah|alright|great|perfect|hmm+)\b[\s,!.]+(?=\S+\s+\S)
    |{_HAN_NAME}[\s,，:：!！]+
    |\[name\](?=您好|你好)
    |请问(?:一下)?[\s,，]*
    )+""",
    re.IGNORECASE | re.VERBOSE,
)
_CONNECTIVES = re.compile(
    r"那么?(?=[\u4e00-\u9fff]{3})(?![家个里儿款种边样])|(?:and|but|also|so|then) (?:then |also )?(?=\w+ \w)",
    re.IGNORECASE,
)
# What may stand around a number or a name in "my order number is 12345".
_LABELS = re.compile(
    r"""\b(?:my|the|it'?s|its|is|it|this|that|here|here's|name|full|first|last|order|ticket|booking|reservation|account
    |customer|client|phone|mobile|cell|telephone|e-?mail|mail|address|number|numbers|no|nr|id|code|pin|zip|postcode|postal
    |tracking|reference|ref|date|birth|dob|and|under|username|user|login|sure|yes|ok|okay|i|am|i'm|im|called|speaking
    |in|at|of|on|for|a|an|so|jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?
    |sep(?:tember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b
    |我的?|订单|单号|编号|号码?|手机|电话|邮箱|邮件|姓名|名字|叫|姓|身份证|账号|账户|帐号|帐户|用户名?|会员|卡号|地址|快递|运单|物流|收件人?
    |尾号|后四位|是|为|这个|那个|的|先生|女士|小姐""",
    re.IGNORECASE | re.VERBOSE,
)
_NUMBERS = re.compile(r"\[\w+\]|#?\b[A-Za-z]{0,4}[-_]?\d[\d\w\-_/.: ]*|\S+@\S+")
_SIGN_OFF = re.compile(
    r"""\n[ \t]*(?:--[ \t]*\n
    |(?:(?:(?:kind|best|warm|warmest|many)\ )?regards|sincerely|yours\ (?:truly|sincerely|faithfully)|best(?:\ wishes)?
        |cheers|many\ thanks|thanks|thank\ you|此致|敬礼|祝好)[,.!，。！]{0,3}[ \t]*\n)
    (?:[^\n]{0,80}(?:\n|$)){1,8}$""",
    re.IGNORECASE | re.VERBOSE,
)
_QUESTION_MARK = re.compile(r"[?？][\s\"')~～!！。.]*$")


class Asking(StrEnum):
    """In which way a text asks for an answer."""

    ASKED = "asked"
    WISHED = "wished"
    PROBLEM = "problem"
    STATED = "stated"


def is_greeting(sentence: str) -> bool:
    """Whether it only greets, or calls for somebody."""
    return _is_only("greeting", sentence)


def thanks(sentence: str) -> bool:
    """Whether it thanks, or says that something is solved."""
    return _holds("thanks", sentence) and not _holds("no thanks", sentence)


def acknowledges(sentence: str) -> bool:
    """Whether it only says that something was heard: "ok", "明白了"."""
    return _is_only("acknowledged", sentence)


def closes(sentence: str) -> bool:
    """Whether it only ends the conversation, or says that nothing more is wanted."""
    return _is_only("closing", sentence)


def objects(sentence: str) -> bool:
    """Whether it says that an answer was none: "that's not what I asked", "还是不行"."""
    return _holds("objection", sentence)


def asks_nothing_yet(sentence: str) -> bool:
    """Whether it only announces a question: "Can you help me?", "在线等"; or has no word in it."""
    return _is_only("nothing to answer", sentence) or not re.search(r"\w", sentence)


def identifies(sentence: str) -> bool:
    """Whether it holds nothing but a name, a number or an address."""
    if _is_only("named", sentence):
        return True
    rest = _NUMBERS.sub(" ", sentence[:MAX_SENTENCE_CHARS])
    return rest != sentence and not re.search(r"\w", _LABELS.sub(" ", rest))


def without_greeting(sentence: str) -> str:
    """The sentence without "Hi Anna," or "您好，" before it."""
    rest = _LEADING_GREETINGS.sub("", sentence, count=1) if _LEADING_GREETINGS.match(sentence) else sentence
    return rest if re.search(r"\w", rest) else sentence


def without_lead(sentence: str) -> str:
    """A customer's sentence without a greeting, an "ok" or an "and" that ties it to what was said before."""
    rest = without_greeting(sentence)
    head, comma, behind = rest.replace("，", ",", 1).partition(",")
    while comma and len(head) < MAX_HEAD_CHARS and (is_greeting(head) or acknowledges(head) or asks_nothing_yet(head)):
        rest = behind.lstrip()
        head, comma, behind = rest.replace("，", ",", 1).partition(",")
    found = _CONNECTIVES.match(rest)
    rest = rest[found.end() :] if found else rest
    return rest if re.search(r"\w", rest) else sentence


def asking(text: str) -> Asking:
    """How it asks, by the strongest sign in it."""
    for kind in (Asking.ASKED, Asking.WISHED, Asking.PROBLEM):
        if _holds(kind.value, text):
            return kind
    return Asking.STATED


def makes_wait(sentence: str) -> bool:
    """Whether an agent asks for patience, or says that somebody will look."""
    return _holds("hold", sentence)


def is_courtesy(sentence: str) -> bool:
    """Whether an agent's sentence belongs to any conversation: a welcome, an apology, an offer of more help."""
    return (
        is_greeting(sentence)
        or acknowledges(sentence)
        or not re.search(r"\w", sentence)
        or _holds("agent opens", sentence)
        or _holds("agent closes", sentence)
    )


def requests(sentence: str) -> bool:
    """Whether an agent asks the customer for something."""
    return bool(_QUESTION_MARK.search(sentence)) or _holds("request", sentence)


def requests_identity(sentence: str) -> bool:
    """Whether what it asks for says who the customer is, or which order is meant."""
    return _holds("asks for identity", sentence)


def is_helpless(text: str) -> bool:
    """Whether a bot says that it did not understand, or that a message has come in."""
    return _holds("helpless", text)


def reports_what_was_done(sentence: str) -> bool:
    """Whether an agent says what was done or found for this one customer."""
    return _holds("acted", sentence)


def leans_on_context(question: str) -> bool:
    """Whether a question that is not the first may not be understood without what was said before it."""
    return _holds("leans", question)


def without_sign_off(text: str) -> str:
    """A mail without its closing words and what stands below them."""
    return _SIGN_OFF.sub("", f"{text}\n").rstrip()


def _holds(section: str, text: str) -> bool:
    return bool(_pattern(section).search(text))


def _is_only(section: str, sentence: str) -> bool:
    """Whether the sentence is one phrase of the section after the other, and nothing else.

    Each phrase is taken once and never given back, so that no sentence, however odd, takes long.
    """
    if len(sentence) > MAX_SENTENCE_CHARS:
        return False
    phrase = _whole_pattern(section)
    start = re.compile(r"\W*").match(sentence)
    at = start.end() if start else 0
    while at < len(sentence):
        found = phrase.match(sentence, at)
        if not found or found.end() == at:
            return False
        at = found.end()
    return bool(sentence)


@cache
def _pattern(section: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{line})" for line in _sections()[section]), re.IGNORECASE | re.MULTILINE)


@cache
def _whole_pattern(section: str) -> re.Pattern[str]:
    """A phrase to the end of its last word; of two that fit, the longer pattern is tried first."""
    phrases = sorted(_sections()[section], key=len, reverse=True)
    return re.compile(f"(?:{'|'.join(phrases)}|{_POLITE}){_WORD_END}", re.IGNORECASE)


@cache
def _sections() -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    lines = (files("training") / "data" / "service_phrases.txt").read_text(encoding="utf-8").splitlines()
    current: list[str] = []
    for line in lines:
        if heading := _SECTION.fullmatch(line):
            current = sections.setdefault(heading[1], [])
        elif line and not line.startswith("#"):
            current.append(line)
    return sections
