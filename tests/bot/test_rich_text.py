"""Markdown as HTML for pages and as text for messengers: what it becomes, and that nothing in it can do harm."""

import time
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.rich_text import ATTRIBUTES, MAX_CHARS, MAX_MARKED_UP_CHARS, SCHEMES, TAGS, html, plain_text, safe_text

LINK = 'target="_blank" rel="noopener noreferrer nofollow"'


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("", ""),
        ("Hello", "<p>Hello</p>"),
        ("one\ntwo\n\nthree", "<p>one<br>\ntwo</p>\n<p>three</p>"),
        (
            "**bold** *slanted* ~~gone~~ `code`",
            "<p><strong>bold</strong> <em>slanted</em> <s>gone</s> <code>code</code></p>",
        ),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("3. a", '<ol start="3">\n<li>a</li>\n</ol>'),
        ("# Title", "<h1>Title</h1>"),
        ("snake_case and 1 * 2 * 3 < 4 & 5", "<p>snake_case and 1 * 2 * 3 &lt; 4 &amp; 5</p>"),
        (
            "[shop](https://shop.example/a?b=1&c=2)",
            f'<p><a href="https://shop.example/a?b=1&amp;c=2" {LINK}>shop</a></p>',
        ),
        (
            "see https://shop.example/a_b.",
            f'<p>see <a href="https://shop.example/a_b" {LINK}>https://shop.example/a_b</a>.</p>',
        ),
        ("(http://a.example/b_(c))", f'<p>(<a href="http://a.example/b_(c)" {LINK}>http://a.example/b_(c)</a>)</p>'),
        (
            "请看https://a.example/b，谢谢",
            f'<p>请看<a href="https://a.example/b" {LINK}>https://a.example/b</a>，谢谢</p>',
        ),
        ("help@shop.example!", f'<p><a href="mailto:help@shop.example" {LINK}>help@shop.example</a>!</p>'),
        ("[ring](tel:+441234)", f'<p><a href="tel:+441234" {LINK}>ring</a></p>'),
        ("[https://a.example](https://b.example)", f'<p><a href="https://b.example" {LINK}>https://a.example</a></p>'),
        ("https://", "<p>https://</p>"),
        ("![a cat](https://a.example/c.png)", '<p><img src="https://a.example/c.png" alt="a cat"></p>'),
        ("![a cat](http://a.example/c.png)", "<p>a cat</p>"),
        ("![a cat](/c.png) [in](/admin)", "<p>![a cat](/c.png) [in](/admin)</p>"),
        ("[away](//evil.example)", "<p>[away](//evil.example)</p>"),
        (
            "| a |\n|---|\n| b |",
            "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>b</td>\n</tr>\n</tbody>\n</table>",
        ),
    ],
)
def test_markdown_becomes_html(markdown: str, expected: str) -> None:
    assert html(markdown) == expected


class Found(HTMLParser):
    """What a browser would find in a piece of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attributes]

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def check_harmless(text: str) -> None:
    found = Found(text)
    assert set(found.tags) <= TAGS
    for tag, name, value in found.attributes:
        assert name in ATTRIBUTES.get(tag, set()) | ({"rel", "target"} if tag == "a" else set())
        if name == "href":
            assert urlsplit(value.strip()).scheme.lower() in SCHEMES
        if name == "src":
            assert value.lower().startswith("https://")
    assert not any(character in text for character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert sum(tag == "a" for tag in found.tags) == sum(
        (tag, name, value) == ("a", "rel", "noopener noreferrer nofollow") for tag, name, value in found.attributes
    )


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<a href='javascript:alert(1)'>x</a>",
    "<iframe src=https://evil.example></iframe>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>]]>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](<java\nscript:alert(1)>)",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A;&#x61;vascript&colon;alert(1))",
    "[x](%6aavascript:alert(1))",
    "[x](\u0001javascript:alert(1))",
    "[x](vbscript:x)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](file:///etc/passwd)",
    "<javascript:alert(1)>",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml,<svg onload=alert(1)>)",
    '![x](https://a.example/b.png" onerror="alert(1))',
    '[x](https://a.example "\\" onmouseover=\\"alert(1)")',
    '[a](https://b.example/"onclick="alert(1))',
    'https://a.example/"onmouseover="alert(1)',
    "https://a.example/<script>",
    "https://a.example/&quot;onclick=alert(1)",
    'x@y.example" onclick=alert(1)',
    "[x]: javascript:alert(1)\n\n[x]",
    "`<script>`",
    "```<script>\n</script>\n```",
    "```html onclick=alert(1)\nx\n```",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "a \u202e evil \u2067",
    "&#8238; &#x202e; &#8295;",
    "[a\u202eb](https://x.example/\u202e)",
    "![a&#8238;b](https://x.example/a.png)",
    "\ud83d",
    "\x00<scr\x00ipt>",
    "{{constructor.constructor('alert(1)')()}}",
    "<p style='position:fixed;inset:0'>",
    "<form action=https://evil.example><input name=password>",
    "<base href=https://evil.example>",
    "<meta http-equiv=refresh content=0>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_a_hostile_text_can_run(text: str) -> None:
    check_harmless(html(text))
    assert "<script" not in html(text).lower()


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from([*HOSTILE, "[", "](", ")", "<", ">", "*", "_", "`", "\n", "|", "&#", ";", '"', "!", "\\", "a"]),
        max_size=8,
    )
)
@example(["![", "[x](javascript:alert(1))", "](https://a.example/b.png)"])
def test_nor_of_several_put_together(parts: list[str]) -> None:
    text = "".join(parts)
    check_harmless(html(text))
    assert isinstance(plain_text(text), str)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_nor_of_any_text(text: str) -> None:
    check_harmless(html(text))


HUGE = {
    "letters": "a" * 1_000_000,
    "words": "word " * 200_000,
    "brackets": "[" * 100_000,
    "links": "[a](b" * 20_000,
    "pictures": "![a](" * 20_000,
    "stars": "*a " * 30_000,
    "stars and more": "*a **b " * 20_000,
    "underscores": "_a_" * 30_000,
    "ticks": "`a``" * 30_000,
    "quotes": ">" * 100_000,
    "lists": "- " * 50_000,
    "nested lists": "\n".join(" " * 2 * depth + "- x" for depth in range(400)),
    "tables": "|" * 5_000 + "\n" + "|-" * 5_000,
    "entities": "&" * 100_000,
    "angles": "<" * 100_000,
    "backslashes": "\\" * 100_000,
    "addresses": "https://a.example/" * 10_000,
    "mails": "a@" * 50_000,
    "dots": "a." * 50_000 + "@",
    "brackets after addresses": "https://a" + ")" * 100_000,
    "accents": "a" + "\u0301" * 100_000,
    "empty lines": "\n" * 100_000,
    "just under": "**a** [b](https://c.example) `d`\n" * (MAX_MARKED_UP_CHARS // 33),
}


@pytest.mark.parametrize("name", HUGE)
def test_a_huge_text_is_cut_and_costs_little_time(name: str) -> None:
    begun = time.perf_counter()
    made = html(HUGE[name])
    plain = plain_text(HUGE[name])
    spent_s = time.perf_counter() - begun

    check_harmless(made)
    assert len(plain) <= len(HUGE[name])
    assert len(made) <= 10 * MAX_CHARS
    assert spent_s < 1.0


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("2*3*4 and snake_case and __init__ and a ** b", "2*3*4 and snake_case and __init__ and a ** b"),
        ("**x** and **two words**, a**b**c", "x and two words, a**b**c"),
        ("***x***", "***x***"),
        ("[x](https://a.example)", "x (https://a.example)"),
        ('[x](https://a.example/b_(c) "title")', "x (https://a.example/b_(c))"),
        ("[https://a.example](https://a.example)", "https://a.example"),
        ("[me@a.example](mailto:me@a.example)", "me@a.example"),
        ("[ring](tel:+441)", "ring (+441)"),
        ("![cat](https://a.example/c.png)", "cat (https://a.example/c.png)"),
        ("[not a link] (https://a.example)", "[not a link] (https://a.example)"),
        ("array[0](call)", "array[0](call)"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("- a\n- b\n# c\n> d", "- a\n- b\n# c\n> d"),
        ("a\\*b", "a\\*b"),
        ("**[x](https://a.example)**", "x (https://a.example)"),
        ("价格是**九折**。", "价格是九折。"),
        ("pay \u202eevil", "pay evil"),
        ("", ""),
    ],
)
def test_for_messengers_only_links_and_bold_words_are_changed(markdown: str, expected: str) -> None:
    assert plain_text(markdown) == expected


@given(
    st.text(
        alphabet=st.characters(
            blacklist_characters="[*\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", blacklist_categories=["Cs"]
        ),
        max_size=300,
    )
)
def test_what_has_neither_stays_as_it_is(text: str) -> None:
    assert plain_text(text) == text


def test_accents_pile_up_only_so_high() -> None:
    assert safe_text("Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d e\u0301") == "Z\u0351\u036b\u0343\u036a e\u0301"
