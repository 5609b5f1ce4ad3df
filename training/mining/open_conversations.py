"""Gathers the turns of conversations whose messages stand between those of others, in bounded memory."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from training.mining.conversation import Conversation, Turn

MAX_OPEN = 10_000


class OpenConversations:
    """Conversations that more turns may come for: the last `MAX_OPEN` that had one.

    A conversation that was silent for longer than that is handed out, and what still comes for it is a second one.
    """

    def __init__(self, max_open: int = MAX_OPEN) -> None:
        self._max_open = max_open
        self._turns: OrderedDict[str, list[Turn]] = OrderedDict()

    def add(self, id_: str, turns: Iterable[Turn]) -> Iterator[Conversation]:
        """Takes turns, and gives the conversation that has to make room, if one has."""
        self._turns.setdefault(id_, []).extend(turns)
        self._turns.move_to_end(id_)
        if len(self._turns) > self._max_open:
            oldest, its_turns = self._turns.popitem(last=False)
            yield Conversation(id=oldest, turns=tuple(its_turns))

    def close(self) -> Iterator[Conversation]:
        """All that are left."""
        while self._turns:
            id_, turns = self._turns.popitem(last=False)
            yield Conversation(id=id_, turns=tuple(turns))
