"""Which intents a candidate hardly understands any more, though few questions ask for each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import binom

from configs.assistant_config import GateConfig
from training.gate.measured import Asked

LEAST_LOST = 3  # questions, all of them understood before, whose loss is a collapse whatever else was lost


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentLoss:
    """One intent's questions, before and now.

    Attributes:
        before: Of `count` questions, those that were understood.
        after: Those that are now.
        lost: Those that were and no longer are.
        p_value: How likely so many are lost, if this intent loses as the others do.
    """

    name: str
    count: int
    before: int
    after: int
    lost: int
    p_value: float

    @property
    def drop(self) -> float:
        """By how much the share understood has fallen."""
        return (self.before - self.after) / self.count


def intent_losses(before: Sequence[Asked], after: Sequence[Asked]) -> list[IntentLoss]:
    """Of each intent that questions ask for, in the order of names.

    What is lost by chance is lost everywhere at about one rate, so the others say what that rate is. The rate is taken
    a little too high (one more loss among two more questions), so that few questions prove little.

    Args:
        before: What a release made of the questions.
        after: What another made of the same ones, in the same order.
    """
    count, was, now, lost = (Counter[str]() for _ in range(4))
    for old, new in zip(before, after, strict=True):
        if new.name:
            count[new.name] += 1
            was[new.name] += old.understood
            now[new.name] += new.understood
            lost[new.name] += old.understood and not new.understood
    all_was, all_lost = was.total(), lost.total()
    return [
        IntentLoss(
            name=name,
            count=count[name],
            before=was[name],
            after=now[name],
            lost=lost[name],
            p_value=_p_value(lost[name], was[name], all_lost - lost[name], all_was - was[name]),
        )
        for name in sorted(count)
    ]


def collapsed(before: Sequence[Asked], after: Sequence[Asked], limits: GateConfig) -> list[IntentLoss]:
    """The intents that have collapsed, the worst first: far fewer of their questions are understood, beyond chance.

    As many intents are looked at, each is held to its part of the significance (Bonferroni).
    """
    losses = intent_losses(before, after)
    found = [loss for loss in losses if _has_collapsed(loss, limits, len(losses))]
    return sorted(found, key=lambda loss: (-loss.drop, loss.name))


def _has_collapsed(loss: IntentLoss, limits: GateConfig, intents: int) -> bool:
    vanished = loss.before >= LEAST_LOST and loss.after == 0
    return vanished or (loss.drop >= limits.max_intent_drop and loss.p_value <= limits.significance / intents)


def _p_value(lost: int, was: int, others_lost: int, others_were: int) -> float:
    return float(binom.sf(lost - 1, was, (others_lost + 1) / (others_were + 2)))
