"""A folder of help pages in Markdown: each heading with text below it is a pair.

The heading is the question and the Markdown below it, up to the next heading, the answer. A heading that is no question
by itself, or stands in several places, has the page's title in front: "Refunds › How long".
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from configs.errors import AssistantError
from configs.yaml_file import parse_yaml, read_text
from retrieval.files.folder_files import files_under
from retrieval.files.rows import BadRow, Row, checked_row

ENDINGS = frozenset({".md", ".markdown"})
BETWEEN = " › "
FRONT_MATTER_KEYS = ("title", "tags", "locale")
MAX_PAGE_CHARS = 4_000_000
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_NOT_IN_SLUG = re.compile(r"[^\w\- ]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with text below it.

    Attributes:
        titles: The page's title, then the headings above this one, then this one; equal neighbours count once.
        slug: Names it in its page, as GitHub's links do.
        line: 1-based, of the heading.
        text: The Markdown below it.
    """

    titles: tuple[str, ...]
    slug: str
    line: int
    text: str

    @property
    def wordings(self) -> tuple[str, ...]:
        """What it may be called: its heading, if that is a question; the page and it; all above and it."""
        alone = (self.titles[-1],) if len(self.titles) == 1 or self.titles[-1].endswith(("?", "？")) else ()
        with_page = BETWEEN.join((self.titles[0], self.titles[-1])) if len(self.titles) > 1 else self.titles[0]
        return tuple(dict.fromkeys((*alone, with_page, BETWEEN.join(self.titles))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A help page: its sections, and what its front matter says of all of them."""

    sections: tuple[Section, ...]
    tags: Any = ()
    locale: Any = ""


class MarkdownFolder:
    """The pages of a folder. They are read twice: once to learn which headings stand in several places."""

    format = "markdown"
    encoding = "utf-8"

    def __init__(self, root: Path) -> None:
        """Reads all headings.

        Raises:
            AssistantError: There is no page.
        """
        self.path = root
        self._pages, self._refused = files_under(root, ENDINGS)
        if not self._pages and not self._refused:
            raise AssistantError(root, None, "holds no Markdown page", "Put files that end in .md there.")
        self.total: int | None = len(self._pages)
        self._position = 0
        self._uses: Counter[int] = Counter()
        notes = []
        for path in self._pages:
            try:
                page = read_page(path)
            except AssistantError:
                continue  # `rows` says so
            self._uses.update(hash(wording) for section in page.sections for wording in section.wordings)
            if not page.sections:
                notes.append(f"{self._name(path)}: no heading with text below it, so no pair")
        self.notes: tuple[str, ...] = tuple(notes)

    def rows(self) -> Iterator[Row | BadRow]:
        """Each section, page by page in the order of their paths."""
        yield from self._refused
        for position, path in enumerate(self._pages, start=1):
            self._position = position
            try:
                page = read_page(path)
            except AssistantError as error:
                yield in_file(BadRow.of(error, error.line or 1), self._name(path))
                continue
            for section in page.sections:
                yield self._row(path, page, section)

    def position(self) -> int:
        """Pages read."""
        return self._position

    def _row(self, path: Path, page: Page, section: Section) -> Row | BadRow:
        name = self._name(path)
        values = {
            "id": f"{name}#{section.slug}",
            "question": self._question(section),
            "answer": section.text,
            "tags": page.tags,
            "locale": page.locale,
            "source": name,
        }
        return in_file(checked_row(values, path, section.line), name)

    def _question(self, section: Section) -> str:
        """The shortest wording that no other section has; the longest where all are taken."""
        return next((w for w in section.wordings if self._uses[hash(w)] <= 1), section.wordings[-1])

    def _name(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()


def in_file(row: Row | BadRow, name: str) -> Row | BadRow:
    """The row; a bad one says which file of the folder it stands in."""
    if isinstance(row, Row):
        return row
    return BadRow(line=row.line, problem=row.problem, fix=row.fix, file=name)


def read_page(path: Path) -> Page:
    """The sections of one page.

    Raises:
        AssistantError: It cannot be read, is too long, or its front matter is not YAML.
    """
    text = read_text(path).replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > MAX_PAGE_CHARS:
        raise AssistantError(path, None, f"has {len(text):,} characters", "Split the page.")
    front, body, first_line = _front_matter(text, path)
    title = front.get("title")
    if title is not None and not isinstance(title, str):
        raise AssistantError(path, 1, f"title is {title!r}", "Write text in quotes.")
    sections = tuple(_sections(body, (title or "").strip(), path.stem, first_line))
    tags, locale = front.get("tags"), front.get("locale")
    return Page(sections=sections, tags=tags, locale=locale)


def _front_matter(text: str, path: Path) -> tuple[dict[str, Any], str, int]:
    """What stands between the two `---`, the page without it, and the line before which the page begins."""
    found = _FRONT_MATTER.match(text)
    if not found:
        return {}, text, 0
    try:
        data = parse_yaml(found[1], path).data
    except yaml.YAMLError as error:
        raise AssistantError(
            path, 1, "its front matter is not valid YAML", "Mend what stands between `---`."
        ) from error
    if not isinstance(data, dict):
        raise AssistantError(path, 1, "its front matter is not a mapping", "Write `tags: [a, b]` lines between `---`.")
    return data, text[found.end() :], found[0].count("\n")


def _sections(body: str, title: str, stem: str, first_line: int) -> Iterator[Section]:
    """The sections with text, of a page whose front matter names `title`, or not."""
    lines = body.split("\n")
    headings = _headings(body)
    page = title or next((text for _, _, level, text in headings if level == 1 and text), "") or stem
    slugs = _Slugs()
    above: list[tuple[int, str]] = []
    before = _text(lines, 0, headings[0][0] if headings else len(lines))
    if title and before:
        yield Section(titles=(title,), slug=slugs.new(title), line=first_line + 1, text=before)
    for index, (begin, end, level, heading) in enumerate(headings):
        above = [(other, text) for other, text in above if other < level]
        slug = slugs.new(heading)
        below = _text(lines, end, headings[index + 1][0] if index + 1 < len(headings) else len(lines))
        if heading and below:
            titles = [page, *(text for _, text in above), heading]
            distinct = tuple(text for at, text in enumerate(titles) if at == 0 or text != titles[at - 1])
            yield Section(titles=distinct, slug=slug, line=first_line + begin + 1, text=below)
        if heading:
            above.append((level, heading))


def _headings(body: str) -> list[tuple[int, int, int, str]]:
    """Each heading that stands in no list or quotation: its first line, the line behind it, its level and its text."""
    tokens = MarkdownIt("commonmark").parse(body)
    return [
        (token.map[0], token.map[1], int(token.tag[1:]), _plain(tokens[index + 1].children or []))
        for index, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0 and token.map
    ]


def _plain(tokens: Sequence[Token]) -> str:
    """The words of a heading, without its markup."""
    breaks = {"softbreak", "hardbreak"}
    text = "".join(
        " " if t.type in breaks else t.content for t in tokens if t.type in {"text", "code_inline", "image", *breaks}
    )
    return " ".join(text.split())


def _text(lines: Sequence[str], begin: int, end: int) -> str:
    """The Markdown of some lines; "" where nothing of it is shown."""
    text = "\n".join(lines[begin:end]).strip("\n").rstrip()
    return text if _COMMENT.sub("", text).strip() else ""


class _Slugs:
    """Names of the headings of one page, as GitHub makes them; the second of a name has -1 behind it."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def new(self, heading: str) -> str:
        name = _NOT_IN_SLUG.sub("", heading.lower()).replace(" ", "-") or "section"
        slug, number = name, 0
        while slug in self._taken:
            number += 1
            slug = f"{name}-{number}"
        self._taken.add(slug)
        return slug
