"""Asks a release the questions that it is judged by; what serves beside it is not touched."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from configs.bot_spec import BotSpec
from nlu.intent import IntentScore
from nlu.saved import load_understander
from nlu.understanding import Understander, Understanding
from retrieval.evidence import LOOKED_AT_PAIRS
from retrieval.promise import PromiseFile
from retrieval.retriever import Hit, Query, Retriever
from training.evaluation import Question
from training.gate.best_answer import BestAnswer, best_answer, says_out_of_scope
from training.gate.measured import Asked, Measured, Promised
from training.manifest import ASSISTANT_FILE, Release
from training.promise_step import NOT_ASKED_FOR

BATCH = 64
TIMED_TEXTS = 100
TIMED_TURNS = 3  # the fastest counts


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseParts:
    """The parts of a release that answer a message."""

    spec: BotSpec
    understander: Understander
    retriever: Retriever
    promise: PromiseFile

    @classmethod
    def load(cls, release: Release, *, threads: int = 1) -> "ReleaseParts":
        """The parts of `release`.

        Raises:
            ValueError: A file is damaged.
        """
        spec = BotSpec.from_json((release.folder / ASSISTANT_FILE).read_bytes())
        return cls(
            spec=spec,
            understander=load_understander(release.folder, spec.entities, threads=threads),
            retriever=Retriever.load(release.folder),
            promise=PromiseFile.load(release.folder),
        )

    def read(self, texts: Sequence[str]) -> list[tuple[Understanding, list[Hit]]]:
        """Each text understood and looked up."""
        understood = self.understander.understand(texts)
        queries = [Query(text=each.text, embedding=each.embedding) for each in understood]
        return list(zip(understood, self.retriever.search(queries, LOOKED_AT_PAIRS), strict=True))

    def ask(self, questions: Sequence[Question]) -> tuple[Asked, ...]:
        """What it makes of `questions`, in their order."""
        asked: list[Asked] = []
        for start in range(0, len(questions), BATCH):
            batch = questions[start : start + BATCH]
            read = self.read([question.text for question in batch])
            asked += [
                self._asked(question, understanding, hits)
                for question, (understanding, hits) in zip(batch, read, strict=True)
            ]
        return tuple(asked)

    def _asked(self, question: Question, understanding: Understanding, hits: Sequence[Hit]) -> Asked:
        spec = self.spec
        best = best_answer(understanding, hits, spec.answerable, spec.policy, self.promise.promise)
        return Asked(
            id=question.id,
            text=question.text,
            intents=tuple(sorted(question.intents)),
            pairs=tuple(sorted(question.pairs)),
            said=understanding.intent.name,
            said_sure=understanding.intent.probability,
            best=_name(best),
            given=best.given and not says_out_of_scope(best),
            right=_is_right(best, question),
            sure=best.sure,
            scope=understanding.scope,
        )


def measure(
    release: Release,
    questions: Sequence[Question],
    golden: Sequence[Question] = (),
    *,
    threads: int = 1,
    clock: Callable[[], float] = time.thread_time,
) -> Measured:
    """Loads `release` and asks it `questions`, the frozen test set, and `golden`, which must come out right.

    Args:
        threads: Threads of one forward pass.
        clock: Seconds, for the time that a message takes. That of this thread alone by default: what else the
            machine does must not speak against a release, and its rival was measured at another time.

    Raises:
        ValueError: A file of the release is damaged.
    """
    parts = ReleaseParts.load(release, threads=threads)
    texts = [question.text for question in islice((*questions, *golden), TIMED_TEXTS)]
    p50, p95 = _percentiles_ms(parts, texts, clock)
    return Measured(
        release=release.id,
        labels=parts.understander.intents.labels,
        questions=parts.ask(questions),
        golden=parts.ask(golden),
        p50_ms=p50,
        p95_ms=p95,
        size_bytes=sum(entry.bytes for entry in release.manifest.files.values()),
        promised=_promised(parts.promise),
    )


def _percentiles_ms(parts: ReleaseParts, texts: Sequence[str], clock: Callable[[], float]) -> tuple[float, float]:
    """Of the time that a message takes by itself, the fastest of some turns."""
    if not texts:
        return 0.0, 0.0
    parts.read(texts[:1])  # what is loaded at the first message
    spent = np.full(len(texts), np.inf)
    for _ in range(TIMED_TURNS):
        for at, text in enumerate(texts):
            started = clock()
            parts.read([text])
            spent[at] = min(spent[at], 1e3 * (clock() - started))
    p50, p95 = np.percentile(spent, [50, 95])
    return float(p50), float(p95)


def _promised(file: PromiseFile) -> Promised:
    promise = file.promise
    return Promised(
        rate=promise.max_wrong_rate if promise else None,
        confidence=promise.confidence if promise else 0.0,
        asked_for=file.finding.sentence != NOT_ASKED_FOR,
        sentence=file.finding.sentence,
    )


def _name(best: BestAnswer) -> str:
    if best.answer is None:
        return ""
    return f"intent {best.answer.name}" if isinstance(best.answer, IntentScore) else f"pair {best.answer.pair.id}"


def _is_right(best: BestAnswer, question: Question) -> bool:
    if best.answer is None:
        return False
    if isinstance(best.answer, IntentScore):
        return best.answer.name in question.intents
    return best.answer.pair.id in question.pairs
