"""Buttons that open an address, where the platform has no room for them."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from bot.degrade import is_link
from configs.domain import Button


def links_as_lines(text: str, buttons: Iterable[Button], fits: Callable[[str], bool]) -> tuple[str, tuple[Button, ...]]:
    """`text` with a line for each button that opens an address, and the other buttons.

    Where that is too long, they stay buttons, and send back their title.
    """
    given = tuple(buttons)
    lines = "\n".join((text, *(f"{button.title}: {button.payload}" for button in given if is_link(button))))
    if fits(lines):
        return lines, tuple(button for button in given if not is_link(button))
    return text, tuple(replace(button, payload=button.title) if is_link(button) else button for button in given)
