"""What a person is shown to say what a message means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from bot.stores.labels import Label, LabelKind
from bot.stores.turn_log import LoggedTurn

Key: TypeAlias = tuple[str, int]
"""A turn: its conversation, and its number in it."""


class ShownFor(StrEnum):
    """Why a message is shown; where several reasons hold, the first of this list."""

    DISAGREEMENT = "disagreement"  # two people have said different things of it
    THUMBS_DOWN = "thumbs_down"  # somebody called the answer wrong
    HANDED_OVER = "handed_over"  # with it a person was asked for
    CLUSTER = "cluster"  # others ask the like, and nothing answers it
    OUT_OF_SCOPE = "out_of_scope"  # the bot said that it does not know
    UNCERTAIN = "uncertain"  # the bot asked back, or was hardly sure enough


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What the message may mean.

    Attributes:
        kind: `INTENT` or `PAIR`, as a label says it.
        value: The intent's name or the pair's id.
        title: What a person reads.
        probability: That it is meant, in [0, 1]; None where it is not known.
    """

    kind: LabelKind
    value: str
    title: str
    probability: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A message to be looked at.

    Attributes:
        turn: As it was logged, but for its message, which is `text`.
        text: The message with personal data masked.
        why: Why it is shown.
        score: How much there is to learn from it, in [0, 1], higher is more; a queue is not sorted by it alone, for
            the second of two messages that are alike teaches less.
        did: What the bot took the message for; None where it answered with nothing, or asked back.
        candidates: What it may mean, the likeliest first.
        labels: What people say of it so far.
        count: How many messages with the same words there were.
    """

    turn: LoggedTurn
    text: str
    why: ShownFor
    score: float
    did: Candidate | None = None
    candidates: tuple[Candidate, ...] = ()
    labels: tuple[Label, ...] = ()
    count: int = 1

    @property
    def key(self) -> Key:
        """The turn's."""
        return (self.turn.conversation_id, self.turn.seq)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Messages that ask the like, to which the bot had no sure answer.

    Attributes:
        id: The same as long as it has the same members.
        typical: Its middle, with personal data masked: what it is called by.
        texts: All its members, masked, those nearest the middle first; each wording once.
        turns: For each of `texts` a turn.
        size: How many messages they are, with those of the same words.
        nearest: What the typical one may mean, the likeliest first.
    """

    id: str
    typical: str
    texts: tuple[str, ...]
    turns: tuple[Key, ...]
    size: int
    nearest: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreements:
    """How far people agree.

    Attributes:
        by_person: How many turns each has labelled.
        turns: Turns of which anybody has said anything.
        twice: Of these, those of which two people or more have.
        agreed: Of these, those of which all say the same.
        disagreements: The labels of the others, those of one turn together.
    """

    by_person: Mapping[str, int] = field(default_factory=dict)
    turns: int = 0
    twice: int = 0
    agreed: int = 0
    disagreements: tuple[tuple[Label, ...], ...] = ()
