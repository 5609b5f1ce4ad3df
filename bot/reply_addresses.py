"""Leaves out of a reply what has an address that may not leave: pictures, files, buttons, and what cards lead to."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import structlog

from bot.messages import BotMessage
from bot.web_address import UNFIT_SCHEMES, is_link, is_web, may_be_shown, scheme_of

Fits = Callable[[Any], bool]

_NAMES = re.compile(r"(?:.*_|.*[a-z])?(?:url|uri|src|href|link)", re.IGNORECASE)
_log = structlog.get_logger()


def without_unfit(message: BotMessage, *, own_page: bool) -> BotMessage:
    """`message` without pictures, files and links whose address may not leave; each that is left out is logged.

    Args:
        own_page: Whether a page of the owner's own shows it, which may have addresses of its own.
    """
    fits = may_be_shown if own_page else is_web
    kept = replace(
        message,
        image=message.image if not message.image or fits(message.image) else None,
        attachment=message.attachment if _all_fit(message.attachment, fits) else None,
        buttons=tuple(button for button in message.buttons if _is_fit(button.payload, fits)),
        elements=tuple(_only_fit(element, fits) for element in message.elements),
    )
    if kept != message:
        left_out = [name for name in BotMessage.__slots__ if getattr(kept, name) != getattr(message, name)]
        _log.warning("address_left_out", of=left_out, reason="only http and https addresses of the web are sent")
    return kept


def _is_fit(payload: str, fits: Fits) -> bool:
    """Whether a button may have this payload: one that is no address, or one that fits."""
    return scheme_of(payload) not in UNFIT_SCHEMES and (not is_link(payload) or fits(payload))


def _all_fit(value: Any, fits: Fits) -> bool:
    """Whether each address in `value`, which may be one itself, fits."""
    if isinstance(value, str):
        return not value or fits(value)
    return all(fits(address) for address in _addresses(value))


def _addresses(value: Any) -> Iterator[str]:
    """The addresses in `value`, as deep as it goes, by the names they stand under."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            yield from (inner for name, inner in one.items() if _is_address(name, inner))
            waiting += one.values()
        elif isinstance(one, list | tuple):
            waiting += one


def _only_fit(value: Any, fits: Fits) -> Any:
    """`value` without the addresses in it that do not fit, and without the buttons that have them."""
    if isinstance(value, Mapping):
        kept = {name: one for name, one in value.items() if not _is_address(name, one) or fits(one)}
        return {name: _only_fit(one, fits) for name, one in kept.items()}
    if isinstance(value, list | tuple):
        return type(value)(_only_fit(one, fits) for one in value if not _is_unfit_button(one, fits))
    return value


def _is_unfit_button(value: Any, fits: Fits) -> bool:
    if not isinstance(value, Mapping) or "title" not in value:
        return False
    payload, url = value.get("payload"), value.get("url")
    return (isinstance(payload, str) and not _is_fit(payload, fits)) or (isinstance(url, str) and not fits(url))


def _is_address(name: Any, value: Any) -> bool:
    return isinstance(value, str) and bool(value) and bool(_NAMES.fullmatch(str(name)))
