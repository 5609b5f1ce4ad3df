"""Texts that others have written, as a terminal shows them: no markup, and nothing that the terminal obeys."""

from rich.markup import escape

SHOWN_CHARS = 90
_OBEYED = {code: "\ufffd" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def harmless(text: str) -> str:
    """`text` for `Console.print`."""
    return escape(text.translate(_OBEYED))


def one_line(text: str, most_chars: int = SHOWN_CHARS) -> str:
    """`text` in one line, cut where it is longer than `most_chars`."""
    line = " ".join(text.split())
    return line if len(line) <= most_chars else f"{line[: most_chars - 1]}…"
