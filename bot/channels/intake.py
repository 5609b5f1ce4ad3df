"""What every channel does with what came in: clean it, store it for good, and have its turn taken."""

import json
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bot.messages import BotMessage, UserMessage
from bot.stores.inbox import Accepted
from bot.stores.store import ConversationStore
from bot.stores.turn import InboxMessage
from bot.turn_record import inbox_message, stored_reply

MEDIA = "media"


class Intake:
    """Takes messages in. A platform may be told "received" once `accept` has returned, not before.

    Args:
        max_text_chars: The longest text that is read; the rest of a longer one is left out.
        on_accept: Told that there is one more message in the inbox.
        now: Unix time.
    """

    def __init__(
        self,
        store: ConversationStore,
        *,
        max_text_chars: int,
        on_accept: Callable[[], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._on_accept = store, on_accept
        self.max_text_chars, self.now = max_text_chars, now

    async def accept(self, message: UserMessage, address: Mapping[str, Any] | None = None) -> Accepted | None:
        """Takes a message in; it is durable when this returns. One that was taken in before is a success too.

        Args:
            message: With the platform's own id of it.
            address: The way back to the customer, as JSON: it comes again with every part of a reply. None leaves the
                one that is known.

        Returns:
            None where there is nothing in it to read: no text, and no media.

        Raises:
            Overloaded: Too many wait; the platform should bring it again.
            StoreError: The database cannot be written.
        """
        text = readable(message.text, self.max_text_chars)
        if not text and not message.metadata.get(MEDIA):
            return None
        kept = replace(message, text=text, metadata=storable(message.metadata))
        return await self.take(replace(inbox_message(kept, self.now()), address=address and storable(address)))

    async def take(self, message: InboxMessage) -> Accepted:
        """Takes in what begins a turn, as it stands."""
        accepted = await self._store.inbox.accept(message)
        self._on_accept()
        return accepted

    async def hurry(self, conversation_id: str, channel: str) -> None:
        """Has what could not be sent to a customer sent now, who is there again."""
        await self._store.outbox.hurry(conversation_id, channel)

    async def not_delivered(self, channel: str, key: str, reason: str) -> bool:
        """Keeps that a part which the platform has taken did not arrive; False where there is no such part."""
        return await self._store.outbox.not_delivered(channel, key, reason)

    async def reply_of(self, channel: str, account: str, external_id: str) -> tuple[BotMessage, ...] | None:
        """What was said to a message; None where it has not been answered yet, or is not known."""
        parts = await self._store.reply_of(channel, account, external_id)
        return None if parts is None else stored_reply(parts)


def storable(data: Mapping[str, Any]) -> Any:
    """`data` without halves of surrogate pairs, which no database keeps; JSON may hold them, UTF-8 may not."""
    return json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))


def readable(text: str, max_chars: int) -> str:
    """`text` without what no keyboard sends, cut to `max_chars`; "" where nothing is left to read.

    A platform cannot be told to write it otherwise, so what would be refused elsewhere is left out here.
    """
    kept = "".join(
        character
        for character in text[: 2 * max_chars]
        if character in "\t\n\r" or unicodedata.category(character) not in ("Cc", "Cs")
    )
    stripped = kept.strip()[:max_chars].rstrip()
    return stripped if any(unicodedata.category(one)[0] not in "ZC" for one in stripped) else ""
