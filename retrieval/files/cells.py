"""A pair as the cells of one row, the same in CSV and in a workbook, and the guard against formulas."""

import json
import re

from retrieval.checked_pair import COLUMNS
from retrieval.pair import Pair

_LINE_BREAK = re.compile(r"\r\n|\r|\n")
# What a spreadsheet takes for the beginning of a formula when it opens a CSV file.
# Source: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")


def cells_of(pair: Pair) -> list[str]:
    """One text for each of `COLUMNS`, as `parse_pair` takes it back."""
    cells = {
        **pair.to_dict(),
        "also_asked": "\n".join(_LINE_BREAK.sub(" ", wording) for wording in pair.also_asked),
        "tags": "|".join(pair.tags),
        "images": "\n".join(pair.images),
        "buttons": _buttons(pair),
    }
    return [cells.get(column, "") for column in COLUMNS]


def with_guard(cell: str) -> str:
    """The cell with an apostrophe in front, if a spreadsheet might run it as a formula.

    So has a cell that begins with apostrophes and such a character, which makes `without_guard` the exact inverse.
    """
    return f"'{cell}" if _FORMULA.match(cell) else cell


def without_guard(cell: str) -> str:
    """The cell without the apostrophe that `with_guard` set."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _buttons(pair: Pair) -> str:
    if not pair.buttons:
        return ""
    return json.dumps([{"title": b.title, "payload": b.payload} for b in pair.buttons], ensure_ascii=False)
