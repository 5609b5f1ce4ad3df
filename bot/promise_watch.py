"""Watches whether the promised error rate is kept, by what people think of the answers that were given."""

from typing import Any

import structlog

from bot.inference import Inference
from bot.policy import Reason
from bot.promise_monitor import PromiseMonitor, monitor_of
from bot.stores.store import ConversationStore

GIVEN = (Reason.SAME_QUESTION, Reason.SURE_INTENT, Reason.NEAR_QUESTION)  # answers that the promise speaks of

_log = structlog.get_logger()


class PromiseWatch:
    """Looks at the verdicts on the release in use, and says it once where its promise is being broken."""

    def __init__(self, inference: Inference, store: ConversationStore) -> None:
        self._inference, self._store = inference, store
        self._warned_of: str | None = None

    async def monitor(self) -> PromiseMonitor | None:
        """The monitor of the release in use, after all verdicts on it; None where it promises nothing."""
        engine = self._inference.host.engine
        if engine.promise is None:
            return None
        return monitor_of(engine.promise, await self._store.verdicts(engine.id, GIVEN))

    async def look(self) -> None:
        """Warns, in the log, where the verdicts speak against the promise; once for each release."""
        release_id, monitor = self._inference.host.engine.id, await self.monitor()
        warning = monitor and monitor.warning()
        if warning and self._warned_of != release_id:
            self._warned_of = release_id
            _log.warning("promise_broken", release=release_id, reason=warning)

    async def shown(self) -> dict[str, Any]:
        """What `/status` says of the promise."""
        found, monitor = self._inference.host.engine.promised.finding, await self.monitor()
        if monitor is None:
            return {"max_wrong_rate": None, "finding": found.sentence}
        return {
            "max_wrong_rate": monitor.rate,
            "confidence": monitor.confidence,
            "finding": found.sentence,
            "verdicts": monitor.seen,
            "wrong": monitor.wrong,
            "warning": monitor.warning(),
        }
