"""Every text that is checked, with file and line: examples, past questions and answers, test questions.

`read_assistant` keeps one of two examples that contradict each other. Here both are wanted, so the files are read
again.
"""

from collections.abc import Sequence
from pathlib import Path

from configs.assistant import Assistant
from configs.json_lines import read_json_lines
from configs.nlu_data import Example, parse_nlu
from configs.yaml_file import read_yaml
from retrieval.knowledge import read_rows
from retrieval.pair import Pair
from training.data_checks.finding import Passage
from training.evaluation import read_questions

QUESTIONS_FILE = Path("tests", "questions.jsonl")


def all_examples(root: Path) -> list[Example]:
    """The examples of all files under `data`, contradicting ones included."""
    paths = sorted(path for path in (root / "data").rglob("*") if path.suffix in {".yml", ".yaml"})
    return [example for path in paths for example in parse_nlu(read_yaml(path))[0].examples]


def read_pairs(assistant: Assistant) -> list[tuple[Pair, Path, int]]:
    """The past question-answer pairs, each with its file and the line it begins on."""
    rows = read_rows(assistant.knowledge_paths, {example.intent for example in assistant.examples})
    return [(row.pair, path, row.begins) for path, row in rows]


def question_passages(path: Path, intents: Sequence[str], pairs: Sequence[Pair]) -> list[Passage]:
    """The test questions in `path`, as `kefu evaluate` reads them."""
    questions = read_questions(path, intents, pairs)
    lines = [line for line, _ in read_json_lines(path)]
    return [Passage(text=q.text, path=path, line=line) for q, line in zip(questions, lines, strict=True)]
