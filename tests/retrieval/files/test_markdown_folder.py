from pathlib import Path

import pytest

from configs import AssistantError
from retrieval.files import BadRow, Row, open_knowledge

REFUNDS = """---
tags: [money, returns]
locale: en
---
# Refunds

What we pay back.

## How long

Five *working* days.

- to your card
- or as a voucher

## Can I get cash?
No.

### Even in the shop?

## Empty heading

<!-- nothing to see -->
"""


def pages(root: Path, **texts: str) -> Path:
    for name, text in texts.items():
        path = root / name.replace("__", "/")
        path = path.with_name(f"{path.name}.md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def read(root: Path) -> list[tuple[str, str, str]]:
    """Id, question and answer of each section."""
    rows = list(open_knowledge(root).rows())
    assert all(isinstance(row, Row) for row in rows)
    return [(row.pair.id, row.pair.question, row.pair.answer) for row in rows if isinstance(row, Row)]


def test_each_heading_with_text_below_is_a_pair(tmp_path: Path) -> None:
    rows = list(open_knowledge(pages(tmp_path, help__refunds=REFUNDS)).rows())
    assert [(row.line, row.pair.to_dict()) for row in rows if isinstance(row, Row)] == [
        (line, {"id": f"help/refunds.md#{slug}", "question": question, "answer": answer, **more})
        for line, slug, question, answer, more in [
            (
                line,
                slug,
                question,
                answer,
                {"tags": ("money", "returns"), "locale": "en", "source": "help/refunds.md"},
            )
            for line, slug, question, answer in [
                (5, "refunds", "Refunds", "What we pay back."),
                (
                    9,
                    "how-long",
                    "Refunds › How long",
                    "Five *working* days.\n\n- to your card\n- or as a voucher",
                ),
                (16, "can-i-get-cash", "Can I get cash?", "No."),
            ]
        ]
    ]
    assert len(rows) == 3


def test_a_question_that_stands_in_two_places_has_its_page_in_front(tmp_path: Path) -> None:
    page = "# {}\n\n## How long does it take?\n\n{} days\n\n## When?\n\nSoon.\n"
    root = pages(tmp_path, a=page.format("Refunds", 5), b=page.replace("When?", "Why?").format("Parcels", 2))
    assert [question for _, question, _ in read(root)] == [
        "Refunds › How long does it take?",
        "When?",
        "Parcels › How long does it take?",
        "Why?",
    ]


def test_all_headings_above_stand_in_front_where_the_page_does_not_suffice(tmp_path: Path) -> None:
    text = "# Help\n## Refunds\n### How long\n5\n## Parcels\n### How long\n2\n## How much\n9\n"
    assert read(pages(tmp_path, a=text)) == [
        ("a.md#how-long", "Help › Refunds › How long", "5"),
        ("a.md#how-long-1", "Help › Parcels › How long", "2"),
        ("a.md#how-much", "Help › How much", "9"),
    ]


def test_an_id_does_not_change_with_what_stands_around_it(tmp_path: Path) -> None:
    before = read(pages(tmp_path, a="# A\n\n## Cost & time\n\nx\n"))
    after = read(pages(tmp_path, a="# A\n\nNew.\n\n## New one\n\ny\n\n## Cost & time\n\nx\n"))
    assert before == [("a.md#cost--time", "A › Cost & time", "x")]
    assert before[0] in after


def test_headings_of_every_form_are_read_and_code_is_not_taken_for_one(tmp_path: Path) -> None:
    text = (
        "Title\n=====\n\nA `code` *word*\nover two lines\n---\n\n```\n# not a heading\n```\n\n"
        "> # quoted\n\n## [Link](x) and ![alt](y) ##\n\nz\n\n#\n\nunder nothing\n"
    )
    assert read(pages(tmp_path, a=text)) == [
        (
            "a.md#a-code-word-over-two-lines",
            "Title › A code word over two lines",
            "```\n# not a heading\n```\n\n> # quoted",
        ),
        ("a.md#link-and-alt", "Title › Link and alt", "z"),
    ]


def test_a_page_may_have_its_title_in_front_or_none(tmp_path: Path) -> None:
    root = pages(
        tmp_path,
        a="---\ntitle: Opening hours\n---\nFrom 9 to 5.\n\n## On Sundays\n\nClosed.\n",
        returns="## How to\n\nSend it.\n",
        zh="# 退款\n\n## 多久能到账？\n\n五天。\n\n## 方式\n\n原路退回。\n",
    )
    assert read(root) == [
        ("a.md#opening-hours", "Opening hours", "From 9 to 5."),
        ("a.md#on-sundays", "Opening hours › On Sundays", "Closed."),
        ("returns.md#how-to", "returns › How to", "Send it."),
        ("zh.md#多久能到账", "多久能到账？", "五天。"),
        ("zh.md#方式", "退款 › 方式", "原路退回。"),
    ]


def test_line_endings_change_nothing(tmp_path: Path) -> None:
    root = pages(tmp_path, refunds=REFUNDS)
    expected = read(root)
    (root / "refunds.md").write_bytes(REFUNDS.replace("\n", "\r\n").encode())
    assert read(root) == expected


def test_a_bad_page_or_section_is_reported_and_the_others_are_read(tmp_path: Path) -> None:
    root = pages(
        tmp_path,
        a="---\ntags: [\n---\n# A\n\nx\n",
        b="---\n- x\n---\n# A\n\nx\n",
        c="---\nlocale: english!\n---\n\n# A\n\nx\n",
        d="# A\n\n" + "x" * 20_001,
        e="# E\n\nfine\n",
        f="---\ntitle: 7\n---\nx\n",
    )
    (root / "g.md").write_bytes(b"# G\n\ncaf\xe9\n")
    found = [(row.line, row.pair.id if isinstance(row, Row) else row.message) for row in open_knowledge(root).rows()]
    assert found == [
        (1, "a.md: its front matter is not valid YAML. Mend what stands between `---`."),
        (1, "b.md: its front matter is not a mapping. Write `tags: [a, b]` lines between `---`."),
        (5, "c.md: locale is 'english!'. Write a language tag such as en or zh-CN."),
        (1, "d.md: answer has 20,001 characters. Shorten it to 20,000."),
        (1, "e.md#e"),
        (1, "f.md: title is 7. Write text in quotes."),
        (3, "g.md: is not UTF-8 text. Save the file as UTF-8."),
    ]


def test_links_that_lead_outside_are_refused_and_inside_are_not_read_twice(tmp_path: Path) -> None:
    outside = pages(tmp_path / "outside", private="# S\n\nx\n")
    root = pages(tmp_path / "help", a="# A\n\nx\n", sub__b="# B\n\nx\n")
    (root / "c.md").symlink_to(outside / "private.md")
    (root / "sub" / "d.md").symlink_to(root / "a.md")
    (root / "folder").symlink_to(outside, target_is_directory=True)
    (root / ".hidden").mkdir()
    pages(root / ".hidden", h="# H\n\nx\n")
    assert [row.pair.id if isinstance(row, Row) else row for row in open_knowledge(root).rows()] == [
        BadRow(
            line=1, problem="is a link that leads outside the folder", fix="Copy the file into the folder.", file="c.md"
        ),
        "a.md#a",
        "sub/b.md#b",
    ]


def test_a_page_without_pairs_is_said(tmp_path: Path) -> None:
    opened = open_knowledge(pages(tmp_path, a="just text\n", b="# B\n\nx\n"))
    assert opened.notes == ("a.md: no heading with text below it, so no pair",)
    assert (opened.format, opened.encoding, opened.total) == ("markdown", "utf-8", 2)
    assert [opened.position() for _ in opened.rows()] == [2]


def test_a_folder_without_pages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssistantError, match="holds no Markdown page"):
        open_knowledge(tmp_path)
