"""When the next refresh is due, and running one after another, each in a process of its own, whatever comes of it."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, tzinfo

from cronsim import CronSim, CronSimError

from configs.errors import SettingsError

LONGEST_SLEEP_S = 30.0  # so that a clock that is set, or a machine that slept, is noticed


def moments(schedule: str, begin: datetime) -> Iterator[datetime]:
    """The moments of a cron expression behind `begin`, in its zone.

    Raises:
        SettingsError: It is no cron expression.
    """
    try:
        return CronSim(schedule, begin)
    except CronSimError as error:
        said = f"--schedule is {schedule!r}: {error}. Write minute, hour, day, month and weekday, such as '0 3 * * *'."
        raise SettingsError(said) from error


def keep_refreshing(
    schedule: str,
    zone: tzinfo,
    refresh: Callable[[], int],
    say: Callable[[str], None],
    *,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Refreshes at the moments of `schedule`, without end. A moment that passes during a refresh is passed over.

    Args:
        refresh: Refreshes once; gives an exit code.
        say: Told when the next one is, and what came of the last.
        now: Unix time.

    Raises:
        SettingsError: `schedule` is no cron expression, or has no next moment.
    """
    while True:
        due = next(moments(schedule, datetime.fromtimestamp(now(), zone)), None)
        if due is None:
            raise SettingsError(f"--schedule is {schedule!r}, which never comes. Mend the day or the month.")
        say(f"The next refresh is at {due:%Y-%m-%d %H:%M %Z}.")
        while (left_s := due.timestamp() - now()) > 0:
            sleep(min(left_s, LONGEST_SLEEP_S))
        began = now()
        code = refresh()
        took = timedelta(seconds=round(now() - began))
        say(_said(code, took))


def _said(code: int, took: timedelta) -> str:
    match code:
        case 0:
            return f"The refresh ended well, after {took}."
        case 3:
            return f"The gate kept the release that serves; the refresh took {took}."
        case _:
            return f"The refresh failed with exit code {code} after {took}; what serves is as it was."
