from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs import AssistantError
from retrieval.files import Row, open_knowledge
from retrieval.files import text_encoding as module
from retrieval.files.text_encoding import TextEncoding, TextLines, detect_encoding, named_encoding

CHINESE = "id,question,answer\n1,怎么退款,退款会在五个工作日内到账\n"
WESTERN = "id,question,answer\n1,café,größer\n"


def written(folder: Path, raw: bytes, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"id,question,answer\n", "utf-8"),
        (b"", "utf-8"),
        (CHINESE.encode(), "utf-8"),
        (CHINESE.encode("utf-8-sig"), "utf-8 with BOM"),
        (CHINESE.encode("utf-16"), "utf-16-le"),
        (CHINESE.encode("utf-16-le"), "utf-16-le"),
        (CHINESE.encode("utf-16-be"), "utf-16-be"),
        (("\ufeff" + CHINESE).encode("utf-16-be"), "utf-16-be"),
        (CHINESE.encode("gbk"), "gb18030"),
        ("1,怎么退款\n".encode("gbk"), "gb18030"),
        ("1,退貨需要多久？我們收到商品後五個工作天內退款\n".encode("gb18030"), "gb18030"),
        ("1,这个是𠀀吗，怎么用\n".encode("gb18030"), "gb18030"),
    ],
)
def test_an_encoding_is_found_and_said(raw: bytes, name: str, tmp_path: Path) -> None:
    assert detect_encoding(written(tmp_path, raw)).name == name


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gbk", "gb18030"])
def test_pairs_read_the_same_in_every_encoding(codec: str, tmp_path: Path) -> None:
    (row,) = open_knowledge(written(tmp_path, CHINESE.encode(codec))).rows()
    assert isinstance(row, Row)
    assert (row.pair.id, row.pair.question, row.pair.answer) == ("1", "怎么退款", "退款会在五个工作日内到账")


@pytest.mark.parametrize(
    ("raw", "line", "problem"),
    [
        (WESTERN.encode("latin-1"), 2, "is not UTF-8 text (byte 24 is 0xE9)"),
        ("환불은 어떻게 하나요".encode("euc-kr"), 1, "is not UTF-8 text (byte 2 is 0xBA), and looks like cp949"),
        ("返金はいつですか".encode("shift-jis"), 1, "is not UTF-8 text (byte 0 is 0x95)"),
        ("返金はいつですか".encode("euc-jp"), 1, "is not UTF-8 text (byte 0 is 0xCA)"),
        ("a\n退貨需要多久".encode("big5"), 2, "is not UTF-8 text (byte 2 is 0xB0)"),
        (b"\xef\xbb\xbfab\ncd\xff", 2, "is not UTF-8 text (byte 8 is 0xFF)"),
        ("a\nb".encode("utf-16") + b"\x00", 2, "is not UTF-16 text (byte 8 is 0x00)"),
        ("a\nb".encode("utf-16-le") + b"\x00\xdc", 2, "is not UTF-16 text (byte 6 is 0x00)"),
        ("abc".encode("utf-32"), 1, "is not UTF-8 text: it is UTF-32"),
        ("abc€".encode()[:-1], 1, "is not UTF-8 text (byte 3 is 0xE2)"),
    ],
)
def test_other_bytes_are_refused_with_line_and_offset(raw: bytes, line: int, problem: str, tmp_path: Path) -> None:
    path = written(tmp_path, raw)
    with pytest.raises(AssistantError) as caught:
        detect_encoding(path)
    assert str(caught.value).startswith(f"{path}:{line}: {problem}")
    assert caught.value.fix == "Save the file as UTF-8."


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(alphabet="a€\n𠀀", max_size=12),
    wrong=st.sampled_from([b"", b"\xff", b"\xe2\x82"]),
    chunk=st.integers(1, 5),
)
def test_offset_and_line_are_right_wherever_chunks_end(
    text: str, wrong: bytes, chunk: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    raw = text.encode() + wrong
    path = written(tmp_path_factory.getbasetemp(), raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK_BYTES", chunk)
        with module.open_bytes(path) as file:
            fault = module._first_fault(file, "utf-8")
    if not wrong:
        assert fault is None
    else:
        assert fault is not None
        assert (fault.offset, fault.line, fault.byte) == (len(text.encode()), text.count("\n") + 1, wrong[0])


def test_an_encoding_may_be_named_and_is_checked(tmp_path: Path) -> None:
    path = written(tmp_path, "id,question,answer\n1,龘,a\n".encode("gbk"))
    with pytest.raises(AssistantError):
        open_knowledge(path)  # one rare character is too little to tell by
    (row,) = open_knowledge(path, encoding="GBK").rows()
    assert isinstance(row, Row)
    assert row.pair.question == "龘"
    with pytest.raises(AssistantError, match=r":2: is not utf-8 text \(byte 21 is 0xFD\)"):
        named_encoding(path, "utf-8")
    with pytest.raises(AssistantError, match="the encoding 'klingon' is not known"):
        named_encoding(path, "klingon")


def test_a_line_that_is_too_long_is_passed_over_in_pieces(tmp_path: Path) -> None:
    path = written(tmp_path, b"12345\n" + b"x" * 100 + b"\r\n1234567\nend")
    lines = TextLines(path, TextEncoding(name="utf-8", codec="utf-8"))
    assert list(lines.read(newline="\n", max_chars=8)) == ["12345\n", None, "1234567\n", "end"]
    assert lines.bytes_read == path.stat().st_size


def test_a_file_that_changes_under_the_reader_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, CHINESE.encode())
    opened = open_knowledge(path)
    path.write_bytes(b"id,question,answer\n1,caf\xe9,a\n")
    with pytest.raises(AssistantError, match="is not utf-8 text any more"):
        list(opened.rows())
