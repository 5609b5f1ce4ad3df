"""The questions of `benchmarks/retrieval.py`: stored pairs, what is asked, and which pairs answer it."""

import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pypinyin import lazy_pinyin

from benchmarks.measuring import ROOT, SHARED_DATA
from configs import STARTERS, read_assistant
from retrieval import Pair, read_knowledge

BANK_QUESTIONS = Path(__file__).parent / "data"
MAX_ANSWER_CHARS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A message and the ids of the pairs that answer it."""

    text: str
    relevant: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalSet:
    """Pairs and questions.

    Attributes:
        unseen_from: The first question that has not helped to choose the default weights.
        assistant: The starter whose trained release embeds the texts; None for the untouched default encoder.
    """

    pairs: Sequence[Pair]
    asked: Sequence[Asked]
    assistant: str | None = None
    chinese: bool = False
    unseen_from: int = 0


def stackfaq() -> RetrievalSet:
    """125 FAQs; the paraphrases of its dev split."""
    folder = SHARED_DATA / "faq_en_stackfaq"
    pairs = [
        Pair(id=doc["id"], question=doc["question"], answer="\n\n".join(doc["answers"])[:MAX_ANSWER_CHARS])
        for doc in rows(folder / "docs.jsonl")
    ]
    asked = [
        Asked(text=query["text"], relevant=frozenset(query["relevant"]))
        for query in rows(folder / "queries.jsonl")
        if query["split"] == "dev"
    ]
    return RetrievalSet(pairs=pairs, asked=asked)


def stackfaq_among_travel() -> RetrievalSet:
    """StackFAQ among 12,039 travel FAQs, which answer none of its questions."""
    found = stackfaq()
    travel = [
        Pair(id=f"travel-{doc['id']}", question=doc["question"], answer=f"{doc['entity']}: {doc['answer']}")
        for doc in rows(SHARED_DATA / "faq_en_dstc_travel" / "docs.jsonl")
    ]
    return replace(found, pairs=[*found.pairs, *travel])


def bank() -> RetrievalSet:
    """A bank's help pages, and questions in customers' own words; the first 150 have chosen the default weights."""
    pairs = [
        Pair(id=doc["id"], question=doc["question"], answer=doc["answer"][:MAX_ANSWER_CHARS])
        for doc in rows(SHARED_DATA / "kb_en_tau2_banking" / "docs.jsonl")
    ]
    asked = [
        Asked(text=row["text"], relevant=frozenset(row["relevant"]))
        for half in "ab"
        for row in rows(BANK_QUESTIONS / f"bank_questions_{half}.jsonl")
    ]
    return RetrievalSet(pairs=pairs, asked=asked, unseen_from=len(asked) // 2)


def starter(name: str, questions: str) -> RetrievalSet:
    """A starter's past answers and its test messages that a past answer would settle."""
    pairs = read_knowledge(read_assistant(STARTERS[name]).knowledge_paths)
    by_answer: defaultdict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        by_answer[pair.answer].add(pair.id)
    answers = {pair.id: pair.answer for pair in pairs}
    asked = [
        Asked(
            text=row["text"],
            relevant=frozenset(other for pair_id in row["accept"]["pairs"] for other in by_answer[answers[pair_id]]),
        )
        for row in rows(ROOT / "tests" / "data" / questions)
        if row["accept"] != "out_of_scope" and row["accept"]["pairs"]
    ]
    return RetrievalSet(pairs=pairs, asked=asked, assistant=name, chinese=name == "shop-zh")


def chatterbot(seed: int = 0) -> RetrievalSet:
    """Chinese small talk; each stored question with signs dropped, swapped or mistaken for one that sounds alike."""
    grouped: dict[str, list[str]] = {}
    for row in rows(SHARED_DATA / "faq_multi_chatterbot" / "chinese.jsonl"):
        grouped.setdefault(row["question"].strip(), []).append(row["answer"])
    pairs = [Pair(id=f"c{at}", question=q, answer=" / ".join(grouped[q])) for at, q in enumerate(grouped)]
    sounds_like = defaultdict(set)
    for sign in {sign for question in grouped for sign in question if "\u4e00" <= sign <= "\u9fff"}:
        sounds_like[lazy_pinyin(sign)[0]].add(sign)
    rng = random.Random(seed)
    asked = [
        Asked(text=noisy(pair.question, sounds_like, rng), relevant=frozenset({pair.id}))
        for pair in pairs
        if len(pair.question) >= 4
    ]
    return RetrievalSet(pairs=pairs, asked=asked, chinese=True)


def noisy(text: str, sounds_like: dict[str, set[str]], rng: random.Random) -> str:
    """`text` with one slip; in a text of eight signs or more with two."""
    signs = list(text)
    for _ in range(2 if len(signs) >= 8 else 1):
        at = rng.randrange(len(signs) - 1)
        alike = sorted(sounds_like[lazy_pinyin(signs[at])[0]] - {signs[at]})
        slip = rng.choice(["drop", "swap", "sound"] if alike else ["drop", "swap"])
        if slip == "drop":
            del signs[at]
        elif slip == "swap":
            signs[at], signs[at + 1] = signs[at + 1], signs[at]
        else:
            signs[at] = rng.choice(alike)
    return "".join(signs)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON Lines file."""
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)
