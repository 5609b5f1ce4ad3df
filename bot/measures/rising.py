"""Which topics have become more frequent than chance explains. Pure.

What is compared is a topic's share of all conversations, so that a busy week alone lets nothing rise. Topics come in
bursts, so that days differ by more than chance; by how much more is told from the days themselves, and the counts are
divided by it. As few days tell it, what Student's distribution says counts where that is more cautious. However many
topics are looked at, of what is called rising one in twenty is so by chance at most, on average.

Source: Przyborowski and Wilenski, "Homogeneity of results in testing samples from Poisson series", Biometrika 31, 1940
(the exact test of two rates); Rao and Scott, "A simple method for the analysis of clustered binary data", Biometrics
48, 1992 (the division); McCullagh and Nelder, "Generalized linear models", 1989, 4.5.2 (the few days); Benjamini and
Hochberg, "Controlling the false discovery rate", JRSS B 57, 1995.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.measures.incomplete_beta import incomplete_beta
from bot.stores.measures import Name

FALSE_SHARE = 0.02  # bursts are lopsided, which lets a little more through than is counted with
LEAST_NOW, LEAST_TIMES, LEAST_BEFORE = 5, 1.2, 100

Day = Mapping[Name, int]
"""In how many conversations of a day each topic came up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rising:
    """A topic that has risen.

    Attributes:
        now: Conversations with it in the period.
        before: And in the time before.
        share_now: Of all conversations, each counted once for each of its topics; from 0 to 1.
        share_before: As `share_now`, in the time before.
        p: How probable so much is by chance.
    """

    topic: str
    now: int
    before: int
    share_now: float
    share_before: float
    p: float

    @property
    def times(self) -> float | None:
        """How many times as frequent as before; None for what there was not before."""
        return self.share_now / self.share_before if self.share_before else None


def rising_topics(now: Sequence[Day], before: Sequence[Day]) -> tuple[Rising, ...] | None:
    """The topics that have risen, the surest first; None where there is too little before to compare with."""
    all_now, all_before = _total(now), _total(before)
    if all_before < LEAST_BEFORE or not all_now:
        return None
    topics = sorted({name for day in now for name, count in day.items() if name is not None and count})
    found = [_compared(topic, now, before, all_now, all_before) for topic in topics]
    return tuple(one for one in _discovered(found) if _is_worth_telling(one))


def _is_worth_telling(one: Rising) -> bool:
    return one.now >= LEAST_NOW and (one.times is None or one.times >= LEAST_TIMES)


def _compared(topic: str, now: Sequence[Day], before: Sequence[Day], all_now: int, all_before: int) -> Rising:
    k_now, k_before = (sum(day.get(topic, 0) for day in days) for days in (now, before))
    spread, freedom = _spread(topic, (now, before))
    p = _probability(k_now, k_before, all_now / (all_now + all_before), spread, freedom)
    return Rising(
        topic=topic, now=k_now, before=k_before, share_now=k_now / all_now, share_before=k_before / all_before, p=p
    )


def _probability(k_now: int, k_before: int, share: float, spread: float, freedom: int) -> float:
    """That of all conversations with a topic so many fall into a period where `share` of them should, or more."""
    total, deviation = k_now + k_before, k_now - (k_now + k_before) * share
    if deviation <= 0:
        return 1.0
    exact = incomplete_beta(k_now / spread, k_before / spread + 1, share)
    if not freedom:
        return exact
    squared = deviation**2 / (spread * total * share * (1 - share))
    return max(exact, incomplete_beta(freedom / 2, 0.5, freedom / (freedom + squared)) / 2)


def _spread(topic: str, times: Sequence[Sequence[Day]]) -> tuple[float, int]:
    """How many times as much the days differ as chance alone lets them, at least 1, and from how many days it is known.

    It is Pearson's statistic divided by its degrees of freedom.
    """
    statistic, freedom = 0.0, 0
    for days in times:
        counts = [(day.get(topic, 0), total) for day in days if (total := sum(day.values()))]
        share = sum(k for k, _ in counts) / max(1, sum(total for _, total in counts))
        if 0 < share < 1:
            statistic += sum((k - total * share) ** 2 / (total * share * (1 - share)) for k, total in counts)
            freedom += len(counts) - 1
    return (max(1.0, statistic / freedom) if freedom else 1.0), freedom


def _discovered(found: Sequence[Rising]) -> list[Rising]:
    """Those of which at most `FALSE_SHARE` are expected to be there by chance."""
    ordered = sorted(found, key=lambda one: one.p)
    kept = [rank for rank, one in enumerate(ordered, 1) if one.p <= FALSE_SHARE * rank / len(ordered)]
    return ordered[: max(kept, default=0)]


def _total(days: Sequence[Day]) -> int:
    return sum(sum(day.values()) for day in days)
