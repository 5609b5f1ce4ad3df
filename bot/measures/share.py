"""A share of something, and how far chance may have moved it."""

from dataclasses import dataclass
from math import sqrt

Z = 1.959963984540054  # 0.975 quantile of the normal distribution: an interval with 95 % confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """`count` of `of`."""

    count: int
    of: int

    @property
    def value(self) -> float | None:
        """From 0 to 1; None of nothing."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's interval with 95 % confidence; None of nothing.

        Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927; Brown,
        Cai and DasGupta, "Interval estimation for a binomial proportion", Statistical Science 16, 2001.
        """
        if not self.of:
            return None
        share, squared = self.count / self.of, Z * Z / self.of
        middle = (share + squared / 2) / (1 + squared)
        half = Z / (1 + squared) * sqrt(share * (1 - share) / self.of + squared / (4 * self.of))
        low = 0.0 if self.count == 0 else middle - half
        return low, 1.0 if self.count == self.of else middle + half


NO_SHARE = Share(count=0, of=0)


def percent(share: float | None) -> str:
    """A share as it is read; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.1f} %"
