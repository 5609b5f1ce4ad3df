"""`kefu run` with a stub for the model, which may crash at a given point or have a defect planted.

`python stub_server.py ASSISTANT DATA [--crash-at POINT:N] [--plant DEFECT] [--lease SECONDS]`
"""

import argparse
import asyncio
import os
import sys
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from stub_engine import StubEngine

import bot.inbox_worker
import bot.model_host
import bot.server
import training.releases
from bot.channels.callback import Callback
from bot.logging import set_up_logging
from bot.stores.inbox import Accepted
from bot.stores.inbox_store import Inbox
from bot.stores.store import ConversationStore
from configs.settings import LogFormat, load_settings
from training.releases import Releases

Method = Callable[..., Awaitable[Any]]
CRASHED = 137
SENDING_S = 0.3  # between the bytes of a post and the crash

CRASH_POINTS: dict[str, tuple[type, str, str]] = {
    "after_accept_commit": (Inbox, "accept", "after"),
    "before_reply_commit": (ConversationStore, "append", "before"),
    "after_reply_commit": (ConversationStore, "append", "after"),
    "during_send": (Callback, "deliver", "during"),
    "after_send_before_mark": (Callback, "deliver", "after"),
}


def crash() -> None:
    os._exit(CRASHED)


def crash_at(point: str, number: int) -> None:
    """Ends the process at the `number`th time that it comes to `point`."""
    owner, name, when = CRASH_POINTS[point]
    method: Method = getattr(owner, name)
    calls = 0

    async def crashing(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls != number:
            return await method(*args, **kwargs)
        if when == "before":
            crash()
        if when == "during":
            asyncio.get_running_loop().call_later(SENDING_S, crash)
        result = await method(*args, **kwargs)
        if when == "after":
            crash()
        return result

    setattr(owner, name, crashing)


# The defects: what the ledger has to find


def acknowledge_before_commit() -> None:
    accept: Method = Inbox.accept
    late: set[asyncio.Task[Any]] = set()

    async def write_later(*args: Any) -> None:
        await asyncio.sleep(0.3)
        await accept(*args)

    async def accept_at_once(self: Inbox, message: Any) -> Accepted:
        late.add(asyncio.create_task(write_later(self, message)))
        return Accepted(inbox_id=0, is_new=True)

    Inbox.accept = accept_at_once  # type: ignore[method-assign]


def no_unique_key() -> None:
    accept: Method = Inbox.accept

    async def accept_anything(self: Inbox, message: Any) -> Any:
        return await accept(self, replace(message, external_id=f"{message.external_id}/{uuid.uuid4().hex}"))

    Inbox.accept = accept_anything  # type: ignore[method-assign]


def reply_twice() -> None:
    deliver: Method = Callback.deliver

    async def deliver_twice(self: Callback, part: Any) -> None:
        await deliver(self, part)
        await deliver(self, part)

    Callback.deliver = deliver_twice  # type: ignore[method-assign]


def swap_without_hash() -> None:
    training.releases.verify_files = lambda _folder, _manifest: None


DEFECTS = {
    "acknowledge_before_commit": acknowledge_before_commit,
    "no_unique_key": no_unique_key,
    "reply_twice": reply_twice,
    "swap_without_hash": swap_without_hash,
}


def ready(address: str, _: float) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("assistant", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--crash-at")
    parser.add_argument("--plant", choices=DEFECTS)
    parser.add_argument("--lease", type=float, default=bot.inbox_worker.LEASE_S)
    given = parser.parse_args()
    if given.crash_at:
        point, _, number = given.crash_at.partition(":")
        crash_at(point, int(number or 1))
    if given.plant:
        DEFECTS[given.plant]()
    bot.inbox_worker.LEASE_S = Inbox.claim.__kwdefaults__["lease_s"] = given.lease
    bot.model_host.Engine = StubEngine  # type: ignore[misc,assignment]
    settings = load_settings(port=0, log_format=LogFormat.JSON)
    set_up_logging(settings)
    asyncio.run(bot.server.serve(settings, Releases(given.data), given.assistant, ready))


if __name__ == "__main__":
    main()
