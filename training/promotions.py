"""Which releases were promoted, and where going back leads. Pure.

`HISTORY` is a list of promotions, the newest last. A line holds the id, when it was promoted, how, and what `CURRENT`
named before:

    3c9cdbedb621 2026-11-25T16:17:42Z promoted 8a1db94be615

A line is written before `CURRENT` is replaced. One whose promotion was cut off between the two is known by what comes
behind it: the next line, or `CURRENT`, still names what it was to replace. It never took effect and counts for nothing.
Lines of an id alone are from an earlier Kefu, or written by hand.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

NOTHING = "-"  # stands for the release before the first
RELEASE_ID = re.compile(r"[0-9a-z][0-9a-z-]{3,63}\Z")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")


class How(StrEnum):
    """How a release came to be the one that is served."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A line of `HISTORY`.

    Attributes:
        at: When, in UTC; empty where the line holds an id alone.
        before: What `CURRENT` named before; None where it named nothing, or where that is not known.
    """

    release_id: str
    at: str = ""
    how: How = How.PROMOTED
    before: str | None = None

    def line(self) -> str:
        """As `HISTORY` keeps it."""
        return f"{self.release_id} {self.at} {self.how} {self.before or NOTHING}\n"


def parse_history(text: str) -> list[Promotion]:
    """The promotions in `text`; lines that are none, and one without an end, are passed over."""
    ended, _, _ = text.rpartition("\n")
    return list(_parsed(ended.split("\n")))


def _parsed(lines: Iterable[str]) -> Iterator[Promotion]:
    for line in lines:
        match line.split():
            case [release_id] if RELEASE_ID.match(release_id):
                yield Promotion(release_id=release_id)
            case [release_id, at, ("promoted" | "rolled_back") as how, before] if (
                RELEASE_ID.match(release_id) and _TIME.match(at) and (before == NOTHING or RELEASE_ID.match(before))
            ):
                named = None if before == NOTHING else before
                yield Promotion(release_id=release_id, at=at, how=How(how), before=named)


def that_took_effect(written: Sequence[Promotion], current: str | None) -> list[Promotion]:
    """The promotions without those that were cut off before `CURRENT` was replaced.

    Args:
        current: What `CURRENT` names; None where it cannot tell.
    """
    found = []
    then: str | None
    for place, one in enumerate(written):
        if place + 1 == len(written):
            then = current or one.release_id
        else:
            follower = written[place + 1]
            then = follower.before if follower.at else one.release_id
        cut_off = bool(one.at) and then == one.before != one.release_id
        if not cut_off:
            found.append(one)
    return found


def trail(promotions: Iterable[Promotion], current: str | None) -> list[str]:
    """What was promoted one on top of the other, the release that is served last; going back takes the last away.

    A promotion adds its release. A rollback takes away what lies on top of the release that it went to, so that one
    rollback after another goes further and further back. A `CURRENT` that was written by hand counts as a rollback
    where it names a release of the trail, and as a promotion elsewhere.
    """
    found: list[str] = []
    for one in promotions:
        if one.at:
            _come_to(found, one.before)
        if one.how is How.ROLLED_BACK or (found and found[-1] == one.release_id):
            _come_to(found, one.release_id)
        else:
            found.append(one.release_id)
    _come_to(found, current)
    return found


def _come_to(found: list[str], release_id: str | None) -> None:
    """Takes away what lies on top of `release_id`; puts it on top where it is not there."""
    if release_id is None:
        return
    if release_id in found:
        while found[-1] != release_id:
            found.pop()
    else:
        found.append(release_id)
