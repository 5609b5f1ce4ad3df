from pathlib import Path

import numpy as np
import pytest

from training.data_checks.finding import Kind, Passage, Severity
from training.data_checks.leakage import leaked_questions


def passages(name: str, *texts: str) -> list[Passage]:
    return [Passage(text=text, path=Path(name), line=line) for line, text in enumerate(texts, start=1)]


def rows(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


# cos 25 = 0.906, cos 26 = 0.899, cos 41 = 0.755, cos 42 = 0.743
@pytest.mark.parametrize(
    ("question", "angle", "severity"),
    [
        ("WHERE is  my order", 90, Severity.WARNING),
        ("has it left", 25, Severity.HINT),
        ("has it left", 26, None),
        ("where is my order?", 41, Severity.HINT),
        ("where is my order?", 42, None),
    ],
)
def test_a_test_question_that_is_learned_is_found(question: str, angle: float, severity: Severity | None) -> None:
    found = leaked_questions(
        passages("tests/questions.jsonl", "something else", question),
        rows(180, angle),
        passages("data/nlu.yml", "where is my order", "hello"),
        rows(0, 270),
    )

    assert [(finding.kind, finding.severity) for finding in found] == ([(Kind.LEAKED, severity)] if severity else [])
    for finding in found:
        assert [(str(passage.path), passage.line) for passage in finding.passages] == [
            ("tests/questions.jsonl", 2),
            ("data/nlu.yml", 1),
        ]


def test_without_questions_nothing_leaks() -> None:
    assert leaked_questions([], np.zeros((0, 2), np.float32), passages("a", "hi"), rows(0)) == []
