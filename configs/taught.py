"""What people have said that messages mean, as rows of a file that the bot writes and a training reads."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from configs.errors import AssistantError
from configs.json_lines import read_json_lines

TAUGHT_FILE = "taught.jsonl"


class Meaning(StrEnum):
    """What a message was said to be."""

    INTENT = "intent"  # of the intent that `value` names
    PAIR = "pair"  # another wording of the past answer whose id is `value`
    ANSWER = "answer"  # answered by `value`, Markdown; with `intent`, that is what the intent says


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """One message and what it was said to mean.

    Attributes:
        number: The label's, or for weak evidence the feedback's.
        text: The message with personal data masked, in one line.
        intent: Of an answer: the intent that it is meant for, or "".
        who: Who said so; several people with commas between.
        new: Whether the intent was named as a new one.
        weak: Whether only customers' feedback says so, not a reviewer.
    """

    number: int
    conversation: str
    turn: int
    text: str
    meaning: Meaning
    value: str
    who: str
    at: float
    intent: str = ""
    new: bool = False
    weak: bool = False

    @property
    def order(self) -> tuple[bool, int, str]:
        """Reviewers first, each in the order of time."""
        return (self.weak, self.number, self.meaning)


def taught_lines(rows: Iterable[Taught]) -> bytes:
    """`rows` as JSON Lines: the same rows, the same bytes."""
    lines = (json.dumps(asdict(row), ensure_ascii=False, sort_keys=True) for row in sorted(rows, key=_order))
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def read_taught(path: Path) -> list[Taught]:
    """What `taught_lines` gave.

    Raises:
        AssistantError: It cannot be read, or a line is damaged.
    """
    return [_row(path, line, value) for line, value in read_json_lines(path)]


_TYPES: dict[str, tuple[type, ...]] = {
    field.name: {"int": (int,), "float": (int, float), "bool": (bool,)}.get(getattr(field.type, "__name__", ""), (str,))
    for field in fields(Taught)
}


def _order(row: Taught) -> tuple[bool, int, str]:
    return row.order


def _row(path: Path, line: int, value: Any) -> Taught:
    fix = "Run `kefu refresh`, which writes it anew."
    if not isinstance(value, dict) or set(value) != set(_TYPES):
        raise AssistantError(path, line, "this is no row of what was taught", fix)
    for name, kinds in _TYPES.items():
        if not isinstance(value[name], kinds) or (isinstance(value[name], bool) and kinds != (bool,)):
            raise AssistantError(path, line, f"{name} is {str(value[name])[:60]!r}", fix)
    if value["meaning"] not in list(Meaning):
        raise AssistantError(path, line, f"meaning is {value['meaning'][:60]!r}", fix)
    return Taught(**{**value, "meaning": Meaning(value["meaning"])})
