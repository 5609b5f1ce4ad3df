"""The monitor keeps silent as often as it says while the promise holds, and speaks when it is broken."""

import numpy as np
import pytest

from bot.promise_monitor import BETS, MAX_BETTORS, PromiseMonitor, monitor_of
from retrieval.promise import Kind, Promise, RightModel

RATE, CONFIDENCE = 0.05, 0.95


def watched(verdicts: "list[bool] | np.ndarray") -> tuple[PromiseMonitor, int | None]:
    """The monitor after the verdicts or its warning, and at which verdict that came; True is wrong."""
    monitor = PromiseMonitor(rate=RATE, confidence=CONFIDENCE)
    for number, wrong in enumerate(verdicts, start=1):
        monitor = monitor.after(right=not wrong)
        if monitor.broken:
            return monitor, number
    return monitor, None


def test_a_kept_promise_gives_a_false_alarm_no_oftener_than_stated() -> None:
    random = np.random.default_rng(0)

    alarms = sum(watched(random.random(1_000) < RATE)[1] is not None for _ in range(150))

    assert alarms / 150 <= 1 - CONFIDENCE + 0.03  # two deviations of the count


def test_twice_the_promised_rate_is_noticed() -> None:
    random = np.random.default_rng(1)

    noticed = [watched(random.random(2_000) < 2 * RATE)[1] for _ in range(40)]

    assert sum(at is not None for at in noticed) >= 39
    assert np.median([at or 2_000 for at in noticed]) < 600


def test_drift_after_long_good_times_is_noticed() -> None:
    random = np.random.default_rng(2)
    good, bad = random.random(2_000) < RATE / 2, random.random(2_000) < 4 * RATE

    _, at = watched(np.concatenate([good, bad]))

    assert at is not None
    assert 2_000 < at < 2_400


def test_money_neither_grows_nor_shrinks_on_average_at_the_promised_rate() -> None:
    """The average over both verdicts, weighed by the promised rate, is what there was before."""
    monitor = PromiseMonitor(rate=RATE, confidence=0.999_999)
    for wrong in (False, True, False, False, True, False):
        before = monitor.wealth
        worse, better = monitor.after(right=False).wealth, monitor.after(right=True).wealth
        assert RATE * worse + (1 - RATE) * better == pytest.approx(before)
        monitor = monitor.after(right=not wrong)


def test_one_wrong_verdict_is_worth_the_mean_of_the_bets() -> None:
    first = PromiseMonitor(rate=RATE, confidence=CONFIDENCE).after(right=False)

    assert first.wealth == pytest.approx(0.5 * np.mean(BETS) + 0.5)  # the bettor who begins first has half of all
    assert (first.seen, first.wrong) == (1, 1)


def test_a_warning_stays_and_says_what_was_seen() -> None:
    monitor, at = watched([True] * 50)

    assert at is not None
    assert f"{at} of {at} answers wrong" in str(monitor.warning())
    for _ in range(500):
        monitor = monitor.after(right=True)
    assert monitor.warning() is not None


def test_no_verdicts_no_warning() -> None:
    assert PromiseMonitor(rate=RATE, confidence=CONFIDENCE).warning() is None


def test_it_is_made_of_what_people_have_said() -> None:
    models = {kind: RightModel.believing(kind) for kind in Kind}
    promise = Promise(max_wrong_rate=RATE, confidence=CONFIDENCE, threshold=0.5, models=models)

    monitor = monitor_of(promise, ["right", "wrong", "corrected", "right"])

    by_hand = PromiseMonitor(rate=RATE, confidence=CONFIDENCE)
    for right in (True, False, False, True):
        by_hand = by_hand.after(right=right)
    assert monitor == by_hand
    assert (monitor.seen, monitor.wrong) == (4, 2)


def test_a_promise_of_nearly_anything_can_be_watched() -> None:
    monitor = PromiseMonitor(rate=0.97, confidence=CONFIDENCE)
    for _ in range(500):
        monitor = monitor.after(right=False)

    assert np.isfinite(monitor.wealth)
    assert len(monitor.log_wealth) <= MAX_BETTORS
