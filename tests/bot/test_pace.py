"""Sends are as far apart as the platform wants them, in all and for each customer."""

from bot.abilities import Abilities
from bot.pace import MAX_REMEMBERED, Pace


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_customer_waits_while_others_do_not() -> None:
    clock = Clock()
    pace = Pace(Abilities(per_conversation_s=1.0), clock)

    assert pace.wait_s("ann") == 0
    assert pace.wait_s("ben") == 0
    clock.now += 0.25
    assert pace.wait_s("ann") == 0.75
    clock.now += 0.75
    assert pace.wait_s("ann") == 0
    assert pace.wait_s("ann") == 1.0


def test_all_together_are_no_faster_than_the_channel_may_be() -> None:
    clock = Clock()
    pace = Pace(Abilities(per_second=4.0), clock)

    assert pace.wait_s("ann") == 0
    assert pace.wait_s("ben") == 0.25
    clock.now += 0.25
    assert pace.wait_s("ben") == 0


def test_without_limits_nobody_waits() -> None:
    pace = Pace(Abilities(), Clock())

    assert [pace.wait_s("ann") for _ in range(3)] == [0, 0, 0]


def test_who_need_not_wait_any_more_is_forgotten() -> None:
    clock = Clock()
    pace = Pace(Abilities(per_conversation_s=1.0), clock)
    for number in range(MAX_REMEMBERED):
        pace.wait_s(str(number))
    clock.now += 2.0

    assert pace.wait_s("one more") == 0
    assert len(pace._next_of) == 1


def test_a_customer_who_stood_still_is_sent_several_at_once_and_their_time_is_owed() -> None:
    clock = Clock()
    pace = Pace(Abilities(per_conversation_s=6.0, burst=3), clock)

    assert [pace.wait_s("ann") for _ in range(4)] == [0, 0, 0, 6]
    clock.now += 6
    assert [pace.wait_s("ann") for _ in range(2)] == [0, 6]
    clock.now += 600
    assert [pace.wait_s("ann") for _ in range(4)] == [0, 0, 0, 6]
