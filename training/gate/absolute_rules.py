"""The rules that a candidate is held to by itself. Pure functions; each gives one reason."""

from configs.assistant_config import GateConfig
from training.gate.measured import Measured, intent_certainty, intent_ece
from training.gate.paired import ece_of_the_calibrated
from training.gate.verdict import Reason, Rule
from training.learn_then_test import binomial_p_value

SHOWN_QUESTIONS = 3


def understood(candidate: Measured, limits: GateConfig) -> Reason:
    """Enough messages are understood."""
    inside = candidate.inside
    right = sum(asked.understood for asked in inside)
    share = right / len(inside) if inside else 1.0
    sentence = f"{right:,} of {len(inside):,} questions are understood; {limits.min_understood:.0%} must be."
    figures = {"questions": float(len(inside)), "after": share, "limit": limits.min_understood}
    return Reason(rule=Rule.UNDERSTOOD, passed=share >= limits.min_understood, figures=figures, sentence=sentence)


def calibration(candidate: Measured, limits: GateConfig) -> Reason:
    """What is said to be sure is: the error is small, or no larger than so few questions make it."""
    sure, _ = intent_certainty(candidate.questions)
    if not len(sure):
        sentence = "Not measured: the test set has no questions with intents."
        return Reason(rule=Rule.CALIBRATION, passed=True, figures={}, sentence=sentence)
    error, by_chance = intent_ece(candidate.questions), ece_of_the_calibrated(sure, limits.significance)
    return Reason(
        rule=Rule.CALIBRATION,
        passed=error <= max(limits.max_ece, by_chance),
        figures={"after": error, "by_chance": by_chance, "limit": limits.max_ece},
        sentence=f"The calibration error is {error:.3f}; {limits.max_ece:g} may be, and with {len(sure):,} questions "
        f"chance alone makes up to {by_chance:.3f}.",
    )


def golden(candidate: Measured) -> Reason:
    """Every golden question comes out right."""
    wrong = [asked for asked in candidate.golden if not asked.understood]
    figures = {"questions": float(len(candidate.golden)), "wrong": float(len(wrong))}
    if not wrong:
        said = f"All {len(candidate.golden)} golden questions come out right."
        sentence = said if candidate.golden else "There are no golden questions."
        return Reason(rule=Rule.GOLDEN, passed=True, figures=figures, sentence=sentence)
    named = ", ".join(asked.id for asked in wrong[:SHOWN_QUESTIONS])
    more = f" and {len(wrong) - SHOWN_QUESTIONS} more" if len(wrong) > SHOWN_QUESTIONS else ""
    sentence = f"{len(wrong)} of {len(candidate.golden)} golden questions come out wrong: {named}{more}."
    return Reason(rule=Rule.GOLDEN, passed=False, figures=figures, sentence=sentence)


def promise(candidate: Measured, current: Measured | None, limits: GateConfig) -> Reason:
    """What is promised holds on the test set, and what was promised still is."""
    now, was = candidate.promised, current.promised.rate if current else None
    given = [asked for asked in candidate.questions if asked.given]
    wrong = sum(not asked.right for asked in given)
    figures = {"given": float(len(given)), "wrong": float(wrong)}
    figures |= {"promised": now.rate} if now.rate is not None else {}
    if now.rate is None:
        lost = was is not None and now.asked_for
        sentence = f"It promised at most {was:.1%} wrong answers before. {now.sentence}" if lost else now.sentence
        return Reason(rule=Rule.PROMISE, passed=not lost, figures=figures, sentence=sentence)
    too_many = _probability_of_as_many(wrong, len(given), now.rate)
    figures |= {"p_value": too_many}
    passed = too_many > limits.significance
    end = "." if passed else f", which the promise makes unlikely (p = {too_many:.3f})."
    counted = f"of {len(given):,} answers to the test set {wrong:,} are wrong{end}"
    sentence = f"At most {now.rate:.1%} wrong answers are promised; {counted}"
    return Reason(rule=Rule.PROMISE, passed=passed, figures=figures, sentence=sentence)


def latency(candidate: Measured, limits: GateConfig) -> Reason:
    """A message takes no longer than may be."""
    return Reason(
        rule=Rule.LATENCY,
        passed=candidate.p95_ms <= limits.max_p95_ms,
        figures={"after": candidate.p95_ms, "limit": limits.max_p95_ms},
        sentence=f"95 % of the messages take at most {candidate.p95_ms:.1f} ms to compute; "
        f"{limits.max_p95_ms:g} ms may be.",
    )


def size(candidate: Measured, limits: GateConfig) -> Reason:
    """The release takes no more room than may be."""
    size_mb = candidate.size_bytes / 1e6
    return Reason(
        rule=Rule.SIZE,
        passed=size_mb <= limits.max_size_mb,
        figures={"after": size_mb, "limit": limits.max_size_mb},
        sentence=f"The release takes {size_mb:.1f} MB; {limits.max_size_mb:g} MB may be.",
    )


def _probability_of_as_many(wrong: int, given: int, rate: float) -> float:
    """That so many or more of `given` answers are wrong, where `rate` of them are."""
    return binomial_p_value(given - wrong, given, 1 - rate)
