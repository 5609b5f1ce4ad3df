"""What stands behind the question mark of an address, checked."""

import math
from collections.abc import Collection

from aiohttp import web

from bot.errors import Refused

SHOWN_CHARS = 40


def flag(request: web.Request, name: str, *, default: bool = False) -> bool:
    """The parameter `name` as true or false.

    Raises:
        Refused: 400; it has another value.
    """
    value = request.query.get(name)
    if value is None:
        return default
    if value.lower() not in ("true", "false"):
        raise Refused(400, "InvalidField", f"{name} is {_shown(value)}; write true or false.", field=name)
    return value.lower() == "true"


def choice(request: web.Request, name: str, choices: Collection[str], default: str) -> str:
    """The parameter `name`, one of `choices`.

    Raises:
        Refused: 400; it has another value.
    """
    value = request.query.get(name, default)
    if value not in choices:
        raise Refused(400, "InvalidField", f"{name} is {_shown(value)}; write {', '.join(choices)}.", field=name)
    return value


def number(request: web.Request, name: str) -> float | None:
    """The parameter `name` as a number; None where it is not given.

    Raises:
        Refused: 400; it is no number.
    """
    value = request.query.get(name)
    if value is None:
        return None
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise Refused(400, "InvalidField", f"{name} is {_shown(value)}, not a number.", field=name)
    return found


def refuse(request: web.Request, name: str) -> None:
    """Says that a parameter of Rasa's is not offered.

    Raises:
        Refused: 400; it is given.
    """
    if value := request.query.get(name):
        raise Refused(400, "InvalidField", f"{name} {_shown(value)} is not offered.", field=name)


def _shown(value: str) -> str:
    return repr(value[:SHOWN_CHARS])
