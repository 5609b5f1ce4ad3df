"""Golden questions: the few that an owner never wants to come out wrong."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from configs.errors import AssistantError
from configs.json_lines import read_json_lines
from retrieval.pair import Pair
from training.evaluation import Question

GOLDEN_FILE = "golden.jsonl"
_KEYS = {"id", "text", "intent", "pair", "out_of_scope"}


def read_golden(path: Path, intents: Iterable[str], pairs: Sequence[Pair]) -> list[Question]:
    """Reads one question a line: {"text", "intent" | "pair" | "out_of_scope": true}; none where there is no file.

    Pairs that share the answer of a named one are right too.

    Raises:
        AssistantError: The line that is wrong, and why.
    """
    if not path.is_file():
        return []
    known, answers = frozenset(intents), {pair.id: pair.answer for pair in pairs}
    return [_question(row, path, line, known, answers) for line, row in read_json_lines(path)]


def _question(row: Any, path: Path, line: int, intents: frozenset[str], answers: dict[str, str]) -> Question:
    if not isinstance(row, dict) or not isinstance(row.get("text"), str) or not row["text"].strip():
        raise AssistantError(path, line, "no `text`", 'Write {"text": "...", "intent": "..."}.')
    if unknown := sorted(set(row) - _KEYS):
        raise AssistantError(path, line, f"unknown key {unknown[0]!r}", f"Known are {', '.join(sorted(_KEYS))}.")
    wanted = [key for key in ("intent", "pair", "out_of_scope") if row.get(key)]
    if len(wanted) != 1:
        raise AssistantError(path, line, f"it names {len(wanted)} answers", "Write one of intent, pair, out_of_scope.")
    key, value = wanted[0], row[wanted[0]]
    if key != "out_of_scope" and not isinstance(value, str):
        raise AssistantError(path, line, f"{key} is {value!r}", "Write its name.")
    if key == "intent" and value not in intents:
        raise AssistantError(path, line, f"intent is {value!r}", "The assistant has no such intent.")
    if key == "pair" and value not in answers:
        raise AssistantError(path, line, f"pair is {value!r}", "There is no such past answer.")
    if key == "out_of_scope" and value is not True:
        raise AssistantError(path, line, f"out_of_scope is {value!r}", "Write true.")
    same = (pair_id for pair_id, answer in answers.items() if key == "pair" and answer == answers[value])
    return Question(
        id=str(row.get("id", f"line {line}")),
        text=row["text"],
        intents=frozenset({value} if key == "intent" else ()),
        pairs=frozenset(same),
        out_of_scope=key == "out_of_scope",
        kinds=frozenset(),
    )
