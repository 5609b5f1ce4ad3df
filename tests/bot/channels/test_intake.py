"""What channels take in is cleaned, durable, and comes once; the way back comes again with the reply."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.channels.intake import Intake, readable
from bot.messages import UserMessage
from bot.stores.sqlite import SqliteConnector
from bot.stores.store import ConversationStore


@pytest.fixture
async def store() -> AsyncIterator[ConversationStore]:
    store = ConversationStore(SqliteConnector(None), now=lambda: 50.0)
    await store.open()
    yield store
    await store.close()


def message(text: str, external_id: str = "1", **metadata: Any) -> UserMessage:
    return UserMessage(
        conversation_id="chat:ann", text=text, channel="chat", account="a", external_id=external_id, metadata=metadata
    )


async def test_a_message_is_stored_once_and_the_worker_told(store: ConversationStore) -> None:
    told: list[int] = []
    intake = Intake(store, max_text_chars=10, on_accept=lambda: told.append(1), now=lambda: 50.0)

    first = await intake.accept(message("hello\x00 there, you"), {"token": "t"})
    again = await intake.accept(message("hello\x00 there, you"), {"token": "t"})

    assert first is not None
    assert again is not None
    assert (first.is_new, again.is_new, again.inbox_id) == (True, False, first.inbox_id)
    claimed = await store.inbox.claim()
    assert claimed is not None
    assert claimed.message.payload == {"text": "hello ther", "metadata": {}}
    assert (claimed.message.received_at, len(told)) == (50.0, 2)
    assert await store.inbox.claim() is None


@pytest.mark.parametrize("text", ["", "  ", "\u200b\u200e", "\x00\x1b"])
async def test_nothing_to_read_is_not_stored(store: ConversationStore, text: str) -> None:
    intake = Intake(store, max_text_chars=10, on_accept=lambda: None)

    assert await intake.accept(message(text)) is None
    assert await store.inbox.count_waiting() == 0


async def test_a_picture_without_words_is_stored(store: ConversationStore) -> None:
    intake = Intake(store, max_text_chars=10, on_accept=lambda: None)

    assert await intake.accept(message("", media=[{"kind": "image", "id": "7"}])) is not None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (" a\tb\r\nc ", "a\tb\r\nc"),
        ("a\x1b]0;title\x07b", "a]0;titleb"),
        ("\ud800a", "a"),
        ("aaaa bbbb cccc", "aaaa bbbb"),
        ("\x00" * 30 + "a", ""),  # beyond what is looked at
    ],
)
def test_what_no_keyboard_sends_is_left_out(text: str, kept: str) -> None:
    assert readable(text, 10) == kept


async def test_what_was_answered_can_be_asked_for_again(store: ConversationStore) -> None:
    intake = Intake(store, max_text_chars=10, on_accept=lambda: None)
    await intake.accept(message("hello"))

    assert await intake.reply_of("chat", "a", "1") is None
    assert await intake.reply_of("chat", "a", "2") is None
