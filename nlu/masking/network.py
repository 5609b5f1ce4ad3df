"""Finds what was made for one person in the net: links that hold a token or a number, and IP addresses."""

import ipaddress
import re
from collections.abc import Iterator

from nlu.masking.find import Find, Kind

MAX_LINK_CHARS = 2_048
_LINK = re.compile(
    rf"(?:https?://|www\.|(?<![\w.])(?:t\.me|wa\.me|m\.me)/)[^\s<>()\"'\u3000-\u303f\uff00-\uffef\u4e00-\u9fff]"
    rf"{{1,{MAX_LINK_CHARS}}}",
    re.IGNORECASE,
)
_PERSONAL = re.compile(
    r"\d{6,}|[?&][\w-]{1,64}=[\w%-]{6,}|/[A-Za-z0-9_-]{20,}|^https?://[^/@]{1,200}@|^(?:t|wa|m)\.me/", re.IGNORECASE
)
_IPV4 = re.compile(r"(?<![A-Za-z0-9_.])\d{1,3}(?:\.\d{1,3}){3}(?![A-Za-z0-9_]|\.\d)")
_IPV6 = re.compile(r"(?<![A-Za-z0-9_:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,8}(?![A-Za-z0-9_:])")
_VERSION = re.compile(
    r"(?:version|firmware|release|build|\bv\.?|版本)\s{0,2}(?:is|number|号|是)?\s{0,2}$", re.IGNORECASE
)
_LOOKED_BACK = 24


def links(text: str) -> Iterator[Find]:
    """Links that hold a long number, a token, a parameter or a password, and those to one person's chat."""
    for found in _LINK.finditer(text):
        link = found[0].rstrip(".,;:!?")
        if _PERSONAL.search(link):
            yield Find(kind=Kind.LINK, start=found.start(), end=found.start() + len(link), value=link)


def ip_addresses(text: str) -> Iterator[Find]:
    """Addresses in the public net; those within a house, and the numbers of versions, point to nobody."""
    for pattern in (_IPV4, _IPV6):
        for found in pattern.finditer(text):
            before = text[max(0, found.start() - _LOOKED_BACK) : found.start()]
            if _is_public(found[0]) and not _VERSION.search(before):
                yield Find(kind=Kind.IP_ADDRESS, start=found.start(), end=found.end(), value=found[0].lower())


def _is_public(written: str) -> bool:
    try:
        return ipaddress.ip_address(written).is_global
    except ValueError:
        return False
