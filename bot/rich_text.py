"""Markdown in answers, for pages as sanitised HTML and for messengers as plain text.

Nothing of a text can run or reach out of its place, whoever wrote it: raw HTML is shown as text, links lead to the web,
to mail or to a telephone, pictures come over https, and what would turn the direction of a page's text is left out.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from html import escape

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

MAX_CHARS = 20_000
MAX_MARKED_UP_CHARS = 6_000  # what is longer, or holds more marks, is shown as plain paragraphs
MAX_MARKS = 600
SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_BLOCKS = ("blockquote", "br", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "ul")
_TABLES = ("table", "tbody", "td", "th", "thead", "tr")
TAGS = frozenset(("a", "code", "del", "em", "img", "s", "strong", *_BLOCKS, *_TABLES))
ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "ol": {"start"}}
_UNFIT = re.compile("[\u202a-\u202e\u2066-\u2069\ud800-\udfff]")  # turn the text around them; half characters
_ACCENT = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_STACKED = re.compile(f"({_ACCENT}{{4}}){_ACCENT}+")
_MARKS = re.compile(r"[*_~`\[\]!<>|#&\\]")
_WEB = r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&()*+,;=%]{1,2000}"
_MAIL = r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+"
_ADDRESS = re.compile(f"{_WEB}|{_MAIL}")
_AFTER_ADDRESS = ".,:;!?*_~…。，！？；：、）】》"
_TARGET = r"(?:https?://|mailto:|tel:)[^\s()<>]{1,2000}(?:\([^\s()<>]{0,200}\)[^\s()<>]{0,200})?"
_TITLE = r"(?:\s+\"[^\"\n]{0,200}\")?"
_LINK = re.compile(rf"!?\[([^\[\]\n]{{1,500}})\]\(\s*<?({_TARGET})>?{_TITLE}\s*\)")
_STRONG = re.compile(r"(?<![*A-Za-z0-9_\\])\*\*(?=\S)([^*\n]{1,1000}?)(?<=\S)\*\*(?![*A-Za-z0-9_])")


@lru_cache(maxsize=512)
def html(markdown: str) -> str:
    """`markdown` as HTML that a page may take in as it is."""
    text = safe_text(markdown)
    is_plain = len(text) > MAX_MARKED_UP_CHARS or sum(1 for _ in _MARKS.finditer(text)) > MAX_MARKS
    made = _paragraphs(text) if is_plain else _MARKDOWN.render(text)
    clean = nh3.clean(
        made,
        tags=set(TAGS),
        attributes=ATTRIBUTES,
        attribute_filter=_attribute,
        url_schemes=set(SCHEMES),
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        strip_comments=True,
    )
    return _fit(clean).strip()


def plain_text(markdown: str) -> str:
    """`markdown` for who shows no markup: `[x](url)` becomes `x (url)` and `**x**` becomes `x`; all else stays."""
    text, rest = _fit(markdown[:MAX_CHARS]), _fit(markdown[MAX_CHARS:])
    return _STRONG.sub(r"\1", _LINK.sub(_named_link, text)) + rest


def safe_text(text: str) -> str:
    """`text` without what turns its direction or piles up above a line, cut to `MAX_CHARS`."""
    return _STACKED.sub(r"\1", _fit(text[:MAX_CHARS]))


def _fit(text: str) -> str:
    return _UNFIT.sub("", text)


def _named_link(found: re.Match[str]) -> str:
    name, address = found[1], found[2]
    bare = address.removeprefix("mailto:").removeprefix("tel:")
    return address if name == address else bare if name == bare else f"{name} ({bare})"


def _attribute(tag: str, name: str, value: str) -> str | None:
    """A value that may stay; a picture comes over https or not at all."""
    if tag == "img" and name == "src" and not value.lower().startswith("https://"):
        return None
    return value


def _paragraphs(text: str) -> str:
    parts = re.split(r"\n{2,}", text.strip())
    return "\n".join(f"<p>{'<br>'.join(escape(part).splitlines())}</p>" for part in parts)


def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 20})
    parser.validateLink = _is_absolute  # type: ignore[method-assign]
    parser.enable(["strikethrough", "table"])
    parser.core.ruler.push("addresses", _link_addresses)
    parser.core.ruler.push("pictures", _drop_pictures)
    return parser


def _is_absolute(url: str) -> bool:
    """Whether an address says itself where it leads; one that does not would lead into the page around it."""
    scheme, colon, rest = url.partition(":")
    return bool(colon and rest) and scheme.lower() in SCHEMES


def _link_addresses(state: StateCore) -> None:
    """Makes links of bare web and mail addresses."""
    for token in state.tokens:
        if token.type == "inline" and token.children:
            token.children = list(_linked(token.children))


def _linked(children: Sequence[Token]) -> Iterator[Token]:
    depth = 0
    for child in children:
        depth += {"link_open": 1, "link_close": -1}.get(child.type, 0)
        if child.type == "text" and not depth and ("://" in child.content or "@" in child.content):
            yield from _text_and_links(child.content)
        else:
            yield child


def _text_and_links(content: str) -> Iterator[Token]:
    done = 0
    for found in _ADDRESS.finditer(content):
        address = _trimmed(found[0])
        if "://" in address and len(address) <= len("https://"):
            continue
        yield _text(content[done : found.start()])
        yield Token("link_open", "a", 1, attrs={"href": address if "://" in address else f"mailto:{address}"})
        yield _text(address)
        yield Token("link_close", "a", -1)
        done = found.start() + len(address)
    yield _text(content[done:])


def _trimmed(address: str) -> str:
    """Without what ends the sentence around it."""
    address = address.rstrip(_AFTER_ADDRESS)
    while address.endswith(")") and address.count(")") > address.count("("):
        address = address[:-1].rstrip(_AFTER_ADDRESS)
    return address


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _drop_pictures(state: StateCore) -> None:
    """Leaves of pictures that do not come over https their words."""
    for token in state.tokens:
        for child in token.children or ():
            if child.type == "image" and not str(child.attrGet("src") or "").lower().startswith("https://"):
                child.type, child.tag, child.attrs, child.children = "text", "", {}, None


_MARKDOWN = _markdown()
