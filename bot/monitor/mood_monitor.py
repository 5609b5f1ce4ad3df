"""Looks every five minutes whether more customers are unhappy than is usual, and tells the owner.

Keeps nothing that is not in the store: what is usual, and where each topic stands, is worked out from the turns, so
that a restart loses nothing and several processes come to the same. Who finds a surge writes it to `alerts`, which
takes each once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import structlog

from bot.delivery import NotSent
from bot.errors import Refused
from bot.monitor.day import HISTORY_DAYS, Day, Excluded, Weeks, alarms_of, by_hour, day_of
from bot.monitor.usual import HOURS
from bot.monitor.watching import DAY_INTERVALS, INTERVAL_S, Alarm
from bot.monitor.webhook import AlertWebhook, alert_data
from bot.stores.alerts import Alert, alerts_since, mark_sent, write_alert
from bot.stores.errors import StoreError
from bot.stores.moods import count_moods
from bot.stores.store import ConversationStore
from configs.assistant_config import MonitorConfig

DAY_S, HOUR_S = 86_400.0, 3_600.0
GRACE_S = 60.0  # for turns that began in an interval and are written after it
QUIET_S = 12 * HOUR_S  # between two alerts of one topic
LATE_S = 6 * HOUR_S  # what was over longer ago is no news
SEND_FOR_S = DAY_S
OTHERS_S = 900.0  # how long the process that found an alert has it to itself
BETWEEN_S = 0.05  # between two days that are read, so that messages come before
SHOWN = 10

_log = structlog.get_logger()


class MoodMonitor:
    """Watches the mood of all customers.

    Args:
        config: As it stands in the release in use.
        webhook: None where nobody is to be told.
    """

    def __init__(
        self,
        store: ConversationStore,
        config: Callable[[], MonitorConfig],
        *,
        webhook: AlertWebhook | None = None,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store, self._config, self._webhook, self._now, self._sleep = store, config, webhook, now, sleep
        self._day: int | None = None
        self._weeks = Weeks(days=())
        self._yesterday: Day = {}
        self._looked_at: float | None = None
        self._known: list[Alert] = []
        self._own: set[int] = set()

    async def run(self) -> None:
        """Looks until it is cancelled."""
        while True:
            try:
                await self.look()
            except (StoreError, Refused) as error:
                _log.warning("mood_not_watched", reason=str(error))
            except Exception:  # the edge of the loop
                _log.exception("mood_not_watched")
            past = (self._now() - GRACE_S) % INTERVAL_S
            await self._sleep(INTERVAL_S - past + 1)

    async def look(self) -> None:
        """Looks once, at everything up to the last whole interval."""
        config = self._config()
        if not config.enabled:
            self._day = self._looked_at = None
            return
        until = (self._now() - GRACE_S) // INTERVAL_S * INTERVAL_S
        day = int(until // DAY_S)
        if day != self._day:
            await self._learn(day)
        today = await self._counted(day, until)
        if self._weeks.learned_days >= config.learn_days:
            intervals = DAY_INTERVALS + int((until - day * DAY_S) // INTERVAL_S)
            days = (self._yesterday, today)
            alarms = await asyncio.to_thread(alarms_of, self._weeks, days, intervals, config.false_alarm_days)
            for alarm in alarms:
                await self._tell(_alert(alarm, (day - 1) * DAY_S), until)
        self._looked_at = until
        self._known = await self._store.read(partial(alerts_since, since=self._now() - HISTORY_DAYS * DAY_S))
        await self._send()

    def shown(self) -> dict[str, Any]:
        """What `/status` says of it."""
        config, learned = self._config(), self._weeks.learned_days
        states = {True: "watching", False: "learning"}
        return {
            "state": states[learned >= config.learn_days] if config.enabled else "off",
            "learned_days": learned,
            "looked_at": self._looked_at,
            "alerts": [alert_data(alert) for alert in self._known[-SHOWN:]],
        }

    async def close(self) -> None:
        """Closes the connections."""
        if self._webhook is not None:
            await self._webhook.close()

    async def _learn(self, day: int) -> None:
        """Reads what the weeks before yesterday were like, and yesterday."""
        first, days = day - 1 - HISTORY_DAYS, []
        for number in range(first, day - 1):
            days.append(by_hour(await self._counted(number)))
            await self._sleep(BETWEEN_S)
        found = await self._store.read(partial(alerts_since, since=first * DAY_S))
        excluded = [_excluded(alert, first) for alert in found]
        self._weeks, self._yesterday = Weeks(days=days, excluded=excluded), await self._counted(day - 1)
        self._day = day

    async def _counted(self, day: int, until: float | None = None) -> Day:
        since = day * DAY_S
        ends = since + DAY_S if until is None else until
        return day_of(await self._store.read(partial(count_moods, since=since, until=ends, interval_s=INTERVAL_S)))

    async def _tell(self, alert: Alert, now: float) -> None:
        """Writes an alert, unless it is no news."""
        if now - alert.found_at > LATE_S:
            return
        found = await self._store.write(partial(write_alert, alert=alert, quiet_s=QUIET_S))
        if found is not None:
            self._own.add(found)
            _log.warning("mood_surge", topic=alert.topic, kind=alert.kind, **alert.detail)

    async def _send(self) -> None:
        """Posts what was not taken yet; what another process has found only when that has had time to."""
        if self._webhook is None:
            return
        for alert in self._known:
            age_s = self._now() - alert.found_at
            is_due = alert.id in self._own or age_s > OTHERS_S
            if alert.sent_at is None and is_due and age_s <= SEND_FOR_S:
                await self._post(self._webhook, alert)

    async def _post(self, webhook: AlertWebhook, alert: Alert) -> None:
        try:
            await webhook.post(alert)
        except NotSent as error:  # the next look tries again
            _log.warning("alert_not_sent", alert=alert.id, reason=str(error))
        else:
            await self._store.write(partial(mark_sent, alert_id=alert.id, now=self._now()))


async def alerts(store: ConversationStore, since: float) -> list[Alert]:
    """What the owner was told of since then, Unix time, the oldest first."""
    return await store.read(partial(alerts_since, since=since))


def _alert(alarm: Alarm, day_began: float) -> Alert:
    return Alert(
        kind=alarm.kind.value,
        topic=alarm.topic,
        began_at=day_began + alarm.began * INTERVAL_S,
        found_at=day_began + (alarm.found + 1) * INTERVAL_S,
        detail={
            "customers": alarm.customers,
            "negative": alarm.negative,
            "share": round(alarm.negative / alarm.customers, 4),
            "usual_share": round(alarm.usual_share, 4),
        },
    )


def _excluded(alert: Alert, first_day: int) -> Excluded:
    """The hours of a surge, from its beginning to a day after it was found."""
    began, ended = alert.began_at, alert.found_at + DAY_S
    return Excluded(
        topic=alert.topic,
        first=int(began // HOUR_S) - first_day * HOURS,
        last=int(ended // HOUR_S) - first_day * HOURS,
    )
