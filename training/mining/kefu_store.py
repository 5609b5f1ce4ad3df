"""Reads the conversations that Kefu keeps in SQLite, and those of Rasa's SQL tracker store: one table `events`.

A conversation id may come back for months, so each session is a conversation of its own. A bot's message counts as an
agent's where its metadata says that a person wrote it: `sender`, `role` or `author` is `agent` or `human`.

The file is opened for reading only, and read page by page, so that a server that writes to it is not held up.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from configs.errors import AssistantError
from training.mining.conversation import BadRecord, Conversation, Read, RecordError, Role, Turn, checked_text

PAGE_ROWS = 2_000
BUSY_TIMEOUT_S = 5.0
_COLUMNS = frozenset({"id", "sender_id", "type_name", "data"})
_OPENS_SESSION = frozenset({"session_started", "restart"})
_PEOPLE = frozenset({"agent", "human", "human_agent"})
# Why Kefu said what it did: what follows one of these answers nothing. See `bot/policy.py:Reason`.
_NO_ANSWERS = frozenset({"unsure", "nothing_near", "out_of_scope", "script_not_covered"})
# Rasa's names for what it says when it does not understand. Source: rasa.com/docs/rasa/default-actions.
_FALLBACKS = frozenset({"utter_default", "utter_ask_rephrase", "utter_please_rephrase", "utter_clarify"})
_PAGE = """
SELECT id, sender_id, data FROM events
WHERE (sender_id, id) > (?, ?) AND type_name IN ('user', 'bot', 'session_started', 'restart')
ORDER BY sender_id, id LIMIT ?
"""


class KefuStore:
    """The conversations of one store.

    Raises:
        AssistantError: The file cannot be opened, or has no table of events.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file():
            raise AssistantError(path, None, "there is no such file", "Name the store, such as .kefu/conversations.db.")
        try:
            with closing(self._connect()) as connection:
                columns = {row[1] for row in connection.execute("PRAGMA table_info(events)")}
                self.size_rows = connection.execute("SELECT max(id) FROM events").fetchone()[0] if columns else 0
        except sqlite3.Error as error:
            raise self._error(error) from error
        if missing := _COLUMNS - columns:
            raise AssistantError(
                path, None, f"its table events has no column {sorted(missing)[0]}", "Name a store of Kefu or of Rasa."
            )
        self.size_rows = self.size_rows or 0
        self.position_rows = 0

    def __iter__(self) -> Iterator[Read]:
        """Each session with its turns; the number of a bad record is its row id.

        Raises:
            AssistantError: The file cannot be read.
        """
        try:
            with closing(self._connect()) as connection:
                yield from self._conversations(connection)
        except sqlite3.Error as error:
            raise self._error(error) from error

    def _conversations(self, connection: sqlite3.Connection) -> Iterator[Read]:
        sender, row_id = "", -1
        session, turns = 1, list[Turn]()
        while rows := connection.execute(_PAGE, (sender, row_id, PAGE_ROWS)).fetchall():
            for row_id, of_sender, data in rows:
                self.position_rows += 1
                try:
                    event = _event(data)
                    new_session = event["event"] in _OPENS_SESSION
                    turn = None if new_session else _turn(event)
                except RecordError as error:
                    yield BadRecord(number=row_id, message=str(error))
                    continue
                if of_sender != sender or new_session:
                    if turns:
                        yield Conversation(id=_session_id(sender, session), turns=tuple(turns))
                    session = 1 if of_sender != sender else session + bool(turns)
                    sender, turns = of_sender, []
                if turn is not None:
                    turns.append(turn)
            sender_of_page, row_id = rows[-1][1], rows[-1][0]
            if sender_of_page != sender:  # the last rows were bad ones
                if turns:
                    yield Conversation(id=_session_id(sender, session), turns=tuple(turns))
                sender, session, turns = sender_of_page, 1, []
        if turns:
            yield Conversation(id=_session_id(sender, session), turns=tuple(turns))

    def _connect(self) -> sqlite3.Connection:
        address = self._path.resolve().as_uri() + "?mode=ro"
        return sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S)

    def _error(self, error: sqlite3.Error) -> AssistantError:
        return AssistantError(
            self._path, None, f"cannot be read: {error}", "Name a store of Kefu or of Rasa, an SQLite file."
        )


def _session_id(sender: str, session: int) -> str:
    return sender if session == 1 else f"{sender}, session {session}"


def _event(data: object) -> dict[str, Any]:
    try:
        event = json.loads(data) if isinstance(data, str | bytes) else None
    except (ValueError, RecursionError) as error:
        raise RecordError(f"its data is not valid JSON: {error}. Mend or delete the row") from error
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        raise RecordError("its data is no event. Mend or delete the row")
    return event


def _turn(event: dict[str, Any]) -> Turn | None:
    text = checked_text(event.get("text"), "text")
    if not text:
        return None
    if event["event"] == "user":
        return None if text.startswith("/") else Turn(role=Role.CUSTOMER, text=text)  # a button's command
    metadata = event.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    if any(str(metadata.get(name)).lower() in _PEOPLE for name in ("sender", "role", "author")):
        return Turn(role=Role.AGENT, text=text)
    action = metadata.get("utter_action")
    helpless = metadata.get("reason") in _NO_ANSWERS or action in _FALLBACKS
    return Turn(role=Role.BOT, text=text, answers=not helpless)
