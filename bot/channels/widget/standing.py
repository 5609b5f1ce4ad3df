"""Where a customer stands between bot and person: who answers, how many are before him, when somebody is there."""

from collections.abc import Callable
from typing import Any

from bot.conversation import Conversation
from bot.desk import Desk
from bot.errors import Refused
from bot.handoff import HandoffState
from configs.assistant_config import HandoffConfig


class Standings:
    """Says where conversations stand.

    Args:
        config: The settings in force; another release may bring others.
        now: Unix time.
    """

    def __init__(self, desk: Desk, config: Callable[[], HandoffConfig], now: Callable[[], float]) -> None:
        self._desk, self._config, self._now = desk, config, now
        self._found: dict[str, Any] = {}
        self._looked_at = -1.0

    def of(self, conversation: Conversation) -> dict[str, Any]:
        """What the page of a customer shows of it."""
        handoff = conversation.handoff
        shown: dict[str, Any] = {"who": handoff.state.value, **self._hours()}
        if handoff.state is HandoffState.HUMAN and handoff.by:
            shown["name"] = handoff.by
        if handoff.state is HandoffState.WAITING:
            shown["place"] = self._place(conversation.id)
        return shown

    def _place(self, conversation_id: str) -> int:
        """How many wait before him and he himself; the last one where the desk has not heard of him yet."""
        waiting = [seat.conversation_id for seat in self._desk.seats() if seat.handoff.state is HandoffState.WAITING]
        return waiting.index(conversation_id) + 1 if conversation_id in waiting else len(waiting) + 1

    def _hours(self) -> dict[str, Any]:
        """Whether somebody is there, found out once a second: every connected page asks."""
        now = self._now()
        if not 0 <= now - self._looked_at < 1:
            self._found, self._looked_at = self._hours_at(now), now
        return self._found

    def _hours_at(self, now: float) -> dict[str, Any]:
        try:
            hours = self._config().opening_hours()
        except Refused:  # no release is loaded, so nobody has said when people are there
            return {"open": False}
        if hours.is_open(now):
            return {"open": True}
        opens = hours.opens_at(now)
        return {"open": False, **({} if opens is None else {"opens": opens.isoformat(timespec="minutes")})}
