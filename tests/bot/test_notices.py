"""Channels that want to know are told, with the turn itself, when a person is called and when the bot answers again."""

from typing import Any

import pytest
from scripted_bot import Bot, make_bot

from bot.abilities import EVERYTHING, Abilities, Follows
from bot.conversation import Conversation
from bot.events import plain_event
from bot.handoff import Handoff, HandoffReason, ReturnReason, claimed_event, returned_events, waiting_events
from bot.messages import Standing, UserMessage
from bot.notices import followers, happenings, notice_in, notices
from bot.stores.outbox import Part, SendState
from bot.stores.sqlite import SqliteStore
from bot.turn_record import inbox_message
from configs import Domain

INBOX, DESK = Abilities(follows=Follows.OWN), Abilities(follows=Follows.OTHERS)
ALL = {"chat": EVERYTHING, "inbox": INBOX, "desk": DESK}


def test_a_channel_with_an_inbox_of_its_own_is_told_of_its_own_and_others_are_not() -> None:
    assert followers(ALL, "inbox") == {"inbox": Follows.OWN}
    assert followers(ALL, "chat") == {"desk": Follows.OTHERS}
    assert followers(ALL, "rest") == {"desk": Follows.OTHERS}
    assert followers({"chat": EVERYTHING}, "chat") == {}


@pytest.fixture
def told(store: SqliteStore) -> Bot:
    return make_bot(store, sends_to=ALL)


async def say(bot: Bot, text: str, channel: str, sender: str = "ann") -> None:
    await bot.dialogue.handle(UserMessage(conversation_id=sender, text=text, channel=channel))


async def outbox(bot: Bot, channel: str, sender: str = "ann") -> list[Any]:
    """What is sent by a channel, in order: texts as such, and the types of notices."""
    parts = [part for part in await bot.store.outbox.parts_of(sender) if part.channel == channel]
    return [(notice_in(part) or {}).get("type") or part.payload["text"] for part in parts]


async def notice(bot: Bot, type_: str, sender: str = "ann") -> dict[str, Any]:
    found = [notice_in(part) for part in await bot.store.outbox.parts_of(sender)]
    (data,) = [one["data"] for one in found if one and one["type"] == type_]
    return dict(data)


async def test_a_desk_is_told_of_everything_between_call_and_return(told: Bot) -> None:
    await say(told, "hello", "chat")
    await told.dialogue.change("ann", lambda _: waiting_events(HandoffReason.API, told.clock(), note="vip"))
    await say(told, "is anybody there", "chat")
    await told.dialogue.change("ann", lambda _: [claimed_event("Bea", told.clock())])
    await told.dialogue.change("ann", lambda _: returned_events(ReturnReason.GIVEN_BACK, told.clock(), by="Bea"))
    await say(told, "hello", "chat")

    assert await outbox(told, "desk") == [
        *("handoff.requested", "message.created"),
        *("handoff.claimed", "handoff.returned"),
    ]
    requested = await notice(told, "handoff.requested")
    assert (requested["conversation_id"], requested["channel"], requested["reason"]) == ("ann", "chat", "api")
    assert requested["note"] == "vip"
    assert [turn["asked"] for turn in requested["summary"]["turns"]] == ["hello"]
    assert [(said["from"], said["text"]) for said in requested["transcript"]] == [
        ("customer", "hello"),
        ("bot", "Hello friend!"),
    ]
    message = await notice(told, "message.created")
    assert (message["from"], message["text"]) == ("customer", "is anybody there")
    assert (await notice(told, "handoff.claimed"))["by"] == "Bea"
    assert (await notice(told, "handoff.returned"))["by"] == "Bea"


@pytest.mark.parametrize(
    ("ended", "type_"),
    [
        (returned_events(ReturnReason.NOBODY_CAME, 5.0), "handoff.timed_out"),
        (returned_events(ReturnReason.IDLE, 5.0), "handoff.timed_out"),
        (returned_events(ReturnReason.GIVEN_BACK, 5.0), "handoff.returned"),
        ([plain_event("resume", 5.0)], "handoff.returned"),
        ([plain_event("restart", 5.0)], "handoff.returned"),
    ],
)
def test_however_it_ends_it_is_told_once(ended: list[Any], type_: str) -> None:
    found = happenings(_waiting(), ended)
    assert [one.type for one in found] == [type_]


def _waiting() -> Handoff:
    return Conversation(id="c").after(waiting_events(HandoffReason.API, 1.0), Domain()).handoff


async def test_the_inbox_of_a_platform_is_opened_after_the_last_word_and_closed_before_the_next(told: Bot) -> None:
    await say(told, "hello", "inbox")
    await told.dialogue.change("ann", lambda _: waiting_events(HandoffReason.API, told.clock()))
    await say(told, "is anybody there", "inbox")
    await told.dialogue.change("ann", lambda _: [claimed_event("Bea", told.clock())])
    said = {"event": "bot", "text": "I am back.", "metadata": {"pushed": True}, "data": {}}
    await told.dialogue.change("ann", lambda _: returned_events(ReturnReason.IDLE, told.clock(), said=[said]))

    assert await outbox(told, "desk") == []
    assert (await outbox(told, "inbox"))[-3:] == ["handoff.requested", "handoff.timed_out", "I am back."]


async def test_what_the_platform_itself_has_said_is_not_told_back(told: Bot) -> None:
    for number, standing in enumerate(
        [Standing(is_held=True, by="Bea", at=5.0), Standing(is_held=False, at=6.0), Standing(is_held=True, at=7.0)]
    ):
        message = UserMessage(
            conversation_id="ann", text="hello", channel="inbox", external_id=str(number), standing=standing
        )
        await told.store.inbox.accept(inbox_message(message, told.clock()))
        claimed = await told.store.inbox.claim()
        assert claimed is not None
        await told.dialogue.handle(message, claimed)

    sent = await outbox(told, "inbox")
    assert not any(str(one).startswith("handoff.") for one in sent)
    assert sum(str(one).startswith("Hello") for one in sent) == 1  # while persons had it the bot was silent


async def test_notices_answer_no_message(told: Bot) -> None:
    message = UserMessage(conversation_id="ann", text="hello", channel="chat", external_id="1")
    await told.dialogue.handle(message)
    before = await told.store.reply_of("chat", "", "1")
    await told.dialogue.change("ann", lambda _: waiting_events(HandoffReason.API, told.clock()))

    assert await told.store.reply_of("chat", "", "1") == before
    parts = await told.store.outbox.parts_of("ann")
    assert len({part.key for part in parts}) == len(parts)
    assert [part.inbox_id for part in parts if part.channel == "desk"] == [None]


async def test_notices_of_an_erased_conversation_are_gone_and_never_have_the_same_key_again(told: Bot) -> None:
    keys = []
    for _ in range(2):
        await say(told, "hello", "chat")
        await told.dialogue.change("ann", lambda _: waiting_events(HandoffReason.API, told.clock()))
        keys += [part.key for part in await told.store.outbox.parts_of("ann") if part.channel == "desk"]
        await told.dialogue.erase("ann")
        assert await told.store.outbox.parts_of("ann") == []
        told.clock.now += 1

    assert len(set(keys)) == 2


def test_a_part_of_a_reply_is_no_notice() -> None:
    part = Part(
        id=1,
        key="k",
        inbox_id=None,
        conversation_id="c",
        part_no=0,
        channel="chat",
        account="",
        payload={"text": "hi"},
        state=SendState.SENDING,
        attempts=1,
        created_at=0.0,
        expires_at=None,
        reason=None,
    )
    assert notice_in(part) is None


def test_what_is_said_between_persons_and_customer_is_told_as_it_was_said() -> None:
    before = _waiting()
    button = {"title": "Yes", "payload": "/affirm"}
    events: list[Any] = [
        {"event": "user", "timestamp": 2.0, "text": "", "metadata": {"media": [{"kind": "image", "url": "u"}]}},
        {
            "event": "bot",
            "timestamp": 3.0,
            "text": "Sure?",
            "data": {"buttons": [button]},
            "metadata": {"agent": "Bea"},
        },
    ]
    found = [dict(one.data) for one in happenings(before, events)]
    assert found == [
        {"from": "customer", "by": None, "text": "", "timestamp": 2.0, "media": [{"kind": "image", "url": "u"}]},
        {"from": "person", "by": "Bea", "text": "Sure?", "timestamp": 3.0, "buttons": ["Yes"]},
    ]


def test_nobody_is_told_of_nothing() -> None:
    assert notices({"desk": Follows.OTHERS}, [], None, []) == ()  # type: ignore[arg-type]
