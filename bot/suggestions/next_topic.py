"""What a customer is likely to ask next: counted from what customers have asked one after another. Pure.

In order of how much they say: what this customer has asked next before; what followed the last two topics, and the
last one; what those who asked the same have asked besides; what is asked most. Each counts for as much as was seen of
it, and leaves the rest to the next one. A topic that fewer than `MIN_CUSTOMERS` have asked is never named, so that
nobody is offered what only one other person has come with.

Source: Witten and Bell, "The zero-frequency problem", IEEE Transactions on Information Theory 37(4), 1991, for how much
is left over; Linden, Smith and York, "Amazon.com recommendations: item-to-item collaborative filtering", IEEE Internet
Computing 7(1), 2003, for those alike.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TypeAlias

Topic: TypeAlias = str
MIN_CUSTOMERS = 3
MAX_TOPICS = 2_000
MAX_FOLLOWERS = 50  # of one topic that are kept
MAX_OF_CUSTOMER = 30  # topics of one customer that count as asked besides one another
ALIKE = 0.3  # part that those alike have
OWN_WORTH = 5.0  # own questions from which what is asked next is as much one's own as all others'

Followers: TypeAlias = Mapping[Topic, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class NextTopics:
    """What was counted.

    Attributes:
        asked: By how many customers each topic was asked.
        after: By topic, which others came next, and how often.
        after_two: By the last two.
        besides: By topic, how many of its customers have asked each other one too.
    """

    asked: Followers = field(default_factory=dict)
    after: Mapping[Topic, Followers] = field(default_factory=dict)
    after_two: Mapping[tuple[Topic, Topic], Followers] = field(default_factory=dict)
    besides: Mapping[Topic, Followers] = field(default_factory=dict)

    @classmethod
    def counted(cls, customers: Iterable[Sequence[Sequence[Topic]]]) -> "NextTopics":
        """What follows from the customers' sessions, each a row of topics in the order in which they were asked."""
        asked: Counter[Topic] = Counter()
        after: defaultdict[Topic, Counter[Topic]] = defaultdict(Counter)
        after_two: defaultdict[tuple[Topic, Topic], Counter[Topic]] = defaultdict(Counter)
        besides: defaultdict[Topic, Counter[Topic]] = defaultdict(Counter)
        for sessions in customers:
            theirs = list(dict.fromkeys(topic for session in sessions for topic in session))[:MAX_OF_CUSTOMER]
            asked.update(theirs)
            for one, other in combinations(theirs, 2):
                besides[one][other] += 1
                besides[other][one] += 1
            for steps in map(_steps, sessions):
                for place in range(1, len(steps)):
                    after[steps[place - 1]][steps[place]] += 1
                    if place > 1:
                        after_two[(steps[place - 2], steps[place - 1])][steps[place]] += 1
        known = {topic: n for topic, n in asked.most_common(MAX_TOPICS) if n >= MIN_CUSTOMERS}
        return cls(
            asked=known,
            after={one: _kept(counts, known) for one, counts in after.items() if one in known},
            after_two={two: _kept(counts, known) for two, counts in after_two.items() if set(two) <= known.keys()},
            besides={one: _kept(counts, known) for one, counts in besides.items() if one in known},
        )

    def likely(self, history: Sequence[Topic]) -> list[tuple[Topic, float]]:
        """Topics that may come next, with their probability, the likeliest first; not the last one again.

        Args:
            history: What this customer has asked so far, the newest last, with what was asked in earlier sessions.
        """
        total = sum(self.asked.values())
        chances = {topic: n / total for topic, n in self.asked.items()}
        chances = _mixed(chances, self._alike(history), ALIKE)
        steps = _steps(history)
        if steps:
            chances = _backed_off(self.after.get(steps[-1], {}), chances)
        if len(steps) > 1:
            chances = _backed_off(self.after_two.get((steps[-2], steps[-1]), {}), chances)
        chances = _with_own(steps, chances)
        last = steps[-1] if steps else None
        found = [(topic, chance) for topic, chance in chances.items() if topic != last]
        return sorted(found, key=lambda item: (-item[1], item[0]))

    def _alike(self, history: Sequence[Topic]) -> dict[Topic, float]:
        """What those have asked besides who asked the same; sums to 1 where there is anything."""
        shares: defaultdict[Topic, float] = defaultdict(float)
        for topic in set(history[-MAX_OF_CUSTOMER:]):
            for other, n in self.besides.get(topic, {}).items():
                shares[other] += n / self.asked[topic]
        total = sum(shares.values())
        return {topic: share / total for topic, share in shares.items()} if total else {}


def _steps(session: Sequence[Topic]) -> list[Topic]:
    """A session without topics that are asked again at once."""
    return [topic for place, topic in enumerate(session) if not place or topic != session[place - 1]]


def _backed_off(followers: Followers, chances: Mapping[Topic, float]) -> dict[Topic, float]:
    """Witten and Bell: as much is left to `chances` as there are different followers."""
    total, kinds = sum(followers.values()), len(followers)
    if not total:
        return dict(chances)
    return {topic: (followers.get(topic, 0) + kinds * chance) / (total + kinds) for topic, chance in chances.items()}


def _with_own(steps: Sequence[Topic], chances: Mapping[Topic, float]) -> dict[Topic, float]:
    """With what this customer has asked next before, after the same topic."""
    own: Counter[Topic] = Counter()
    for place in range(1, len(steps)):
        if steps[place - 1] == steps[-1] and steps[place] in chances:
            own[steps[place]] += 1
    total = sum(own.values())
    if not total:
        return dict(chances)
    return _mixed(chances, {topic: n / total for topic, n in own.items()}, total / (total + OWN_WORTH))


def _mixed(chances: Mapping[Topic, float], others: Mapping[Topic, float], part: float) -> dict[Topic, float]:
    if not others:
        return dict(chances)
    return {topic: (1 - part) * chance + part * others.get(topic, 0.0) for topic, chance in chances.items()}


def _kept(counted: Followers, known: Followers) -> dict[Topic, int]:
    """The same, with topics that are known, and at most `MAX_FOLLOWERS` of them."""
    found = ((topic, n) for topic, n in counted.items() if topic in known)
    return dict(sorted(found, key=lambda item: (-item[1], item[0]))[:MAX_FOLLOWERS])
