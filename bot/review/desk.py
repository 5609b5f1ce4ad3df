"""The review desk: what people are shown, and what they say of it."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog

from bot.errors import Refused
from bot.inference import Inference
from bot.knowledge_service import KnowledgeService
from bot.request_body import MAX_ID_CHARS, checked_text
from bot.review.items import Agreements, Candidate, Cluster, Item, Key, ShownFor
from bot.review.labelling import checked
from bot.review.memory import ReviewMemory
from bot.review.view import ReviewView
from bot.stores.labels import Label, LabelKind, give_label, labels_of, undo_label
from bot.stores.store import ConversationStore
from bot.stores.turn_log import LoggedTurn
from training.releases import Releases

DAYS = 14
MAX_QUEUE = 200
WARM_EVERY_S = 2.0
LOOKING_S = 3_600.0
MAX_CLUSTERS = 50
MAX_FOUND_PAIRS = 20
REMEMBERED_CLUSTERS = 500

_log = structlog.get_logger()


class ReviewDesk:
    """Shows what most deserves a person's minute, and keeps what the person says.

    Args:
        knowledge: The past answers, to link messages to.
        releases: Those of the assistant.
        now: Unix time.
        days: Turns from before so many days are not shown.
        patient: Has all messages read that may be shown, however long it takes; else a call has as many read as it
            can in a moment, and shows the others last, or the next time.
    """

    def __init__(
        self,
        store: ConversationStore,
        inference: Inference,
        knowledge: KnowledgeService,
        releases: Releases,
        now: Callable[[], float] = time.time,
        *,
        days: float = DAYS,
        patient: bool = False,
    ) -> None:
        self._store, self._inference, self._knowledge, self.releases = store, inference, knowledge, releases
        self._now = now
        self._memory = ReviewMemory(store, inference, days=days)
        self._view = ReviewView(self._memory, inference, now, patient=patient)
        self._showing = self._view.showing
        self._shown: OrderedDict[str, Cluster] = OrderedDict()
        self._looked_at = float("-inf")

    async def queue(
        self, kind: ShownFor | None = None, limit: int = 20, *, who: str | None = None, after: Sequence[Key] = ()
    ) -> list[Item]:
        """At most `limit` messages, those first that most deserve a person's minute.

        Args:
            kind: Only what is shown for this reason.
            who: Who looks: what this person has labelled is left out, and what others have comes last. None leaves out
                all that anybody has labelled, but for disagreements.
            after: Turns that were shown already, and are not to come again.

        Raises:
            StoreError: The store cannot be read.
        """
        self._looked_at = self._now()
        return await self._view.queue(kind, max(0, min(limit, MAX_QUEUE)), who, after)

    async def counts(self, who: str | None = None) -> dict[ShownFor, int]:
        """How many messages wait for each reason; one that has several counts for each.

        Args:
            who: Who looks; see `queue`.

        Raises:
            StoreError: The store cannot be read.
        """
        return await self._view.counts(who)

    async def clusters(self, limit: int = 20) -> list[Cluster]:
        """At most `limit` clusters of messages that had no sure answer and no label, the largest first.

        Raises:
            StoreError: The store cannot be read.
        """
        self._looked_at = self._now()
        shown = await self._view.clusters(max(0, min(limit, MAX_CLUSTERS)))
        for cluster in shown:
            self._shown[cluster.id] = cluster
            self._shown.move_to_end(cluster.id)
        while len(self._shown) > REMEMBERED_CLUSTERS:
            self._shown.popitem(last=False)
        return shown

    async def item(self, key: Key) -> Item:
        """One turn as it would be shown, with every label that stands.

        Raises:
            Refused: 404, there is no such turn; 422, it holds no message.
            StoreError: The store cannot be read.
        """
        turn = await self._turn(key)
        said = await self._store.read(partial(labels_of, conversation_id=key[0], turn_seq=key[1]))
        return self._view.item(turn, [label for label in said if label.undone_at is None])

    async def label(self, key: Key, kind: LabelKind, value: str, who: str, *, shown_for: str = "") -> int:
        """Keeps what a person says of a turn, in the place of what the same person said of it before.

        Args:
            value: See `LabelKind`; of `RIGHT` it may be empty. A new intent that there is already is kept as `INTENT`.
            shown_for: Why the message was shown.

        Returns:
            The label's id.

        Raises:
            Refused: 404, there is no such turn; 422, the value cannot be used.
            StoreError: The store cannot be written.
        """
        who = checked_text(who, "who", MAX_ID_CHARS)
        turn = await self._turn(key)
        kind, value = await self._checked(kind, value, self._showing.did(turn))
        given = self._label(turn, kind, value, who, shown_for)
        made = await self._store.write(partial(give_label, given=given))
        if made is None:
            raise _no_turn(key)
        return made

    async def label_cluster(self, cluster_id: str, kind: LabelKind, value: str, who: str) -> list[int]:
        """Says the same of every member of a cluster that was shown; an answer stands beside the new intent's name.

        Returns:
            The labels' ids.

        Raises:
            Refused: 404, no such cluster was shown; 422, the value cannot be used, or the kind is `RIGHT`.
            StoreError: The store cannot be written.
        """
        who = checked_text(who, "who", MAX_ID_CHARS)
        cluster = self._shown.get(cluster_id)
        if cluster is None:
            raise Refused(404, "NotFound", "There is no such cluster any more. Look at the clusters again.", field="id")
        if kind is LabelKind.RIGHT:
            said = "The bot did not do the same with all of them. Name an intent or a past answer, or ignore them."
            raise Refused(422, "InvalidField", said, field="kind")
        kind, value = await self._checked(kind, value, None)
        found = await self._memory.turns(cluster.turns)
        given = [self._label(turn, kind, value, who, ShownFor.CLUSTER) for turn in found if turn and turn.message]
        made = await self._store.write(lambda connection: [give_label(connection, one) for one in given])
        return [label_id for label_id in made if label_id is not None]

    async def undo(self, label_id: int, who: str) -> None:
        """Takes a label back; it stays in the store, marked.

        Raises:
            Refused: 404; there is no such label, or it was taken back before.
            StoreError: The store cannot be written.
        """
        who = checked_text(who, "who", MAX_ID_CHARS)
        if not await self._store.write(partial(undo_label, label_id=label_id, who=who, now=self._now())):
            said = f"There is no label {label_id}, or it was taken back before."
            raise Refused(404, "NotFound", said, field="label")

    async def agreements(self) -> Agreements:
        """How far people agree, and where they do not.

        Raises:
            StoreError: The store cannot be read.
        """
        await self._view.look_at_labels()
        return self._memory.book.agreements()

    def intents(self) -> list[Candidate]:
        """The intents to choose from, by name: those of the release, and those that people have named meanwhile."""
        names = sorted({*self._known_intents(), *self._memory.book.new_intents()})
        return [self._showing.candidate(LabelKind.INTENT, name) for name in names]

    async def pairs(self, query: str, limit: int = MAX_FOUND_PAIRS) -> list[Candidate]:
        """Past answers to choose from: those nearest to `query`, then those that hold it.

        Raises:
            Refused: 422, `query` is empty or too long; 503, too many wait.
            KnowledgeStoreError: The past answers cannot be read.
        """
        query = checked_text(query, "query", MAX_ID_CHARS)
        hits = (await self._inference.read(query)).hits
        near = [(hit.pair, hit.probability) for hit in hits]
        holding = await self._knowledge.read(lambda store: store.page(limit=limit, search=query))
        found: dict[str, Candidate] = {}
        for pair, probability in (*near, *((stored.pair, None) for stored in holding)):
            one = Candidate(kind=LabelKind.PAIR, value=pair.id, title=pair.question, probability=probability)
            found.setdefault(pair.id, one)
        return list(found.values())[:limit]

    async def follow(
        self, every_s: float = WARM_EVERY_S, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Has what is likely to be shown read while no customer waits, as long as somebody reviews. For ever."""
        while True:
            await sleep(every_s)
            try:
                await self.warm()
            except Exception:
                _log.exception("follow_failed")

    async def warm(self) -> None:
        """Takes in what is new, and has the likeliest messages read for a moment.

        Nothing is done while customers wait, or where nobody has looked for an hour.

        Raises:
            StoreError: The store cannot be read.
        """
        if not self._inference.waiting and self._now() - self._looked_at < LOOKING_S:
            await self._view.warm()

    async def _turn(self, key: Key) -> LoggedTurn:
        turn = (await self._memory.turns([key]))[0]
        if turn is None:
            raise _no_turn(key)
        if not turn.message:
            raise Refused(422, "InvalidField", "Nobody wrote anything in this turn.", field="turn")
        return turn

    def _known_intents(self) -> frozenset[str]:
        spec = self._inference.host.engine.spec
        return frozenset(spec.domain.intents) | spec.answerable

    async def _checked(self, kind: LabelKind, value: str, did: Candidate | None) -> tuple[LabelKind, str]:
        kind, value = checked(kind, value, did=did, known=self._known_intents(), new=self._memory.book.new_intents())
        if kind is LabelKind.PAIR and await self._inference.pair(value) is None:
            raise Refused(422, "InvalidField", f"There is no past answer {value[:80]!r}.", field="value")
        return kind, value

    def _label(self, turn: LoggedTurn, kind: LabelKind, value: str, who: str, shown_for: str) -> Label:
        return Label(
            conversation_id=turn.conversation_id,
            turn_seq=turn.seq,
            text=self._showing.masked(turn),
            kind=kind,
            value=value,
            who=who,
            at=self._now(),
            shown_for=str(shown_for),
        )


def _no_turn(key: Key) -> Refused:
    return Refused(404, "NotFound", f"There is no turn {key[1]} of a conversation {key[0][:80]!r}.", field="turn")
