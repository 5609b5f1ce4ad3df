"""Reads Zendesk tickets with their comments: the JSON export of an account, or tickets as its API gives them.

Accepted, alone, in a list, or an object a line (the account's export and incremental exports have a ticket a line):

    {"id": 35, "requester_id": 11, "comments": [comment, ...]}     a ticket; "requester": {"id": 11} does too
    {"ticket": ticket, "comments": [comment, ...]}                 a ticket and its comments, asked for one by one
    {"tickets": [ticket, ...], "users": [...]}                     a page of an export
    {"users": [{"id": 11, "role": "end-user"}, ...]} beside a ticket says who is a customer

A comment has `author_id` (or `author` with its `id`), `public`, and `plain_body` or `body` or `html_body`. Notes that
are not public, comments of the system and what a mail quotes are left out. The requester and other end users are the
customer's side, everyone else the agent's.

Source: developer.zendesk.com/api-reference/ticketing/tickets/ticket_comments; and on exporting an account's data,
support.zendesk.com/hc/en-us/articles/4408886165402.
"""

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

from training.mining.conversation import (
    BadRecord,
    Conversation,
    Read,
    RecordError,
    Role,
    Turn,
    checked_id,
    checked_list,
    checked_text,
    clean_text,
)
from training.mining.json_records import Record

_SYSTEM_AUTHOR = -1
_BLOCKS = frozenset({"p", "br", "div", "li", "tr", "h1", "h2", "h3", "blockquote"})
# Where a mail begins to quote the one it answers.
_QUOTED = re.compile(
    r"^(?:>.*|On .{5,120} wrote:|Am .{5,120} schrieb .{0,80}:|Le .{5,120} a écrit :|在.{5,120}写道[:：]|"
    r"-{3,} ?(?:Original Message|Ursprüngliche Nachricht|原始邮件) ?-{3,}|##- .{5,120} -##|_{20,})\s*$",
    re.MULTILINE,
)


def read_zendesk(records: Iterable[Record]) -> Iterator[Read]:
    """The tickets in `records`, each as a conversation."""
    for record in records:
        if isinstance(record, BadRecord):
            yield record
            continue
        number, value = record
        try:
            tickets = list(_tickets(value))
        except RecordError as error:
            yield BadRecord(number=number, message=str(error))
            continue
        for place, (ticket, users) in enumerate(tickets, start=1):
            try:
                yield _conversation(ticket, users)
            except RecordError as error:
                where = f"ticket {place}: " if len(tickets) > 1 else ""
                yield BadRecord(number=number, message=f"{where}{error}")


def _tickets(value: Any) -> Iterator[tuple[dict[str, Any], Mapping[int, str]]]:
    if not isinstance(value, dict):
        raise RecordError("is no object. Write tickets as Zendesk exports them")
    listed = checked_list(value.get("users", []), "users")
    users = {id_: str(user.get("role")) for user in listed if isinstance(id_ := user.get("id"), int)}
    if "tickets" in value:
        yield from ((ticket, users) for ticket in checked_list(value["tickets"], "tickets"))
    elif isinstance(value.get("ticket"), dict):
        comments = value["comments"] if "comments" in value else value["ticket"].get("comments")
        yield {**value["ticket"], "comments": comments}, users
    elif "comments" in value:
        yield value, users
    else:
        raise RecordError("has no comments. Export tickets together with their comments")


def _conversation(ticket: dict[str, Any], users: Mapping[int, str]) -> Conversation:
    id_ = checked_id(ticket.get("id"), "id")
    comments = checked_list(ticket.get("comments"), "comments")
    requester = _person(ticket, "requester")
    if requester is None:
        raise RecordError("has no requester_id. Without it nobody can say who asked")
    times = [comment.get("created_at") for comment in comments]
    if all(isinstance(time, str) for time in times):  # ISO times of one offset, and sorting leaves equals as they are
        comments = sorted(comments, key=lambda comment: str(comment["created_at"]))
    turns = (turn for comment in comments for turn in _turn(comment, requester, users))
    return Conversation(id=id_, turns=tuple(turns))


def _turn(comment: dict[str, Any], requester: int, users: Mapping[int, str]) -> list[Turn]:
    author = _person(comment, "author")
    if author is None or author == _SYSTEM_AUTHOR or comment.get("public") is False:
        return []
    given = comment.get("author")
    role = given.get("role") if isinstance(given, dict) else None
    is_customer = author == requester or (role or users.get(author)) == "end-user"
    text = without_quotes(_body(comment))
    return [Turn(role=Role.CUSTOMER if is_customer else Role.AGENT, text=text)] if text else []


def _person(holder: Mapping[str, Any], name: str) -> int | None:
    """The id of the requester or the author."""
    one = holder.get(name)
    id_ = holder.get(f"{name}_id", one.get("id") if isinstance(one, dict) else None)
    if id_ is not None and (isinstance(id_, bool) or not isinstance(id_, int)):
        raise RecordError(f"{name}_id is {id_!r}. Write a whole number")
    return id_


def _body(comment: Mapping[str, Any]) -> str:
    for name in ("plain_body", "body"):
        if text := checked_text(comment.get(name), name):
            return clean_text(html.unescape(text))
    return clean_text(text_of_html(checked_text(comment.get("html_body"), "html_body")))


def without_quotes(text: str) -> str:
    """A mail's own words: what it quotes, from the first quoted line on, is left out."""
    found = _QUOTED.search(text)
    own = text[: found.start()] if found else text
    return own.strip()


def text_of_html(markup: str) -> str:
    """The words of a page's body, a line for each block."""
    reader = _Words()
    reader.feed(markup)
    reader.close()
    return re.sub(r"\n{3,}", "\n\n", "".join(reader.words)).strip()


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        self._hidden += tag in ("script", "style")
        if tag in _BLOCKS:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style") and self._hidden > 0
        if tag in _BLOCKS:
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)
