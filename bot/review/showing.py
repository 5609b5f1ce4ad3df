"""Makes of what was logged what a person reads: personal data masked, names as titles."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import chain

from bot.model_host import ModelHost
from bot.review.items import Candidate, Cluster, Item, ShownFor
from bot.review.order import reasons
from bot.review.pool import Entry, digest_of
from bot.review.readings import Kept
from bot.stores.labels import Label, LabelKind, disagree
from bot.stores.turn_log import LoggedTurn
from nlu.masking import mask, regions_of


class Showing:
    """By the words and the language of the release in use."""

    def __init__(self, host: ModelHost) -> None:
        self._host = host

    def masked(self, turn: LoggedTurn) -> str:
        """A turn's message without personal data."""
        return mask(turn.message or "", regions_of(self._host.engine.spec.language))

    def item(
        self,
        turn: LoggedTurn,
        entry: Entry,
        score: float,
        *,
        kept: Kept | None,
        labels: Sequence[Label],
        clustered: Collection[bytes] = (),
    ) -> Item:
        """A message as it is shown.

        Args:
            kept: How the release in use reads it; None for what was logged.
        """
        text = self.masked(turn)
        why = reasons(entry, clustered) or [ShownFor.UNCERTAIN]
        return Item(
            turn=replace(turn, message=text),
            text=text,
            why=ShownFor.DISAGREEMENT if disagree(labels) else why[0],
            score=score,
            did=self.did(turn),
            candidates=kept.candidates if kept else self._logged(turn),
            labels=tuple(labels),
            count=max(1, entry.count),
        )

    def cluster(self, members: Sequence[tuple[Entry, Kept, LoggedTurn]]) -> Cluster:
        """A cluster as it is shown; its members, those nearest its middle first."""
        texts = tuple(self.masked(turn) for _, _, turn in members)
        return Cluster(
            id=digest_of(" ".join(sorted(entry.digest.hex() for entry, _, _ in members))).hex(),
            typical=texts[0],
            texts=texts,
            turns=tuple(entry.key for entry, _, _ in members),
            size=sum(entry.count for entry, _, _ in members),
            nearest=members[0][1].candidates,
        )

    def did(self, turn: LoggedTurn) -> Candidate | None:
        """What the bot took a message for; None where it took it for nothing, or asked back."""
        decision = turn.evidence.get("decision") or {}
        for kind in (LabelKind.INTENT, LabelKind.PAIR):
            if kind.value in decision:
                return self.candidate(kind, decision[kind.value], turn.confidence)
        return None

    def candidate(self, kind: LabelKind, value: str, probability: float | None = None) -> Candidate:
        """An intent under its title, or a pair under its id."""
        title = self._host.engine.spec.titles.get(value, value) if kind is LabelKind.INTENT else value
        return Candidate(kind=kind, value=value, title=title, probability=probability)

    def _logged(self, turn: LoggedTurn) -> tuple[Candidate, ...]:
        intents = (self.candidate(LabelKind.INTENT, *named) for named in turn.evidence.get("intents") or ())
        pairs = (self.candidate(LabelKind.PAIR, *named) for named in turn.evidence.get("past_answers") or ())
        return tuple(sorted(chain(intents, pairs), key=lambda one: -(one.probability or 0.0)))
