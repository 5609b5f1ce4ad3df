"""A row of a file, or the body of a request, as a pair: every value is checked here and nowhere else.

Owns the names of the columns, their limits, and what each may hold. Knows no file format: a row is a mapping from
column names to text, or to a list where the format has lists.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from configs.errors import AssistantError
from configs.yaml_file import nearest
from retrieval.pair import FIELDS, Pair, PairButton

COLUMNS = tuple(FIELDS)
REQUIRED = ("id", "question", "answer")
WORDINGS = "questions"  # all wordings in one list, in the place of `question` and `also_asked`; in JSON alone
MAX_QUESTION_CHARS = 4_000
MAX_ANSWER_CHARS = 20_000
MAX_ALSO_ASKED = 500
MAX_ALSO_ASKED_CHARS = 30_000  # all together: a cell of Excel holds 32,767
MAX_ID_CHARS = 500
MAX_NAME_CHARS = 500
MAX_SOURCE_CHARS = 2_000
MAX_LOCALE_CHARS = 35
MAX_TAGS = 50
MAX_TAG_CHARS = 200
MAX_IMAGES = 10
MAX_IMAGE_CHARS = 2_000
MAX_BUTTONS = 10
MAX_TITLE_CHARS = 200
MAX_PAYLOAD_CHARS = 1_000

_LIMITS = {
    "id": MAX_ID_CHARS,
    "question": MAX_QUESTION_CHARS,
    "answer": MAX_ANSWER_CHARS,
    "intent": MAX_NAME_CHARS,
    "source": MAX_SOURCE_CHARS,
}
_LISTS = {"also_asked": re.compile(r"\r\n|\r|\n"), "tags": re.compile(r"\|"), "images": re.compile(r"\r\n|\r|\n")}
_TEXTS = tuple(column for column in COLUMNS if column not in _LISTS and column != "buttons")
_SURROGATE = re.compile("[\ud800-\udfff]")  # half of a pair, which JSON can escape and UTF-8 cannot hold
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# RFC 5646 in shape: subtags of letters and digits; which of them are registered is not looked up.
_LOCALE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*\Z")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?\Z"
)
_DATE_FIX = "Write a date such as 2026-03-31."


def parse_pair(row: Mapping[str, Any], path: Path, line: int) -> Pair:
    """One row as a pair; what is missing or null is empty, white space around a value is removed.

    Args:
        row: Text for each column. `also_asked`, `tags`, `images` and `buttons` may be lists; as text they are one
            wording a line, tags with `|` between, one address a line, and a JSON list. `questions` may stand in the
            place of `question` and `also_asked`.
        path: Only for messages.
        line: Only for messages.

    Raises:
        AssistantError: A column is missing, empty, too long, of the wrong type or outside what it may hold.
    """
    return _RowReader(row, path, line).pair()


def refuse_unknown(row: Mapping[str, Any], path: Path, line: int) -> None:
    """Lets pass a row whose keys are all known.

    Raises:
        AssistantError: A key is neither a column nor `questions`.
    """
    if unknown := set(row) - {*COLUMNS, WORDINGS}:
        name = min(unknown)
        raise AssistantError(path, line, f"unknown key {name!r}", f"Remove it.{nearest(name, COLUMNS)}")


class _RowReader:
    """Reads the values of one row, and knows where it stands."""

    def __init__(self, row: Mapping[str, Any], path: Path, line: int) -> None:
        self.row, self.path, self.line = row, path, line

    def pair(self) -> Pair:
        if self.row.get(WORDINGS) is not None:
            self.row = self.split_wordings()
        texts = {column: self.text(column, self.row.get(column)) for column in _TEXTS}
        lists = {column: self.items(column) for column in _LISTS}
        for column in REQUIRED:
            if not texts[column]:
                raise self.error(f"{column} is empty", "Fill it in or remove the row.")
        for column, limit in _LIMITS.items():
            self.check_length(column, texts[column], limit)
        if _CONTROL.search(texts["id"]):
            raise self.error(f"id is {_shown(texts['id'])}, with a line break or a control character", "Remove it.")
        self.check_lists(lists)
        pair = Pair(
            **{**texts, "locale": self.locale(texts["locale"])},
            also_asked=self.other_wordings(texts["question"], lists["also_asked"]),
            tags=lists["tags"],
            images=lists["images"],
            buttons=self.buttons(),
        )
        self.check_dates(pair)
        return pair

    def split_wordings(self) -> Mapping[str, Any]:
        wordings = self.row[WORDINGS]
        if not isinstance(wordings, list | tuple) or not wordings:
            raise self.error(f"{WORDINGS} is {_shown(wordings)}", 'Write a list such as ["How long?", "When?"].')
        for column in ("question", "also_asked"):
            if self.row.get(column):
                raise self.error(f"{column} stands beside {WORDINGS}", f"Put all wordings into {WORDINGS}.")
        return {**self.row, "question": wordings[0], "also_asked": wordings[1:]}

    def text(self, column: str, value: Any) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.error(f"{column} is {_shown(value)}", "Write text in quotes.")
        if "\x00" in value:
            raise self.error(f"{column} holds a NUL character", "Remove it.")
        if _SURROGATE.search(value):
            raise self.error(f"{column} holds half a character, {value[:60]!a}", "Mend the escape.")
        return value.strip()

    def items(self, column: str) -> tuple[str, ...]:
        """The values of a list; one written as text, or that holds the separator itself, is taken apart by it."""
        value = self.row.get(column)
        given = value if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value) else [value]
        texts = [self.text(column, item) for item in given]
        if column == "also_asked" and not isinstance(value, str):
            texts = [_LISTS[column].sub(" ", text) for text in texts]  # each is one wording: its lines are joined
        return tuple(item.strip() for text in texts for item in _LISTS[column].split(text) if item.strip())

    def check_lists(self, lists: Mapping[str, Sequence[str]]) -> None:
        most = {
            "also_asked": (MAX_ALSO_ASKED, MAX_QUESTION_CHARS),
            "tags": (MAX_TAGS, MAX_TAG_CHARS),
            "images": (MAX_IMAGES, MAX_IMAGE_CHARS),
        }
        for column, (count, chars) in most.items():
            self.check_count(column, len(lists[column]), count)
            for item in lists[column]:
                self.check_length(column, item, chars)
        self.check_length("also_asked", "\n".join(lists["also_asked"]), MAX_ALSO_ASKED_CHARS)
        for address in lists["images"]:
            if not _is_https(address):
                raise self.error(f"images holds {_shown(address)}", "Write an address that begins with https://.")

    def other_wordings(self, question: str, also_asked: Sequence[str]) -> tuple[str, ...]:
        """The other wordings, each once."""
        return tuple(wording for wording in dict.fromkeys(also_asked) if wording != question)

    def locale(self, text: str) -> str:
        tag = text.replace("_", "-")  # as Java and Rasa's older projects write it
        if tag and (len(tag) > MAX_LOCALE_CHARS or not _LOCALE.match(tag)):
            raise self.error(f"locale is {_shown(text)}", "Write a language tag such as en or zh-CN.")
        return tag

    def buttons(self) -> tuple[PairButton, ...]:
        value, fix = self.row.get("buttons"), 'Write [{"title": "Track it", "payload": "/track_order"}].'
        if isinstance(value, str):
            text = self.text("buttons", value)
            try:
                value = json.loads(text) if text else []
            except (ValueError, RecursionError) as error:
                raise self.error(f"buttons is {_shown(text)}, which is not JSON", fix) from error
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            raise self.error(f"buttons is {_shown(value)}", fix)
        self.check_count("buttons", len(value), MAX_BUTTONS)
        for button in value:
            if not isinstance(button, dict) or set(button) != {"title", "payload"}:
                raise self.error(f"buttons holds {_shown(button)}", fix)
        return tuple(self.button(button) for button in value)

    def button(self, button: Mapping[str, Any]) -> PairButton:
        title, payload = (self.text(f"a button's {key}", button[key]) for key in ("title", "payload"))
        if not title or not payload:
            raise self.error("a button's title or payload is empty", "Fill both in or remove the button.")
        self.check_length("a button's title", title, MAX_TITLE_CHARS)
        self.check_length("a button's payload", payload, MAX_PAYLOAD_CHARS)
        return PairButton(title=title, payload=payload)

    def check_dates(self, pair: Pair) -> None:
        try:
            if pair.updated_at:
                datetime.fromisoformat(pair.updated_at)
        except ValueError as error:
            raise self.error(f"updated_at is {_shown(pair.updated_at)}", _DATE_FIX) from error
        for column in ("valid_from", "valid_until"):
            text = getattr(pair, column)
            try:
                if text and not _MOMENT.match(text):
                    raise ValueError
                Pair(id="", question="", answer="", **{column: text}).valid_seconds  # noqa: B018 - asks for the error
            except ValueError as error:
                raise self.error(f"{column} is {_shown(text)}", f"{_DATE_FIX[:-1]} or 2026-03-31T18:00Z.") from error
            except OverflowError as error:
                raise self.error(f"{column} is {text!r}, too late", "Leave it empty for ever.") from error
        start, end = pair.valid_seconds
        if start > end:
            raise self.error(
                f"valid_from is {pair.valid_from!r}, after valid_until {pair.valid_until!r}", "Mend one of the two."
            )

    def check_count(self, column: str, count: int, limit: int) -> None:
        if count > limit:
            raise self.error(f"{column} has {count:,} values", f"Keep at most {limit:,}.")

    def check_length(self, column: str, text: str, limit: int) -> None:
        if len(text) > limit:
            raise self.error(f"{column} has {len(text):,} characters", f"Shorten it to {limit:,}.")

    def error(self, problem: str, fix: str) -> AssistantError:
        return AssistantError(self.path, self.line, problem, fix)


def _is_https(address: str) -> bool:
    """Whether it is a whole https address: with a host, without a user, blanks or control characters."""
    if _CONTROL.search(address) or any(character.isspace() for character in address):
        return False
    try:
        parts = urlsplit(address)
        return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False


def _shown(value: Any) -> str:
    try:
        text = ascii(value) if isinstance(value, str) and _SURROGATE.search(value) else repr(value)
    except RecursionError:
        return "nested too deeply"
    return text if len(text) <= 80 else f"{text[:80]}…"
