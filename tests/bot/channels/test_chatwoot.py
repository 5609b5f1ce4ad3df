"""Chatwoot over the whole server: the bot has what is pending, persons have what is open, and both sides know it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from desk_world import DeskWorld, hasten
from fakes.chatwoot import PATH, FakeChatwoot
from fakes.vendor import Fault, Request

from bot.stores.outbox import SendState


@pytest.fixture
async def vendor() -> AsyncIterator[FakeChatwoot]:
    vendor = FakeChatwoot()
    await vendor.start()
    yield vendor
    await vendor.close()
    assert vendor.refused == []


@pytest.fixture
async def world(
    vendor: FakeChatwoot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[DeskWorld]:
    hasten(monkeypatch)
    for name, value in getattr(request, "param", {}).items():
        setattr(vendor, name, value)
    world = DeskWorld(tmp_path, {"chatwoot": vendor.credentials()})
    await world.start()
    yield world
    await world.stop()


def heard(vendor: FakeChatwoot, user: str = "ann") -> list[str]:
    return [one.text for one in vendor.sent if one.user == user]


async def hand_over(world: DeskWorld, vendor: FakeChatwoot, user: str = "ann") -> str:
    """The customer writes, and a person is called; gives the conversation's id."""
    conversation = vendor.conversation_of(user)
    await world.bring(vendor.message(user=user, text="hello", id=f"{user}-1"))
    await world.settled(conversation)
    await world.post(f"/conversations/{conversation}/handoff", note="vip")
    await world.settled(conversation)
    return conversation


# The bot hands over


async def test_a_hand_over_opens_the_conversation_and_leaves_a_note_that_only_persons_see(
    world: DeskWorld, vendor: FakeChatwoot
) -> None:
    conversation = await hand_over(world, vendor)

    theirs = vendor.of("ann")
    assert theirs.statuses == ["open"]
    (note,) = theirs.notes
    assert note.startswith("**Handed over by the bot** (api)\n\nNote: vip\n")
    assert "- hello\n  → You said hello." in note
    assert not any("Handed over" in text for text in heard(vendor))
    assert await world.standing(conversation) == ("waiting", "")


async def test_what_the_bot_says_last_comes_before_the_conversation_is_opened(
    world: DeskWorld, vendor: FakeChatwoot
) -> None:
    conversation = await hand_over(world, vendor)

    kinds = ["notice" if "notice" in part.payload else "text" for part in await world.parts(conversation)]
    assert kinds[-2:] == ["text", "notice"]
    assert {part.state for part in await world.parts(conversation)} == {SendState.SENT}


async def test_a_hand_over_that_chatwoot_did_not_take_is_made_after_a_restart(
    world: DeskWorld, vendor: FakeChatwoot
) -> None:
    conversation = vendor.conversation_of("ann")
    await world.bring(vendor.message(user="ann", text="hello", id="1"))
    await world.settled(conversation)
    vendor.faults.extend([Fault.SERVER_ERROR] * 200)
    await world.post(f"/conversations/{conversation}/handoff")
    await world.until(lambda: len(vendor.faults) < 200)
    await world.stop()
    assert vendor.of("ann").statuses == []

    vendor.faults.clear()
    await world.start()
    await world.settled(conversation)

    assert (vendor.of("ann").statuses, len(vendor.of("ann").notes)) == (["open"], 1)


async def test_a_status_of_which_nobody_knows_is_given_again(world: DeskWorld, vendor: FakeChatwoot) -> None:
    conversation = vendor.conversation_of("ann")
    await world.bring(vendor.message(user="ann", text="hello", id="1"))
    await world.settled(conversation)
    await world.post(f"/conversations/{conversation}/handoff")
    await world.until(lambda: len(heard(vendor)) == 3)
    await world.settled(conversation)
    vendor.faults.append(Fault.LOST_ANSWER)
    await world.post(f"/conversations/{conversation}/handoff/return", agent="ann")
    await world.settled(conversation)

    assert vendor.of("ann").statuses == ["open", "pending", "pending"]


async def test_between_call_and_opening_the_platforms_pending_does_not_bring_the_bot_back(
    world: DeskWorld, vendor: FakeChatwoot
) -> None:
    conversation = vendor.conversation_of("ann")
    await world.bring(vendor.message(user="ann", text="hello", id="1"))
    await world.settled(conversation)
    vendor.faults.extend([Fault.TOO_MANY] * 1_000)
    await world.post(f"/conversations/{conversation}/handoff")
    await world.bring(vendor.message(user="ann", text="are you there", id="2"))
    await world.until(lambda: len(vendor.faults) < 1_000)
    vendor.faults.clear()
    await world.settled(conversation)

    assert await world.standing(conversation) == ("waiting", "")
    assert not any("are you there" in text for text in heard(vendor))


# Persons in Chatwoot take over


async def test_what_a_person_has_taken_is_his_and_the_bot_is_silent(world: DeskWorld, vendor: FakeChatwoot) -> None:
    conversation = vendor.conversation_of("ann")
    await world.bring(vendor.message(user="ann", text="hello", id="1"))
    await world.settled(conversation)
    before = len(vendor.sent)

    await world.bring(vendor.opened("ann", by="Bea"))
    await world.bring(vendor.message(user="ann", text="my parcel is lost", id="2"))
    await world.settled(conversation)

    assert len(vendor.sent) == before
    assert await world.standing(conversation) == ("human", "Bea")
    assert vendor.of("ann").statuses == ["open"]
    assert vendor.of("ann").notes == []
    tracker = await world.store.recent_events(conversation, 50)
    assert "my parcel is lost" in [event.get("text") for event in tracker]
    assert world.client is not None
    queue = await (await world.client.get("/handoff")).json()
    assert [(one["conversation_id"], one["state"], one["by"]) for one in queue["conversations"]] == [
        (conversation, "human", "Bea")
    ]


async def test_an_open_conversation_is_a_persons_even_if_nobody_has_said_so_before(
    world: DeskWorld, vendor: FakeChatwoot
) -> None:
    vendor.of("ann").status = "open"
    await world.bring(vendor.message(user="ann", text="hello", id="1"))
    conversation = vendor.conversation_of("ann")
    await world.settled(conversation)

    assert vendor.sent == []
    assert await world.standing(conversation) == ("waiting", "")


async def test_who_writes_to_a_customer_is_the_one_who_serves_him(world: DeskWorld, vendor: FakeChatwoot) -> None:
    conversation = await hand_over(world, vendor)
    await world.bring(vendor.answered("ann", "Bea", "let me look", "9"))
    await world.bring(vendor.answered("ann", "Cem", "between us", "10", private=True))
    await world.settled(conversation)

    assert await world.standing(conversation) == ("human", "Bea")


@pytest.mark.parametrize("how", ["resolved", "given_back"])
async def test_what_is_ended_or_put_back_is_the_bots_again(world: DeskWorld, vendor: FakeChatwoot, how: str) -> None:
    conversation = vendor.conversation_of("ann")
    await world.bring(vendor.message(user="ann", text="hello", id="1"))
    await world.bring(vendor.opened("ann", by="Bea"))
    await world.bring(getattr(vendor, how)("ann"))
    await world.settled(conversation)
    assert (await world.standing(conversation))[0] == "returned"

    await world.bring(vendor.message(user="ann", text="and now", id="2"))
    await world.settled(conversation)

    assert "You said and now." in heard(vendor)
    assert "open" in vendor.of("ann").statuses
    assert vendor.of("ann").status == "pending"


async def test_a_customer_whose_conversation_is_pending_again_is_answered_without_a_word_of_it(
    world: DeskWorld, vendor: FakeChatwoot
) -> None:
    conversation = vendor.conversation_of("ann")
    await world.bring(vendor.message(user="ann", text="hello", id="1"))
    await world.bring(vendor.opened("ann", by="Bea"))
    vendor._becomes(vendor.of("ann"), "pending")
    await world.bring(vendor.message(user="ann", text="and now", id="2"))
    await world.settled(conversation)

    assert "You said and now." in heard(vendor)


async def test_an_old_word_that_comes_late_does_not_count(world: DeskWorld, vendor: FakeChatwoot) -> None:
    late = vendor.message(user="ann", text="still the bot", id="1")
    await world.bring(vendor.message(user="ann", text="hello", id="0"))
    await world.bring(vendor.opened("ann", by="Bea"))
    await world.bring(late)
    conversation = vendor.conversation_of("ann")
    await world.settled(conversation)

    assert await world.standing(conversation) == ("human", "Bea")
    assert not any("still the bot" in text for text in heard(vendor))


async def test_conversations_that_never_came_to_the_bot_are_not_begun_by_their_status(
    world: DeskWorld, vendor: FakeChatwoot
) -> None:
    await world.bring(vendor.opened("stranger", by="Bea"))
    conversation = vendor.conversation_of("stranger")
    await world.settled(conversation)

    assert await world.store.recent_events(conversation, 5) == []


# What is not for the bot


@pytest.mark.parametrize(
    "more",
    [
        {"message_type": "outgoing", "sender": {"id": 1, "name": "Kefu", "type": "agent_bot"}},
        {"message_type": "activity", "sender": None},
        {"message_type": "template", "sender": None},
        {"message_type": 1},
        {"private": True},
        {"event": "webwidget_triggered"},
        {"event": "conversation_typing_on"},
        {"event": "message_updated"},
        {"event": None},
        {"id": "none"},
        {"conversation": {}},
        {"content": None},
        {"content": "   "},
    ],
)
async def test_what_is_no_customers_message_is_acknowledged_and_not_kept(
    world: DeskWorld, vendor: FakeChatwoot, more: dict[str, object]
) -> None:
    event = vendor.event(vendor.of("ann"), "echo?", "1") | more
    assert await world.bring(vendor.posted(event)) == 200
    await world.settled(vendor.conversation_of("ann"))

    assert vendor.sent == []
    assert await world.store.recent_events(vendor.conversation_of("ann"), 5) == []


async def test_a_picture_without_words_is_media(world: DeskWorld, vendor: FakeChatwoot) -> None:
    picture = {"id": 1, "file_type": "image", "data_url": "https://chat.example.com/rails/a.png"}
    await world.bring(vendor.message(user="ann", text="", id="1", attachments=[picture]))
    conversation = vendor.conversation_of("ann")
    await world.settled(conversation)

    (event,) = [one for one in await world.store.recent_events(conversation, 50) if one["event"] == "user"]
    assert event["metadata"]["media"] == [{"kind": "image", "url": "https://chat.example.com/rails/a.png"}]
    assert len(vendor.sent) == 1


# Versions


@pytest.mark.parametrize("world", [{"signs": False}], indirect=True)
async def test_a_version_that_does_not_sign_is_known_by_the_address(world: DeskWorld, vendor: FakeChatwoot) -> None:
    request = vendor.message(user="ann", text="hello", id="1")
    assert await world.bring(Request(path=PATH, headers=request.headers, body=request.body)) == 401
    for wrong in ("9f31c2f0a7c94d1f", "%00", "9f31", "\N{LATIN SMALL LETTER E WITH ACUTE}"):
        assert await world.bring(Request(path=f"{PATH}/{wrong}", headers=request.headers, body=request.body)) == 401

    assert await world.bring(request) == 200
    await world.settled(vendor.conversation_of("ann"))
    assert "You said hello." in heard(vendor)


@pytest.mark.parametrize("world", [{"says_when": False}], indirect=True)
async def test_a_version_that_does_not_say_when_is_followed_as_it_comes(world: DeskWorld, vendor: FakeChatwoot) -> None:
    conversation = vendor.conversation_of("ann")
    await world.bring(vendor.message(user="ann", text="hello", id="1"))
    await world.bring(vendor.opened("ann", by="Bea"))
    await world.settled(conversation)
    assert await world.standing(conversation) == ("human", "Bea")
    await world.bring(vendor.resolved("ann"))
    await world.settled(conversation)
    assert (await world.standing(conversation))[0] == "returned"


async def test_a_limit_that_is_reached_is_waited_for(world: DeskWorld, vendor: FakeChatwoot) -> None:
    vendor.faults.extend([Fault.TOO_MANY] * 3)
    await world.bring(vendor.message(user="ann", text="hello", id="1"))
    await world.settled(vendor.conversation_of("ann"))

    assert heard(vendor)[0] == "You said hello."
