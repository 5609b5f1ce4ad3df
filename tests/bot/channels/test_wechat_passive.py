"""A reply meets the requests that wait for it, or finds another way; never both."""

import asyncio
from collections.abc import Sequence

import pytest
from bench import part

from bot.channels.wechat import passive
from bot.channels.wechat.passive import Exchange, PassiveReplies, beginning
from bot.messages import BotMessage
from bot.stores.inbox import Accepted
from configs.domain import Button

REPLY = (BotMessage(text="one"), BotMessage(text="two"))
BUTTONS = BotMessage(text="Which?", buttons=(Button(title="A", payload="/a"),))
NEW, AGAIN = Accepted(inbox_id=7, is_new=True), Accepted(inbox_id=7, is_new=False)


def parts(reply: Sequence[BotMessage] = REPLY) -> list[passive.Part]:
    return [part(message, {}, inbox_id=7, part_no=number) for number, message in enumerate(reply)]


class Store:
    """Holds a reply once it is made."""

    def __init__(self, reply: Sequence[BotMessage] | None = None) -> None:
        self.reply = reply

    async def read(self) -> Sequence[BotMessage] | None:
        return self.reply


async def started(replies: PassiveReplies, store: Store, accepted: Accepted = NEW) -> asyncio.Task[Exchange]:
    """A request that waits."""
    task = asyncio.create_task(replies.answer(accepted, store.read))
    await asyncio.sleep(0)
    return task


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (REPLY, ("one\n\ntwo", 2)),
        ((), ("", 0)),
        ((BUTTONS,), ("", 0)),
        ((BotMessage(text="one"), BUTTONS, BotMessage(text="two")), ("one", 1)),
        ((BotMessage(text="你" * 681), BotMessage(text="x")), ("你" * 681 + "\n\nx", 2)),
        ((BotMessage(text="你" * 682), BotMessage(text="xy")), ("你" * 682, 1)),
    ],
)
def test_the_texts_that_a_reply_begins_with_are_one_up_to_2048_bytes(
    reply: Sequence[BotMessage], expected: tuple[str, int]
) -> None:
    assert beginning(reply) == expected


async def test_a_reply_goes_back_in_the_answer_that_waits_for_it() -> None:
    replies, store = PassiveReplies(may_send=True), Store()
    request = await started(replies, store)
    store.reply = REPLY

    delivery = asyncio.create_task(replies.takes(parts()[0]))
    exchange = await request
    assert (exchange.text, delivery.done()) == ("one\n\ntwo", False)
    exchange.written.set()

    assert [await delivery, await replies.takes(parts()[1])] == [True, True]


async def test_every_try_of_a_message_gets_the_same() -> None:
    replies, store = PassiveReplies(may_send=True), Store()
    first, second = await started(replies, store), await started(replies, store, AGAIN)
    store.reply = REPLY
    delivery = asyncio.create_task(replies.takes(parts()[0]))

    texts = [(await one).text for one in (first, second)]
    (await first).written.set()
    later = await replies.answer(AGAIN, store.read)

    assert ([*texts, later.text], await delivery) == (["one\n\ntwo"] * 3, True)


async def test_what_does_not_fit_or_is_no_text_goes_another_way() -> None:
    reply = (BotMessage(text="one"), BUTTONS)
    replies, store = PassiveReplies(may_send=True), Store()
    request = await started(replies, store)
    store.reply = reply
    delivery = asyncio.create_task(replies.takes(parts(reply)[0]))
    (await request).written.set()

    assert [await delivery, await replies.takes(parts(reply)[1])] == [True, False]


async def test_a_reply_that_begins_with_buttons_leaves_the_request_at_once() -> None:
    replies, store = PassiveReplies(may_send=True), Store()
    request = await started(replies, store)
    store.reply = (BUTTONS,)

    assert not await replies.takes(parts((BUTTONS,))[0])
    assert (await request).text is None


async def test_a_late_reply_goes_another_way_and_no_try_gets_it_as_well() -> None:
    replies, store = PassiveReplies(may_send=True, wait_s=0.0), Store()

    assert (await replies.answer(NEW, store.read)).text is None
    store.reply = REPLY
    assert not await replies.takes(parts()[0])
    assert (await replies.answer(AGAIN, store.read)).text is None


async def test_what_another_process_brought_in_is_sent_and_not_answered_here() -> None:
    replies, store = PassiveReplies(may_send=True, wait_s=0.0), Store(REPLY)

    assert not await replies.takes(parts()[0])
    assert (await replies.answer(AGAIN, store.read)).text is None


async def test_after_a_restart_a_try_gets_the_reply_from_the_store_and_its_parts_are_not_sent() -> None:
    replies, store = PassiveReplies(may_send=True, wait_s=0.0), Store(REPLY)

    exchange = await replies.answer(AGAIN, store.read)
    exchange.written.set()

    assert exchange.text == "one\n\ntwo"
    assert [await replies.takes(one) for one in parts()] == [True, True]


async def test_an_answer_that_could_not_be_written_is_given_to_the_next_try() -> None:
    replies, store = PassiveReplies(may_send=True), Store()
    request = await started(replies, store)
    store.reply = REPLY
    delivery = asyncio.create_task(replies.takes(parts()[0]))
    await request  # and it breaks off

    again = await replies.answer(AGAIN, store.read)
    again.written.set()

    assert (again.text, await delivery) == ("one\n\ntwo", True)


async def test_where_no_try_comes_the_reply_goes_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passive, "RETRY_WITHIN_S", 0.0)
    replies, store = PassiveReplies(may_send=True), Store()
    request = await started(replies, store)
    store.reply = REPLY
    delivery = asyncio.create_task(replies.takes(parts()[0]))
    await request

    assert not await delivery
    assert (await replies.answer(AGAIN, store.read)).text is None


async def test_without_another_way_a_reply_waits_for_the_next_try() -> None:
    replies, store = PassiveReplies(may_send=False, wait_s=0.01), Store()
    await replies.answer(NEW, store.read)

    store.reply = REPLY
    delivery = asyncio.create_task(replies.takes(parts()[0]))
    await asyncio.sleep(0)
    exchange = await replies.answer(AGAIN, store.read)
    exchange.written.set()

    assert (exchange.text, await delivery) == ("one\n\ntwo", True)


async def test_without_another_way_it_is_given_up_after_the_last_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passive, "ALL_TRIES_S", 0.0)
    replies, store = PassiveReplies(may_send=False, wait_s=0.0), Store()
    await replies.answer(NEW, store.read)

    assert not await replies.takes(parts()[0])


async def test_what_answers_no_message_never_goes_in_an_answer() -> None:
    assert not await PassiveReplies(may_send=False).takes(part(BotMessage(text="a"), {}, inbox_id=None))


async def test_exchanges_are_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passive, "REMEMBERED_S", -1.0)
    replies = PassiveReplies(may_send=True, wait_s=0.0)
    for number in range(5):
        await replies.answer(Accepted(inbox_id=number, is_new=True), Store().read)

    assert list(replies._exchanges) == [4]
