"""A stored question-answer pair: the one value that knowledge files, stores, releases and search exchange."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self

ALWAYS = (float("-inf"), float("inf"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PairButton:
    """A button under an answer: what it shows, and the message it sends."""

    title: str
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A question that was asked and the answer that was given.

    Attributes:
        question: How it is shown in lists; one of `questions`.
        answer: Markdown.
        also_asked: Other wordings of the question.
        intent: The intent the question also belongs to, or "".
        tags: Words to group pairs by.
        locale: A language tag such as `en` or `zh-CN`, or "" for any.
        source: Where it comes from, or "".
        valid_from: ISO date or time from which it may be given, or "". A time without an offset is UTC.
        valid_until: ISO date or time until which it may be given; a date includes that day. "" for ever.
        buttons: Offered under the answer.
        images: Addresses of pictures, https.
        updated_at: ISO date, with or without a time, or "".
    """

    id: str
    question: str
    answer: str
    also_asked: tuple[str, ...] = ()
    intent: str = ""
    tags: tuple[str, ...] = ()
    locale: str = ""
    source: str = ""
    valid_from: str = ""
    valid_until: str = ""
    buttons: tuple[PairButton, ...] = ()
    images: tuple[str, ...] = ()
    updated_at: str = ""

    @property
    def questions(self) -> tuple[str, ...]:
        """All wordings of the question, `question` first."""
        return (self.question, *self.also_asked)

    @property
    def valid_seconds(self) -> tuple[float, float]:
        """The moments, in seconds since 1970, from which and before which it may be given."""
        start = _moment(self.valid_from).timestamp() if self.valid_from else float("-inf")
        if not self.valid_until or self.valid_until.startswith("9999"):  # what many databases write for ever
            return start, float("inf")
        end = _moment(self.valid_until)
        return start, (end + timedelta(days=1) if _is_date(self.valid_until) else end).timestamp()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without those that are empty."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Takes back what `to_dict` gave, and no more than that: files are checked by their readers."""
        tuples = {name: tuple(values[name]) for name in ("also_asked", "tags", "images") if name in values}
        buttons = tuple(PairButton(**button) for button in values.get("buttons", ()))
        return cls(**{**values, **tuples, "buttons": buttons})

    def with_values(self, **changed: Any) -> Self:
        """A copy with other values."""
        return replace(self, **changed)


FIELDS: Sequence[str] = tuple(field.name for field in fields(Pair))


def _is_date(text: str) -> bool:
    return len(text) == len("2026-03-31")


def _moment(text: str) -> datetime:
    if _is_date(text):
        return datetime.combine(date.fromisoformat(text), time.min, UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
