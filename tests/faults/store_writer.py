"""A process that takes messages in and answers them, and says on standard output what it was told is written.

`python store_writer.py MODE PATH [SEED]`, to be killed at any moment.
"""

import asyncio
import sys
from pathlib import Path

from bot.conversation import Conversation, Moment
from bot.stores.sqlite import SqliteConnector, SqliteStore
from bot.stores.turn import InboxMessage, TurnWrite


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def take_in(store: SqliteStore, name: str, channel: str) -> None:
    for number in range(1_000_000):
        payload = {"text": f"{channel}-{name}-{number}"}
        external_id = payload["text"]
        await store.inbox.accept(
            InboxMessage(
                conversation_id=name, channel=channel, external_id=external_id, payload=payload, received_at=1.0
            )
        )
        say("accepted", external_id)


async def answer(store: SqliteStore) -> None:
    while True:
        claimed = await store.inbox.claim()
        if claimed is None:
            await asyncio.sleep(0)
            continue
        who, text = claimed.message.conversation_id, claimed.message.payload["text"]
        before = await store.load(who)
        state = Conversation(id=who, now=Moment(slots={"count": before.slots.get("count", 0) + 1}))
        event = {"event": "user", "timestamp": 1.0, "text": text, "parse_data": {}}
        turn = TurnWrite(lease=claimed.lease, inbox_id=claimed.inbox_id, parts=({"text": text},), deliver=True)
        await store.append(state, [event], turn=turn)
        say("answered", text)


async def work(path: Path, channel: str) -> None:
    """Takes messages in and answers them, for ever."""
    store = SqliteStore(path)
    await store.open()
    say("opened")
    await asyncio.gather(*(take_in(store, f"c{n}", channel) for n in range(4)), *(answer(store) for _ in range(3)))


async def lie(path: Path, channel: str) -> None:
    """Says that a message is taken in before its commit, and waits to be killed."""
    commit = SqliteConnector._in_one_commit

    def hang(connection: object, jobs: object) -> object:
        sys.stdin.read()
        return commit(connection, jobs)  # type: ignore[arg-type]

    store = SqliteStore(path)
    await store.open()
    SqliteConnector._in_one_commit = staticmethod(hang)  # type: ignore[assignment]
    task = asyncio.create_task(take_in(store, "c0", channel))
    await asyncio.sleep(0)
    say("accepted", f"{channel}-c0-0")
    await task


if __name__ == "__main__":
    mode, place, *rest = sys.argv[1:]
    asyncio.run({"work": work, "lie": lie}[mode](Path(place), *rest))
