"""The detector wins what plain arithmetic says, and no more than it may while nothing rises."""

from math import comb, exp, log

import numpy as np
import pytest

from bot.monitor.detector import (
    TIMES,
    after,
    log_gains,
    log_thresholds,
    log_worth,
    nothing_won,
    rise_began,
)


def gain_by_hand(n: int, k: int, usual: float, times: float) -> float:
    odds = usual / (1 - usual) * times
    bet = odds / (1 + odds)
    return (bet / usual) ** k * ((1 - bet) / (1 - usual)) ** (n - k)


def test_the_coins_are_those_of_a_bet_begun_at_every_interval() -> None:
    chance = np.random.default_rng(1)
    messages = chance.integers(0, 9, 40).astype(float)
    negatives = chance.binomial(messages.astype(int), 0.3).astype(float)
    gains = log_gains(messages, negatives, np.full(40, 0.15))
    coins = nothing_won(1)
    for interval in range(40):
        coins = after(coins, gains[interval][None], messages[interval : interval + 1] > 0)

    for bet, times in enumerate(TIMES):
        plain = 0.0
        for n, k in zip(messages, negatives, strict=True):
            if n:
                plain = (plain + 1) * gain_by_hand(int(n), int(k), 0.15, times)
        assert exp(coins[0, bet]) == pytest.approx(plain)
    assert exp(log_worth(coins)[0]) == pytest.approx(np.exp(coins[0]).mean())


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("n", [1, 7])
def test_no_bet_makes_money_on_average_while_the_share_is_usual(n: int, share: float) -> None:
    ks = np.arange(n + 1)
    probable = np.array([comb(n, k) * share**k * (1 - share) ** (n - k) for k in ks])
    gains = np.exp(log_gains(np.full(n + 1, float(n)), ks.astype(float), np.full(n + 1, 0.2)))

    expected = probable @ gains

    assert (expected <= 1 + 1e-12).all()
    if share == 0.2:
        assert expected == pytest.approx(np.ones(len(TIMES)))


def test_an_interval_without_a_message_changes_nothing() -> None:
    coins = after(nothing_won(2), np.array([[0.5] * 5, [0.7] * 5]), np.array([True, True]))

    later = after(coins, np.zeros((2, 5)), np.array([False, True]))

    assert later[0].tolist() == coins[0].tolist()
    assert np.exp(later[1]) == pytest.approx(np.exp(coins[1]) + 1)


def test_what_is_staked_is_divided_so_that_all_streams_together_keep_to_the_bound() -> None:
    thresholds = log_thresholds(1_000, np.array([0.5, 0.25, 0.25]))

    assert thresholds == pytest.approx([log(2_000), log(4_000), log(4_000)])


def test_false_alarms_come_no_more_often_than_the_bound_says() -> None:
    chance, intervals, streams, bound = np.random.default_rng(5), 20_000, 40, 2_000
    thresholds, alarms = log_thresholds(bound, np.full(streams, 1 / streams)), 0
    coins, usual = nothing_won(streams), np.full(streams, 0.2)
    for _ in range(intervals):
        n = chance.poisson(3, streams).astype(float)
        gains = log_gains(n, chance.binomial(n.astype(int), 0.2).astype(float), usual)
        coins = after(coins, gains, n > 0)
        fires = log_worth(coins) >= thresholds
        alarms += int(fires.sum())
        coins[fires] = nothing_won(int(fires.sum()))

    assert 0 < alarms <= 2 * intervals / bound


def test_a_rise_begins_where_the_best_bet_has_won_most() -> None:
    calm, rise = [[-0.2, -1.0]] * 6, [[0.3, 0.9]] * 3

    assert rise_began(np.array(calm + rise)) == 6
    assert rise_began(np.array(rise)) == 0
