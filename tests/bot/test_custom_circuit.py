"""The circuit breaker: after some failures in a row a server is left alone for a while, then tried by one."""

from hypothesis import given
from hypothesis import strategies as st

from bot.actions.circuit import Circuit, CircuitState

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN
NEW = Circuit(max_failures=3, pause_s=10.0)


def after_failures(count: int, at: float = 100.0) -> Circuit:
    circuit = NEW
    for _ in range(count):
        circuit = circuit.asked(at).failed(at)
    return circuit


def test_it_opens_with_the_last_failure_that_it_bears() -> None:
    assert [after_failures(count).state(100.0) for count in range(5)] == [CLOSED, CLOSED, CLOSED, OPEN, OPEN]


def test_a_success_in_between_makes_the_count_begin_anew() -> None:
    circuit = after_failures(2).asked(100.0).succeeded()
    for _ in range(2):
        circuit = circuit.asked(101.0).failed(101.0)
    assert circuit.state(101.0) is CLOSED


def test_after_the_pause_one_may_try_and_the_others_wait() -> None:
    circuit = after_failures(3)
    assert [circuit.state(100.0 + seconds) for seconds in (0, 9.99, 10, 60)] == [OPEN, OPEN, HALF_OPEN, HALF_OPEN]
    assert circuit.asked(110.0).state(110.0) is OPEN


def test_a_success_closes_it() -> None:
    circuit = after_failures(3).asked(110.0).succeeded()
    assert (circuit.state(110.0), circuit.failures) == (CLOSED, 0)


def test_a_failed_try_begins_the_pause_anew() -> None:
    circuit = after_failures(3).asked(110.0).failed(111.0)
    assert [circuit.state(at) for at in (111.0, 120.9, 121.0)] == [OPEN, OPEN, HALF_OPEN]


def test_a_try_that_was_given_up_lets_another_try() -> None:
    assert after_failures(3).asked(110.0).given_up().state(110.0) is HALF_OPEN


@given(st.lists(st.tuples(st.sampled_from(["ok", "failed", "given up"]), st.floats(0, 20)), max_size=60))
def test_by_whatever_way_it_is_open_exactly_while_a_naive_count_says_so(steps: list[tuple[str, float]]) -> None:
    circuit, now, in_a_row, closed_until = NEW, 0.0, 0, 0.0
    for outcome, seconds in steps:
        now += seconds
        expected = CLOSED if in_a_row < 3 else OPEN if now - closed_until < 10.0 else HALF_OPEN
        assert circuit.state(now) is expected
        if expected is OPEN:
            continue
        circuit = circuit.asked(now)
        if outcome == "ok":
            circuit, in_a_row = circuit.succeeded(), 0
        elif outcome == "failed":
            circuit, in_a_row, closed_until = circuit.failed(now), in_a_row + 1, now
        else:
            circuit = circuit.given_up()
