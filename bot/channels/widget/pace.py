"""How fast one session may send: so much at once, and then so much a second."""

from collections import OrderedDict
from collections.abc import Callable

PER_SECOND = 5.0
BURST = 20.0
MAX_REMEMBERED = 10_000  # sessions; one that was forgotten may send as many at once as a new one


class Paces:
    """Counts what sessions send.

    Args:
        now: Seconds that only rise.
    """

    def __init__(self, now: Callable[[], float], *, per_second: float = PER_SECOND, burst: float = BURST) -> None:
        self._now, self._per_second, self._burst = now, per_second, burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, session_id: str) -> float:
        """0 where the session may send one more now, which counts; else after how many seconds it may."""
        now = self._now()
        left, at = self._left.pop(session_id, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_second)
        may = left >= 1
        self._left[session_id] = (left - 1 if may else left, now)
        if len(self._left) > MAX_REMEMBERED:
            self._left.popitem(last=False)
        return 0.0 if may else (1 - left) / self._per_second
