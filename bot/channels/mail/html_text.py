"""The words of a mail that comes as HTML only."""

import re
from html.parser import HTMLParser

_LEFT_OUT = frozenset({"script", "style", "head", "title", "template", "noscript"})
_QUOTED = frozenset({"blockquote"})
_BREAKS = frozenset({"br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "hr"})


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag in _LEFT_OUT or tag in _QUOTED:
            self._hidden.append(tag)
        elif tag in _BREAKS:
            self.found.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:  # what was left open inside ends with it
            del self._hidden[self._hidden.index(tag) :]
        elif tag in _BREAKS:
            self.found.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.found.append(re.sub(r"\s+", " ", data))


def text_of_html(html: str) -> str:
    """The text, line by line, without quotations."""
    parser = _Words()
    parser.feed(html)
    parser.close()
    lines = (line.strip() for line in "".join(parser.found).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
