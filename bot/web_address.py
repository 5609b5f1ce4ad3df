"""Which addresses may leave as a link, a picture or a file: those of the web, whoever put them into the reply."""

import ipaddress
import re
import socket
from typing import Any
from urllib.parse import urlsplit

MAX_ADDRESS_CHARS = 8_000
UNFIT_SCHEMES = frozenset({"about", "blob", "data", "file", "filesystem", "javascript", "vbscript"})
_MEDIA = re.compile(r"data:(?:(?:audio|video)/[\w.+-]+|image/(?:gif|jpeg|png|webp));base64,[\w+/=]*\Z", re.IGNORECASE)
_SCHEME = re.compile(r"[\x00-\x20]*([A-Za-z][A-Za-z0-9+.\-\x00-\x1f]*):")
_NUMBER = r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)"
_NUMBERS = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}){{0,3}}")
_UNFIT_CHARACTERS = frozenset(" \"'<>\\")


def is_web(address: Any) -> bool:
    """Whether `address` leads to somewhere on the web that others than this machine can reach."""
    if not isinstance(address, str) or not 0 < len(address) <= MAX_ADDRESS_CHARS:
        return False
    if not address.isprintable() or not _UNFIT_CHARACTERS.isdisjoint(address):
        return False
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and host is not None and bool(host) and not _is_own(host)


def may_be_shown(address: Any) -> bool:
    """Whether a page of the owner's own may be given `address`: nothing can run there, and no file is read."""
    if not isinstance(address, str):
        return False
    return scheme_of(address) not in UNFIT_SCHEMES or bool(_MEDIA.match(address))


def is_link(text: str) -> bool:
    """Whether `text`, such as the payload of a button, is meant to be opened."""
    return text.startswith(("https://", "http://"))


def scheme_of(address: str) -> str:
    """The scheme as a browser reads it, which passes over control characters; empty where there is none."""
    found = _SCHEME.match(address)
    return re.sub(r"[\x00-\x20]", "", found[1]).lower() if found else ""


def _is_own(host: str) -> bool:
    """Whether a host is this machine, or an address that only the machine which asks has."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    found = _number_of(name)
    if found is None:
        return False
    inner = getattr(found, "ipv4_mapped", None) or found
    return bool(inner.is_loopback or inner.is_link_local or inner.is_unspecified)


def _number_of(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that `name` is, also in the forms that only browsers read: `0x7f.1`, `2130706433`."""
    try:
        if _NUMBERS.fullmatch(name):
            return ipaddress.IPv4Address(socket.inet_aton(name))
        return ipaddress.ip_address(name.partition("%")[0])
    except (OSError, ValueError):
        return None
