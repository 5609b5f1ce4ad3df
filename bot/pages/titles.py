"""What intents and past answers are called among people."""

from collections.abc import Iterable, Mapping

from bot.inference import Inference
from bot.knowledge_service import KnowledgeService
from bot.pages.words import Titles
from bot.review import Candidate, Item
from bot.stores.labels import Label, LabelKind
from retrieval.knowledge_store import KnowledgeStore
from retrieval.pair import Pair


class NamesOfAnswers:
    """Looks them up in the release in use and among the past answers."""

    def __init__(self, inference: Inference, knowledge: KnowledgeService) -> None:
        self._inference, self._knowledge = inference, knowledge

    async def pairs(self, ids: Iterable[str]) -> dict[str, Pair]:
        """The past answers with these ids, those that there are.

        Raises:
            KnowledgeStoreError: The past answers cannot be read.
        """
        wanted = set(ids)
        return await self._knowledge.read(lambda store: _found(store, wanted)) if wanted else {}

    def titles(self, pairs: Mapping[str, Pair]) -> Titles:
        """What each is called: an intent by its title, a past answer by its question, what is gone by its name."""
        of_intents = self._inference.host.engine.spec.titles

        def title(kind: LabelKind, value: str) -> str:
            if kind is LabelKind.PAIR:
                return pairs[value].question if value in pairs else value
            return of_intents.get(value, value)

        return title


def pairs_in(item: Item) -> set[str]:
    """The ids of the past answers that a page about a message names."""
    evidence = item.turn.evidence
    decision = evidence.get("decision") or {}
    options = [decision, *(decision.get("options") or ())]
    named = {option["pair"] for option in options if "pair" in option}
    named |= {pair_id for pair_id, _ in evidence.get("past_answers") or ()}
    return named | pairs_of(item.candidates) | pairs_meant(item.labels)


def pairs_of(candidates: Iterable[Candidate]) -> set[str]:
    """The ids of the past answers among candidates."""
    return {one.value for one in candidates if one.kind is LabelKind.PAIR}


def pairs_meant(labels: Iterable[Label]) -> set[str]:
    """The ids of the past answers that labels name."""
    return {value for kind, value in (label.meaning for label in labels) if kind is LabelKind.PAIR}


def _found(store: KnowledgeStore, ids: set[str]) -> dict[str, Pair]:
    stored = (store.get(pair_id) for pair_id in ids)
    return {one.pair.id: one.pair for one in stored if one is not None}
