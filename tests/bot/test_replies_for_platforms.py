"""What leaves for a platform fits it, and what comes back from it is understood: buttons, numbers, pictures."""

from typing import Any

import pytest
from scripted_bot import SPEC, Bot, make_bot

from bot.abilities import EVERYTHING, Abilities
from bot.messages import UserMessage
from bot.policy import Reason
from bot.responses import DEFAULT_TEXTS, UTTER_MEDIA
from bot.stores.outbox import Part
from bot.stores.sqlite import SqliteStore
from bot.turn import Turn


def bot_on(store: SqliteStore, abilities: Abilities) -> Bot:
    return make_bot(store, SPEC, sends_to={"chat": abilities})


async def tell(bot: Bot, text: str, **metadata: Any) -> Turn:
    message = UserMessage(conversation_id="chat:ann", text=text, channel="chat", metadata=metadata)
    return await bot.dialogue.handle(message)


async def parts(store: SqliteStore) -> list[Part]:
    return await store.outbox.parts_of("chat:ann")


async def test_buttons_are_offered_as_numbers_and_a_number_chooses(store: SqliteStore) -> None:
    bot = bot_on(store, Abilities())

    await tell(bot, "hello")
    turn = await tell(bot, "2")

    [greeting, answer, *_] = await parts(store)
    assert greeting.payload["text"].endswith("!\n1. Hours\n2. Order")
    assert turn.reason == Reason.BUTTON
    assert answer.payload["text"] == "On its way."


async def test_a_title_chooses_too(store: SqliteStore) -> None:
    bot = bot_on(store, Abilities())

    await tell(bot, "hello")
    turn = await tell(bot, "order")

    assert turn.reason == Reason.BUTTON


async def test_a_button_that_was_shortened_is_still_that_button(store: SqliteStore) -> None:
    bot = bot_on(store, Abilities(max_buttons=3, max_payload_bytes=5))

    await tell(bot, "hello")
    [greeting] = await parts(store)
    short = greeting.payload["buttons"][1]["payload"]
    await tell(bot, "and now for something else")
    turn = await tell(bot, short)

    assert short.startswith("/~")
    assert turn.reason == Reason.BUTTON
    assert greeting.payload["buttons"][0]["title"] == "Hours"


async def test_a_short_form_that_nobody_was_offered_is_only_words(store: SqliteStore) -> None:
    bot = bot_on(store, EVERYTHING)

    turn = await tell(bot, "/~0123456789abcdef01234567")

    assert turn.reason != Reason.BUTTON


@pytest.mark.parametrize("media", [[{"kind": "image", "id": "7"}], [{"kind": "location"}]])
async def test_to_a_picture_without_words_the_bot_says_that_it_reads_only_text(
    store: SqliteStore, media: list[dict[str, str]]
) -> None:
    bot = bot_on(store, EVERYTHING)

    turn = await tell(bot, "", media=media)

    assert turn.reason == Reason.MEDIA
    assert [message.text for message in turn.messages] == [DEFAULT_TEXTS[UTTER_MEDIA]]
    user = next(event for event in turn.events if event["event"] == "user")
    assert (user["text"], user["metadata"]["media"]) == ("", media)
    assert turn.conversation.now.action == "action_listen"


async def test_it_is_too_late_for_a_reply_when_the_platform_says_so(store: SqliteStore) -> None:
    bot = bot_on(store, Abilities(reply_within_s=60.0))

    await tell(bot, "hello")

    assert {part.expires_at for part in await parts(store)} == {bot.clock.now + 60.0}
