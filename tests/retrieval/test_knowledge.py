import contextlib
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs import AssistantError
from retrieval import Pair, read_knowledge
from retrieval.knowledge import COLUMNS, MAX_ANSWER_CHARS, MAX_QUESTION_CHARS, parse_pair, read_rows

HEADER = "id,question,answer,intent,tags,locale,source,updated_at"
ALL = ",".join(COLUMNS)


def knowledge_file(folder: Path, text: str, name: str = "history.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def test_a_csv_row_is_a_pair(tmp_path: Path) -> None:
    rows = 'h1, Open when? ,"From 9, to 5",opening_hours,a| b c ||d,en,chat,2026-03-31\nh2,多少钱,四欧元,,,,,\n'
    path = knowledge_file(tmp_path, f"{HEADER}\n{rows}")
    assert read_knowledge([path]) == (
        Pair(
            id="h1",
            question="Open when?",
            answer="From 9, to 5",
            intent="opening_hours",
            tags=("a", "b c", "d"),
            locale="en",
            source="chat",
            updated_at="2026-03-31",
        ),
        Pair(id="h2", question="多少钱", answer="四欧元"),
    )


def test_columns_may_stand_in_any_order_and_optional_ones_be_left_out(tmp_path: Path) -> None:
    path = knowledge_file(tmp_path, "answer , id,question\nA,1,Q\n")
    assert read_knowledge([path]) == (Pair(id="1", question="Q", answer="A"),)


def test_a_json_line_is_a_pair(tmp_path: Path) -> None:
    path = knowledge_file(
        tmp_path,
        '{"id": "h1", "question": "Q\\u2028?", "answer": "two\\nlines", "tags": ["a", " b "], "intent": null}\r\n'
        "\n"
        '{"id": "h2", "question": "多少钱", "answer": "A", "tags": "x|y", "updated_at": "2026-03-31T10:00:00Z"}',
        "history.jsonl",
    )
    assert read_knowledge([path]) == (
        Pair(id="h1", question="Q\u2028?", answer="two\nlines", tags=("a", "b")),
        Pair(id="h2", question="多少钱", answer="A", tags=("x", "y"), updated_at="2026-03-31T10:00:00Z"),
    )


def test_rows_say_on_which_line_they_begin_and_end(tmp_path: Path) -> None:
    first = knowledge_file(tmp_path, 'id,question,answer\n\n1,q,"a\nb"\n2,q,a\n', "a.csv")
    second = knowledge_file(tmp_path, '\n{"id": "3", "question": "q", "answer": "a"}', "b.jsonl")
    assert [(path.name, row.pair.id, row.begins, row.line) for path, row in read_rows([first, second])] == [
        ("a.csv", "1", 3, 4),
        ("a.csv", "2", 5, 5),
        ("b.jsonl", "3", 2, 2),
    ]


def test_files_are_read_in_the_order_given(tmp_path: Path) -> None:
    first = knowledge_file(tmp_path, '{"id": "z", "question": "q", "answer": "a"}', "z.jsonl")
    second = knowledge_file(tmp_path, "id,question,answer\na,q,a\n", "a.csv")
    assert [pair.id for pair in read_knowledge([first, second])] == ["z", "a"]
    assert read_knowledge([]) == ()


@pytest.mark.parametrize(("name", "text"), [("a.csv", f"{HEADER}\n"), ("a.jsonl", ""), ("b.jsonl", "\n \n")])
def test_a_file_without_pairs_has_none(name: str, text: str, tmp_path: Path) -> None:
    assert read_knowledge([knowledge_file(tmp_path, text, name)]) == ()


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings_and_a_byte_order_mark_change_nothing(ending: str, tmp_path: Path) -> None:
    path = knowledge_file(tmp_path, ending.join(["\ufeffid,question,answer", "1,q,a", "", "2,r,b", ""]))
    assert [(pair.id, pair.question, pair.answer) for pair in read_knowledge([path])] == [
        ("1", "q", "a"),
        ("2", "r", "b"),
    ]


@pytest.mark.parametrize(
    "text", ["=1+1", "=HYPERLINK(0)", "+49 30 1234", "-5", "@sum(a1)", "1,50", "007", "TRUE", "'x"]
)
def test_formulas_and_numbers_stay_the_text_they_are(text: str, tmp_path: Path) -> None:
    written = io.StringIO()
    csv.writer(written).writerows([["id", "question", "answer"], ["1", text, text]])
    (pair,) = read_knowledge([knowledge_file(tmp_path, written.getvalue())])
    assert (pair.question, pair.answer) == (text, text)


def test_a_quoted_value_may_hold_quotes_commas_and_lines(tmp_path: Path) -> None:
    path = knowledge_file(tmp_path, 'id,question,answer\n1,"say ""hi"", now","one\n\ntwo"\n')
    (pair,) = read_knowledge([path])
    assert (pair.question, pair.answer) == ('say "hi", now', "one\n\ntwo")


EMPTY = "Fill it in or remove the row."
DATE = "Write a date such as 2026-03-31."
IN_QUOTES = 'Put a value that holds a comma in "quotes".'


@pytest.mark.parametrize(
    ("text", "line", "problem", "fix"),
    [
        ("", 1, "the file is empty", f"Start with the header {ALL}."),
        ("\n\n", 1, "the file is empty", f"Start with the header {ALL}."),
        ("1,how?,so\n", 1, "the column 'id' is missing", f"The columns are {ALL}."),
        ("id,question\n", 1, "the column 'answer' is missing", f"The columns are {ALL}."),
        ("id:question:answer\n", 1, "the column 'id' is missing", f"The columns are {ALL}."),
        ("ID,question,answer\n", 1, "the column 'id' is missing", f"The columns are {ALL}."),
        ("\n\nid,qestion,answer\n", 3, "the column 'question' is missing", f"The columns are {ALL}."),
        (
            "id,question,answer,intnt\n",
            1,
            "unknown column 'intnt'",
            "Remove it. Did you mean 'intent'?",
        ),
        ("id,question,answer,qqqq\n", 1, "unknown column 'qqqq'", "Remove it."),
        ("id,question,answer,\n", 1, "unknown column ''", "Remove it."),
        ("id,question,answer,id\n", 1, "a column stands twice", "Name each column once."),
        ("id,question,answer\n1,q,a\n2,q\n", 3, "the row has 2 values, the header 3", IN_QUOTES),
        ("id,question,answer\n1,q,well, yes\n", 2, "the row has 4 values, the header 3", IN_QUOTES),
        ("id,question,answer\n \n", 2, "the row has 1 values, the header 3", IN_QUOTES),
        ("id,question,answer\n,q,a\n", 2, "id is empty", EMPTY),
        ("id,question,answer\n1,q,a\n2,  ,a\n", 3, "question is empty", EMPTY),
        ("id,question,answer\n1,q,\u3000\n", 2, "answer is empty", EMPTY),
        (
            f"id,question,answer\n1,{'q' * (MAX_QUESTION_CHARS + 1)},a\n",
            2,
            "question has 4,001 characters",
            "Shorten it to 4,000.",
        ),
        (
            f"id,question,answer\n1,q,{'a' * (MAX_ANSWER_CHARS + 1)}\n",
            2,
            "answer has 20,001 characters",
            "Shorten it to 20,000.",
        ),
        (
            f"id,question,answer\n1,q,{'a' * 200_000}\n",
            2,
            "not valid CSV: field larger than field limit (131072)",
            "Mend the quotes.",
        ),
        ("id,question,answer\n1,q\x00,a\n", 2, "question holds a NUL character", "Remove it."),
        ("id,question,answer,tags\n1,q,a,\x00\n", 2, "tags holds a NUL character", "Remove it."),
        ("id,question,answer,updated_at\n1,q,a,31.03.2026\n", 2, "updated_at is '31.03.2026'", DATE),
        ("id,question,answer,updated_at\n1,q,a,2026-02-30\n", 2, "updated_at is '2026-02-30'", DATE),
        ("id,question,answer,updated_at\n1,q,a,2026-03-31 or so\n", 2, "updated_at is '2026-03-31 or so'", DATE),
        ("id,question,answer,updated_at\n1,q,a,yesterday\n", 2, "updated_at is 'yesterday'", DATE),
        (
            'id,question,answer\n1,"q,a\n2,q,a\n',
            3,
            "not valid CSV: unexpected end of data",
            "Mend the quotes.",
        ),
        ('id,question,answer\n1,"q" x,a\n', 2, "not valid CSV: ',' expected after '\"'", "Mend the quotes."),
        ('id,question,answer\n1,q,"one\ntwo\n\nthree"\n2,,a\n', 6, "question is empty", EMPTY),
        ('id,question,answer\r\n1,q,"one\r\ntwo"\r\n2,,a\r\n', 4, "question is empty", EMPTY),
        ("id,question,answer\n1,q,a\n\n\n2,,a\n", 5, "question is empty", EMPTY),
        ("id,question,answer\n7,q,a\n8,q,a\n7,r,b\n", 4, "the id '7' was used in history.csv:2", "Give it its own."),
    ],
)
def test_a_wrong_csv_is_refused_with_line_problem_and_fix(
    text: str, line: int, problem: str, fix: str, tmp_path: Path
) -> None:
    path = knowledge_file(tmp_path, text)
    with pytest.raises(AssistantError) as caught:
        read_knowledge([path])
    assert str(caught.value) == f"{path}:{line}: {problem}. {fix}"


OBJECT = 'Write {"id": ..., "question": ..., "answer": ...}.'
TEXT = "Write text in quotes."


@pytest.mark.parametrize(
    ("text", "line", "problem", "fix"),
    [
        ("[]", 1, "not an object", OBJECT),
        ('\n"words"', 2, "not an object", OBJECT),
        ("null", 1, "not an object", OBJECT),
        ("{}", 1, "id is empty", EMPTY),
        ('{"id": "1", "question": "q"}', 1, "answer is empty", EMPTY),
        ('{"id": "1", "question": null, "answer": "a"}', 1, "question is empty", EMPTY),
        ('{"id": 1, "question": "q", "answer": "a"}', 1, "id is 1", TEXT),
        ('{"id": 0, "question": "q", "answer": "a"}', 1, "id is 0", TEXT),
        ('{"id": "1", "question": "q", "answer": false}', 1, "answer is False", TEXT),
        ('{"id": "1", "question": ["q"], "answer": "a"}', 1, "question is ['q']", TEXT),
        ('{"id": "1", "question": "q", "answer": NaN}', 1, "answer is nan", TEXT),
        ('{"id": "1", "question": "q", "answer": "a", "tags": [1, "b"]}', 1, "tags is [1, 'b']", TEXT),
        ('{"id": "1", "question": "q", "answer": "a", "tags": {"b": 1}}', 1, "tags is {'b': 1}", TEXT),
        (
            '{"id": "1", "question": "q", "answer": "a"}\n{"id": "2", "qestion": "q", "answer": "a"}',
            2,
            "unknown key 'qestion'",
            "Remove it. Did you mean 'question'?",
        ),
        ('{"id": "1", "": "q"}', 1, "unknown key ''", "Remove it."),
        (
            '{"id": "1", "question": "\\u0000", "answer": "a"}',
            1,
            "question holds a NUL character",
            "Remove it.",
        ),
        (
            '{"id": "1", "question": "q", "answer": "so \\ud83d"}',
            1,
            "answer holds half a character, 'so \\ud83d'",
            "Mend the escape.",
        ),
        (
            '{"id": "1", "question": "q", "answer": "a", "updated_at": "soon"}',
            1,
            "updated_at is 'soon'",
            DATE,
        ),
        (
            '{"id": "1", "question": "q", "answer": "a"}\n\n{"id": "1", "question": "r", "answer": "b"}',
            3,
            "the id '1' was used in history.jsonl:1",
            "Give it its own.",
        ),
    ],
)
def test_a_wrong_json_line_is_refused_with_line_problem_and_fix(
    text: str, line: int, problem: str, fix: str, tmp_path: Path
) -> None:
    path = knowledge_file(tmp_path, text, "history.jsonl")
    with pytest.raises(AssistantError) as caught:
        read_knowledge([path])
    assert str(caught.value) == f"{path}:{line}: {problem}. {fix}"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"id": "1"', id="cut short"),
        pytest.param("{'id': '1'}", id="single quotes"),
        pytest.param("id,question,answer", id="CSV"),
        pytest.param('{"id": "1", "question": "a\tb", "answer": "c"}', id="raw tab in a string"),
        pytest.param('{"id": ' + "1" * 5_000 + "}", id="a number of 5,000 digits"),
        pytest.param("[" * 100_000, id="100,000 open brackets"),
        pytest.param('{"id": ' * 100_000, id="100,000 braces"),
    ],
)
def test_what_is_not_json_is_refused_with_its_line(text: str, tmp_path: Path) -> None:
    path = knowledge_file(tmp_path, f'{{"id": "0", "question": "q", "answer": "a"}}\n{text}\n', "history.jsonl")
    with pytest.raises(AssistantError) as caught:
        read_knowledge([path])
    assert str(caught.value).startswith(f"{path}:2: not valid JSON: ")
    assert caught.value.fix == "Write one object a line."


def test_an_id_used_in_another_file_is_refused_with_both_places(tmp_path: Path) -> None:
    first = knowledge_file(tmp_path, "id,question,answer\nh1,q,a\nh2,q,a\n", "a.csv")
    second = knowledge_file(tmp_path, '{"id": " h2 ", "question": "q", "answer": "a"}', "b.jsonl")
    with pytest.raises(AssistantError) as caught:
        read_knowledge([first, second])
    assert str(caught.value) == f"{second}:1: the id 'h2' was used in a.csv:3. Give it its own."


def test_an_intent_without_examples_is_refused_with_the_likely_one(tmp_path: Path) -> None:
    path = knowledge_file(tmp_path, "id,question,answer,intent\n1,q,a,greet\n2,q,a,\n3,q,a,gret\n4,q,a,qqqqq\n")
    with pytest.raises(AssistantError) as caught:
        read_knowledge([path], ["greet", "bye"])
    assert str(caught.value) == (
        f"{path}:4: the intent 'gret' has no examples. Leave it empty or mend it. Did you mean 'greet'?"
    )
    assert [pair.intent for pair in read_knowledge([path])] == ["greet", "", "gret", "qqqqq"]  # any, if none is given


@pytest.mark.parametrize("name", ["history.csv", "history.jsonl"])
def test_what_is_no_text_file_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with pytest.raises(AssistantError, match="there is no such file"):
        read_knowledge([path])
    path.write_bytes(b"id,question,answer\n1,caf\xe9,a\n")
    with pytest.raises(AssistantError) as caught:
        read_knowledge([path])
    assert str(caught.value).startswith(f"{path}:2: is not UTF-8 text (byte 24 is 0xE9)")
    assert caught.value.fix == "Save the file as UTF-8."
    path.unlink()
    path.mkdir()
    with pytest.raises(AssistantError, match=r": is not a regular file\. Put a text file there\.$"):
        read_knowledge([path])


@pytest.mark.parametrize(
    "row",
    [
        {"question": "q" * MAX_QUESTION_CHARS, "answer": "a"},
        {"question": "q", "answer": "a" * MAX_ANSWER_CHARS},
        {"question": f"  {'q' * MAX_QUESTION_CHARS}  ", "answer": "a"},
    ],
)
def test_texts_of_the_longest_length_are_taken(row: dict[str, Any]) -> None:
    pair = parse_pair({"id": "1", **row}, Path("history.csv"), 2)
    assert (pair.question, pair.answer) == (row["question"].strip(), row["answer"])


texts = st.text(  # without apostrophes: the guard against formulas, which begins with one, has its own tests
    st.characters(codec="utf-8", exclude_characters="\x00'") | st.sampled_from(",\"'\r\n =|;"), min_size=1, max_size=30
)
filled = texts.filter(lambda text: bool(text.strip()))
tags = st.lists(filled.map(lambda text: text.replace("|", "").strip()).filter(bool), max_size=3)
ids = (
    filled.map(lambda text: "".join(text.splitlines())).map(str.strip).filter(lambda text: text and text.isprintable())
)
locales = st.sampled_from(["", "en", "zh-CN", "sr-Latn-RS", "de-CH-1996"])
dates = st.just("") | st.dates().map(str) | st.datetimes(timezones=st.none() | st.timezones()).map(str)
pairs_written = st.lists(
    st.builds(
        lambda tags, **values: Pair(tags=tuple(tags), **{name: value.strip() for name, value in values.items()}),
        id=ids,
        question=filled,
        answer=filled,
        intent=texts,
        tags=tags,
        locale=locales,
        source=texts,
        updated_at=dates,
    ),
    max_size=4,
    unique_by=lambda pair: pair.id,
)


@settings(max_examples=100, deadline=None)
@given(pairs=pairs_written)
def test_pairs_written_by_any_csv_or_json_writer_are_read_back(
    pairs: list[Pair], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("knowledge", numbered=True)
    with (folder / "a.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({**pair.to_dict(), "tags": "|".join(pair.tags)} for pair in pairs)
    lines = "\n".join(json.dumps(pair.to_dict()) for pair in pairs)
    (folder / "a.jsonl").write_text(lines, "utf-8")
    assert read_knowledge([folder / "a.csv"]) == tuple(pairs)
    assert read_knowledge([folder / "a.jsonl"]) == tuple(pairs)


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=100) | st.text(alphabet='id,question,answer\n\r"{}[]:\\u0', max_size=60))
def test_any_text_is_either_read_or_refused(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    for path in (
        knowledge_file(folder, text, "any.csv"),
        knowledge_file(folder, f"id,question,answer\n{text}", "any.csv"),
        knowledge_file(folder, text, "any.jsonl"),
    ):
        with contextlib.suppress(AssistantError):
            assert all(pair.id and pair.question and pair.answer for pair in read_knowledge([path]))
