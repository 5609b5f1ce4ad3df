"""Of the answers that were given, which somebody has judged, and how many of these were wrong.

A turn counts once. What reviewers say of it counts before what its customers and programs say; among those who count,
one who calls it wrong is enough.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.measures.share import NO_SHARE, Share, percent
from bot.stores.judgements import LabelledTurn, Verdict
from bot.stores.labels import LabelKind
from bot.stores.measures import Name
from bot.stores.turn_counting import GIVEN
from retrieval.promise import Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Whether one given answer was right, and whose it was."""

    at: float
    is_right: bool
    intent: Name
    channel: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Judged answers.

    Attributes:
        given: All answers that the promise speaks of, judged or not.
        by_reviewers: Judged answers of which reviewers have said something.
        promise: The one of the release in use; None where it promises nothing.
    """

    wrong: Share = NO_SHARE
    given: int = 0
    by_reviewers: int = 0
    promise: Promise | None = None

    @property
    def sentence(self) -> str:
        """What the judged answers say of the promise, for a person."""
        if not self.wrong.of or (interval := self.wrong.interval) is None:
            return "Nobody has judged an answer."
        low, high = interval
        said = f"{self.wrong.count:,} of {self.wrong.of:,} answers that somebody judged were wrong"
        if self.promise is None:
            return f"{said}. The release in use promises nothing."
        rate = percent(self.promise.max_wrong_rate)
        if low > self.promise.max_wrong_rate:
            return f"{said}: more than the promised {rate}."
        if high <= self.promise.max_wrong_rate:
            return f"{said}: within the promised {rate}."
        return f"{said}: too few were judged to tell whether the promised {rate} is kept."


@dataclass(slots=True)
class Thumbs:
    """What customers pressed, on whatever the bot had said."""

    up: int = 0
    down: int = 0


@dataclass(slots=True)
class JudgedTally:
    """Gathers what people say."""

    judgements: list[Judgement] = field(default_factory=list)
    thumbs: Thumbs = field(default_factory=Thumbs)
    by_reviewers: int = 0
    _labelled: dict[tuple[str, int], Judgement] = field(default_factory=dict)

    def add_labels(self, found: Iterable[LabelledTurn]) -> None:
        """Takes reviewers' labels in."""
        for label in found:
            if label.reason not in GIVEN:
                continue
            key = (label.conversation_id, label.seq)
            before = self._labelled.get(key)
            right = is_right(label) and (before is None or before.is_right)
            self._labelled[key] = Judgement(at=label.at, is_right=right, intent=label.intent, channel=label.channel)

    def add_verdicts(self, found: Iterable[Verdict], customer: str) -> None:
        """Takes feedback in.

        Args:
            customer: As whom customers give theirs.
        """
        for one in found:
            if one.who == customer:
                self.thumbs.up += one.is_right
                self.thumbs.down += not one.is_right
            if one.is_first and not one.is_labelled and one.reason in GIVEN:
                self.judgements.append(
                    Judgement(at=one.at, is_right=one.all_right, intent=one.intent, channel=one.channel)
                )

    def finish(self) -> None:
        """Puts what reviewers say beside the rest."""
        self.by_reviewers = len(self._labelled)
        self.judgements += self._labelled.values()
        self._labelled = {}

    def by(self, name: str) -> dict[Name, Share]:
        """Wrong among judged answers by `intent` or `channel`."""
        judged = Counter(getattr(one, name) for one in self.judgements)
        wrong = Counter(getattr(one, name) for one in self.judgements if not one.is_right)
        return {key: Share(count=wrong[key], of=count) for key, count in judged.items()}

    def wrong(self) -> Share:
        """Wrong among all judged answers."""
        return Share(count=sum(not one.is_right for one in self.judgements), of=len(self.judgements))


def is_right(label: LabelledTurn) -> bool:
    """Whether a label says that what the bot did was right."""
    match label.kind:
        case LabelKind.RIGHT:
            return True
        case LabelKind.INTENT:
            return label.decision.get("intent") == label.value
        case LabelKind.PAIR:
            return label.decision.get("pair") == label.value
        case _:
            return False
