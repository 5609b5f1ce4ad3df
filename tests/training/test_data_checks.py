"""All checks together, on an assistant whose faults are known, with an encoder that needs no model."""

import hashlib
import json
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from configs import MINIMAL, AssistantError, copy_assistant, read_assistant
from training.data_checks import DataReport, Kind, Severity, check_assistant, write_html, write_json
from training.data_checks.check import frozen_embed
from training.data_checks.sources import all_examples, read_pairs

NLU = """version: "3.1"
nlu:
- intent: track
  examples: |
    - where is my order to [Leeds](city)
    - my card is 4111 1111 1111 1111
    - Cancel it
    - is it in leeds
- intent: cancel
  examples: |
    - cancel it
    - <b>stop</b> it
    - no more
    - call 020 7946 0958
"""
HISTORY = 'id,question,answer\nh1,"Two\nlines",Write to anna.berg@fernpost.net\n\nh2,is it gone,yes\n'
QUESTION = {"text": "Is it GONE", "accept": {"intents": ["track"]}}


def embed(texts: Sequence[str]) -> np.ndarray:
    """A direction of its own for each text, the same each time."""
    seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") for text in texts]
    rows = np.stack([np.random.default_rng(seed).normal(size=64) for seed in seeds]).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("checked") / "bot"
    (root / "data").mkdir(parents=True)
    (root / "knowledge").mkdir()
    (root / "tests").mkdir()
    (root / "config.yml").write_text("language: en\n")
    (root / "domain.yml").write_text('version: "3.1"\nintents: [track, cancel]\n')
    (root / "data" / "nlu.yml").write_text(NLU)
    (root / "knowledge" / "history.csv").write_text(HISTORY)
    (root / "tests" / "questions.jsonl").write_text(f"\n{json.dumps(QUESTION)}\n")
    return root


@pytest.fixture(scope="module")
def report(folder: Path) -> DataReport:
    return check_assistant(read_assistant(folder), embed)


def test_every_fault_is_found_where_it_is_the_gravest_first(report: DataReport) -> None:
    found = [(f.severity, f.kind, [f"{p.path}:{p.line}" for p in f.passages]) for f in report.findings]

    assert found[:2] == [
        (Severity.ERROR, Kind.CARD_OR_ID, ["data/nlu.yml:6"]),
        (Severity.ERROR, Kind.SAME_TEXT, ["data/nlu.yml:7", "data/nlu.yml:11"]),
    ]
    warnings = [(kind, places) for severity, kind, places in found if severity is Severity.WARNING]
    assert (Kind.SMALL_INTENT, ["data/nlu.yml:5"]) in warnings
    assert (Kind.LEAKED, ["tests/questions.jsonl:2", "knowledge/history.csv:5"]) in warnings
    assert (Kind.CONTACT, ["data/nlu.yml:14"]) in warnings
    assert (Kind.CONTACT, ["knowledge/history.csv:2"]) in warnings
    assert (Kind.UNMARKED, ["data/nlu.yml:5", "data/nlu.yml:8"]) in warnings
    severities = [list(Severity).index(severity) for severity, _, _ in found]
    assert severities == sorted(severities)


def test_the_summary_counts_what_was_found_and_read(report: DataReport) -> None:
    warnings, hints = report.counts[Severity.WARNING], report.counts[Severity.HINT]

    assert report.error_count == report.counts[Severity.ERROR] == 2
    assert warnings + hints + 2 == len(report.findings)
    assert report.summary.startswith(f"2 errors, {warnings} warnings, ")
    assert report.summary.endswith("in 8 examples, 2 intents, 2 past answers, 1 test question.")


def test_json_holds_every_finding_and_no_number_whole(report: DataReport, tmp_path: Path) -> None:
    write_json(report, tmp_path / "report.json")

    written = (tmp_path / "report.json").read_text("utf-8")
    facts = json.loads(written)
    assert facts["counts"]["error"] == 2
    assert len(facts["findings"]) == len(report.findings)
    assert facts["findings"][0]["passages"] == [
        {"file": "data/nlu.yml", "line": 6, "intent": "track", "text": "my card is 41***************11"}
    ]
    for whole in ("4111 1111", "7946", "anna.berg"):
        assert whole not in written


class Reader(HTMLParser):
    """Collects the tags, what they refer to, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_needs_nothing_else_and_shows_markup_as_it_is(folder: Path, tmp_path: Path) -> None:
    report = check_assistant(read_assistant(folder), lambda texts: np.ones((len(texts), 2), np.float32))
    write_html(report, tmp_path / "report.html")

    reader = Reader()
    reader.feed((tmp_path / "report.html").read_text("utf-8"))
    assert reader.links == []
    assert "b" not in reader.tags
    assert "script" not in reader.tags
    assert reader.tags.count("article") == len(report.findings)
    assert report.summary in reader.text
    assert "What to do:" in reader.text
    assert "my card is 41***************11 data/nlu.yml:6, track" in reader.text


def test_a_text_with_markup_is_escaped_on_the_page(folder: Path, tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text(json.dumps({"text": "<b>stop</b> it", "accept": "out_of_scope"}) + "\n")
    write_html(check_assistant(read_assistant(folder), embed, questions), tmp_path / "report.html")

    page = (tmp_path / "report.html").read_text("utf-8")
    assert "&lt;b&gt;stop&lt;/b&gt; it" in page
    assert "<b>" not in page


def test_each_different_text_is_embedded_once(folder: Path) -> None:
    asked: list[str] = []

    def counting(texts: Sequence[str]) -> np.ndarray:
        asked.extend(texts)
        return embed(texts)

    check_assistant(read_assistant(folder), counting)

    assert len(asked) == len(set(asked)) == 11, "8 examples, 2 past questions, 1 test question"


def test_past_questions_are_not_embedded_where_there_is_nothing_to_compare_them_with(
    folder: Path, tmp_path: Path
) -> None:
    copy_assistant(folder, tmp_path / "bot")
    (tmp_path / "bot" / "tests" / "questions.jsonl").unlink()
    asked: list[str] = []

    def counting(texts: Sequence[str]) -> np.ndarray:
        asked.extend(texts)
        return embed(texts)

    report = check_assistant(read_assistant(tmp_path / "bot"), counting)

    assert len(asked) == 8
    assert report.question_count == 0
    assert Kind.LEAKED not in {finding.kind for finding in report.findings}


def test_a_questions_file_that_is_named_must_be_there(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(AssistantError, match=r"none\.jsonl: there is no such file"):
        check_assistant(read_assistant(folder), embed, tmp_path / "none.jsonl")


def test_all_examples_holds_those_that_contradict_others(folder: Path) -> None:
    assert len(all_examples(folder)) == 8
    assert len(read_assistant(folder).examples) == 7


def test_a_pair_stands_on_the_line_where_it_begins(folder: Path, tmp_path: Path) -> None:
    copy_assistant(folder, tmp_path / "bot")
    (tmp_path / "bot" / "knowledge" / "more.jsonl").write_text(
        '\n{"id": "j1", "question": "a", "answer": "b"}\n\n{"id": "j2", "question": "c", "answer": "d"}\n'
    )

    found = read_pairs(read_assistant(tmp_path / "bot"))

    assert [(pair.id, path.name, line) for pair, path, line in found] == [
        ("h1", "history.csv", 2),
        ("h2", "history.csv", 5),
        ("j1", "more.jsonl", 2),
        ("j2", "more.jsonl", 4),
    ]


def test_the_assistant_to_start_from_has_no_errors() -> None:
    minimal = read_assistant(MINIMAL)

    report = check_assistant(minimal, frozen_embed(minimal))

    assert report.error_count == 0
    assert report.question_count == 24
