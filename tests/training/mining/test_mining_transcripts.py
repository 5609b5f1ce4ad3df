"""Each format of transcripts gives the same conversation, and a bad record costs no other."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bot.conversation import Conversation as BotConversation
from bot.events import action_event, bot_event, user_event
from bot.messages import BotMessage, UserMessage
from bot.stores.sqlite import SqliteStore
from configs.errors import AssistantError
from training.mining import BadRecord, Conversation, Format, Role, Transcripts, Turn
from training.mining.json_records import JsonRecords
from training.mining.open_conversations import OpenConversations
from training.mining.zendesk import text_of_html, without_quotes

EXPECTED = [(Role.CUSTOMER, "Do you repair watches?"), (Role.AGENT, "Yes, in our shop."), (Role.CUSTOMER, "谢谢")]


def written(path: Path, content: Any, *, lines: bool = False) -> Path:
    text = "".join(f"{json.dumps(one)}\n" for one in content) if lines else json.dumps(content, indent=1)
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, format_: Format = Format.AUTO) -> tuple[list[Conversation], list[BadRecord]]:
    found = list(Transcripts(path, format_))
    good = [one for one in found if isinstance(one, Conversation)]
    return good, [one for one in found if isinstance(one, BadRecord)]


def said(conversation: Conversation) -> list[tuple[Role, str]]:
    return [(turn.role, turn.text) for turn in conversation.turns]


TURNS = [{"role": "customer", "text": "Do you repair watches?"}, {"role": "agent", "text": "Yes, in our shop."}]
TURNS += [{"role": "user", "text": "谢谢", "time": "2026-03-31T10:00:00Z"}]


def test_turns_a_line_and_conversations_a_line(tmp_path: Path) -> None:
    loose = [{"conversation": 7, **turn} for turn in TURNS]
    other = {"conversation": "8", "role": "bot", "text": "Hi"}
    path = written(
        tmp_path / "a.jsonl", [loose[0], other, *loose[1:], {"conversation": "9", "turns": TURNS}], lines=True
    )

    good, bad = read(path)

    assert bad == []
    by_id = {one.id: said(one) for one in good}
    assert by_id == {"7": EXPECTED, "9": EXPECTED, "8": [(Role.BOT, "Hi")]}
    assert Transcripts(path).format is Format.TURNS


def test_each_bad_line_is_reported_by_number_and_the_others_are_read(tmp_path: Path) -> None:
    lines = [
        '{"conversation": "1", "role": "customer", "text": "one"}',
        "{not json",
        '{"conversation": "1", "role": "boss", "text": "x"}',
        "",
        '{"role": "agent", "text": "x"}',
        '{"conversation": "1", "role": "agent", "text": 5}',
        '{"conversation": "1", "role": "agent", "text": "two", "rank": 1}',
        '{"conversation": "1", "role": "agent", "text": "two\\u0000\\ud800"}',
        '{"conversation": "1", "turns": [{"role": "agent"}, 7]}',
    ]
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + "\n".join(lines).encode() + b'\n{"conversation": "\xff"}\n')

    good, bad = read(path)

    assert [said(one) for one in good] == [[(Role.CUSTOMER, "one"), (Role.AGENT, "two\ufffd")]]
    assert [one.number for one in bad] == [2, 3, 5, 6, 7, 9, 10]
    assert "role is 'boss'" in bad[1].message
    assert "Did you mean 'role'" not in bad[4].message
    assert "unknown key 'rank'" in bad[4].message


CHATWOOT = [
    {"id": 3, "content": "谢谢", "message_type": 0, "created_at": 30, "private": False, "conversation_id": 5},
    {"id": 1, "content": "Do you repair watches?", "message_type": 0, "created_at": 10, "conversation_id": 5},
    {"id": 2, "content": "Yes, in our shop.", "message_type": 1, "created_at": 20, "conversation_id": 5,
     "sender": {"id": 1, "name": "Tom", "type": "user"}},
    {"id": 4, "content": "a note", "message_type": 1, "created_at": 15, "private": True, "conversation_id": 5},
    {"id": 5, "content": "Tom joined", "message_type": 2, "created_at": 16, "conversation_id": 5},
    {"id": 6, "content": None, "message_type": 0, "created_at": 17, "conversation_id": 5, "attachments": [{}]},
    {"id": 7, "content": "deleted", "message_type": 1, "created_at": 18, "content_attributes": {"deleted": True}},
]  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        {"meta": {"labels": []}, "payload": CHATWOOT[:6]},
        {"id": 5, "messages": CHATWOOT},
        [{"id": 5, "messages": CHATWOOT}],
        {"data": {"meta": {}, "payload": [{"id": 5, "messages": CHATWOOT}]}},
    ],
)
def test_chatwoot_as_its_api_gives_it(tmp_path: Path, content: Any) -> None:
    good, bad = read(written(tmp_path / "a.json", content))

    assert bad == []
    assert [(one.id, said(one)) for one in good] == [("5", EXPECTED)]


def test_chatwoot_tells_agents_from_bots_and_takes_types_by_name(tmp_path: Path) -> None:
    messages = [
        {"content": "hi", "message_type": "incoming", "conversation_id": 1},
        {"content": "by template", "message_type": "template", "conversation_id": 1},
        {"content": "by bot", "message_type": "outgoing", "sender": {"type": "agent_bot"}, "conversation_id": 1},
        {"content": "by bot", "message_type": 1, "sender_type": "AgentBot", "conversation_id": 1},
        {"content": "a form", "message_type": 1, "content_type": "form", "conversation_id": 1},
        {"content": "by Tom", "message_type": 1, "sender_type": "User", "conversation_id": 1},
        {"content": "?", "message_type": 9, "conversation_id": 1},
    ]

    good, bad = read(written(tmp_path / "a.jsonl", messages, lines=True), Format.CHATWOOT)

    assert [turn.role for turn in good[0].turns] == [Role.CUSTOMER, *[Role.BOT] * 4, Role.AGENT]
    assert [(one.number, one.message) for one in bad] == [(7, "message_type is 9. Write 0, 1, 2 or 3")]


TICKET = {
    "id": 35,
    "subject": "Watches",
    "requester_id": 11,
    "comments": [
        {"author_id": 22, "public": True, "plain_body": "Yes, in our shop.\n\nOn Monday, Jo Fox wrote:\n> Do you?",
         "created_at": "2026-03-31T11:00:00Z"},
        {"author_id": 11, "public": True, "body": "Do you repair watches?", "created_at": "2026-03-31T10:00:00Z"},
        {"author_id": 22, "public": False, "body": "a note", "created_at": "2026-03-31T10:30:00Z"},
        {"author_id": -1, "public": True, "body": "by the system", "created_at": "2026-03-31T10:40:00Z"},
        {"author_id": 33, "public": True, "html_body": "<p>谢谢</p>", "created_at": "2026-03-31T12:00:00Z"},
    ],
}  # fmt: skip
USERS = [{"id": 33, "role": "end-user"}, {"id": 22, "role": "agent"}]


@pytest.mark.parametrize(
    "content",
    [
        {"tickets": [TICKET], "users": USERS, "end_of_stream": True},
        {"ticket": {"id": 35, "requester": {"id": 11}}, "comments": TICKET["comments"], "users": USERS},
        [{**TICKET, "users": USERS}],
    ],
)
def test_zendesk_as_it_is_exported(tmp_path: Path, content: Any) -> None:
    path = written(tmp_path / "a.json", content)

    good, bad = read(path)

    assert bad == []
    assert [(one.id, said(one)) for one in good] == [("35", EXPECTED)]
    assert Transcripts(path).format is Format.ZENDESK


def test_a_ticket_that_cannot_be_read_costs_no_other(tmp_path: Path) -> None:
    tickets = [{**TICKET, "requester_id": None}, {**TICKET, "comments": None}, TICKET, {"id": 3}]

    good, bad = read(written(tmp_path / "a.jsonl", tickets, lines=True))

    assert [one.id for one in good] == ["35"]
    assert [one.number for one in bad] == [1, 2, 4]
    assert "requester_id" in bad[0].message


def test_a_mail_keeps_its_own_words_only() -> None:
    assert without_quotes("Thanks!\n\n> old\n> words") == "Thanks!"
    assert without_quotes("好的\n在 2026年3月31日，客服写道：\n旧的") == "好的"
    assert text_of_html("<style>p {}</style><p>One &amp; two</p><ul><li>three</li></ul>") == "One & two\n\nthree"


def store_with(path: Path, events: list[tuple[str, dict[str, Any]]]) -> Path:
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE events (id INTEGER PRIMARY KEY, sender_id VARCHAR(255) NOT NULL,"
            " type_name VARCHAR(255) NOT NULL, timestamp FLOAT, intent_name VARCHAR(255), action_name VARCHAR(255),"
            " data TEXT)"
        )
        rows = [(sender, event["event"], json.dumps(event)) for sender, event in events]
        connection.executemany("INSERT INTO events (sender_id, type_name, data) VALUES (?, ?, ?)", rows)
    connection.close()
    return path


def user(text: str) -> dict[str, Any]:
    return {"event": "user", "text": text}


def bot(text: str, **metadata: Any) -> dict[str, Any]:
    return {"event": "bot", "text": text, "metadata": metadata}


def test_the_store_that_kefu_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "conversations.db"

    async def write() -> None:
        store = SqliteStore(path)
        await store.open()
        message = UserMessage(conversation_id="anna", text="Do you repair watches?", channel="rest")
        answer = bot_event(BotMessage(text="Yes, in our shop."), {"sender": "agent"}, 2.0)
        fallback = bot_event(BotMessage(text="Pardon?"), {"reason": "nothing_near"}, 3.0)
        events = [user_event(message, {}, "m1", 1.0), action_event("action_listen", 1.0), answer, fallback]
        await store.append(BotConversation(id="anna"), events)
        await store.close()

    asyncio.run(write())
    before = path.read_bytes()
    good, bad = read(path)

    assert bad == []
    assert good == [
        Conversation(
            id="anna",
            turns=(
                Turn(role=Role.CUSTOMER, text="Do you repair watches?"),
                Turn(role=Role.AGENT, text="Yes, in our shop."),
                Turn(role=Role.BOT, text="Pardon?", answers=False),
            ),
        )
    ]
    assert path.read_bytes() == before


def test_each_session_of_a_rasa_store_is_a_conversation_across_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [
        ("anna", {"event": "session_started"}),
        ("anna", user("one")),
        ("ben", user("/ask_price")),
        ("anna", bot("two", utter_action="utter_help")),
        ("anna", {"event": "session_started"}),
        ("anna", user("three")),
        ("anna", bot("four", utter_action="utter_default")),
        ("ben", user("five")),
    ]
    path = store_with(tmp_path / "rasa.db", events)
    expected = [
        ("anna", [(Role.CUSTOMER, "one"), (Role.BOT, "two")]),
        ("anna, session 2", [(Role.CUSTOMER, "three"), (Role.BOT, "four")]),
        ("ben", [(Role.CUSTOMER, "five")]),
    ]
    for rows in (1, 2, 3, 100):
        monkeypatch.setattr("training.mining.kefu_store.PAGE_ROWS", rows)
        good, bad = read(path)
        assert [(one.id, said(one)) for one in good] == expected
        assert bad == []
    assert not good[1].turns[1].answers


def test_a_bad_row_of_a_store_is_reported_by_its_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = store_with(tmp_path / "rasa.db", [("a", user("one")), ("a", user("two")), ("b", user("three"))])
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE events SET data = '{' WHERE id = 2")
    connection.close()
    monkeypatch.setattr("training.mining.kefu_store.PAGE_ROWS", 1)

    good, bad = read(path)

    assert [(one.id, said(one)) for one in good] == [("a", [(Role.CUSTOMER, "one")]), ("b", [(Role.CUSTOMER, "three")])]
    assert [one.number for one in bad] == [2]


def test_a_database_of_something_else_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, what TEXT)")
    connection.close()

    with pytest.raises(AssistantError, match="events has no column data"):
        Transcripts(path)


@pytest.mark.parametrize("chunk", [1, 7, 64, 1_000_000])
def test_a_list_is_read_piece_by_piece_whatever_the_pieces(
    tmp_path: Path, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.mining.json_records._CHUNK_BYTES", chunk)
    values = [{"text": '退货 ] , [ " \\'}, {"n": [1, {"a": "é"}]}, {}, {"text": "x" * 300}]
    path = tmp_path / "a.json"
    path.write_text(" \n" + json.dumps(values, ensure_ascii=False, indent=2), encoding="utf-8")

    assert list(JsonRecords(path)) == list(enumerate(values, start=1))


@pytest.mark.parametrize(
    ("text", "number", "message"),
    [
        ('[{"a": 1}, {"a": }, {"a": 3}]', 2, "What follows it is not read"),
        ('[{"a": 1}, {"a": 2}', 3, "the list does not end"),
        ('[{"a": 1}, {"a"', 2, "not valid JSON"),
    ],
)
def test_a_damaged_list_gives_what_stands_before_the_damage(
    tmp_path: Path, text: str, number: int, message: str
) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)

    *good, bad = JsonRecords(path)

    assert good == [(place, {"a": place}) for place in range(1, len(good) + 1)]
    assert isinstance(bad, BadRecord)
    assert (bad.number, message in bad.message) == (number, True)


def test_a_line_that_is_too_long_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.mining.json_records.MAX_RECORD_BYTES", 50)
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"a": 1}}\n{{"a": "{"x" * 500}"}}\n{{"a": 3}}\n')

    first, bad, last = JsonRecords(path)

    assert (first, last) == ((1, {"a": 1}), (3, {"a": 3}))
    assert isinstance(bad, BadRecord)
    assert bad.number == 2


def test_a_conversation_silent_for_too_long_is_handed_out() -> None:
    turn = Turn(role=Role.CUSTOMER, text="x")
    window = OpenConversations(max_open=2)

    given = [one.id for id_ in ("a", "b", "a", "c", "d") for one in window.add(id_, [turn])]

    assert given == ["b", "a"]
    assert [one.id for one in window.close()] == ["c", "d"]


def test_a_file_of_no_known_format_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", [{"question": "x"}], lines=True)

    with pytest.raises(AssistantError, match="Name it with --format: turns, kefu, chatwoot, zendesk"):
        Transcripts(path)
    with pytest.raises(AssistantError, match="no such file"):
        Transcripts(tmp_path / "b.jsonl")


def test_the_position_reaches_the_total(tmp_path: Path) -> None:
    for path in (
        written(tmp_path / "a.jsonl", [{"conversation": "9", "turns": TURNS}] * 3, lines=True),
        written(tmp_path / "b.json", [{**TICKET}]),
        written(tmp_path / "c.json", {"tickets": [TICKET]}),
        store_with(tmp_path / "d.db", [("a", user("one")), ("a", user("two"))]),
    ):
        transcripts = Transcripts(path)
        list(transcripts)
        assert transcripts.position == transcripts.total > 0
