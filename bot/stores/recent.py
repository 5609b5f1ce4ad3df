"""The conversations that were written last, as they were written: their next turn need not read them again."""

from collections import OrderedDict

from bot.stores.turn import Loaded

MAX_REMEMBERED = 512


class RecentConversations:
    """Remembers what this process has written, for a database that no other process writes.

    It is no authority: a turn still says which version it goes on from, and the database refuses another one.
    """

    def __init__(self, max_remembered: int = MAX_REMEMBERED) -> None:
        self._max_remembered = max_remembered
        self._loaded: OrderedDict[str, Loaded] = OrderedDict()

    def get(self, conversation_id: str) -> Loaded | None:
        """What was written last; None where that is not remembered."""
        return self._loaded.get(conversation_id)

    def put(self, loaded: Loaded) -> None:
        """Remembers what has been committed, and forgets what was written longest ago."""
        self._loaded[loaded.conversation.id] = loaded
        self._loaded.move_to_end(loaded.conversation.id)
        if len(self._loaded) > self._max_remembered:
            self._loaded.popitem(last=False)

    def forget(self, conversation_id: str) -> None:
        """Has the next turn read the database."""
        self._loaded.pop(conversation_id, None)

    def clear(self) -> None:
        """Forgets everything."""
        self._loaded.clear()
