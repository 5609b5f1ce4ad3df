"""What every conversation store promises: in memory, in a SQLite file and in PostgreSQL."""

import asyncio
import itertools
import json
import uuid
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from contract_clock import Clock, OpenStore
from sqlalchemy import select, text

from bot.conversation import Conversation, Moment
from bot.errors import Overloaded
from bot.events import Event
from bot.handoff import Handoff, HandoffState
from bot.stores.errors import AlreadyAnswered, LeaseLost, StoreError
from bot.stores.evidence import Feedback
from bot.stores.inbox import Accepted, Claimed
from bot.stores.labels import Label, LabelKind, disagreements, give_label, labels_of, standing_labels, undo_label
from bot.stores.outbox import Part, SendState
from bot.stores.store import ConversationStore
from bot.stores.tables import lasting_tables, shadows, suggestions
from bot.stores.turn import Evidence, InboxMessage, Loaded, Reminder, TurnWrite
from bot.stores.turn_log import logged_turn, turns_after
from configs.settings import UnknownParts


def state(conversation_id: str, last: Any = None) -> Conversation:
    """A state that can be told from others."""
    slots = {} if last is None else {"last": last}
    return Conversation(id=conversation_id, now=Moment(slots=slots), last_event_at=1.0)


def said(*texts: str) -> list[Event]:
    return [{"event": "user", "timestamp": 1.0, "text": text, "parse_data": {}} for text in texts]


def message(external_id: str, conversation_id: str = "ann", **changed: Any) -> InboxMessage:
    values: dict[str, Any] = {"channel": "chat", "payload": {"text": external_id}, "received_at": 1.0, **changed}
    return InboxMessage(external_id=external_id, conversation_id=conversation_id, **values)


async def accept(store: ConversationStore, *ids: str, conversation_id: str = "ann") -> list[Accepted]:
    return [await store.inbox.accept(message(one, conversation_id)) for one in ids]


async def claim(store: ConversationStore, **options: Any) -> Claimed:
    claimed = await store.inbox.claim(**options)
    assert claimed is not None
    return claimed


async def answer(store: ConversationStore, claimed: Claimed, *parts: str, **changed: Any) -> None:
    """Ends a claimed message's turn; the reply waits in the outbox."""
    reply = tuple({"text": part} for part in parts)
    values = {"lease": claimed.lease, "inbox_id": claimed.inbox_id, "parts": reply, "deliver": True, **changed}
    await store.append(state(claimed.message.conversation_id), said("x"), turn=TurnWrite(**values))


async def answered(store: ConversationStore, external_id: str, *parts: str, conversation_id: str = "ann") -> None:
    await accept(store, external_id, conversation_id=conversation_id)
    await answer(store, await claim(store), *parts)


def texts(parts: Sequence[Part]) -> list[str]:
    return [part.payload["text"] for part in parts]


def evidence(reason: str = "template", **changed: Any) -> Evidence:
    values = {"at": 2.0, "release_id": "r1", "confidence": 0.5, "evidence": {"p": [0.5, None]}, **changed}
    return Evidence(reason=reason, **values)


class TestConversations:
    async def test_what_was_written_is_read_back(self, store: ConversationStore) -> None:
        events = said("one", "two")

        await store.append(state("ann", 2), events)

        assert await store.events("ann") == events
        assert await store.load("ann") == state("ann", 2)

    async def test_an_unknown_conversation_is_a_fresh_one(self, store: ConversationStore) -> None:
        assert await store.load_versioned("nobody") == Loaded(conversation=Conversation(id="nobody"), version=0)
        assert await store.events("nobody") == []
        assert await store.recent_events("nobody", 5) == []

    async def test_each_commit_raises_the_version_by_one(self, store: ConversationStore) -> None:
        committed = [(await store.append(state("ann", n), said(str(n)))).version for n in range(3)]

        assert committed == [1, 2, 3]
        assert await store.load_versioned("ann") == Loaded(conversation=state("ann", 2), version=3)
        assert (await store.load_versioned("ben")).version == 0

    async def test_a_turn_that_was_overtaken_changes_nothing(self, store: ConversationStore) -> None:
        loaded = await store.load_versioned("ann")
        await store.append(state("ann", "theirs"), said("theirs"))

        with pytest.raises(LeaseLost, match="is not at version 0 any more"):
            await store.append(state("ann", "ours"), said("ours"), turn=TurnWrite(version=loaded.version))

        assert await store.load("ann") == state("ann", "theirs")
        assert await store.events("ann") == said("theirs")

    async def test_events_come_page_by_page(self, store: ConversationStore) -> None:
        every = said(*map(str, range(10)))
        for event in every:
            await store.append(state("ann"), [event])
            await store.append(state("ben"), said("not hers"))

        for after, limit in itertools.product((None, 0, 3, 9, 50), (None, 0, 1, 4, 50)):
            expected = every[after or 0 :][: len(every) if limit is None else limit]
            assert await store.events("ann", after=after, limit=limit) == expected

    async def test_the_last_events_come_in_order(self, store: ConversationStore) -> None:
        every = said(*map(str, range(10)))
        await store.append(state("ann"), every)

        assert await store.recent_events("ann", 3) == every[-3:]
        assert await store.recent_events("ann", 50) == every

    async def test_every_text_comes_back_as_it_was(self, store: ConversationStore) -> None:
        hostile = [
            "'; DROP TABLE events; --",
            "100 % _sure_",
            "你好 😀",
            "a\x00b",
            "\u202e\u200b",
            '"\\n',
            "é é",
            "x" * 9_000,
        ]
        sender = "'; DROP TABLE conversations; -- % 你好 😀"

        await store.append(state(sender, hostile), said(*hostile))

        assert [event["text"] for event in await store.events(sender)] == hostile
        assert await store.load(sender) == state(sender, hostile)

    async def test_a_name_that_is_too_long_for_rasas_columns_is_kept_in_full(self, store: ConversationStore) -> None:
        event: Event = {"event": "action", "timestamp": None, "name": "a" * 999}

        await store.append(state("ann"), [event])

        assert await store.events("ann") == [event]

    async def test_many_at_once_do_not_mix(self, store: ConversationStore) -> None:
        async def talk(name: str) -> None:
            for number in range(8):
                await store.append(state(name, number), said(f"{name} {number}"))

        await asyncio.gather(*(talk(f"c{n}") for n in range(12)))

        for name in (f"c{n}" for n in range(12)):
            assert await store.events(name) == said(*(f"{name} {number}" for number in range(8)))
            assert await store.load_versioned(name) == Loaded(conversation=state(name, 7), version=8)

    async def test_events_can_be_put_in_the_place_of_all_that_there_were(self, store: ConversationStore) -> None:
        await answered(store, "m1", "one")
        await store.append(state("ben"), said("not hers"))

        committed = await store.replace(state("ann", "new"), said("new"), turn=TurnWrite(version=1))

        assert await store.load_versioned("ann") == Loaded(conversation=state("ann", "new"), version=committed.version)
        assert await store.events("ann") == said("new")
        assert await store.events("ben") == said("not hers")
        assert await store.reply_of("chat", "", "m1") == ({"text": "one"},)
        with pytest.raises(LeaseLost):
            await store.replace(state("ann", "late"), said("late"), turn=TurnWrite(version=1))
        assert await store.events("ann") == said("new")

    async def test_those_who_wait_for_a_person_or_have_one_are_listed(self, store: ConversationStore) -> None:
        for who, handoff in (("ann", "bot"), ("ben", "waiting"), ("cat", "human"), ("dan", "returned")):
            await store.append(replace(state(who), handoff=Handoff(state=HandoffState(handoff))), said("x"))

        assert sorted(one.id for one in await store.handed_over()) == ["ben", "cat"]

        await store.append(replace(state("cat"), handoff=Handoff(state=HandoffState.RETURNED)), said("y"))
        assert [one.handoff.state for one in await store.handed_over()] == [HandoffState.WAITING]


class TestLeases:
    async def test_one_at_a_time_holds_a_conversation(self, store: ConversationStore) -> None:
        held = await store.hold("ann")

        with pytest.raises(Overloaded, match="Another process is taking a turn"):
            await store.hold("ann", wait_s=0)
        other = await store.hold("ben", wait_s=0)

        assert held.lease.fence < other.lease.fence
        await store.release(held.lease)
        assert (await store.hold("ann", wait_s=0)).lease.fence > other.lease.fence

    async def test_the_turns_commit_gives_it_back(self, store: ConversationStore) -> None:
        held = await store.hold("ann")

        await store.append(state("ann", 1), said("a"), turn=TurnWrite(lease=held.lease, version=held.version))

        again = await store.hold("ann", wait_s=0)
        assert (again.conversation, again.version) == (state("ann", 1), 1)

    async def test_who_waits_gets_it_once_it_is_given_back(self, store: ConversationStore) -> None:
        held = await store.hold("ann")
        waiting = asyncio.create_task(store.hold("ann"))
        await asyncio.sleep(0)

        await store.release(held.lease)

        assert (await waiting).lease.fence > held.lease.fence

    async def test_a_lease_that_ran_out_can_be_taken_over_and_its_holder_changes_nothing(
        self, store: ConversationStore, clock: Clock
    ) -> None:
        slow = await store.hold("ann", lease_s=10)
        clock.seconds += 10
        quick = await store.hold("ann", wait_s=0)

        with pytest.raises(LeaseLost):
            await store.append(state("ann", "slow"), said("slow"), turn=TurnWrite(lease=slow.lease))
        await store.release(slow.lease)  # must not give back what another holds by now
        with pytest.raises(Overloaded):
            await store.hold("ann", wait_s=0)

        await store.append(state("ann", "quick"), said("quick"), turn=TurnWrite(lease=quick.lease))
        assert await store.events("ann") == said("quick")

    async def test_a_lease_that_ran_out_and_was_not_taken_over_is_still_good(
        self, store: ConversationStore, clock: Clock
    ) -> None:
        held = await store.hold("ann", lease_s=1)
        clock.seconds += 100

        await store.append(state("ann"), said("late"), turn=TurnWrite(lease=held.lease))

        assert await store.events("ann") == said("late")

    async def test_a_lease_can_be_extended_until_it_is_lost(self, store: ConversationStore, clock: Clock) -> None:
        held = await store.hold("ann", lease_s=10)
        clock.seconds += 9
        assert await store.extend(held.lease, 10)
        clock.seconds += 9
        with pytest.raises(Overloaded):
            await store.hold("ann", wait_s=0)
        clock.seconds += 1
        await store.hold("ann", wait_s=0)

        assert not await store.extend(held.lease, 10)

    async def test_a_refused_turn_does_not_touch_what_shares_its_commit(self, store: ConversationStore) -> None:
        held = await store.hold("ann")
        await store.release(held.lease)
        writes = [store.append(state(f"c{n}"), said(str(n))) for n in range(10)]
        refused = store.append(state("ann"), said("no"), turn=TurnWrite(lease=held.lease))

        outcomes = await asyncio.gather(*writes[:5], refused, *writes[5:], return_exceptions=True)

        assert isinstance(outcomes.pop(5), LeaseLost)
        assert [outcome.version for outcome in outcomes if not isinstance(outcome, BaseException)] == [1] * 10
        assert [await store.events(f"c{n}") for n in range(10)] == [said(str(n)) for n in range(10)]
        assert await store.events("ann") == []


class TestInbox:
    async def test_a_message_is_taken_in_once_however_often_it_comes(self, store: ConversationStore) -> None:
        first, *others = await asyncio.gather(*(store.inbox.accept(message("m1")) for _ in range(20)))

        ids = {accepted.inbox_id for accepted in (first, *others)}
        assert len(ids) == 1
        assert sum(accepted.is_new for accepted in (first, *others)) == 1
        assert not any(accepted.is_changed for accepted in others)
        assert (await claim(store)).inbox_id in ids
        assert await store.inbox.claim() is None
        assert store.inbox.counts == {"new": 1, "duplicate": 19}

    async def test_another_content_under_the_same_id_is_counted_and_left_out(self, store: ConversationStore) -> None:
        await accept(store, "m1")

        again = await store.inbox.accept(message("m1", payload={"text": "other"}))

        assert (again.is_new, again.is_changed) == (False, True)
        assert (await claim(store)).message == message("m1")
        assert store.inbox.counts["changed"] == 1

    async def test_ids_are_told_apart_by_channel_and_account(self, store: ConversationStore) -> None:
        places = [("chat", "a"), ("chat", "b"), ("mail", "a")]

        accepted = [
            await store.inbox.accept(message("1", f"{channel}{account}", channel=channel, account=account))
            for channel, account in places
        ]

        assert [one.is_new for one in accepted] == [True] * 3
        claimed = [(await claim(store)).message for _ in places]
        assert [(one.channel, one.account) for one in claimed] == places

    async def test_messages_of_a_conversation_are_handed_out_one_at_a_time_in_order(
        self, store: ConversationStore
    ) -> None:
        await accept(store, "a1", "a2")
        await accept(store, "b1", conversation_id="ben")
        await accept(store, "a3")
        first, other = await claim(store), await claim(store)
        assert await store.inbox.claim() is None
        handed_out = [first, other]
        for _ in range(2):
            await answer(store, handed_out[0 if len(handed_out) == 2 else -1])
            handed_out.append(await claim(store))

        assert [one.message.external_id for one in handed_out] == ["a1", "b1", "a2", "a3"]
        assert [one.conv_seq for one in handed_out] == [1, 1, 2, 3]
        assert [one.attempts for one in handed_out] == [1] * 4

    async def test_a_held_conversation_is_not_handed_out(self, store: ConversationStore) -> None:
        await accept(store, "a1")
        await accept(store, "b1", conversation_id="ben")
        held = await store.hold("ann")

        assert (await claim(store)).message.external_id == "b1"
        assert await store.inbox.claim() is None
        await store.release(held.lease)
        assert (await claim(store)).message.external_id == "a1"

    async def test_a_message_whose_holder_is_gone_is_handed_out_again_with_a_higher_fence(
        self, store: ConversationStore, clock: Clock
    ) -> None:
        await accept(store, "a1", "a2")
        lost = await claim(store, lease_s=30)
        clock.seconds += 30
        again = await claim(store, lease_s=30)

        assert (again.inbox_id, again.attempts) == (lost.inbox_id, 2)
        assert again.lease.fence > lost.lease.fence
        with pytest.raises(LeaseLost):
            await answer(store, lost, "from the dead")
        await answer(store, again, "alive")
        assert texts(await store.outbox.parts_of("ann")) == ["alive"]

    async def test_a_message_that_never_ends_is_given_up_and_the_conversation_goes_on(
        self, store: ConversationStore, clock: Clock
    ) -> None:
        await accept(store, "poison", "next")
        for attempt in (1, 2, 3):
            claimed = await claim(store, lease_s=30, max_attempts=3)
            assert (claimed.message.external_id, claimed.attempts) == ("poison", attempt)
            clock.seconds += 30

        assert (await claim(store, max_attempts=3)).message.external_id == "next"
        assert await store.reply_of("chat", "", "poison") is None

    async def test_the_last_message_of_a_conversation_can_be_given_up_too(
        self, store: ConversationStore, clock: Clock
    ) -> None:
        await accept(store, "poison")
        await accept(store, "b1", conversation_id="ben")
        await claim(store, lease_s=30, max_attempts=1)
        clock.seconds += 30

        assert (await claim(store, max_attempts=1)).message.external_id == "b1"
        assert await store.inbox.claim() is None
        await store.hold("ann", wait_s=0)

    async def test_what_was_put_back_waits_with_what_is_behind_it(self, store: ConversationStore, clock: Clock) -> None:
        await accept(store, "a1", "a2")
        claimed = await claim(store)

        assert await store.inbox.put_back(claimed, 5)

        assert await store.inbox.claim() is None
        clock.seconds += 5
        assert (await claim(store)).message.external_id == "a1"
        assert not await store.inbox.put_back(claimed, 5)

    async def test_a_try_that_does_not_count_is_forgotten(self, store: ConversationStore, clock: Clock) -> None:
        await accept(store, "a1")
        for _ in range(3):
            claimed = await claim(store, max_attempts=1)
            assert claimed.attempts == 1
            assert await store.inbox.put_back(claimed, 5, counts=False)
            clock.seconds += 5
        await claim(store, max_attempts=1, lease_s=5)
        clock.seconds += 5

        assert await store.inbox.claim(max_attempts=1) is None

    @pytest.mark.parametrize("end", ["failed", "expired"])
    async def test_what_was_given_up_is_not_handed_out_again(self, store: ConversationStore, end: str) -> None:
        await accept(store, "a1", "a2")
        claimed = await claim(store)

        assert await store.inbox.give_up(claimed, "the reason", state=end)

        assert (await claim(store)).message.external_id == "a2"
        assert not await store.inbox.give_up(claimed, "once more")
        assert not (await accept(store, "a1"))[0].is_new

    async def test_more_than_may_wait_are_refused_and_room_is_found_again(self, open_store: OpenStore) -> None:
        store = await open_store(inbox_cap=3)
        await accept(store, "1", "2", "3")

        with pytest.raises(Overloaded, match="The inbox holds 3 messages"):
            await accept(store, "4")
        with pytest.raises(Overloaded):
            await accept(store, "5")
        await answer(store, await claim(store))

        assert (await accept(store, "6"))[0].is_new
        assert store.inbox.counts["refused"] == 2

    async def test_what_waits_is_counted(self, store: ConversationStore) -> None:
        await accept(store, "1", "2", "3")
        await claim(store)

        assert await store.inbox.count_waiting() == 3
        assert await store.inbox.count_waiting(2) == 2


class TestReplies:
    async def test_the_reply_to_an_answered_message_is_found_again(self, store: ConversationStore) -> None:
        await answered(store, "m1", "one", "two")

        assert await store.reply_of("chat", "", "m1") == ({"text": "one"}, {"text": "two"})
        assert await store.reply_of("chat", "other", "m1") is None
        assert await store.reply_of("chat", "", "m2") is None

    async def test_a_message_that_still_waits_has_no_reply(self, store: ConversationStore) -> None:
        await accept(store, "m1")

        assert await store.reply_of("chat", "", "m1") is None

    async def test_an_answer_without_words_is_a_reply_too(self, store: ConversationStore) -> None:
        await answered(store, "m1")

        assert await store.reply_of("chat", "", "m1") == ()

    async def test_a_message_is_answered_once_without_waiting_in_the_inbox(self, store: ConversationStore) -> None:
        turn = TurnWrite(message=message("m1"), parts=({"text": "hi"},))
        committed = await store.append(state("ann", 1), said("a"), turn=turn)

        with pytest.raises(AlreadyAnswered):
            await store.append(state("ann", 2), said("b"), turn=turn)

        assert await store.reply_of("chat", "", "m1") == ({"text": "hi"},)
        assert await store.events("ann") == said("a")
        assert await store.load("ann") == state("ann", 1)
        assert await store.inbox.accept(message("m1")) == Accepted(inbox_id=committed.inbox_id or 0, is_new=False)
        assert await store.inbox.claim() is None
        assert await store.outbox.take({"chat": 9}) == []
        assert [part.state for part in await store.outbox.parts_of("ann")] == [SendState.RETURNED]

    async def test_of_two_requests_with_one_id_at_once_one_is_answered(self, store: ConversationStore) -> None:
        turn = TurnWrite(message=message("m1"), parts=({"text": "hi"},))

        outcomes = await asyncio.gather(
            *(store.append(state("ann"), said("a"), turn=turn) for _ in range(8)), return_exceptions=True
        )

        assert sum(isinstance(outcome, AlreadyAnswered) for outcome in outcomes) == 7
        assert await store.events("ann") == said("a")

    async def test_events_state_reply_and_message_are_written_together_or_not_at_all(
        self, store: ConversationStore
    ) -> None:
        await answered(store, "m1", "one")
        await accept(store, "m2")
        claimed = await claim(store)
        clash = TurnWrite(  # the number of an evidence that is there already
            lease=claimed.lease, inbox_id=claimed.inbox_id, parts=({"text": "two"},), evidence=evidence()
        )
        await store._connector.write(
            lambda connection: connection.exec_driver_sql(
                "INSERT INTO turns (conversation_id, seq, at, release_id, reason, evidence) "
                "VALUES ('ann', 2, 1.0, 'r', 'x', '{}')"
            )
        )

        with pytest.raises(StoreError):
            await store.append(state("ann", "new"), said("new"), turn=clash)

        assert await store.load_versioned("ann") == Loaded(conversation=state("ann"), version=1)
        assert await store.events("ann") == said("x")
        assert texts(await store.outbox.parts_of("ann")) == ["one"]
        assert await store.inbox.count_waiting() == 1
        with pytest.raises(Overloaded):  # the turn is still its holder's
            await store.hold("ann", wait_s=0)


class TestOutbox:
    async def test_parts_go_out_one_after_the_other_in_order(self, store: ConversationStore) -> None:
        await answered(store, "a1", "1", "2")
        await answered(store, "b1", "3", conversation_id="ben")
        await answered(store, "a2", "4")
        sent = []
        while parts := await store.outbox.take({"chat": 9}):
            sent.append(texts(parts))
            for part in parts:
                assert await store.outbox.sent(part)

        assert sent == [["1", "3"], ["2"], ["4"]]

    async def test_a_part_that_is_being_sent_is_handed_out_to_nobody_else(self, store: ConversationStore) -> None:
        await answered(store, "a1", "1", "2")
        await store.outbox.take({"chat": 9})

        assert await store.outbox.take({"chat": 9}) == []

    async def test_each_channel_has_its_budget(self, store: ConversationStore) -> None:
        for number in range(4):
            await answered(store, f"m{number}", str(number), conversation_id=f"c{number}")

        assert await store.outbox.take({"chat": 0, "mail": 9}) == []
        assert texts(await store.outbox.take({"chat": 2})) == ["0", "1"]
        assert texts(await store.outbox.take({"chat": 9})) == ["2", "3"]

    async def test_a_channel_that_nobody_serves_does_not_hold_up_another_one(self, store: ConversationStore) -> None:
        for external_id, channel in (("a1", "gone"), ("a2", "chat")):
            await store.inbox.accept(message(external_id, channel=channel))
            await answer(store, await claim(store), external_id)

        assert texts(await store.outbox.take({"chat": 9})) == ["a2"]

    async def test_a_part_that_is_to_be_tried_again_holds_up_its_conversation_only(
        self, store: ConversationStore, clock: Clock
    ) -> None:
        await answered(store, "a1", "1", "2")
        await answered(store, "b1", "3", conversation_id="ben")
        first, _ = await store.outbox.take({"chat": 9})

        assert await store.outbox.again(first, 5, "429")

        assert await store.outbox.take({"chat": 9}) == []
        clock.seconds += 5
        (again,) = await store.outbox.take({"chat": 9})
        assert (again.payload, again.attempts, again.key, again.reason) == (first.payload, 2, first.key, "429")

    async def test_what_waits_for_another_try_is_sent_at_once_where_it_is_hurried(
        self, store: ConversationStore
    ) -> None:
        await answered(store, "a1", "1")
        await answered(store, "b1", "2", conversation_id="ben")
        for part in await store.outbox.take({"chat": 9}):
            await store.outbox.again(part, 300, "nobody there")

        assert not await store.outbox.hurry("ann", "mail")
        assert not await store.outbox.hurry("cem", "chat")
        assert await store.outbox.hurry("ann", "chat")

        assert texts(await store.outbox.take({"chat": 9})) == ["1"]
        assert not await store.outbox.hurry("ann", "chat"), "it is being sent"

    @pytest.mark.parametrize("end", ["failed", "unknown"])
    async def test_what_did_not_arrive_is_kept_with_its_reason_and_the_rest_goes_on(
        self, store: ConversationStore, end: str
    ) -> None:
        await answered(store, "a1", "1", "2")
        (first,) = await store.outbox.take({"chat": 9})

        assert await getattr(store.outbox, end)(first, "the reason")

        assert texts(await store.outbox.take({"chat": 9})) == ["2"]
        kept = (await store.outbox.parts_of("ann"))[0]
        assert (kept.state, kept.reason) == (end, "the reason")

    async def test_a_part_of_which_the_platform_says_later_that_it_did_not_arrive_has_failed(
        self, store: ConversationStore
    ) -> None:
        await answered(store, "m1", "1", "2")
        (first,) = await store.outbox.take({"chat": 9})
        await store.outbox.sent(first)

        assert not await store.outbox.not_delivered("mail", first.key, "of another channel")
        assert not await store.outbox.not_delivered("chat", "another key", "of no part")
        assert await store.outbox.not_delivered("chat", first.key, "131026")
        failed, waiting = await store.outbox.parts_of("ann")
        assert (failed.state, failed.reason) == (SendState.FAILED, "131026")
        assert not await store.outbox.not_delivered("chat", waiting.key, "it was never sent")
        assert texts(await store.outbox.take({"chat": 9})) == ["2"]

    async def test_an_unknown_part_is_sent_again_where_the_owner_says_so(self, open_store: OpenStore) -> None:
        store = await open_store(unknown=UnknownParts.RESEND)
        await answered(store, "a1", "1")
        (first,) = await store.outbox.take({"chat": 9})

        await store.outbox.unknown(first, "timeout")

        (again,) = await store.outbox.take({"chat": 9})
        assert (again.key, again.attempts) == (first.key, 2)

    async def test_an_unknown_part_is_sent_again_where_the_platform_takes_it_only_once(
        self, store: ConversationStore, clock: Clock
    ) -> None:
        store.outbox.resends = frozenset({"chat"})
        await answered(store, "a1", "1")
        await store.inbox.accept(message("b1", "ben", channel="mail"))
        await answer(store, await claim(store), "2")
        taken = await store.outbox.take({"chat": 9, "mail": 9}, sending_s=30)
        clock.seconds += 30

        assert await store.outbox.give_up_on_senders() == 2

        (again,) = await store.outbox.take({"chat": 9, "mail": 9})
        assert (again.key, again.attempts) == (taken[0].key, 2)
        assert [part.state for part in await store.outbox.parts_of("ben")] == [SendState.UNKNOWN]
        await store.outbox.unknown(again, "timeout")
        assert texts(await store.outbox.take({"chat": 9})) == ["1"]

    async def test_the_way_back_of_the_last_message_comes_with_every_part(self, store: ConversationStore) -> None:
        await store.inbox.accept(message("a1", address={"token": "first"}))
        await store.inbox.accept(message("a1", address={"token": "a repeated one"}))
        await answer(store, await claim(store), "1")
        (first,) = await store.outbox.take({"chat": 9})
        await store.outbox.sent(first)
        await store.inbox.accept(message("a2", address={"token": "第二"}))
        await answer(store, await claim(store), "2")
        (second,) = await store.outbox.take({"chat": 9})
        await store.inbox.accept(message("a3"))

        assert first.address == {"token": "first"}
        assert second.address == {"token": "第二"}
        assert {part.address["token"] for part in await store.outbox.parts_of("ann")} == {"第二"}

    async def test_the_way_back_is_a_channel_s_own_and_erased_with_the_conversation(
        self, store: ConversationStore
    ) -> None:
        await store.inbox.accept(message("a1", channel="mail", address={"to": "ann"}))
        await answer(store, await claim(store), "1")
        await answered(store, "a2", "2")

        assert [dict(part.address) for part in await store.outbox.parts_of("ann")] == [{"to": "ann"}, {}]
        await store.erase("ann")
        await store.inbox.accept(message("a3", channel="mail"))
        await answer(store, await claim(store), "3")
        assert [dict(part.address) for part in await store.outbox.parts_of("ann")] == [{}]

    @pytest.mark.parametrize("policy", list(UnknownParts))
    async def test_a_sender_without_news_leaves_its_part_unknown(
        self, open_store: OpenStore, clock: Clock, policy: UnknownParts
    ) -> None:
        store = await open_store(unknown=policy)
        await answered(store, "a1", "1", "2")
        (lost,) = await store.outbox.take({"chat": 9}, sending_s=30)
        clock.seconds += 29
        assert await store.outbox.give_up_on_senders() == 0
        clock.seconds += 1
        assert await store.outbox.give_up_on_senders() == 1

        first, _ = await store.outbox.parts_of("ann")
        assert first.state is (SendState.UNKNOWN if policy is UnknownParts.HOLD else SendState.PENDING)
        (following,) = await store.outbox.take({"chat": 9})
        assert following.payload["text"] == ("2" if policy is UnknownParts.HOLD else "1")
        # It was only slow: what is known in the end counts, but not over another try of the same part.
        assert await store.outbox.sent(lost) is (policy is UnknownParts.HOLD)

    async def test_a_part_that_is_too_late_is_not_sent(self, store: ConversationStore, clock: Clock) -> None:
        await accept(store, "a1", "a2")
        await answer(store, await claim(store), "late", reply_expires_at=clock.seconds + 10)
        await answer(store, await claim(store), "later", reply_expires_at=clock.seconds + 20)
        clock.seconds += 10

        assert texts(await store.outbox.take({"chat": 9})) == ["later"]
        assert [part.state for part in await store.outbox.parts_of("ann")] == [SendState.EXPIRED, SendState.SENDING]

    async def test_keys_are_uuids_that_tell_every_part_apart(self, store: ConversationStore) -> None:
        await answered(store, "a1", "1", "2")
        await answered(store, "b1", "1", conversation_id="ben")
        for _ in range(2):  # what was said without being asked
            turn = TurnWrite(parts=({"text": "by the way"},), deliver=True, channel="chat")
            await store.append(state("ann"), said("y"), turn=turn)

        keys = [part.key for one in ("ann", "ben") for part in await store.outbox.parts_of(one)]

        assert len(set(keys)) == 5
        assert {uuid.UUID(key).version for key in keys} == {5}


class TestReminders:
    def reminder(self, name: str, due_at: float, **payload: Any) -> Reminder:
        return Reminder(name=name, due_at=due_at, channel="chat", payload=payload)

    async def set_(self, store: ConversationStore, *reminders: Reminder, who: str = "ann", **changed: Any) -> None:
        await store.append(state(who), said("x"), turn=TurnWrite(reminders=reminders, **changed))

    async def test_a_reminder_that_is_due_becomes_a_message_once(self, store: ConversationStore, clock: Clock) -> None:
        await self.set_(
            store, self.reminder("later", clock.seconds + 9), self.reminder("soon", clock.seconds + 5, a=[1])
        )
        assert await store.fire_reminders() == 0
        clock.seconds += 5

        assert sum(await asyncio.gather(*(store.fire_reminders() for _ in range(5)))) == 1

        claimed = await claim(store)
        assert (claimed.message.kind, claimed.message.channel) == ("reminder", "chat")
        assert claimed.message.payload == {"name": "soon", "due_at": 1005.0, "a": [1]}
        assert claimed.message.conversation_id == "ann"
        assert [reminder.name for reminder in await store.reminders("ann")] == ["later"]

    async def test_reminders_take_their_turn_among_the_messages(self, store: ConversationStore, clock: Clock) -> None:
        await accept(store, "m1")
        await self.set_(store, self.reminder("r", clock.seconds))
        await store.fire_reminders()
        await accept(store, "m2")
        kinds = []
        for _ in range(3):
            claimed = await claim(store)
            kinds.append(claimed.message.kind)
            await answer(store, claimed)

        assert kinds == ["message", "reminder", "message"]

    async def test_of_two_with_one_name_the_later_one_counts(self, store: ConversationStore) -> None:
        await self.set_(store, self.reminder("r", 1_001.0, n=1))
        await self.set_(store, self.reminder("r", 1_002.0, n=2), self.reminder("s", 1_003.0))
        await self.set_(store, self.reminder("r", 1_001.0), who="ben")

        assert await store.reminders("ann") == [self.reminder("r", 1_002.0, n=2), self.reminder("s", 1_003.0)]
        assert await store.reminders("ben") == [self.reminder("r", 1_001.0)]

    async def test_a_name_may_come_again_once_it_was_due(self, store: ConversationStore, clock: Clock) -> None:
        for _ in range(2):
            await self.set_(store, self.reminder("r", clock.seconds))
            assert await store.fire_reminders() == 1

        assert await store.inbox.count_waiting() == 2

    async def test_what_was_cancelled_does_not_come(self, store: ConversationStore, clock: Clock) -> None:
        await self.set_(store, *(self.reminder(name, clock.seconds) for name in "abc"))
        await self.set_(store, self.reminder("a", clock.seconds), who="ben")
        await self.set_(store, cancelled=("a", "nothing"))
        assert [reminder.name for reminder in await store.reminders("ann")] == ["b", "c"]

        await self.set_(store, self.reminder("d", clock.seconds + 1), cancelled=("b", "c"))

        assert [reminder.name for reminder in await store.reminders("ann")] == ["d"]
        assert await store.fire_reminders() == 1
        assert (await claim(store)).message.conversation_id == "ben"

    async def test_those_due_first_come_first_and_no_more_than_asked(self, store: ConversationStore) -> None:
        await self.set_(store, *(self.reminder(f"r{n}", 900.0 - n) for n in range(5)))

        assert await store.fire_reminders(2) == 2

        assert [reminder.name for reminder in await store.reminders("ann")] == ["r2", "r1", "r0"]


class TestEvidence:
    async def test_turns_say_why(self, store: ConversationStore) -> None:
        for reason in ("one", "two", "three"):
            await store.append(state("ann"), said(reason), turn=TurnWrite(evidence=evidence(reason)))
            await store.append(state("ann"), said("no reason"))

        found = await store.explained("ann", 2)

        assert [(turn.seq, turn.why) for turn in found] == [(3, evidence("two")), (5, evidence("three"))]
        assert await store.explained("ben") == []

    async def test_feedback_is_kept_for_turns_that_there_are(self, store: ConversationStore) -> None:
        await store.append(state("ann"), said("a"), turn=TurnWrite(evidence=evidence()))

        def given(turn_seq: int, who: str, verdict: str) -> Feedback:
            return Feedback(conversation_id="ann", turn_seq=turn_seq, who=who, verdict=verdict, comment="'; --", at=3.0)

        assert await store.give_feedback(given(1, "eve", "wrong"))
        assert await store.give_feedback(given(1, "sam", "right"))
        assert await store.give_feedback(given(1, "eve", "right"))
        assert not await store.give_feedback(given(2, "eve", "wrong"))

        first, second = await store.feedback_after()
        assert [(one.who, one.verdict, one.comment, one.turn_seq) for one in (first, second)] == [
            ("eve", "right", "'; --", 1),
            ("sam", "right", "'; --", 1),
        ]
        assert await store.feedback_after(first.id) == [second]
        assert await store.feedback_after(0, 1) == [first]

    async def test_what_was_said_and_what_came_of_it_is_kept_beside_it(self, store: ConversationStore) -> None:
        told = {"message": "Wo ist 我的 Paket?", "channel": "rest", "intent": "track", "outcome": "answered"}
        why = replace(evidence(), **told, sentiment="negative", took_ms=7.5)
        await store.append(state("ann"), said("a"), turn=TurnWrite(evidence=why))

        (found,) = await store.read(turns_after)

        assert (found.place, found.message, found.outcome, found.sentiment, found.took_ms) == (
            (why.at, "ann", 1),
            "Wo ist 我的 Paket?",
            "answered",
            "negative",
            7.5,
        )
        assert await store.read(lambda connection: logged_turn(connection, "ann", 1)) == found
        assert await store.read(lambda connection: logged_turn(connection, "ann", 2)) is None

    async def test_turns_of_all_conversations_come_in_the_order_of_time_page_by_page(
        self, store: ConversationStore
    ) -> None:
        times = {"ann": (1.0, 4.0), "ben": (2.0, 4.0), "cy": (3.0, 0.5)}
        for name, moments in times.items():
            for moment in moments:
                why = replace(evidence(), at=moment, outcome="answered" if moment < 4 else "asked_back")
                await store.append(state(name), said("a"), turn=TurnWrite(evidence=why))
        wanted = sorted((moment, name) for name, moments in times.items() for moment in moments)

        place, pages = (0.0, "", 0), []
        while page := await store.read(partial(turns_after, place=place, limit=2)):
            pages += page
            place = page[-1].place

        assert [(turn.at, turn.conversation_id) for turn in pages] == wanted
        some = await store.read(partial(turns_after, place=(2.0, "", 0), until=4.0, outcomes=["answered"]))
        assert [(turn.at, turn.conversation_id) for turn in some] == [(2.0, "ben"), (3.0, "cy")]
        assert await store.read(partial(turns_after, outcomes=[])) == []


def label(name: str, seq: int, **changed: Any) -> Label:
    """A label of a turn of `name`."""
    given: dict[str, Any] = {"text": "t", "kind": LabelKind.INTENT, "value": "track", "who": "eve", "at": 5.0}
    return Label(conversation_id=name, turn_seq=seq, **{**given, **changed})


async def give(store: ConversationStore, given: Label) -> int | None:
    """Keeps a label."""
    return await store.write(lambda connection: give_label(connection, given))


class TestLabels:
    async def test_a_label_is_kept_for_a_turn_that_there_is(self, store: ConversationStore) -> None:
        await store.append(state("ann"), said("a"), turn=TurnWrite(evidence=evidence()))

        first = await give(store, label("ann", 1))

        assert first
        assert await give(store, label("ann", 2)) is None
        assert await store.read(standing_labels) == [replace(label("ann", 1), id=first)]
        assert await store.read(lambda connection: standing_labels(connection, first)) == []

    async def test_a_persons_later_word_stands_and_the_earlier_is_not_forgotten(self, store: ConversationStore) -> None:
        await store.append(state("ann"), said("a"), turn=TurnWrite(evidence=evidence()))
        await give(store, label("ann", 1))
        await give(store, label("ann", 1, value="refund", at=6.0))

        was, stands = await store.read(lambda connection: labels_of(connection, "ann", 1))

        assert (was.value, was.undone_at, was.undone_by) == ("track", 6.0, "eve")
        assert (stands.value, stands.undone_at) == ("refund", None)

    async def test_a_label_is_taken_back_once(self, store: ConversationStore) -> None:
        await store.append(state("ann"), said("a"), turn=TurnWrite(evidence=evidence()))
        given = await give(store, label("ann", 1)) or 0

        async def undo(label_id: int) -> bool:
            return await store.write(lambda connection: undo_label(connection, label_id, "sam", 9.0))

        assert [await undo(given), await undo(given), await undo(given + 1)] == [True, False, False]
        assert await store.read(standing_labels) == []

    async def test_two_who_disagree_are_found(self, store: ConversationStore) -> None:
        for name in ("ann", "ben"):
            await store.append(state(name), said("a"), turn=TurnWrite(evidence=evidence()))
            await give(store, label(name, 1))
            await give(store, label(name, 1, who="sam", value="track" if name == "ben" else "refund"))

        (found,) = disagreements(await store.read(standing_labels))

        assert [(one.conversation_id, one.who, one.value) for one in found] == [
            ("ann", "eve", "track"),
            ("ann", "sam", "refund"),
        ]


class TestErasure:
    async def fill(self, store: ConversationStore, who: str) -> None:
        """A row of it in every table."""
        await answered(store, f"{who}1", who, conversation_id=who)
        reminder = Reminder(name=who, due_at=9e9, channel="chat", payload={"text": who})
        turn = TurnWrite(evidence=evidence(evidence={"said": who}), reminders=(reminder,))
        committed = await store.append(state(who, who), said(who), turn=turn)
        given = Feedback(
            conversation_id=who, turn_seq=committed.version, who="eve", verdict="wrong", comment=who, at=1.0
        )
        assert await store.give_feedback(given)
        assert await give(store, label(who, committed.version, text=who))
        shadow = {"conversation_id": who, "seq": 1, "release_id": "r", "at": 1.0, "outcome": who, "answer": who}
        await store.write(lambda connection: connection.execute(shadows.insert(), {**shadow, "agrees": 1}))
        offered = {"conversation_id": who, "turn_seq": 1, "kind": "next", "answer": who, "position": 0, "at": 1.0}
        await store.write(lambda connection: connection.execute(suggestions.insert(), offered))

    async def test_nothing_is_left_of_an_erased_conversation_and_all_of_the_others(
        self, store: ConversationStore
    ) -> None:
        await self.fill(store, "ann")
        await self.fill(store, "ben")

        assert await store.erase("ann")
        assert not await store.erase("ann")

        assert await store.load_versioned("ann") == Loaded(conversation=Conversation(id="ann"), version=0)
        assert (await store.events("ann"), await store.reminders("ann"), await store.explained("ann")) == ([], [], [])
        assert await store.reply_of("chat", "", "ann1") is None
        assert await store.outbox.parts_of("ann") == []
        assert await store.events("ben") == [*said("x"), *said("ben")]
        assert await store.reply_of("chat", "", "ben1") == ({"text": "ben"},)
        assert [one.conversation_id for one in await store.feedback_after()] == ["ben"]
        for table in lasting_tables("sqlite"):  # a lease is none of them there
            everything = select(table)
            rows = await store._connector.read(lambda connection, query=everything: connection.execute(query).all())
            assert "ann" not in json.dumps([list(row) for row in rows])

    async def test_a_turn_under_way_does_not_bring_it_back(self, store: ConversationStore) -> None:
        held = await store.hold("ann")
        await store.erase("ann")
        again = await store.hold("ann", wait_s=0)

        with pytest.raises(LeaseLost):
            await store.append(state("ann", 1), said("back"), turn=TurnWrite(lease=held.lease, version=0))

        assert await store.events("ann") == []
        assert again.lease.fence > held.lease.fence

    async def test_a_claimed_message_does_not_bring_it_back(self, store: ConversationStore) -> None:
        await accept(store, "a1")
        claimed = await claim(store)
        await store.erase("ann")
        newer = await accept(store, "a2")

        with pytest.raises(LeaseLost):
            await answer(store, claimed, "back")

        assert newer[0].inbox_id > claimed.inbox_id, "a number that comes again would be another's message"
        assert await store.outbox.parts_of("ann") == []
        assert (await claim(store)).message.external_id == "a2"

    async def test_a_conversation_that_was_never_stored_is_not_made_by_a_turn_from_before(
        self, store: ConversationStore
    ) -> None:
        await store.append(state("ann"), said("x"))
        loaded = await store.load_versioned("ann")
        await store.erase("ann")

        with pytest.raises(LeaseLost, match="is not at version 1 any more"):
            await store.append(state("ann"), said("back"), turn=TurnWrite(version=loaded.version))

    async def test_a_part_that_is_being_sent_is_not_kept(self, store: ConversationStore) -> None:
        await answered(store, "a1", "1")
        (part,) = await store.outbox.take({"chat": 1})
        await store.erase("ann")

        assert not await store.outbox.sent(part)


class TestRestart:
    @pytest.fixture
    def kind(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.mark.parametrize("kind", ["file", "postgres"], indirect=True)
    async def test_all_of_it_is_there_afterwards(self, open_store: OpenStore, clock: Clock) -> None:
        before = await open_store()
        await answered(before, "a1", "1")
        await accept(before, "a2")
        reminder = Reminder(name="r", due_at=clock.seconds, channel="chat", payload={})
        await before.append(state("ben", 1), said("b"), turn=TurnWrite(reminders=(reminder,), evidence=evidence()))
        await before.close()

        after = await open_store()

        assert await after.load("ben") == state("ben", 1)
        assert await after.reply_of("chat", "", "a1") == ({"text": "1"},)
        assert not (await accept(after, "a1"))[0].is_new
        assert await after.fire_reminders() == 1
        assert [(await claim(after)).message.kind for _ in range(2)] == ["message", "reminder"]
        assert texts(await after.outbox.take({"chat": 9})) == ["1"]
        assert [turn.why for turn in await after.explained("ben")] == [evidence()]

    @pytest.mark.parametrize("kind", ["file"], indirect=True)
    async def test_what_the_only_process_held_is_free_and_what_it_sent_is_unknown(self, open_store: OpenStore) -> None:
        before = await open_store()
        await answered(before, "a1", "1", "2")
        await before.outbox.take({"chat": 1})
        await accept(before, "b1", conversation_id="ben")
        await claim(before)
        await before.close()

        after = await open_store()

        assert [part.state for part in await after.outbox.parts_of("ann")] == [SendState.UNKNOWN, SendState.PENDING]
        assert (await claim(after)).attempts == 2


class TestSharing:
    @pytest.fixture
    def kind(self) -> str:
        return "postgres"

    async def test_two_processes_hold_a_conversation_one_at_a_time(self, open_store: OpenStore) -> None:
        one, other = await open_store(), await open_store()
        taken: list[str] = []

        async def take_turns(store: ConversationStore, name: str) -> None:
            for number in range(10):
                held = await store.hold("ann", wait_s=30)
                last = held.conversation.slots.get("last", 0)
                turn = TurnWrite(lease=held.lease, version=held.version)
                await store.append(state("ann", last + 1), said(f"{name}{number}"), turn=turn)
                taken.append(f"{name}{number}")

        await asyncio.gather(take_turns(one, "a"), take_turns(other, "b"))

        assert (await one.load("ann")).slots == {"last": 20}
        assert sorted(event["text"] for event in await other.events("ann")) == sorted(taken)

    async def test_workers_of_two_processes_answer_each_message_once_and_in_order(self, open_store: OpenStore) -> None:
        stores = [await open_store(), await open_store()]
        names = [f"c{n}" for n in range(4)]
        await asyncio.gather(
            *(
                stores[n % 2].inbox.accept(message(f"{name}-{n}", name, payload={"text": f"{name}-{n}"}))
                for n in range(6)
                for name in names
            )
        )
        arrived = {name: await self.arrival(stores[0], name) for name in names}

        async def work(store: ConversationStore) -> None:
            while await store.inbox.count_waiting():
                if (claimed := await store.inbox.claim()) is not None:
                    text = claimed.message.payload["text"]
                    turn = TurnWrite(
                        lease=claimed.lease, inbox_id=claimed.inbox_id, parts=({"text": text},), deliver=True
                    )
                    await store.append(state(claimed.message.conversation_id), said(text), turn=turn)

        await asyncio.gather(*(work(store) for store in stores for _ in range(2)))

        for name in names:
            assert [event["text"] for event in await stores[0].events(name)] == arrived[name]
            assert texts(await stores[1].outbox.parts_of(name)) == arrived[name]

    async def test_senders_of_two_processes_send_each_part_once_and_in_order(self, open_store: OpenStore) -> None:
        stores = [await open_store(), await open_store()]
        for n in range(4):
            await answered(stores[0], f"m{n}", *(f"{n}{part}" for part in "abc"), conversation_id=f"c{n % 2}")
        sent: dict[str, list[str]] = {"c0": [], "c1": []}

        async def send(store: ConversationStore) -> None:
            while sum(map(len, sent.values())) < 12:
                for part in await store.outbox.take({"chat": 3}):
                    sent[part.conversation_id].append(part.payload["text"])
                    assert await store.outbox.sent(part)

        await asyncio.gather(*(send(store) for store in stores for _ in range(2)))

        assert sent == {"c0": ["0a", "0b", "0c", "2a", "2b", "2c"], "c1": ["1a", "1b", "1c", "3a", "3b", "3c"]}

    async def arrival(self, store: ConversationStore, name: str) -> list[str]:
        """The payloads of a conversation in the order of their numbers, which have no gap."""
        theirs = text("SELECT conv_seq, payload FROM inbox WHERE conversation_id = :name ORDER BY conv_seq")
        rows = await store._connector.read(lambda connection: connection.execute(theirs, {"name": name}).all())
        assert [row.conv_seq for row in rows] == list(range(1, len(rows) + 1))
        return [json.loads(row.payload)["text"] for row in rows]
