"""The regularised incomplete beta function, by which tails of binomial distributions are told exactly."""

from math import exp, lgamma, log, log1p

_TINY = 1e-300
_PRECISION = 1e-14
_MOST_STEPS = 10_000


def incomplete_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b) for positive a and b and x in [0, 1]: for whole k and n, I_p(k, n - k + 1) = P(X >= k).

    Source: DLMF 8.17.22 (the continued fraction) and 8.17.4 (the symmetry); Lentz' method as in Press et al.,
    "Numerical Recipes", 3rd edition, 5.2 and 6.4.
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    return min(1.0, front * _fraction(a, b, x))


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _MOST_STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _not_zero(1 + term * d)
            c = _not_zero(1 + term / c)
            found *= d * c
        if abs(d * c - 1) < _PRECISION:
            break
    return found


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
