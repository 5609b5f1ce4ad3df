"""What every channel promises, shown over the whole server and a fake of its platform's API."""

import asyncio

import pytest
from channel_world import RELEASE, World
from fakes.vendor import Fault, Request
from stub_engine import words_of

from bot.stores.outbox import SendState


def reply(text: str) -> list[str]:
    return [f"You said {text}.", words_of(RELEASE)]


async def test_a_message_is_answered_in_its_conversation(world: World) -> None:
    await world.say("ann", "hello there", "m-1")
    states = await world.settled("ann", 2)

    assert "\n".join(world.heard("ann")) == "\n".join(reply("hello there"))
    assert set(states) <= {SendState.SENT, SendState.RETURNED}


async def test_forged_and_stale_requests_are_refused_and_nothing_is_kept(world: World) -> None:
    forgeries = world.vendor.forgeries()
    assert len(forgeries) >= 10 or not world.vendor.authenticated

    answers = {what: (await world.bring(request))[0] for what, request in forgeries.items()}

    assert {what: status for what, status in answers.items() if status not in (400, 401, 403, 404, 405, 413)} == {}
    await world.stop()
    assert await world.inbox_count() == 0


async def test_a_message_that_comes_again_is_taken_and_answered_once(world: World) -> None:
    request = world.vendor.message(user="ann", text="once", id="m-1")

    answers = await asyncio.gather(*(world.bring(request) for _ in range(5)))
    await world.settled("ann", 2)
    later = await world.bring(request)
    await world.say("ann", "twice", "m-2")
    await world.settled("ann", 4)

    assert all(taken for _, taken in (*answers, later))
    echoes = [text for text in set(world.heard("ann")) if "said" in text]
    assert len(echoes) == 2
    await world.stop()
    assert await world.inbox_count() == 2


async def test_customers_do_not_hear_one_another(world: World) -> None:
    await asyncio.gather(*(world.say(user, f"I am {user}", f"m-{user}") for user in ("ann", "ben", "cem")))
    for user in ("ann", "ben", "cem"):
        await world.settled(user, 2)

    for user in ("ann", "ben", "cem"):
        assert "\n".join(world.heard(user)) == "\n".join(reply(f"I am {user}"))


@pytest.mark.parametrize("fault", [Fault.TOO_MANY, Fault.SERVER_ERROR])
async def test_what_was_refused_for_now_is_sent_again_in_its_place(world: World, fault: Fault) -> None:
    world.vendor.faults.extend([fault, fault])

    for number in range(3):
        await world.say("ann", f"message {number}", f"m-{number}")
    await world.settled("ann", 6)

    wanted = [line for number in range(3) for line in reply(f"message {number}")]
    assert "\n".join(world.heard("ann")) == "\n".join(wanted)


@pytest.mark.parametrize("fault", [Fault.HANG_UP, Fault.LOST_ANSWER])
async def test_what_may_have_arrived_is_never_shown_twice_and_holds_up_nobody(world: World, fault: Fault) -> None:
    world.vendor.faults.append(fault)

    await world.say("ann", "first", "m-1")
    states = await world.settled("ann", 2)
    await world.say("ann", "second", "m-2")
    await world.settled("ann", 4)

    heard = "\n".join(world.heard("ann"))
    assert heard.count("You said first.") <= 1
    assert heard.count("You said second.") == 1
    shown = fault is Fault.LOST_ANSWER or SendState.UNKNOWN not in states
    assert ("You said first." in heard) is shown


async def test_a_restart_loses_and_repeats_nothing(world: World) -> None:
    await world.say("ann", "before", "m-1")
    await world.settled("ann", 2)
    await world.stop()
    await world.start()
    await world.say("ann", "before", "m-1")
    await world.say("ann", "after", "m-2")
    await world.settled("ann", 4)

    heard = "\n".join(dict.fromkeys(world.heard("ann")))
    assert heard.startswith("\n".join(reply("before")))
    assert heard.count("You said after.") == 1


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 100_000, b"null", b"{", b"<a/>", b"a=%ff"])
async def test_an_unsigned_body_is_never_an_error_of_ours(world: World, body: bytes) -> None:
    genuine = world.vendor.message(user="ann", text="hello", id="m-1")

    status, _ = await world.bring(Request(method=genuine.method, path=genuine.path.partition("?")[0], body=body))

    assert 400 <= status < 500


async def test_a_pressed_button_is_a_message(world: World) -> None:
    pressed = world.vendor.button(user="ann", payload="/affirm", id="b-1")
    if pressed is None:  # there a button is a numbered line, or sends words
        pressed = world.vendor.message(user="ann", text="/affirm", id="b-1")

    _, taken = await world.bring(pressed)
    await world.settled("ann", 2)

    assert taken
    assert "\n".join(world.heard("ann")) == "\n".join(reply("/affirm"))


async def test_the_channel_says_that_it_is_there(world: World) -> None:
    assert world.client is not None
    answer = await world.client.get(f"/webhooks/{world.vendor.channel}/")

    assert (answer.status, await answer.json()) == (200, {"status": "ok"})
