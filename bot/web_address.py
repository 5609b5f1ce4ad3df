"""Which addresses may leave as a link, a picture or a file: those of the web, whoever put them into the reply."""

import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import structlog

from bot.messages import BotMessage
from configs.domain import Button

MAX_ADDRESS_CHARS = 8_000
UNFIT_SCHEMES = frozenset({"about", "blob", "data", "file", "filesystem", "javascript", "vbscript"})
_MEDIA = re.compile(r"data:(?:(?:audio|video)/[\w.+-]+|image/(?:gif|jpeg|png|webp));base64,[\w+/=]*\Z", re.IGNORECASE)
_SCHEME = re.compile(r"[\x00-\x20]*([A-Za-z][A-Za-z0-9+.\-\x00-\x1f]*):")
_NUMBERS = re.compile(r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)(?:\.(?:0[xX][0-9A-Fa-f]*|[0-9]+)){0,3}")
_NAMES = re.compile(r"(?:.*_|.*[a-z])?(?:url|uri|src|href|link)", re.IGNORECASE)

_log = structlog.get_logger()


def is_web(address: Any) -> bool:
    """Whether `address` leads to somewhere on the web that others than this machine can reach."""
    if not isinstance(address, str) or not 0 < len(address) <= MAX_ADDRESS_CHARS or not address.isprintable():
        return False
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    is_clean = not any(character in address for character in " \"'<>\\")
    return parts.scheme in ("http", "https") and bool(host) and is_clean and not _is_own(host or "")


def may_be_shown(address: Any) -> bool:
    """Whether a page of the owner's own may be given `address`: nothing can run there, and no file is read."""
    if not isinstance(address, str):
        return False
    return scheme_of(address) not in UNFIT_SCHEMES or bool(_MEDIA.match(address))


def scheme_of(address: str) -> str:
    """The scheme as a browser reads it, which passes over control characters; empty where there is none."""
    found = _SCHEME.match(address)
    return re.sub(r"[\x00-\x20]", "", found[1]).lower() if found else ""


def without_unfit(message: BotMessage, *, own_page: bool) -> BotMessage:
    """`message` without pictures, files and links whose address may not leave; each that is left out is logged.

    Args:
        own_page: Whether a page of the owner's own shows it, which may have addresses of its own.
    """
    fits = may_be_shown if own_page else is_web
    return replace(
        message,
        image=message.image if not message.image or fits(message.image) else _left_out("image"),
        attachment=message.attachment if _all_fit(message.attachment, fits) else _left_out("attachment"),
        buttons=tuple(button for button in message.buttons if _is_fit(button, own_page=own_page)),
        elements=tuple(_only_fit(element, fits) for element in message.elements),
    )


def _is_fit(button: Button, *, own_page: bool) -> bool:
    scheme = scheme_of(button.payload)
    is_link = button.payload.startswith(("https://", "http://"))
    if scheme in UNFIT_SCHEMES or (is_link and not own_page and not is_web(button.payload)):
        _left_out("button")
        return False
    return True


def _all_fit(value: Any, fits: Any) -> bool:
    """Whether each address in `value`, which may be one itself, fits."""
    if isinstance(value, str):
        return not value or fits(value)
    return not any(_is_address(name, one) and not fits(one) for name, one in _pairs(value))


def _only_fit(value: Any, fits: Any) -> Any:
    """`value` without the addresses in it that do not fit, and without the buttons that had them."""
    if isinstance(value, Mapping):
        return {
            name: _only_fit(one, fits)
            for name, one in value.items()
            if not (_is_address(name, one) and not fits(one) and _left_out(str(name)) is None)
        }
    if isinstance(value, list | tuple):
        return type(value)(_only_fit(one, fits) for one in value if not _is_unfit_button(one, fits))
    return value


def _is_unfit_button(value: Any, fits: Any) -> bool:
    if not isinstance(value, Mapping) or "title" not in value:
        return False
    payload, url = value.get("payload"), value.get("url")
    is_unfit = isinstance(payload, str) and (
        scheme_of(payload) in UNFIT_SCHEMES or (payload.startswith(("https://", "http://")) and not fits(payload))
    )
    if is_unfit or (isinstance(url, str) and not fits(url)):
        _left_out("button")
        return True
    return False


def _pairs(value: Any) -> list[tuple[str, Any]]:
    """Every name and what stands under it, as deep as it goes."""
    found: list[tuple[str, Any]] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            found += [(str(name), inner) for name, inner in one.items()]
            waiting += one.values()
        elif isinstance(one, list | tuple):
            waiting += one
    return found


def _is_address(name: Any, value: Any) -> bool:
    return isinstance(value, str) and bool(value) and bool(_NAMES.fullmatch(str(name)))


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


def _left_out(what: str) -> None:
    _log.warning("address_left_out", what=what[:40], reason="only http and https addresses of the web are sent")
