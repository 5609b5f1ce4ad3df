"""Judges a candidate: pure rules with reasons, so that a verdict can be tabled, replayed and explained.

understood           not fewer than by the release that serves, beyond chance
answered right       not fewer, beyond chance and a margin
wrong answers        no greater share of the given ones, beyond chance, or within what is promised
no intent collapses  none is hardly understood any more
out of scope         told from other messages, and left without an answer, as before
calibration          what is said to be sure is
golden questions     all right
promise              holds on the test set, and is not lost
latency, size        within the budget
"""

from configs.assistant_config import GateConfig
from training.gate import absolute_rules, comparing_rules
from training.gate.comparing_rules import Both
from training.gate.measured import Measured
from training.gate.verdict import Reason, Rule, Verdict

DEFAULT_LIMITS = GateConfig()


def judge(candidate: Measured, current: Measured | None, limits: GateConfig = DEFAULT_LIMITS) -> Verdict:
    """Whether `candidate` may take the place of `current`.

    Args:
        current: The release that serves, asked the same questions; None for the first, which is held only to the rules
            that need no other.
    """
    reasons = [
        *(_compared(candidate, current, limits) if current else _by_itself(candidate, limits)),
        absolute_rules.golden(candidate),
        absolute_rules.promise(candidate, current, limits),
        absolute_rules.size(candidate, limits),
    ]
    order = list(Rule)
    return Verdict(
        candidate=candidate.release,
        current=current.release if current else None,
        reasons=tuple(sorted(reasons, key=lambda reason: order.index(reason.rule))),
    )


def _by_itself(candidate: Measured, limits: GateConfig) -> list[Reason]:
    return [
        absolute_rules.understood(candidate, limits),
        absolute_rules.calibration(candidate, limits),
        absolute_rules.latency(candidate, limits),
    ]


def _compared(candidate: Measured, current: Measured, limits: GateConfig) -> list[Reason]:
    both = Both.of(current, candidate)
    return [
        comparing_rules.understood(both, limits),
        comparing_rules.answered_right(both, limits),
        comparing_rules.wrong_answers(both, candidate, limits),
        comparing_rules.no_intent_collapses(both, candidate, limits),
        comparing_rules.out_of_scope(both, limits),
        comparing_rules.calibration(both, limits),
        comparing_rules.latency(current, candidate, limits),
    ]
