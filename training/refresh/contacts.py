"""Ways out of a conversation that a text offers: links, bare domains, phone numbers, e-mail addresses, chat ids.

What is to lead customers away is often written so that no machine sees it; what is commonly done to hide a link is
undone first. The net is wide: what is caught waits for an admin, and nothing else happens to it.
"""

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import urlsplit

from nlu.masking import Regions
from nlu.masking.contacts import emails, phones

LEAST_DIGITS = 7
_INVISIBLE = re.compile("[\u00ad\u034f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\ufe00-\ufe0f]")
_HIDDEN_DOT = re.compile(
    r"\s*[\[({<]\s*(?:\.|dot|punkt|\u70b9)\s*[\])}>]\s*|(?<=[a-z0-9])\s+(?:dot|punkt)\s+(?=[a-z0-9])"
    r"|(?<=[a-z0-9])\s*[\u70b9\u3002\uff0e\uff61]\s*(?=[a-z0-9])",
    re.IGNORECASE,
)
_HIDDEN_SCHEME = re.compile(r"\bh(?:xx|tt|\*\*)ps?\s*(?::|\[:\])\s*/\s*/", re.IGNORECASE)
_LINK = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,20}:)?//[^\s<>\"'()\[\]]+|(?:mailto|tel|sms|weixin|tg|whatsapp):[^\s<>\"')]+"
)
_GENERIC = (
    "com|net|org|info|biz|app|dev|shop|store|online|site|website|top|xyz|club|vip|link|click|live|life|pro|icu|fun"
    "|space|tech|work|world|today|email|help|support|pay|bank|cash|loan|money|sale|deals|gift|win|bid|buzz|cyou|rest"
    "|zip|mov|page|chat|name|mobi|asia|edu|gov|wang|ltd|group|market"
)
_DOMAIN = re.compile(
    rf"(?<![\w@.-])(?:[a-z0-9\u00a1-\uffff](?:[\w-]{{0,61}}[a-z0-9\u00a1-\uffff])?\.)+(?:{_GENERIC}|[a-z]{{2}}"
    r"|xn--[a-z0-9-]{2,59}|\u4e2d\u56fd|\u7f51\u5740|\u516c\u53f8)(?!\.?[\w-])",
    re.IGNORECASE,
)
_CHAT = re.compile(
    r"(?:we\s?chat|wei\s?xin|\u5fae\s?\u4fe1|\u8587\s?\u4fe1|\u5a01\s?\u4fe1|v\s?\u4fe1|\bv\s?x\b|\bw\s?x\b|\bqq\b|\u6263\u6263|\bq\u7fa4"
    r"|telegram|\u7535\u62a5|whats\s?app|\bline\b|\bskype\b|\bsignal\b|\bkik\b|\u52a0\s?v|\u52a0\s?\u6211)"
    r"(?:\s?(?:id|\u53f7\u7801?|\u53f7|\u7fa4|is|me|at|on|no\.?|number))*[\s:\uff1a=@#+,\uff0c\u662f-]{0,4}(@?[a-z0-9][-_a-z0-9]{4,29})",
    re.IGNORECASE,
)
_HANDLE = re.compile(r"(?<![\w@/.])@[a-z0-9_]{4,30}(?![\w.])", re.IGNORECASE)
_DIGITS = re.compile(r"\d(?:[\s().\-/\u00b7_*]{0,3}\d){6,}")
_ABBREVIATIONS = frozenset({"e.g", "i.e", "a.m", "p.m", "u.s", "u.k", "z.b", "d.h", "etc.so"})


def contacts(text: str, regions: Regions = ()) -> frozenset[str]:
    """What `text` offers, in one form however it is written: `host:`, `phone:`, `email:`, `chat:`."""
    plain = _plain(text)
    found = {f"email:{find.value}" for find in emails(plain)}
    hosts = {_host(link[0]) for link in _LINK.finditer(plain)} | {domain[0] for domain in _DOMAIN.finditer(plain)}
    found |= {f"host:{host}" for host in map(_bare, hosts) if host and host not in _ABBREVIATIONS}
    found |= {f"phone:{_last_digits(find.value)}" for find in phones(plain, regions)}
    found |= {f"phone:{_last_digits(run[0])}" for run in _DIGITS.finditer(plain)}
    found |= {f"chat:{chat[1].lstrip('@')}" for chat in _CHAT.finditer(plain)}
    found |= {f"chat:{handle[0][1:]}" for handle in _HANDLE.finditer(plain)}
    return frozenset(found)


def known_contacts(texts: Iterable[str], regions: Regions = ()) -> frozenset[str]:
    """All that an owner's own texts offer."""
    return frozenset(contact for text in texts for contact in contacts(text, regions))


def new_contacts(text: str, known: frozenset[str], regions: Regions = ()) -> tuple[str, ...]:
    """What `text` offers and no text of the owner's does; in order."""
    return tuple(sorted(contacts(text, regions) - known))


def _plain(text: str) -> str:
    """`text` without what hides a link in it."""
    shown = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()
    return _HIDDEN_SCHEME.sub("http://", _HIDDEN_DOT.sub(".", shown))


def _host(link: str) -> str:
    try:
        return urlsplit(link).hostname or urlsplit(link).path
    except ValueError:
        return link


def _bare(host: str) -> str:
    return host.strip(".").removeprefix("www.")


def _last_digits(written: str) -> str:
    """By the last of its digits a number is the same with and without the codes of country and place."""
    return re.sub(r"\D", "", written)[-LEAST_DIGITS:]
