"""Every text that is checked, with file and line: examples, past questions and answers, test questions.

`read_assistant` keeps one of two examples that contradict each other. Here both are wanted, so the files are read
again.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from configs.assistant import Assistant
from configs.json_lines import read_json_lines
from configs.nlu_data import Example, parse_nlu
from configs.yaml_file import read_text, read_yaml
from retrieval.knowledge import Pair, read_knowledge
from training.data_checks.finding import Passage
from training.evaluation import read_questions

QUESTIONS_FILE = Path("tests", "questions.jsonl")


def all_examples(root: Path) -> list[Example]:
    """The examples of all files under `data`, contradicting ones included."""
    paths = sorted(path for path in (root / "data").rglob("*") if path.suffix in {".yml", ".yaml"})
    return [example for path in paths for example in parse_nlu(read_yaml(path))[0].examples]


def read_pairs(assistant: Assistant) -> list[tuple[Pair, Path, int]]:
    """The past question-answer pairs, each with its file and the line it begins on."""
    pairs = read_knowledge(assistant.knowledge_paths, {example.intent for example in assistant.examples})
    places = [(path, line) for path in assistant.knowledge_paths for line in _lines(path)]
    return [(pair, path, line) for pair, (path, line) in zip(pairs, places, strict=True)]


def question_passages(path: Path, intents: Sequence[str], pairs: Sequence[Pair]) -> list[Passage]:
    """The test questions in `path`, as `kefu evaluate` reads them."""
    questions = read_questions(path, intents, pairs)
    lines = [line for line, _ in read_json_lines(path)]
    return [Passage(text=q.text, path=path, line=line) for q, line in zip(questions, lines, strict=True)]


def _lines(path: Path) -> Iterator[int]:
    """The line on which each record of a knowledge file begins."""
    if path.suffix != ".csv":
        yield from (line for line, _ in read_json_lines(path))
        return
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    first_line, header_seen = 1, False
    for record in reader:
        if record and header_seen:
            yield first_line
        header_seen = header_seen or bool(record)
        first_line = reader.line_num + 1
