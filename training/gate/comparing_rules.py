"""The rules that compare a candidate with the release that serves. Pure functions; each gives one reason.

Only questions that both were asked count. A loss counts where chance does not explain it: both releases answered the
same questions, so what is looked at are those that came out differently.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.assistant_config import GateConfig
from training.gate.intent_losses import collapsed
from training.gate.measured import Asked, Measured, auroc, intent_certainty, intent_ece, scopes
from training.gate.paired import Paired, auroc_interval, ece_interval, wrong_rate_interval
from training.gate.verdict import Reason, Rule
from training.learn_then_test import binomial_p_value

LARGE_LOSS_FACTOR = 5.0  # a large loss is believed on so much weaker evidence
SHOWN_INTENTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """The questions that both releases were asked, in the same order."""

    before: tuple[Asked, ...]
    after: tuple[Asked, ...]

    @classmethod
    def of(cls, current: Measured, candidate: Measured) -> "Both":
        """Those with the same id, text and answers."""
        known = {_key(asked): asked for asked in current.questions}
        after = tuple(asked for asked in candidate.questions if _key(asked) in known)
        return cls(before=tuple(known[_key(asked)] for asked in after), after=after)

    def part(self, *, out_of_scope: bool) -> "Both":
        """The questions that nothing answers, or the others."""
        rows = [row for row, asked in enumerate(self.after) if asked.out_of_scope is out_of_scope]
        return Both(before=tuple(self.before[row] for row in rows), after=tuple(self.after[row] for row in rows))


def understood(both: Both, limits: GateConfig) -> Reason:
    """Messages are understood as before."""
    inside = both.part(out_of_scope=False)
    paired = Paired.of(*(np.array([a.understood for a in part], bool) for part in (inside.before, inside.after)))
    large = -paired.difference > limits.max_loss
    passed = not _is_worse(paired, limits, large=large)
    return _paired_reason(Rule.UNDERSTOOD, paired, limits, passed, "understood")


def answered_right(both: Both, limits: GateConfig) -> Reason:
    """As many customers get a right answer, but for `max_loss`: how many may be answered moves with the promise."""
    inside = both.part(out_of_scope=False)
    paired = Paired.of(*(np.array([a.given and a.right for a in part], bool) for part in (inside.before, inside.after)))
    large = -paired.difference > limits.max_loss
    passed = not (large and _is_worse(paired, limits, large=True))
    return _paired_reason(Rule.ANSWERED_RIGHT, paired, limits, passed, "answered right")


def wrong_answers(both: Both, candidate: Measured, limits: GateConfig) -> Reason:
    """No greater share of the given answers is wrong, or it is shown to stay within what is promised."""
    was, now = (_counts(part) for part in (both.before, both.after))
    before, after = _codes(both.before), _codes(both.after)
    low, high = wrong_rate_interval(before, after, limits.significance)
    promised = candidate.promised.rate
    within = promised is not None and binomial_p_value(now[1], now[0], promised) <= limits.significance
    figures = {"before": _share(*was), "after": _share(*now), "low": low, "high": high}
    sentence = (
        f"{_percent(figures['after'])} of {now[0]:,} given answers are wrong, before {_percent(figures['before'])} of "
        f"{was[0]:,}; the difference lies between {_points(low)} and {_points(high)}."
    )
    return Reason(rule=Rule.WRONG, passed=low <= 0 or within, figures=figures, sentence=sentence)


def no_intent_collapses(both: Both, candidate: Measured, limits: GateConfig) -> Reason:
    """No intent is hardly understood any more."""
    losses, worst = collapsed(both.before, both.after, limits), 0.0
    gone = [loss for loss in losses if loss.name not in candidate.labels]
    worst = max((loss.drop for loss in losses), default=0.0)
    figures = {"collapsed": float(len(losses)), "worst_drop": worst, "no_longer_taught": float(len(gone))}
    if not losses:
        return Reason(rule=Rule.INTENTS, passed=True, figures=figures, sentence="No intent collapses.")
    said = [f"{loss.name!r} ({loss.before} of {loss.count} before, {loss.after} now)" for loss in losses]
    more = f", and {len(said) - SHOWN_INTENTS} more" if len(said) > SHOWN_INTENTS else ""
    taught = (
        f" {gone[0].name!r} is no longer taught: take its questions out of the test set if that is meant."
        if gone
        else ""
    )
    sentence = f"Hardly understood any more: {', '.join(said[:SHOWN_INTENTS])}{more}.{taught}"
    return Reason(rule=Rule.INTENTS, passed=False, figures=figures, sentence=sentence)


def out_of_scope(both: Both, limits: GateConfig) -> Reason:
    """Messages that nothing answers are told from others, and left without an answer, as before."""
    inside, outside = both.part(out_of_scope=False), both.part(out_of_scope=True)
    if not outside.after or not inside.after:
        sentence = "Not measured: the test set has no questions that are out of scope."
        return Reason(rule=Rule.OUT_OF_SCOPE, passed=True, figures={}, sentence=sentence)
    paired = Paired.of(*(np.array([not a.given for a in part], bool) for part in (outside.before, outside.after)))
    before, after = (scopes(inside.before), scopes(outside.before)), (scopes(inside.after), scopes(outside.after))
    was, now = auroc(*before), auroc(*after)
    large = was - now > limits.max_scope_loss
    told_worse = large and auroc_interval(before, after, limits.significance)[1] < 0
    passed = not told_worse and not _is_worse(paired, limits, large=-paired.difference > limits.max_loss)
    refused = [_share(len(part), sum(not a.given for a in part)) for part in (outside.before, outside.after)]
    figures = {"before": refused[0], "after": refused[1], "auroc_before": was, "auroc_after": now}
    figures |= {"p_value": paired.p_value}
    sentence = (
        f"{_percent(refused[1])} of {len(outside.after):,} messages out of scope get no answer, before "
        f"{_percent(refused[0])}; told from others with an AUROC of {now:.3f}, before {was:.3f}."
    )
    return Reason(rule=Rule.OUT_OF_SCOPE, passed=passed, figures=figures, sentence=sentence)


def calibration(both: Both, limits: GateConfig) -> Reason:
    """What is said to be sure is as sure as before."""
    was, now = intent_certainty(both.before), intent_certainty(both.after)
    if not len(now[0]):
        sentence = "Not measured: the test set has no questions with intents."
        return Reason(rule=Rule.CALIBRATION, passed=True, figures={}, sentence=sentence)
    before, after = intent_ece(both.before), intent_ece(both.after)
    large = after - before > limits.max_ece_rise
    worse = large and ece_interval(was, now, limits.significance)[0] > 0
    return Reason(
        rule=Rule.CALIBRATION,
        passed=not worse,
        figures={"before": before, "after": after},
        sentence=f"The calibration error is {after:.3f}, before {before:.3f}.",
    )


def latency(current: Measured, candidate: Measured, limits: GateConfig) -> Reason:
    """A message takes hardly longer than before, and no longer than may be."""
    slower = candidate.p95_ms > limits.max_latency_ratio * current.p95_ms > 0
    return Reason(
        rule=Rule.LATENCY,
        passed=candidate.p95_ms <= limits.max_p95_ms and not slower,
        figures={"before": current.p95_ms, "after": candidate.p95_ms, "limit": limits.max_p95_ms},
        sentence=f"95 % of the messages take at most {candidate.p95_ms:.1f} ms to compute, "
        f"before {current.p95_ms:.1f} ms; {limits.max_p95_ms:g} ms and {limits.max_latency_ratio:g} times "
        "as long may be.",
    )


def _is_worse(paired: Paired, limits: GateConfig, *, large: bool) -> bool:
    return paired.is_worse(min(0.5, limits.significance * (LARGE_LOSS_FACTOR if large else 1.0)))


def _paired_reason(rule: Rule, paired: Paired, limits: GateConfig, passed: bool, word: str) -> Reason:
    low, high = paired.interval(limits.significance)
    figures = {"questions": float(paired.count), "lost": float(paired.lost), "gained": float(paired.gained)}
    figures |= {"difference": paired.difference, "p_value": paired.p_value, "low": low, "high": high}
    sentence = (
        f"Of {paired.count:,} questions {paired.lost} are no longer {word} and {paired.gained} newly are: "
        f"{_points(paired.difference)}, between {_points(low)} and {_points(high)} (p = {paired.p_value:.3f})."
    )
    return Reason(rule=rule, passed=passed, figures=figures, sentence=sentence)


def _codes(questions: Sequence[Asked]) -> NDArray[np.int64]:
    return np.array([0 if not asked.given else 1 if asked.right else 2 for asked in questions], np.int64)


def _counts(questions: Sequence[Asked]) -> tuple[int, int]:
    given = [asked for asked in questions if asked.given]
    return len(given), sum(not asked.right for asked in given)


def _key(asked: Asked) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    return asked.id, asked.text, asked.intents, asked.pairs


def _share(whole: int, part: int) -> float:
    return part / whole if whole else 0.0


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f} points"
