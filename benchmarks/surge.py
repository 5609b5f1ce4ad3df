"""How soon a surge of negative messages is told, and how often one is told that is none.

    python benchmarks/surge.py [--quick]

Months of a shop's traffic are simulated (see `benchmarks/shop_traffic.py`), with promotions and bad days in them, and
judged day by day as the monitor does. A month without a surge says how many alarms are false; then surges of several
sizes are planted at the beginning of an hour, and the minutes until the first alert counted, with those that messages
wait before they are looked at. What can be told in two hours hangs on how many people write: the sizes say so, and
those marked with a star must be. One month goes through a real store and the real monitor, its clock moved by hand.
"""

import argparse
import asyncio
import multiprocessing
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring import Must, finish, progress
from benchmarks.shop_traffic import CHATS_A_DAY, Surge, Traffic, month, topic_names
from bot.monitor import MoodMonitor
from bot.monitor.day import HISTORY_DAYS, Day, Weeks, alarms_of, by_hour
from bot.monitor.mood_monitor import DAY_S, GRACE_S, HOUR_S, QUIET_S
from bot.monitor.watching import DAY_INTERVALS, HOUR_INTERVALS, INTERVAL_S, Alarm, Counts
from bot.stores.alerts import Alert, alerts_since
from bot.stores.sqlite import SqliteStore
from bot.stores.tables import turns
from configs.assistant_config import MonitorConfig

MONTHS, MONTH_DAYS, PLANTED = 200, 30, 100
QUICK_MONTHS, QUICK_PLANTED = 6, 8
WITHIN_MIN, FALSE_ALARMS_MUST, FOUND_MUST = 120, 1.0, 0.95
NONE_SEEN = 3.0  # so many may be expected where none was seen: exp(-3) is 5 %
WEEKS_BEFORE = HISTORY_DAYS + 1
FALSE_ALARM_DAYS = MonitorConfig().false_alarm_days
TOPICS = {"35 an hour": 2, "18 an hour": 6, "11 an hour": 12, "8 an hour": 19}  # at ten in the morning
SHOP_SIZES = {"1.5 times": 1.5, "twice": 2.0, "three times": 3.0}
TOPIC_SIZES = {"as many more": 1.0, "twice as many more": 2.0, "four times as many more": 4.0}
HOURS = {"10:00": 10, "20:00": 20, "03:00": 3}
EPOCH_DAY = 20_000
PAGE = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A surge of one size at one hour.

    Attributes:
        must: Whether it has to be told within two hours.
    """

    name: str
    surge: Surge
    hour: int
    must: bool = False


def cases() -> list[Case]:
    """All sizes that are tried."""
    shop = [
        Case(
            name=f"all topics, {size} the negative, {when}",
            surge=Surge(topic=None, times=times),
            hour=hour,
            must=times >= 3 and hour >= 9,
        )
        for size, times in SHOP_SIZES.items()
        for when, hour in HOURS.items()
    ]
    topics = [
        Case(
            name=f"a topic of {rate}, {size}, all negative",
            surge=Surge(topic=topic, more=more),
            hour=10,
            must=(more >= 2 and topic != TOPICS["8 an hour"] and topic != TOPICS["11 an hour"])
            or (more >= 4 and topic == TOPICS["11 an hour"]),
        )
        for rate, topic in TOPICS.items()
        for size, more in TOPIC_SIZES.items()
    ]
    doubled = [
        Case(name=f"a topic of {rate}, four times the negative", surge=Surge(topic=topic, times=4.0), hour=10)
        for rate, topic in TOPICS.items()
    ]
    return [*shop, *topics, *doubled]


def alarms_of_day(counts: Counts, day: int) -> list[Alarm]:
    """The alarms of one day, as the monitor finds them; intervals are counted from the day before."""
    days = [_day(counts, number) for number in range(day - 1 - HISTORY_DAYS, day + 1)]
    weeks = Weeks(days=[by_hour(one) for one in days[:-2]])
    found = alarms_of(weeks, days[-2:], 2 * DAY_INTERVALS, FALSE_ALARM_DAYS)
    return [alarm for alarm in found if alarm.found >= DAY_INTERVALS]


def _day(counts: Counts, number: int) -> Day:
    place = slice(number * DAY_INTERVALS, (number + 1) * DAY_INTERVALS)
    both = np.stack([counts.messages[:, place], counts.negatives[:, place]], axis=1)
    return dict(zip(topic_names(), both, strict=True))


def false_alarms(seed: int) -> int:
    """How often the owner of one shop is alerted in a month in which there is nothing to alert him of."""
    chance = np.random.default_rng(seed)
    counts = month(chance, WEEKS_BEFORE + MONTH_DAYS).counts(chance)
    told: dict[tuple[str, str], int] = {}
    count = 0
    for day in range(WEEKS_BEFORE, WEEKS_BEFORE + MONTH_DAYS):
        for alarm in alarms_of_day(counts, day):
            key, at = (alarm.kind.value, alarm.topic), (day - 1) * DAY_INTERVALS + alarm.found
            if at - told.get(key, -DAY_INTERVALS) > QUIET_S / INTERVAL_S:
                told[key] = at
                count += 1
    return count


def delay_min(seed: int, *, case: Case) -> float:
    """Minutes from the beginning of a surge until an alert; infinite where the day brings none."""
    chance = np.random.default_rng(100_000 + seed)
    day = WEEKS_BEFORE + seed % 7
    traffic, began = month(chance, WEEKS_BEFORE + 7), day * DAY_INTERVALS + case.hour * HOUR_INTERVALS
    counts = case.surge.of(traffic, began).counts(chance)
    first = DAY_INTERVALS + case.hour * HOUR_INTERVALS
    after = [alarm.found + 1 - first for alarm in alarms_of_day(counts, day) if alarm.found >= first]
    return min(after) * INTERVAL_S / 60 + GRACE_S / 60 if after else float("inf")


def turn_rows(traffic: Traffic, chance: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Each customer of the month as a turn, in order of time; the last part of a turn's interval is its second."""
    counts, number = traffic.counts(chance), 0
    for interval in range(counts.messages.shape[1]):
        began = EPOCH_DAY * DAY_S + interval * INTERVAL_S
        for place in np.flatnonzero(counts.messages[1:, interval]):
            wrote = int(counts.messages[place + 1, interval])
            negative = int(counts.negatives[place + 1, interval])
            for which, at in enumerate(np.sort(chance.uniform(0, INTERVAL_S - 1, wrote))):
                number += 1
                yield {
                    "conversation_id": f"c{number}",
                    "seq": 1,
                    "at": began + float(at),
                    "release_id": "r1",
                    "reason": "sure_intent",
                    "evidence": "{}",
                    "intent": f"topic_{place}",
                    "outcome": "answered",
                    "sentiment": "negative" if which < negative else "neutral",
                }


async def through_the_store(folder: Path, days: int) -> dict[str, Any]:
    """A month through a real store and the real monitor: calm, but for one surge on one of its last days."""
    chance = np.random.default_rng(7)
    surge_day = WEEKS_BEFORE + days - 2
    surge_at = (EPOCH_DAY + surge_day) * DAY_S + 10 * HOUR_S
    traffic = month(chance, WEEKS_BEFORE + days)
    began = surge_day * DAY_INTERVALS + 10 * HOUR_INTERVALS
    ends = began + 6 * HOUR_INTERVALS
    angry = Surge(topic=TOPICS["18 an hour"], more=2.0).of(traffic, began)
    angry.rates[:, ends:], angry.shares[:, ends:] = traffic.rates[:, ends:], traffic.shares[:, ends:]
    store = SqliteStore(folder / "conversations.db")
    await store.open()
    count = await _fill(store, turn_rows(angry, chance))
    clock = {"now": (EPOCH_DAY + WEEKS_BEFORE) * DAY_S + GRACE_S}
    monitor = MoodMonitor(store, MonitorConfig, now=lambda: clock["now"], sleep=_no_sleep)
    end = (EPOCH_DAY + WEEKS_BEFORE + days) * DAY_S
    with progress() as bar:
        task = bar.add_task("through the store", total=int((end - clock["now"]) / HOUR_S))
        while clock["now"] < end:
            is_near = abs(clock["now"] - surge_at) < 6 * HOUR_S
            await monitor.look()
            clock["now"] += INTERVAL_S if is_near else HOUR_S
            bar.update(task, completed=int((end - clock["now"]) / -HOUR_S) + bar.tasks[0].total)
    found: list[Alert] = await store.read(partial(alerts_since, since=0.0))
    await store.close()
    during = [alert for alert in found if surge_at <= alert.found_at <= surge_at + 6 * HOUR_S]
    delay = min((alert.found_at - surge_at for alert in during), default=float("inf")) / 60 + GRACE_S / 60
    return {"turns": count, "days": days, "delay_min": delay, "others": len(found) - len(during)}


async def _fill(store: SqliteStore, rows: Iterator[dict[str, Any]]) -> int:
    waiting: list[dict[str, Any]] = []
    count = 0

    def write(connection: Connection) -> None:
        connection.execute(turns.insert(), waiting)

    for row in rows:
        waiting.append(row)
        count += 1
        if len(waiting) == PAGE:
            await store.write(write)
            waiting.clear()
    await store.write(write)
    return count


async def _no_sleep(_: float) -> None:
    pass


def main() -> int:
    """Prints and keeps the figures; 1 where a must is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few months and plants only, to see that it works")
    quick = parser.parse_args().quick
    months, planted = (QUICK_MONTHS, QUICK_PLANTED) if quick else (MONTHS, PLANTED)
    tried = cases()
    with multiprocessing.get_context("spawn").Pool(2) as pool, progress() as bar:
        task = bar.add_task("months without a surge", total=months)
        alarms = []
        for count in pool.imap_unordered(false_alarms, range(months)):
            alarms.append(count)
            bar.advance(task)
        task = bar.add_task("surges", total=len(tried))
        delays = {}
        for case in tried:
            delays[case.name] = np.array(pool.map(partial(delay_min, case=case), range(planted), chunksize=5))
            bar.advance(task)
    with tempfile.TemporaryDirectory() as folder:
        run = asyncio.run(through_the_store(Path(folder), 5 if quick else MONTH_DAYS))
    return _told(alarms, tried, delays, run)


def _told(alarms: list[int], tried: list[Case], delays: dict[str, Any], run: dict[str, Any]) -> int:
    rate = sum(alarms) / len(alarms)
    upper = (sum(alarms) + NONE_SEEN + 2 * sum(alarms) ** 0.5) / len(alarms)
    rows = [("surge", "told within 2 h", "median, min", "90 % within, min")]
    figures: dict[str, Any] = {}
    for case in tried:
        took = delays[case.name]
        within = float((took <= WITHIN_MIN).mean())
        median, most = (float(np.quantile(took, q, method="higher")) for q in (0.5, 0.9))
        shown = [f"{value:.0f}" if np.isfinite(value) else "not that day" for value in (median, most)]
        rows.append((f"{case.name}{' *' if case.must else ''}", f"{within:.0%}", *shown))
        figures[case.name] = {
            "within_2_h": within,
            "median_min": median if np.isfinite(median) else None,
            "p90_min": most if np.isfinite(most) else None,
            "must": case.must,
        }
    musts = [
        Must(name="false alarms a month, all topics together", value=rate, limit=FALSE_ALARMS_MUST, at_most=True),
        Must(name="the same, upper end of a 95 % interval", value=upper, limit=FALSE_ALARMS_MUST, at_most=True),
        *(
            Must(name=f"told within two hours: {case.name}", value=figures[case.name]["within_2_h"], limit=FOUND_MUST)
            for case in tried
            if case.must
        ),
        Must(name="through the store: minutes until the alert", value=run["delay_min"], limit=WITHIN_MIN, at_most=True),
    ]
    kept = {
        "months": len(alarms),
        "chats_a_day": CHATS_A_DAY,
        "false_alarms_a_month": rate,
        "false_alarms_a_month_upper": upper,
        "months_without": float(np.mean(np.array(alarms) == 0)),
        "surges": figures,
        "through_the_store": run,
    }
    return finish("surge", rows, kept, musts)


if __name__ == "__main__":
    sys.exit(main())
