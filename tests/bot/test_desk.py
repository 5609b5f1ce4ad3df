"""One person serves a customer, everybody who listens is told, and nothing is lost but what nobody reads."""

import asyncio
import json
from typing import Any

import pytest
from scripted_desk import Office, make_office

from bot.desk_feed import Feed
from bot.errors import Refused
from bot.events import plain_event
from bot.handoff import HandoffReason, ReturnReason, returned_events, waiting_events
from configs.assistant_config import HandoffConfig


@pytest.fixture
def office() -> Office:
    return make_office()


async def ask(office: Office, *names: str) -> None:
    for name in names:
        await office.hear(name, "hello")
        await office.desk.ask(name)


def frames(feed: Feed) -> list[dict[str, Any]]:
    """What lies on a feed; its reader has nothing more to wait for."""
    return [json.loads(frame) for frame in feed._frames]


async def refused(awaited: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        await awaited
    return caught.value.status, str(caught.value)


# A conversation's way over the desk


async def test_a_customer_waits_is_served_and_given_back(office: Office) -> None:
    await ask(office, "cy")
    assert [(seat.conversation_id, seat.handoff.state) for seat in office.desk.seats()] == [("cy", "waiting")]

    await office.desk.claim("cy", "ann")
    await office.desk.reply("cy", "ann", "Hello, Ann here.")
    assert office.desk.seats()[0].handoff.by == "ann"
    assert office.conversations.states["cy"].handoff.unread == ("<utter_handoff>", "Hello, Ann here.")

    seat = await office.desk.give_back("cy", "ann")
    assert seat.handoff.state == "returned"
    assert office.desk.seats() == []
    assert office.kinds("cy") == [
        *("user", "action", "handoff", "pause", "bot"),
        *("handoff", "bot"),
        *("handoff", "resume", "bot", "action"),
    ]
    assert not office.conversations.states["cy"].is_silent


async def test_who_waits_longest_stands_first_and_who_is_served_last(office: Office) -> None:
    for name in ("a", "b", "c"):
        await ask(office, name)
        office.now += 1
    await office.desk.claim("a", "ann")
    assert [seat.conversation_id for seat in office.desk.seats()] == ["b", "c", "a"]


async def test_of_many_who_claim_at_once_one_gets_it(office: Office) -> None:
    await ask(office, "cy")
    claims = (office.desk.claim("cy", f"agent {number}") for number in range(20))
    outcomes = await asyncio.gather(*claims, return_exceptions=True)

    got = [outcome for outcome in outcomes if not isinstance(outcome, Refused)]
    assert len(got) == 1
    assert {outcome.status for outcome in outcomes if isinstance(outcome, Refused)} == {409}
    assert office.kinds("cy").count("handoff") == 2


async def test_claiming_ones_own_again_changes_nothing(office: Office) -> None:
    await ask(office, "cy")
    await office.desk.claim("cy", "ann")
    before = office.kinds("cy")
    assert (await office.desk.claim("cy", "ann")).handoff.by == "ann"
    assert office.kinds("cy") == before


async def test_a_colleagues_conversation_can_be_taken_over_on_purpose(office: Office) -> None:
    await ask(office, "cy")
    await office.desk.claim("cy", "ann")
    assert await refused(office.desk.claim("cy", "bob")) == (409, "'cy' is claimed by 'ann'.")
    assert (await office.desk.claim("cy", "bob", take_over=True)).handoff.by == "bob"
    assert (await refused(office.desk.reply("cy", "ann", "I am still here")))[0] == 409


async def test_only_who_has_claimed_it_may_reply_or_give_back(office: Office) -> None:
    await ask(office, "cy")
    assert await refused(office.desk.reply("cy", "ann", "hi")) == (409, "'cy' is waiting; claim it first.")
    await office.desk.claim("cy", "ann")
    for tried in (office.desk.reply("cy", "bob", "hi"), office.desk.give_back("cy", "bob")):
        assert await refused(tried) == (409, "'cy' is claimed by 'ann'.")


async def test_who_waits_may_be_given_back_by_anybody(office: Office) -> None:
    await ask(office, "cy")
    assert (await office.desk.give_back("cy", "bob")).handoff.state == "returned"


async def test_nobody_is_called_twice_and_nobody_who_never_wrote(office: Office) -> None:
    await ask(office, "cy")
    assert await refused(office.desk.ask("cy")) == (409, "'cy' is waiting already.")
    for tried in (office.desk.ask("nobody"), office.desk.claim("nobody", "ann"), office.desk.seat("nobody")):
        assert await refused(tried) == (404, "There is no conversation 'nobody'.")
    await office.hear("talker", "hello")
    assert (await refused(office.desk.claim("talker", "ann")))[0] == 409


async def test_the_summary_holds_the_customers_words(office: Office) -> None:
    await ask(office, "cy")
    shown = await office.desk.shown(office.desk.seats()[0])
    assert (shown["state"], shown["reason"], shown["by"]) == ("waiting", "api", None)
    assert shown["summary"]["turns"][0]["asked"] == "hello"


# Time


async def test_who_waited_too_long_is_told_so_and_goes_back_to_the_bot(office: Office) -> None:
    await ask(office, "cy")
    office.now += 599
    await office.desk.catch_up()
    assert len(office.desk.seats()) == 1

    office.now += 1
    await office.desk.catch_up()
    assert office.desk.seats() == []
    state = office.conversations.states["cy"].handoff
    assert (state.state, state.reason, state.unread[-1]) == ("returned", "nobody_came", "<utter_handoff_timeout>")


async def test_a_person_who_says_nothing_any_more_loses_the_conversation(office: Office) -> None:
    await ask(office, "cy")
    await office.desk.claim("cy", "ann")
    office.now += 3_599
    await office.hear("cy", "are you there?")
    office.now += 3_599
    await office.desk.catch_up()
    assert office.desk.seats()[0].handoff.by == "ann"
    office.now += 1
    await office.desk.catch_up()
    assert office.conversations.states["cy"].handoff.reason == "idle"


async def test_a_reply_that_comes_as_the_time_runs_out_is_not_lost() -> None:
    office = make_office(HandoffConfig(wait_minutes=1))
    await ask(office, "cy")
    office.now += 60
    outcomes = await asyncio.gather(office.desk.claim("cy", "ann"), office.desk.catch_up(), return_exceptions=True)
    claimed = not isinstance(outcomes[0], Refused)
    assert (office.conversations.states["cy"].handoff.by == "ann") is claimed


# Who listens


async def test_everybody_hears_what_changes_and_what_is_said(office: Office) -> None:
    feeds = [office.desk.listen(), office.desk.listen()]
    await ask(office, "cy")
    await office.hear("other", "not for you")
    await office.hear("cy", "hurry!")
    await office.desk.claim("cy", "ann")
    await office.desk.reply("cy", "ann", "Here I am.")
    await office.desk.give_back("cy", "ann")
    await office.hear("cy", "and now the bot again")
    await office.desk.close()

    told = [(frame["type"], frame.get("state") or frame.get("from"), frame.get("text")) for frame in frames(feeds[0])]
    assert [item for item in told if item[0] != "summary"] == [
        ("message", "bot", "<utter_handoff>"),
        ("conversation", "waiting", None),
        ("message", "customer", "hurry!"),
        ("conversation", "human", None),
        ("message", "person", "Here I am."),
        ("message", "bot", "<utter_handoff_returned>"),
        ("conversation", "returned", None),
    ]
    assert [frame["summary"]["turns"][0]["asked"] for frame in frames(feeds[0]) if frame["type"] == "summary"] == [
        "hello"
    ]
    assert frames(feeds[0]) == frames(feeds[1])


async def test_a_desk_that_was_started_anew_finds_everybody(office: Office) -> None:
    await ask(office, "a", "b")
    await office.desk.claim("b", "ann")
    later = make_office(conversations=office.conversations)
    assert later.desk.seats() == []
    await later.desk.catch_up()
    assert [(s.conversation_id, s.handoff.by) for s in later.desk.seats()] == [("a", ""), ("b", "ann")]


async def test_what_another_process_does_is_told_once(office: Office) -> None:
    await ask(office, "cy")
    later = make_office(conversations=office.conversations)
    await later.desk.catch_up()
    feed = later.desk.listen()
    office.now += 1
    await office.desk.claim("cy", "ann")
    office.now += 1
    await office.hear("cy", "thank you")
    for _ in range(3):
        await later.desk.catch_up()
    office.now += 1
    await office.desk.give_back("cy", "ann")
    for _ in range(3):
        await later.desk.catch_up()

    told = [(frame["type"], frame.get("state") or frame["text"]) for frame in frames(feed)]
    assert told == [
        ("message", "thank you"),
        ("conversation", "human"),
        ("message", "<utter_handoff_returned>"),
        ("conversation", "returned"),
    ]
    assert later.desk.seats() == []


async def test_what_is_given_back_by_an_event_of_rasa_leaves_the_desk(office: Office) -> None:
    await ask(office, "cy")
    await office.conversations.change("cy", lambda _: [plain_event("resume", office.now)])
    assert office.desk.seats() == []


async def test_a_turn_of_the_bot_that_begins_and_ends_a_wait_is_seen(office: Office) -> None:
    await office.conversations.change("cy", lambda _: waiting_events(HandoffReason.RULE, office.now))
    assert office.desk.seats()[0].handoff.reason == "rule"
    await office.conversations.change("cy", lambda _: returned_events(ReturnReason.GIVEN_BACK, office.now))
    assert office.desk.seats() == []


# Feeds


async def test_a_feed_gives_frames_in_order_and_waits_for_the_next() -> None:
    feed = Feed()
    waiting = asyncio.create_task(feed.get())
    await asyncio.sleep(0)
    for text in ("a", "b", "c"):
        feed.put(text)
    assert [await waiting, await feed.get(), await feed.get()] == ["a", "b", "c"]
    feed.close()
    assert await feed.get() is None


@pytest.mark.parametrize(("max_frames", "max_chars"), [(3, 1_000), (1_000, 15)])
async def test_a_feed_that_nobody_reads_stays_small_and_is_lost(max_frames: int, max_chars: int) -> None:
    feed = Feed(max_frames, max_chars)
    for number in range(10_000):
        feed.put(f"{number:05}")
        assert len(feed._frames) <= max_frames
        assert sum(map(len, feed._frames)) <= max_chars
    assert feed.lost
    assert await feed.get() is None


async def test_who_reads_slowly_costs_the_others_nothing(office: Office) -> None:
    slow, quick = office.desk.listen(), office.desk.listen()
    await ask(office, "cy")
    read = []
    for number in range(2_000):
        await office.hear("cy", f"message {number}")
        while quick._frames:
            read.append(json.loads(await quick.get() or "{}"))
    assert slow.lost
    assert [frame["text"] for frame in read if frame.get("from") == "customer"] == [
        f"message {n}" for n in range(2_000)
    ]
    assert (await office.desk.claim("cy", "ann")).handoff.by == "ann"
    await office.desk.close()
