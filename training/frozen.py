"""The questions that every release is tested with, and none is taught: the owner's, or some of the owner's examples.

`<assistant>/tests/frozen.jsonl` is the owner's. Where there is none, a refresh that learns for the first time sets
questions aside from the owner's examples in `<data>/frozen.jsonl`; from then on they teach no training, so that one
release can be compared with the next.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from configs.assistant import Assistant
from configs.errors import AssistantError
from configs.json_lines import read_json_lines
from configs.nlu_data import Example
from nlu.text import prepare_text
from retrieval.pair import Pair
from training.evaluation import Question, read_questions
from training.split import enough_share, stratified_split
from training.whole_file import replace_file

OWN_FILE = Path("tests", "frozen.jsonl")
FROZEN_FILE = "frozen.jsonl"
SHARE = 0.1
FEWEST = 8  # examples of an intent that can spare one
FIX = "Restore the file, or remove it: other examples are set aside then, and the next release is compared with none."


def has_own(assistant: Assistant) -> bool:
    """Whether the owner has written a test set."""
    return (assistant.root / OWN_FILE).is_file()


def set_aside(assistant: Assistant, data_dir: Path) -> None:
    """Sets questions aside, where there are none yet; the same examples, the same questions.

    Args:
        assistant: The owner's files alone.

    Raises:
        OSError: They cannot be written.
    """
    path = data_dir / FROZEN_FILE
    if has_own(assistant) or path.exists():
        return
    counts = Counter(example.intent for example in assistant.examples)
    able = [example for example in assistant.examples if counts[example.intent] >= FEWEST]
    share = enough_share(len(able), len(counts), SHARE)
    chosen = stratified_split(able, share, assistant.config.training.seed).validation
    lines = (json.dumps(_line(example), ensure_ascii=False, sort_keys=True) for example in chosen)
    data_dir.mkdir(parents=True, exist_ok=True)
    replace_file(path, "".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))


def frozen_questions(
    assistant: Assistant, data_dir: Path, intents: Collection[str], pairs: Sequence[Pair]
) -> list[Question]:
    """The test set; of what was set aside, questions of intents that are no more are left out.

    Raises:
        AssistantError: A line is wrong.
    """
    if has_own(assistant):
        return read_questions(assistant.root / OWN_FILE, intents, pairs)
    return [
        Question(
            id=f"line {line}",
            text=text,
            intents=frozenset({intent}),
            pairs=frozenset(),
            out_of_scope=False,
            kinds=frozenset(),
        )
        for line, text, intent in _read(data_dir / FROZEN_FILE)
        if intent in intents
    ]


def frozen_words(assistant: Assistant, data_dir: Path) -> frozenset[str]:
    """The test set's texts, without regard to case and white space.

    Raises:
        AssistantError: A line is wrong.
    """
    if has_own(assistant):
        rows = (row for _, row in read_json_lines(assistant.root / OWN_FILE))
        texts = [row["text"] for row in rows if isinstance(row, dict) and isinstance(row.get("text"), str)]
    else:
        texts = [text for _, text, _ in _read(data_dir / FROZEN_FILE)]
    return frozenset(map(_words, texts))


def without_set_aside(assistant: Assistant, data_dir: Path) -> Assistant:
    """The assistant without the examples that were set aside.

    Raises:
        AssistantError: A line of the file is wrong.
    """
    path = data_dir / FROZEN_FILE
    if has_own(assistant) or not path.is_file():
        return assistant
    words = frozen_words(assistant, data_dir)
    left = tuple(example for example in assistant.examples if _words(example.text) not in words)
    return replace(assistant, examples=left, set_aside=hashlib.sha256(path.read_bytes()).hexdigest())


def _line(example: Example) -> dict[str, str]:
    return {"text": example.text, "intent": example.intent}


def _read(path: Path) -> list[tuple[int, str, str]]:
    if not path.is_file():
        return []
    found = []
    for line, row in read_json_lines(path):
        values = (row.get("text"), row.get("intent")) if isinstance(row, dict) else ()
        if len(values) != 2 or not all(isinstance(value, str) and value.strip() for value in values):
            raise AssistantError(path, line, "this is no question", FIX)
        found.append((line, str(values[0]), str(values[1])))
    return found


def _words(text: str) -> str:
    return prepare_text(text).casefold()
