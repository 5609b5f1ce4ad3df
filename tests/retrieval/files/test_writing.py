import csv
import json
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs import AssistantError, KefuError
from retrieval import Pair, read_knowledge
from retrieval.checked_pair import COLUMNS, parse_pair
from retrieval.files import write_knowledge
from retrieval.files.workbook_text import escaped, unescaped
from retrieval.pair import PairButton

ENDINGS = (".csv", ".jsonl", ".xlsx")
texts = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00") | st.sampled_from("=+-@'\"\r\n\t,;|_x000D_"), max_size=20
)
rows: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "id": texts,
        "question": texts,
        "answer": texts,
        "also_asked": st.lists(texts, max_size=3),
        "intent": texts,
        "tags": st.lists(texts, max_size=3),
        "locale": st.sampled_from(["", "en", "zh-CN"]),
        "source": texts,
        "valid_from": st.sampled_from(["", "2026-01-01", "2026-01-01T10:00+08:00"]),
        "valid_until": st.sampled_from(["", "2026-12-31"]),
        "images": st.lists(st.sampled_from(["https://a.example/1", "https://b.example/?q=é"]), max_size=2),
        "buttons": st.lists(st.fixed_dictionaries({"title": texts, "payload": texts}), max_size=2),
        "updated_at": st.sampled_from(["", "2026-03-31"]),
    }
)


def parsed(row: dict[str, Any]) -> Pair | None:
    try:
        return parse_pair(row, Path("x"), 1)
    except AssistantError:
        return None


pairs_of_any_kind = st.lists(rows.map(parsed).filter(bool), max_size=4, unique_by=lambda pair: pair.id)


@settings(max_examples=60, deadline=None)
@given(pairs=pairs_of_any_kind)
def test_pairs_are_read_back_as_they_were_written(pairs: list[Pair], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    for ending in ENDINGS:
        path = folder / f"pairs{ending}"
        assert write_knowledge(iter(pairs), path) == len(pairs)
        assert read_knowledge([path]) == tuple(pairs)


FORMULA = Pair(
    id="1",
    question="=1+1",
    answer='=HYPERLINK("http://evil.example")',
    also_asked=("+1", "-2"),
    buttons=(PairButton(title="x", payload="/x"),),
)


def test_no_cell_of_a_csv_begins_a_formula(tmp_path: Path) -> None:
    write_knowledge([FORMULA], tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="") as file:
        header, cells = csv.reader(file)
    assert header == list(COLUMNS)
    assert cells[:4] == ["1", "'=1+1", '\'=HYPERLINK("http://evil.example")', "'+1\n-2"]
    assert not any(cell.startswith(tuple("=+-@\t\r")) for cell in cells)


def test_json_lines_hold_lists_and_nothing_empty(tmp_path: Path) -> None:
    write_knowledge([FORMULA], tmp_path / "a.jsonl")
    assert json.loads((tmp_path / "a.jsonl").read_text()) == {
        "id": "1",
        "question": "=1+1",
        "answer": '=HYPERLINK("http://evil.example")',
        "also_asked": ["+1", "-2"],
        "buttons": [{"title": "x", "payload": "/x"}],
    }


def test_no_cell_of_a_workbook_is_a_formula(tmp_path: Path) -> None:
    write_knowledge([FORMULA], tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    (cells,) = book.active.iter_rows(min_row=2)
    assert [(cell.value, cell.data_type) for cell in cells[:3]] == [
        ("1", "s"),
        ("=1+1", "s"),
        ('=HYPERLINK("http://evil.example")', "s"),
    ]


@given(st.text(alphabet="_x00Dd5F\r\x01a", max_size=14))
def test_characters_that_xml_cannot_hold_come_back(text: str) -> None:
    assert unescaped(escaped(text)) == text
    assert not set(escaped(text)) & set("\r\x01")


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_stood_there_stays_when_writing_fails(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    path = tmp_path / f"a{ending}"
    write_knowledge([FORMULA], path)
    before = path.read_bytes()

    def broken() -> Iterator[Pair]:
        yield FORMULA
        raise RuntimeError("the store is gone")

    with pytest.raises(RuntimeError, match="the store is gone"):
        write_knowledge(broken(), path)
    with pytest.raises(KefuError, match=r"The pair '2' holds half a character"):
        write_knowledge([FORMULA, Pair(id="2", question="\ud83d", answer="a")], path)
    assert path.read_bytes() == before
    assert sorted(tmp_path.rglob("*")) == [path, elsewhere]


def test_a_new_file_has_ordinary_permissions_and_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "a.csv"
    link.symlink_to(tmp_path / "real" / "b.csv")
    write_knowledge([FORMULA], link)
    assert link.is_symlink()
    plain = tmp_path / "plain"
    plain.write_text("")
    assert stat.S_IMODE(link.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    assert read_knowledge([tmp_path / "real" / "b.csv"]) == (FORMULA,)


def test_a_cell_that_excel_would_cut_off_is_refused(tmp_path: Path) -> None:
    long = Pair(id="9", question="q", answer="a", also_asked=("𠀀" * 3_000,) * 8)
    with pytest.raises(KefuError, match=r"A cell cannot hold also_asked of the pair '9'.*Write \.csv or \.jsonl\."):
        write_knowledge([long], tmp_path / "a.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    with pytest.raises(KefuError, match=r"Name it \.csv, \.jsonl, \.xlsx\."):
        write_knowledge([], tmp_path / "a.ods")
    with pytest.raises(KefuError, match="cannot be written: No such file or directory"):
        write_knowledge([], tmp_path / "missing" / "a.csv")
