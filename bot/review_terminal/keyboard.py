"""What a person types: keys that need no Enter where there is a terminal, lines, and texts from an editor."""

import asyncio
import sys
from typing import Protocol

import click

from bot.proposal_review import edit_in_editor

HEADING = "=== Write the answer below this line, Markdown ==="
_ENDS = frozenset({"\x03", "\x04", "\x1a"})  # Ctrl+C, Ctrl+D, Ctrl+Z


class Keyboard(Protocol):
    """What a person types."""

    async def key(self) -> str | None:
        """One key; None at the end of input."""
        ...

    async def line(self, prompt: str) -> str | None:
        """A line without white space around it; None at the end of input."""
        ...

    async def text(self) -> str:
        """A longer text; empty where nothing was written.

        Raises:
            SettingsError: There is no editor that works.
        """
        ...


class TerminalKeyboard:
    """Standard input; where it is no terminal, a key is the first character of a line."""

    async def key(self) -> str | None:
        """One key; None at the end of input, and for Ctrl+C and Ctrl+D."""
        if not sys.stdin.isatty():
            return await self.line("> ")
        try:
            typed = await asyncio.to_thread(click.getchar)
        except (EOFError, KeyboardInterrupt):
            return None
        return None if typed in _ENDS else typed

    async def line(self, prompt: str) -> str | None:
        """A line without white space around it; None at the end of input."""
        return await asyncio.to_thread(_line, prompt)

    async def text(self) -> str:
        """What stands below a heading once the editor is closed.

        Raises:
            SettingsError: The editor did not work.
        """
        text = await asyncio.to_thread(edit_in_editor, f"{HEADING}\n")
        return text.replace(HEADING, "", 1).strip()


def _line(prompt: str) -> str | None:
    try:
        return input(prompt).strip()
    except EOFError:
        return None
