"""By what stored pairs are filtered: their locale, their tags, and when they may be given."""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from retrieval.pair import ALWAYS, Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which pairs may be found.

    Attributes:
        locale: Pairs of this locale, of its language, or of none; None for all.
        tags: Pairs that have all of them.
    """

    locale: str | None = None
    tags: frozenset[str] = field(default_factory=frozenset)


ANY = Filter()


class Facets:
    """Locale, tags and validity of numbered pairs."""

    def __init__(self) -> None:
        self._locales: dict[str, int] = {}
        self._locale_codes = array("i")
        self._tagged: dict[str, list[int]] = {}
        self._bounded: dict[int, tuple[float, float]] = {}

    @classmethod
    def of(cls, pairs: Iterable[Pair]) -> Self:
        """The facets of `pairs`, in their order."""
        facets = cls()
        for pair in pairs:
            facets.append(pair)
        return facets

    def append(self, pair: Pair) -> None:
        """Takes the next pair."""
        number = len(self._locale_codes)
        self._locale_codes.append(self._locales.setdefault(pair.locale.casefold(), len(self._locales)))
        for tag in dict.fromkeys(pair.tags):
            self._tagged.setdefault(tag, []).append(number)
        bounds = pair.valid_seconds
        if bounds != ALWAYS:
            self._bounded[number] = bounds

    def refused(self, wanted: Filter, now_s: float) -> NDArray[np.bool_] | None:
        """Shape (n,): which pairs may not be given at `now_s`, seconds since 1970; None where all may."""
        if not self._bounded and wanted == ANY:
            return None
        refused = np.zeros(len(self._locale_codes), np.bool_)
        for number, (start, end) in self._bounded.items():
            refused[number] = not start <= now_s < end
        if wanted.locale is not None:
            codes = [code for name, code in self._locales.items() if _fits(name, wanted.locale.casefold())]
            refused |= ~np.isin(np.array(self._locale_codes), codes)
        for tag in wanted.tags:
            having = np.zeros(len(refused), np.bool_)
            having[self._tagged.get(tag, [])] = True
            refused |= ~having
        return refused if refused.any() else None

    def to_dict(self) -> dict[str, Any]:
        """For a JSON file."""
        return {
            "locales": list(self._locales),
            "locale_codes": list(self._locale_codes) if len(self._locales) > 1 else len(self._locale_codes),
            "tagged": self._tagged,
            "bounded": [[number, *map(_finite, bounds)] for number, bounds in self._bounded.items()],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Takes back what `to_dict` gave.

        Raises:
            KeyError: A part is missing.
        """
        facets = cls()
        codes = values["locale_codes"]
        facets._locales = {name: code for code, name in enumerate(values["locales"])}
        facets._locale_codes = array("i", [0] * codes if isinstance(codes, int) else codes)
        facets._tagged = {tag: list(numbers) for tag, numbers in values["tagged"].items()}
        facets._bounded = {
            number: (-inf if start is None else start, inf if end is None else end)
            for number, start, end in values["bounded"]
        }
        return facets


def _finite(moment: float) -> float | None:
    """JSON knows no infinity."""
    return moment if isfinite(moment) else None


def _fits(locale: str, wanted: str) -> bool:
    """Whether a pair of `locale` suits a customer of `wanted`: `en` suits `en-gb`, and `en-gb` suits `en`."""
    return not locale or locale == wanted or wanted.startswith(f"{locale}-") or locale.startswith(f"{wanted}-")
