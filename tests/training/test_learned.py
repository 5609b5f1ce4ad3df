"""Rows become files: the same rows the same bytes, in one step, each row once."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refresh_rows import answered, said

from configs.errors import AssistantError
from configs.learned import read_origins
from configs.taught import read_taught, taught_lines
from training.learned import learned_files, lesson_of, publish_learned, trained_with

ROWS = [
    said(3, "Where is it", "track"),
    said(1, "where is it", "track"),
    said(2, "in crypto?", "crypto", new=True),
    answered(5, "in crypto?", "Only cards.", "crypto"),
    answered(4, "in crypto?", "No idea.", "crypto"),
    said(1, "parcel??", "track", weak=True),
]


def test_each_text_stands_once_under_its_intent_and_the_latest_answer_counts() -> None:
    lesson = lesson_of(ROWS, {"track"})

    assert lesson.examples == {"crypto": ("in crypto?",), "track": ("where is it", "parcel??")}
    assert lesson.new_intents == ("crypto",)
    assert lesson.answers == {"crypto": "Only cards."}
    assert lesson.unanswered == ()
    assert lesson_of(ROWS[:3], {"track"}).unanswered == ("crypto",)


def test_the_same_rows_in_any_order_give_the_same_bytes() -> None:
    assert learned_files(lesson_of(ROWS, {"track"})) == learned_files(lesson_of(ROWS[::-1], {"track"}))
    assert taught_lines(ROWS) == taught_lines(ROWS[::-1])


@given(text=st.text(max_size=40), value=st.text(max_size=20), weak=st.booleans())
def test_what_the_bot_writes_the_training_reads(tmp_path_factory: pytest.TempPathFactory, **values: object) -> None:
    text, value = (str(values[name]).encode("utf-8", "replace").decode() for name in ("text", "value"))
    row = said(7, text, value, weak=bool(values["weak"]))
    path = tmp_path_factory.mktemp("taught") / "rows.jsonl"
    path.write_bytes(taught_lines([row]))

    assert read_taught(path) == [row]


@pytest.mark.parametrize(
    "line", ["{}", "[1]", "null", "{", '{"number": 1}', taught_lines(ROWS[:1]).decode().replace("3", '"3"', 1)]
)
def test_a_damaged_row_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(taught_lines(ROWS[:1]).decode() + line.strip() + "\n")

    with pytest.raises(AssistantError, match=r"rows.jsonl:2: "):
        read_taught(path)


def test_what_is_published_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    first = learned_files(lesson_of(ROWS[:1], {"track"}))
    second = learned_files(lesson_of(ROWS, {"track"}))
    for files in (first, second, second):
        folder = publish_learned(tmp_path, files)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
    assert len([*tmp_path.iterdir()]) == 2  # the link and where it leads


def test_a_damaged_copy_is_written_anew_and_a_plain_folder_gives_way(tmp_path: Path) -> None:
    files = learned_files(lesson_of(ROWS, {"track"}))
    (tmp_path / "learned").mkdir()
    folder = publish_learned(tmp_path, files)
    (folder / "nlu.yml").write_text("torn")

    assert {path.name: path.read_bytes() for path in publish_learned(tmp_path, files).iterdir()} == files


def test_a_release_names_conversations_by_their_hashes(tmp_path: Path) -> None:
    folder = publish_learned(tmp_path, learned_files(lesson_of(ROWS[:1], {"track"})))

    assert [json.loads(line) for line in trained_with(read_origins(folder)).splitlines()] == [
        {"row": "label 3", "conversation": hashlib.sha256(b"c3").hexdigest(), "intent": "track"}
    ]
