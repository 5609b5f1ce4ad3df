"""The pairs of an assistant's knowledge files, all of them or the first error."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from configs.errors import AssistantError
from configs.yaml_file import nearest
from retrieval.checked_pair import COLUMNS, MAX_ANSWER_CHARS, MAX_QUESTION_CHARS, REQUIRED, parse_pair, refuse_unknown
from retrieval.files import BadRow, Row, open_knowledge
from retrieval.pair import Pair

__all__ = [
    "COLUMNS",
    "MAX_ANSWER_CHARS",
    "MAX_QUESTION_CHARS",
    "REQUIRED",
    "parse_pair",
    "read_knowledge",
    "read_rows",
    "refuse_unknown",
]


def read_knowledge(paths: Sequence[Path], intents: Iterable[str] = ()) -> tuple[Pair, ...]:
    """Reads and checks all pairs of `paths`, in order.

    Args:
        paths: Files ending in .csv (with a header), .xlsx (the same columns) or .jsonl (an object a line).
        intents: Names that the intent column may use; none given means any.

    Raises:
        AssistantError: The file, the line and the column that are wrong.
    """
    return tuple(row.pair for _, row in read_rows(paths, intents))


def read_rows(paths: Sequence[Path], intents: Iterable[str] = ()) -> Iterator[tuple[Path, Row]]:
    """What `read_knowledge` reads, one by one, each with its file and its place in it.

    Raises:
        AssistantError: As there, when the wrong row is reached.
    """
    known_intents = frozenset(intents)
    seen: dict[str, tuple[Path, int]] = {}
    for path in paths:
        for row in open_knowledge(path, format=_format_of(path)).rows():
            if isinstance(row, BadRow):
                raise AssistantError(path, row.line, row.problem, row.fix)
            pair = row.pair
            if pair.id in seen:
                first_path, first_line = seen[pair.id]
                raise AssistantError(
                    path,
                    row.line,
                    f"the id {pair.id!r} was used in {first_path.name}:{first_line}",
                    "Give it its own.",
                )
            if known_intents and pair.intent and pair.intent not in known_intents:
                raise AssistantError(
                    path,
                    row.line,
                    f"the intent {pair.intent!r} has no examples",
                    f"Leave it empty or mend it.{nearest(pair.intent, known_intents)}",
                )
            seen[pair.id] = (path, row.line)
            yield path, row


def _format_of(path: Path) -> str:
    return {".csv": "csv", ".xlsx": "xlsx"}.get(path.suffix, "jsonl")
