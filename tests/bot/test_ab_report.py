"""How the two arms of an experiment are counted, by hand."""

from collections.abc import Sequence

import pytest

from bot.experiments.ab_report import SITTING_S, report_ab
from bot.experiments.experiment import Experiment, Kind
from bot.outcome import Outcome
from bot.policy import Reason
from bot.stores.arm_turns import ArmTurn, Thumb

EXPERIMENT = Experiment(kind=Kind.AB, id="0" * 16, release="new1", base="old1", share=0.5, since=0.0)
NEW = [name for name in (f"c{number}" for number in range(4_000)) if EXPERIMENT.takes(name)]
OLD = [name for name in (f"c{number}" for number in range(4_000)) if not EXPERIMENT.takes(name)]
LATER = 1e9


def turn(who: str, at: float = 1.0, outcome: str = Outcome.ANSWERED, **changed: object) -> ArmTurn:
    release = "new1" if EXPERIMENT.takes(who) else "old1"
    values = {"seq": int(at), "release_id": release, "reason": Reason.SURE_INTENT, "confidence": 0.8, **changed}
    return ArmTurn(conversation_id=who, at=at, outcome=outcome, **values)  # type: ignore[arg-type]


def thumb(who: str, verdict: str, turn_seq: int = 1) -> Thumb:
    return Thumb(conversation_id=who, turn_seq=turn_seq, verdict=verdict)


def test_conversations_count_once_by_their_first_sitting() -> None:
    first, second = OLD[0], NEW[0]
    turns = [
        turn(first, 1.0),
        turn(second, 2.0),
        turn(second, 3.0, Outcome.HANDED_OVER),
        turn(first, 10 + SITTING_S, Outcome.HANDED_OVER),  # another sitting
    ]

    found = report_ab(EXPERIMENT, turns, [], LATER)

    assert (found.conversations, found.under_way, found.mixed) == ((1, 1), 0, 0)
    assert found.compared["contained"].means == (1.0, 0.0)
    assert not found.stop
    assert found.advice == ("Go on: no difference is shown yet, nor that there is none that matters.",)


def test_a_sitting_that_may_go_on_is_not_counted_yet() -> None:
    found = report_ab(EXPERIMENT, [turn(OLD[0], 1.0), turn(NEW[0], 5_000.0)], [], 6_000.0)

    assert (found.conversations, found.under_way) == ((1, 0), 1)
    assert found.compared["contained"].seen == (1, 0)


def test_what_another_release_took_a_turn_of_is_left_out() -> None:
    turns = [turn(NEW[0], release_id="old1"), turn(NEW[1]), turn(OLD[0]), turn(OLD[0], 2.0, release_id="third")]

    found = report_ab(EXPERIMENT, turns, [], LATER)

    assert (found.conversations, found.mixed) == ((0, 1), 2)


def test_turns_of_people_and_from_outside_are_nobodys_merit() -> None:
    turns = [turn(OLD[0], 1.0, Outcome.PERSON), turn(NEW[0], 1.0, Outcome.EXTERNAL)]

    assert report_ab(EXPERIMENT, turns, [], LATER).conversations == (0, 0)


def test_p_right_is_the_mean_of_the_answers_given() -> None:
    turns = [
        turn(OLD[0], 1.0, confidence=0.6),
        turn(OLD[0], 2.0, confidence=0.8),
        turn(OLD[0], 3.0, Outcome.ASKED_BACK, reason=Reason.UNSURE, confidence=0.1),
        turn(NEW[0], 1.0, Outcome.FELL_BACK, reason=Reason.NOTHING_NEAR, confidence=0.1),
    ]

    found = report_ab(EXPERIMENT, turns, [], LATER).compared["p_right"]

    assert found.seen == (1, 0)
    assert found.means[0] == pytest.approx(0.7)


def test_the_first_thumb_of_a_conversation_counts_where_its_arm_answered() -> None:
    turns = [*(turn(one) for one in (OLD[0], OLD[1], NEW[0])), turn(NEW[1], release_id="old1")]
    given = [
        *(thumb(OLD[0], "right"), thumb(OLD[0], "wrong"), thumb(OLD[1], "corrected"), thumb(NEW[0], "right")),
        *(thumb(NEW[1], "wrong"), thumb(NEW[2], "wrong"), thumb(NEW[0], "wrong", turn_seq=9)),
    ]

    found = report_ab(EXPERIMENT, turns, given, LATER).compared["thumbs"]

    assert found.seen == (2, 1)
    assert found.means == (0.5, 1.0)


def test_with_nothing_known_it_says_so() -> None:
    found = report_ab(EXPERIMENT, [], [], LATER)

    assert (found.conversations, found.stop) == ((0, 0), False)
    assert found.advice == ("Go on: nothing is known yet.",)


def outcomes(handed_over_of_new: int, handed_over_of_old: int, count: int) -> Sequence[ArmTurn]:
    """In their order, each hundred conversations of an arm with so many that were handed over."""
    of = {True: handed_over_of_new, False: handed_over_of_old}
    found = []
    for number in range(count):
        for name in (OLD[number], NEW[number]):
            lost = number % 100 < of[name in NEW_SET]
            found.append(turn(name, 1.0 + number, Outcome.HANDED_OVER if lost else Outcome.ANSWERED))
    return found


NEW_SET = frozenset(NEW)


def test_it_says_stop_where_the_candidate_is_better_and_in_what() -> None:
    found = report_ab(EXPERIMENT, outcomes(10, 40, 400), [], LATER)

    assert found.stop
    assert found.advice == ("Stop: the candidate is better in contained, 90.0% against 60.0%.",)


def test_it_says_stop_where_the_candidate_is_worse() -> None:
    found = report_ab(EXPERIMENT, outcomes(40, 10, 400), [], LATER)

    assert found.advice == ("Stop: the candidate is worse in contained, 60.0% against 90.0%.",)


def test_it_says_stop_where_no_difference_can_matter() -> None:
    alike = outcomes(20, 20, 1_500)
    assert not report_ab(EXPERIMENT, alike, [], LATER).stop

    found = report_ab(EXPERIMENT, alike, [], LATER, margin=0.2)

    assert found.stop
    assert found.advice == ("Stop: whatever differs, differs by less than 20%.",)
