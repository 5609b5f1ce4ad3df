import csv
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs import AssistantError
from retrieval.files import BadRow, Row, open_knowledge
from retrieval.files import csv_file as module
from retrieval.files.cells import with_guard, without_guard


def rows_of(path: Path, text: str) -> list[tuple[int, str]]:
    """Each row's line, with the id of a pair or what is wrong."""
    path.write_bytes(text.encode())
    return [(row.line, row.pair.id if isinstance(row, Row) else row.message) for row in open_knowledge(path).rows()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.csv"


def test_a_bad_row_is_reported_and_the_others_are_read(path: Path) -> None:
    quotes = 'Put a value that holds a comma in "quotes".'
    assert rows_of(path, "id,question,answer\n1,q,a\n2,q\n3,,a\n\n4,q,a\n5,q,a,b\n6,q,a") == [
        (2, "1"),
        (3, f"the row has 2 values, the header 3. {quotes}"),
        (4, "question is empty. Fill it in or remove the row."),
        (6, "4"),
        (7, f"the row has 4 values, the header 3. {quotes}"),
        (8, "6"),
    ]


def test_rows_after_a_quote_that_never_closes_are_read(path: Path) -> None:
    end = "not valid CSV: unexpected end of data. Mend the quotes."
    after = "not valid CSV: ',' expected after '\"'. Mend the quotes."
    assert rows_of(path, 'id,question,answer\n1,"q,a\n2,q,a\n3,q,a\n') == [(4, end), (3, "2"), (4, "3")]
    assert rows_of(path, 'id,question,answer\n1,"q,a\n2,q,"a\nb"\n5,q,a\n') == [(3, after), (4, "2"), (5, "5")]
    long = "".join(f"{number},q,{'a' * 1_000}\n" for number in range(2, 200))
    found = rows_of(path, f'id,question,answer\n1,"q,a\n{long}')
    assert [what for _, what in found[1:]] == [str(number) for number in range(2, 200)]
    assert [line for line, _ in found[1:]] == list(range(3, 201))
    assert "field larger than field limit" in found[0][1]


def test_a_line_that_is_too_long_is_one_bad_row(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LINE_CHARS", 50)
    said = "not valid CSV: a line has over 50 characters. Mend the quotes."
    assert rows_of(path, f"id,question,answer\n1,q,{'a' * 60}\n2,q,a\n") == [(2, said), (3, "2")]
    inside = rows_of(path, f'id,question,answer\n1,q,"a\nb\n{"a" * 60}\n5,q,a\n')
    assert inside == [
        (4, said),
        (3, 'the row has 1 values, the header 3. Put a value that holds a comma in "quotes".'),
        (4, said),
        (5, "5"),
    ]


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("id;question;answer\n1;q, r;a\n", ("a semicolon stands between the values",)),
        ("answer\tid\tquestion\na\t1\tq, r\n", ("a tab stands between the values",)),
        ('\n"id";"question";"answer"\r\n"1";"q, r";"a"\r\n', ("a semicolon stands between the values",)),
        ('sep=;\nid;question;answer\n1;"q, r";a\n', ("a semicolon stands between the values",)),
        ('sep=,\nid,question,answer\n1,"q, r",a\n', ()),
        ('id,question,answer\n1,"q, r",a\n', ()),
    ],
)
def test_the_separator_is_found_and_said(text: str, notes: tuple[str, ...], path: Path) -> None:
    path.write_text(text, newline="")
    opened = open_knowledge(path)
    (row,) = opened.rows()
    assert isinstance(row, Row)
    assert (row.pair.id, row.pair.question, row.pair.answer) == ("1", "q, r", "a")
    assert opened.notes == notes


def test_a_wrong_count_names_the_separator(path: Path) -> None:
    assert rows_of(path, "id;question;answer\n1;q;a;b\n") == [
        (2, 'the row has 4 values, the header 3. Put a value that holds a semicolon in "quotes".')
    ]


def test_a_header_that_cannot_be_used_is_refused_when_the_file_is_opened(path: Path) -> None:
    path.write_text('id,question,"answer\n1,q,a\n')
    with pytest.raises(AssistantError, match=r"history\.csv:2: not valid CSV: unexpected end of data"):
        open_knowledge(path)
    path.write_text("")
    with pytest.raises(AssistantError, match="the file is empty"):
        open_knowledge(path)


def test_progress_goes_to_the_end_of_the_file(path: Path) -> None:
    path.write_text("id,question,answer\n" + "".join(f"{n},q,a\n" for n in range(5_000)))
    opened = open_knowledge(path)
    seen = [opened.position() for _ in opened.rows()]
    assert seen == sorted(seen)
    assert opened.position() == opened.total == path.stat().st_size


def test_rows_can_be_read_again(path: Path) -> None:
    path.write_text("id,question,answer\n1,q,a\n")
    opened = open_knowledge(path)
    assert list(opened.rows()) == list(opened.rows()) != []


@pytest.mark.parametrize(
    ("cell", "guarded"),
    [("=1+1", "'=1+1"), ("'=1", "''=1"), ("+1", "'+1"), ("-1", "'-1"), ("@a", "'@a"), ("\tx", "'\tx"), ("'x", "'x")],
)
def test_a_cell_that_could_be_a_formula_has_an_apostrophe_in_front(cell: str, guarded: str) -> None:
    assert with_guard(cell) == guarded
    assert without_guard(guarded) == cell


@given(st.text(alphabet="'=+-@\t\r\n＝ax", max_size=6))
def test_the_apostrophe_is_taken_off_again(cell: str) -> None:
    assert without_guard(with_guard(cell)) == cell
    assert not with_guard(cell).startswith(tuple("=+-@\t\r\n"))


def test_fifty_thousand_rows_take_no_more_memory_than_five_thousand(path: Path) -> None:
    def peak(count: int) -> int:
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "question", "answer"])
            writer.writerows([number, f"question {number}", f"answer {number}"] for number in range(count))
        tracemalloc.start()
        try:
            assert sum(isinstance(row, Row) for row in open_knowledge(path).rows()) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(50_000) < peak(5_000) + 200_000


def test_bad_rows_are_values(path: Path) -> None:
    path.write_text("id,question,answer\n1,,a\n")
    assert list(open_knowledge(path).rows()) == [
        BadRow(line=2, problem="question is empty", fix="Fill it in or remove the row.")
    ]
