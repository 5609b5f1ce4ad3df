import json
from pathlib import Path

import pytest

from configs import AssistantError
from retrieval.files import Row, open_knowledge
from retrieval.files import jsonl_file as module


def rows_of(path: Path, text: str) -> list[tuple[int, str]]:
    path.write_bytes(text.encode())
    return [(row.line, row.pair.id if isinstance(row, Row) else row.message) for row in open_knowledge(path).rows()]


def line(number: object, **values: object) -> str:
    return json.dumps({"id": number, "question": "q", "answer": "a", **values}) + "\n"


def test_a_bad_line_is_reported_and_the_others_are_read(tmp_path: Path) -> None:
    text = line("1") + "\n{\n[]\n" + line(2) + line("3", lang="en") + line("4")
    found = rows_of(tmp_path / "a.jsonl", text)
    assert found[1][1].startswith("not valid JSON: ")
    assert [found[0], *found[2:]] == [
        (1, "1"),
        (4, 'not an object. Write {"id": ..., "question": ..., "answer": ...}.'),
        (5, "id is 2. Write text in quotes."),
        (6, "unknown key 'lang'. Remove it."),
        (7, "4"),
    ]


def test_lists_are_lists(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    row = {
        "id": "1",
        "questions": ["how long", "when"],
        "answer": "a",
        "tags": ["x"],
        "images": ["https://shop.example/a.png"],
        "buttons": [{"title": "t", "payload": "/p"}],
    }
    path.write_text(json.dumps(row))
    (read,) = open_knowledge(path).rows()
    assert isinstance(read, Row)
    assert read.pair.to_dict() == {
        "id": "1",
        "question": "how long",
        "also_asked": ("when",),
        "answer": "a",
        "tags": ("x",),
        "images": ("https://shop.example/a.png",),
        "buttons": ({"title": "t", "payload": "/p"},),
    }


def test_a_line_that_is_too_long_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LINE_CHARS", 60)
    assert rows_of(tmp_path / "a.jsonl", line("1") + "x" * 200 + "\n" + line("2")) == [
        (1, "1"),
        (2, "the line has over 60 characters. Shorten it."),
        (3, "2"),
    ]


def test_the_format_goes_by_the_ending_unless_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "export.txt"
    path.write_text(line("1"))
    with pytest.raises(AssistantError) as caught:
        open_knowledge(path)
    assert caught.value.problem == "the ending '.txt' is not known"
    assert [type(row) for row in open_knowledge(path, format="jsonl").rows()] == [Row]
    with pytest.raises(AssistantError, match="cannot be read as 'xml'"):
        open_knowledge(path, format="xml")
    with pytest.raises(AssistantError, match="there is no such file"):
        open_knowledge(tmp_path / "missing.txt")
    with pytest.raises(AssistantError, match="is not a folder"):
        open_knowledge(path, format="markdown")
