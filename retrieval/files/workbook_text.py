"""Characters that XML cannot hold, or would change, as a workbook writes them: `_x000D_` for a carriage return."""

import re

# _xHHHH_ stands for a character, and _x005F_ for the low line of a text that looks so.
# Source: ECMA-376, part 1, 22.4.2.4 (bstr).
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
_TO_ESCAPE = re.compile("[\x00-\x08\x0b\x0c\x0d\x0e-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


def escaped(text: str) -> str:
    """The text as a cell may hold it."""
    return _TO_ESCAPE.sub(lambda found: f"_x{ord(found[0]):04X}_", text)


def unescaped(text: str) -> str:
    """The text that a cell holds."""
    return _ESCAPE.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return found[0] if 0xD800 <= code <= 0xDFFF else chr(code)  # half a character stays what it is written as
