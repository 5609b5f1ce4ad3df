"""Messages with what came into question for each and what of it was right: what a promise is fitted on.

Three sources. An owner's labelled questions are the best, as they are what customers write. Without them the
assistant's own examples stand in: those that were set aside from the fit of the intents, and wordings of past answers
that were taken out of the index. They are cross-asked: an intent's example has candidates among the past answers, and a
wording among the intents. Where the owner gives no `out_of_scope` examples, messages that nothing answers are made by
taking out of the running what would have.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from configs.nlu_data import Example
from configs.rasa_names import OUT_OF_SCOPE
from nlu.encoder import FloatArray
from nlu.scope import energy
from nlu.understanding import Understander, Understanding
from retrieval.evidence import LOOKED_AT_PAIRS, Candidate, candidates
from retrieval.pair import Pair
from retrieval.retriever import Embed, Hit, Query, Retriever
from training.evaluation import Question
from training.held_out import KeptHeldOut
from training.ranking_fit import UNANSWERED_SHARE, sample_of, without_folds

BATCH = 64
LOOKED_AT_WITHOUT = 20  # hits among which some are taken out of the running

IsRight = Callable[[Candidate], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A message's candidates, and whether each is right."""

    candidates: tuple[Candidate, ...]
    right: tuple[bool, ...]

    @classmethod
    def of(
        cls, understanding: Understanding, hits: Sequence[Hit], answerable: Collection[str], is_right: IsRight
    ) -> "Judged":
        """All that comes into question for a message."""
        found = candidates(understanding, hits, answerable)
        return cls(candidates=found, right=tuple(map(is_right, found)))


def judged_questions(
    questions: Sequence[Question], understander: Understander, retriever: Retriever, answerable: Collection[str]
) -> list[Judged]:
    """An owner's labelled questions, as the release reads them."""
    judged = []
    for start in range(0, len(questions), BATCH):
        batch = questions[start : start + BATCH]
        understood = understander.understand([question.text for question in batch])
        found = retriever.search([_query(each) for each in understood], LOOKED_AT_PAIRS)
        for question, understanding, hits in zip(batch, understood, found, strict=True):
            judged.append(Judged.of(understanding, hits, answerable, _accepted(question.intents, question.pairs)))
    return judged


def judged_examples(
    examples: Sequence[Example],
    held_out: KeptHeldOut,
    understander: Understander,
    retriever: Retriever,
    answerable: Collection[str],
) -> tuple[list[Judged], list[Judged]]:
    """The examples that were set aside: those that something answers, and those, true and made, that nothing does.

    Intents are judged by the fit that had not seen them, past answers by the release.
    """
    embeddings = _embed(understander, [example.text for example in examples])
    understood = _understood(examples, embeddings, held_out, understander)
    energies = _energies_without(examples, held_out, understander)
    found = retriever.search([_query(each) for each in understood], LOOKED_AT_WITHOUT)
    inside: list[Judged] = []
    outside: list[Judged] = []
    made: list[Judged] = []
    for example, understanding, without, hits in zip(examples, understood, energies, found, strict=True):
        intent = example.intent
        judged = Judged.of(understanding, hits, answerable, _belongs(intent))
        (outside if intent == OUT_OF_SCOPE and intent not in answerable else inside).append(judged)
        if intent != OUT_OF_SCOPE:
            others = [hit for hit in hits if hit.pair.intent != intent]
            made.append(Judged.of(_without(understanding, intent, without), others, answerable, _nothing))
    return inside, outside or made


def judged_wordings(
    pairs: Sequence[Pair], understander: Understander, embed: Embed, answerable: Collection[str], *, like: Retriever
) -> tuple[list[Judged], list[Judged]]:
    """Wordings of past answers, taken out a fold at a time: those whose answer is left, and those whose is not.

    Args:
        like: The release's retriever, for its ranking.
    """
    inside: list[Judged] = []
    outside: list[Judged] = []
    for retriever, removed in without_folds(
        sample_of(pairs, seed=0), embed, dimension=understander.encoder.dimension, seed=0
    ):
        retriever.ranking = like.ranking
        left = {pair.answer for pair in retriever.pairs()}
        for batch in _batches(removed):
            understood = understander.understand([wording for wording, _, _ in batch])
            found = retriever.search([_query(each) for each in understood], LOOKED_AT_PAIRS)
            for (_, pair, _), understanding, hits in zip(batch, understood, found, strict=True):
                judged = Judged.of(understanding, hits, answerable, _settles(pair))
                (inside if pair.answer in left or any(judged.right) else outside).append(judged)
    return inside, outside


def mixed(inside: Sequence[Judged], outside: Sequence[Judged], seed: int) -> list[Judged]:
    """All of `inside`, and as many of `outside` as customers' questions that nothing answers."""
    most = round(len(inside) * UNANSWERED_SHARE / (1 - UNANSWERED_SHARE))
    chosen = np.random.default_rng(seed).permutation(len(outside))[:most]
    return [*inside, *(outside[at] for at in chosen.tolist())]


def _understood(
    examples: Sequence[Example], embeddings: FloatArray, held_out: KeptHeldOut, understander: Understander
) -> list[Understanding]:
    labels, coverage = understander.intents.labels, understander.coverage
    inside = [number for number, label in enumerate(labels) if label != OUT_OF_SCOPE]
    return [
        Understanding(
            text=example.text,
            ranking=ranking,
            embedding=embedding,
            scope=float(scope),
            energy=float(each_energy),
            nearness=float(near),
            uncovered=coverage.uncovered_share(example.text) if coverage else 0.0,
        )
        for example, embedding, ranking, scope, near, each_energy in zip(
            examples,
            embeddings,
            understander.intents.rank(held_out.logits),
            held_out.scope,
            held_out.nearness,
            energy(held_out.logits[:, inside]),
            strict=True,
        )
    ]


def _energies_without(examples: Sequence[Example], held_out: KeptHeldOut, understander: Understander) -> list[float]:
    """The energy of each example's logits but for that of its own intent."""
    labels = understander.intents.labels
    return [
        float(energy(row[[label not in (example.intent, OUT_OF_SCOPE) for label in labels]][None])[0])
        for example, row in zip(examples, held_out.logits, strict=True)
    ]


def _without(understanding: Understanding, intent: str, energy_without: float) -> Understanding:
    """As if `intent` had never been taught: the others share its probability, and the energy lacks it.

    How near the message lies to the examples is left as it is, which errs towards answering too little.
    """
    own = next(score.probability for score in understanding.ranking if score.name == intent)
    others = [score for score in understanding.ranking if score.name != intent]
    shared = [replace(score, probability=min(1.0, score.probability / max(1 - own, 1e-9))) for score in others]
    return replace(understanding, ranking=tuple(shared), energy=energy_without)


def _embed(understander: Understander, texts: Sequence[str]) -> FloatArray:
    return understander.encoder.encode(texts).embeddings


def _query(understanding: Understanding) -> Query:
    return Query(text=understanding.text, embedding=understanding.embedding)


def _batches(removed: Sequence[tuple[str, Pair, FloatArray]]) -> Iterator[Sequence[tuple[str, Pair, FloatArray]]]:
    return (removed[start : start + BATCH] for start in range(0, len(removed), BATCH))


def _accepted(intents: Collection[str], pairs: Collection[str]) -> IsRight:
    def is_right(candidate: Candidate) -> bool:
        answer = candidate.answer
        return answer.pair.id in pairs if isinstance(answer, Hit) else answer.name in intents

    return is_right


def _belongs(intent: str) -> IsRight:
    def is_right(candidate: Candidate) -> bool:
        answer = candidate.answer
        return answer.pair.intent == intent if isinstance(answer, Hit) else answer.name == intent

    return is_right


def _settles(pair: Pair) -> IsRight:
    def is_right(candidate: Candidate) -> bool:
        answer = candidate.answer
        return answer.pair.answer == pair.answer if isinstance(answer, Hit) else answer.name == pair.intent

    return is_right


def _nothing(candidate: Candidate) -> bool:
    del candidate
    return False
