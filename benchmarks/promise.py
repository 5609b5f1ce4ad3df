"""Whether a promised error rate is kept, and how many messages are answered under it.

    python benchmarks/promise.py [--quick] [--data DIR] [--method head]

BANKING77's intents and StackFAQ's stored answers make one assistant. It is asked BANKING77's test messages, StackFAQ's
paraphrases, and CLINC150's out-of-scope test messages, which nothing answers. The encoder is trained once and every
message read once; then the messages are cut in two at random, twenty times. One half plays the owner's labelled
questions, on which the promise is made; on the other half it is seen what it is worth.

Beside it stand, on the same halves: the intent's probability alone and the stored answer's alone, each with a threshold
found by the same tests; and Rasa's way, an intent from 0.7 on, whatever comes of it.

How the model, its evidence and the order of the tests were chosen was tried out on CLINC150's intents with ten examples
each and a bank's help pages: none of what is asked here. The tests once allowed for the long run alone; on splits other
than these 3 of 20 then exceeded 5 %, as is to be expected, and they were made to allow for what is observed.

Where a split shows too little to promise the rate, nothing counts as answered; a bot would go by its usual thresholds.

The starter's 400 questions are asked in five folds: a fold is answered by the promise made on the other four.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.intent_tasks import assistant_for, banking77, clinc150
from benchmarks.measuring import ROOT, Must, console, finish, progress_of
from benchmarks.retrieval_sets import stackfaq
from bot.evaluation import is_right
from bot.policy import PastAnswer, Template, decide
from configs import STARTERS, Assistant, read_assistant
from configs.assistant_config import Method
from configs.bot_spec import BotSpec
from nlu.checkpoint import find_checkpoint
from nlu.saved import load_understander
from nlu.understanding import Understander, Understanding
from retrieval.evidence import LOOKED_AT_PAIRS, Kind
from retrieval.knowledge import read_knowledge
from retrieval.pair import Pair
from retrieval.retriever import Hit, Query, Retriever
from training.evaluation import Question, read_questions
from training.manifest import REPORT_FOLDER
from training.promise_evidence import Judged, judged_questions
from training.promise_fit import fit_promise, score
from training.promise_step import own_examples
from training.promise_threshold import Scored, find_threshold
from training.ranking_fit import remembering
from training.trainer import fit_into, index_pairs

RATES = (0.02, 0.05, 0.10)
CONFIDENCE = 0.95
SPLITS = 20
FIRST_SEED = 200
MAY_EXCEED = 2
RASA_THRESHOLD = 0.7
FOLDS = 5
TRAINED_FILE = "trained.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """An assistant as it is served, and what its own examples say."""

    spec: BotSpec
    understander: Understander
    retriever: Retriever
    answerable: frozenset[str]
    own: Sequence[Judged]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """Judged messages, and which of them are in scope."""

    messages: Sequence[Judged]
    inside: NDArray[np.bool_]

    def of(self, chosen: NDArray[np.int64]) -> "Asked":
        """Some of them."""
        return Asked(messages=[self.messages[at] for at in chosen.tolist()], inside=self.inside[chosen])


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What came of one split: shares of the wrong among answers, and of answers among all and among those in scope."""

    wrong: float
    answered: float
    inside: float


def main() -> int:
    """Runs the benchmark; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="an untuned encoder, ten examples an intent")
    parser.add_argument("--data", type=Path, help="Folder that keeps what is trained, and is looked in first")
    parser.add_argument("--method", type=Method, help="As kefu.training.intent.method, for BANKING77")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return measure(options.data or Path(folder), options.method, quick=options.quick)


def measure(folder: Path, method: Method | None, *, quick: bool) -> int:
    """Trains, asks, splits, counts."""
    method = Method.HEAD if quick else method
    bank, asked = one_assistant(folder, method, quick=quick)
    console.print(f"{len(asked.messages)} messages, {int(asked.inside.sum())} of them in scope")
    ways = {
        name: [way(split_at(asked, FIRST_SEED + at), rate) for at in range(SPLITS)]
        for name, way, rate in all_ways(bank)
    }
    shop = starter(folder, Method.HEAD if quick else None)
    figures: dict[str, Any] = {
        "messages": len(asked.messages),
        "in_scope": int(asked.inside.sum()),
        "splits": SPLITS,
        "confidence": CONFIDENCE,
        "method": (method or Method.AUTO).value,
        "ways": {name: summary(came, rate_of(name)) for name, came in ways.items()},
        "starter": shop,
    }
    musts = [
        Must(
            name=f"ours at {rate:.0%}: splits of {SPLITS} that exceed it",
            value=exceeded(ways[f"ours at {rate:.0%}"], rate),
            limit=MAY_EXCEED,
            at_most=True,
        )
        for rate in RATES
    ]
    rivals = [f"{name} at 5%" for name in ("intents only", "retrieval only")]
    best = max(figures["ways"][name]["answered"] for name in rivals)
    lead = 100 * (figures["ways"]["ours at 5%"]["answered"] - best)
    figures["lead_points_at_5_percent"] = lead
    musts += [
        Must(name="ours at 5%: points answered more than the best rival", value=lead, limit=0.01),
        Must(name="starter: wrong among given answers", value=shop["wrong"], limit=0.05, at_most=True),
        Must(name="starter: answered, of messages in scope", value=shop["answered"], limit=0.75),
        Must(name="starter: not answered, of messages out of scope", value=shop["refused"], limit=0.9),
    ]
    rows = [("", "wrong, mean", "most", "promised", "over", "answered", "in scope")]
    rows += [row(name, came, rate_of(name)) for name, came in ways.items()]
    rows.append(
        (
            "starter, five folds",
            f"{shop['wrong']:.1%}",
            "",
            f"{shop['folds_promised']}",
            "",
            f"{shop['answered']:.1%}, refused {shop['refused']:.1%}",
        )
    )
    return finish("promise-quick" if quick else "promise", rows, figures, musts)


def one_assistant(folder: Path, method: Method | None, *, quick: bool) -> tuple[Trained, Asked]:
    """BANKING77 and StackFAQ as one assistant, and all that it is asked."""
    task, stored = banking77("train_10shot.csv" if quick else "train.csv"), stackfaq()
    assistant = assistant_for(task, 0, **({"method": method} if method else {}))
    name = f"banking77-{(method or Method.AUTO).value}{'-10shot' if quick else ''}"
    trained = train(folder / name, assistant, stored.pairs, intents_answer=True)
    questions = [
        *(question(e.text, intents={e.intent}) for e in task.test),
        *(question(a.text, pairs=a.relevant) for a in stored.asked),
        *(question(text) for text in clinc150(None).outside),
    ]
    judged = judged_questions(questions, trained.understander, trained.retriever, trained.answerable)
    return trained, Asked(messages=judged, inside=np.array([not q.out_of_scope for q in questions]))


def question(text: str, *, intents: Any = (), pairs: Any = ()) -> Question:
    """A labelled message; with nothing that answers it, one that is out of scope."""
    return Question(
        id=text,
        text=text,
        intents=frozenset(intents),
        pairs=frozenset(pairs),
        out_of_scope=not intents and not pairs,
        kinds=frozenset(),
    )


def train(folder: Path, assistant: Assistant, pairs: Sequence[Pair], *, intents_answer: bool = False) -> Trained:
    """Trains into `folder`, or takes what stands there.

    Args:
        intents_answer: Every intent has an answer, whatever the assistant's rules say.
    """
    spec = BotSpec.of(assistant)
    (folder / REPORT_FOLDER).mkdir(parents=True, exist_ok=True)
    known = (folder / TRAINED_FILE).is_file()
    with progress_of(folder.name) as bar:
        if not known:
            fit_into(folder, assistant, find_checkpoint(assistant.config.encoder, assistant.root), bar)
        understander = load_understander(folder, spec.entities)
        embed = remembering(lambda texts: understander.encoder.encode(texts).embeddings)
        if not known:
            bar.say("indexing")
            index_pairs(pairs, understander, assistant.config, embed_again=embed)[0].save(folder)
            (folder / TRAINED_FILE).write_text(json.dumps({"pairs": len(pairs)}), "utf-8")
        retriever = Retriever.load(folder)
        answerable = frozenset(understander.intents.labels) if intents_answer else spec.answerable
        bar.say("asking its own examples")
        own = own_examples(folder, assistant, understander, retriever, embed, answerable)
    return Trained(spec=spec, understander=understander, retriever=retriever, answerable=answerable, own=own)


Split = tuple[Asked, Asked, int]
Way = Callable[[Split, float], Came]


def split_at(asked: Asked, seed: int) -> Split:
    """Half to promise on, half to see what the promise is worth."""
    order = np.random.default_rng(seed).permutation(len(asked.messages))
    return asked.of(order[: len(order) // 2]), asked.of(order[len(order) // 2 :]), seed


def all_ways(bank: Trained) -> list[tuple[str, Way, float]]:
    """Everything that is compared, with the rate it is to keep."""
    ways: list[tuple[str, Way]] = [
        ("ours", lambda split, rate: ours(bank.own, split, rate)),
        ("intents only", lambda split, rate: alone(Kind.TEMPLATE, "intent_probability", split, rate)),
        ("retrieval only", lambda split, rate: alone(Kind.PAST_ANSWER, "pair_probability", split, rate)),
    ]
    return [
        *((f"{name} at {rate:.0%}", way, rate) for rate in RATES for name, way in ways),
        ("intents from 0.7, as Rasa", as_rasa, 1.0),
    ]


def as_rasa(split: Split, rate: float) -> Came:
    """The likeliest intent's template from a fixed threshold on, whatever rate was asked for."""
    del rate
    return came(own_sure(split[1], Kind.TEMPLATE, "intent_probability"), split[1], RASA_THRESHOLD)


def ours(own: Sequence[Judged], split: Split, rate: float) -> Came:
    """The promise as `kefu train` makes it."""
    known, new, seed = split
    promise = fit_promise(own, known.messages, max_wrong_rate=rate, confidence=CONFIDENCE, seed=seed).file.promise
    if promise is None:
        return Came(wrong=0.0, answered=0.0, inside=0.0)
    return came(score(new.messages, promise.models), new, promise.threshold)


def alone(kind: Kind, name: str, split: Split, rate: float) -> Came:
    """One probability alone, with a threshold found as ours is: a third says in which order to test on the rest."""
    known, new, _ = split
    sure, third = own_sure(known, kind, name), len(known.messages) // 3
    seen, tested = (Scored(sure=sure.sure[part], right=sure.right[part]) for part in (slice(third), slice(third, None)))
    threshold = find_threshold(seen, tested, rate, CONFIDENCE).threshold
    if threshold is None:
        return Came(wrong=0.0, answered=0.0, inside=0.0)
    return came(own_sure(new, kind, name), new, threshold)


def own_sure(asked: Asked, kind: Kind, name: str) -> Scored:
    """Each message's candidate of this kind that is likeliest by one probability."""
    sure, right = np.zeros(len(asked.messages)), np.zeros(len(asked.messages), bool)
    for at, message in enumerate(asked.messages):
        for candidate, is_it in zip(message.candidates, message.right, strict=True):
            if candidate.kind is kind and candidate.evidence[name] > sure[at]:
                sure[at], right[at] = candidate.evidence[name], is_it
    return Scored(sure=sure, right=right)


def came(scored: Scored, asked: Asked, threshold: float) -> Came:
    """What comes of answering from `threshold` on."""
    given = scored.sure >= threshold
    wrong = float((~scored.right[given]).mean()) if given.any() else 0.0
    return Came(wrong=wrong, answered=float(given.mean()), inside=float(given[asked.inside].mean()))


def starter(folder: Path, method: Method | None) -> dict[str, Any]:
    """The starter's 400 questions, each fold answered by the promise made on the other four."""
    assistant = read_assistant(STARTERS["shop"])
    if method:
        training = assistant.config.training
        intent = training.intent.model_copy(update={"method": method})
        config = assistant.config.model_copy(update={"training": training.model_copy(update={"intent": intent})})
        assistant = replace(assistant, config=config)
    pairs = read_knowledge(assistant.knowledge_paths, {example.intent for example in assistant.examples})
    trained = train(folder / f"shop-{(method or Method.AUTO).value}", assistant, pairs)
    labels = trained.understander.intents.labels
    questions = read_questions(ROOT / "tests" / "data" / "shop_questions.jsonl", labels, pairs)
    read = readings(questions, trained)
    judged = judged_questions(questions, trained.understander, trained.retriever, trained.answerable)
    fold_of = np.random.default_rng(0).permutation(len(questions)) % FOLDS
    given = wrong = inside = answered = refused = promised = 0
    for fold in range(FOLDS):
        known = [judged[at] for at in np.flatnonzero(fold_of != fold).tolist()]
        fit = fit_promise(trained.own, known, max_wrong_rate=0.05, confidence=CONFIDENCE, seed=fold)
        console.print(fit.file.finding.sentence)
        promised += fit.file.promise is not None
        for at in np.flatnonzero(fold_of == fold).tolist():
            decision = decide(*read[at], trained.answerable, trained.spec.policy, promise=fit.file.promise)
            is_given = isinstance(decision, Template | PastAnswer)
            given += is_given
            wrong += isinstance(decision, Template | PastAnswer) and not is_right(decision, questions[at])
            inside += not questions[at].out_of_scope
            answered += is_given and not questions[at].out_of_scope
            refused += not is_given and questions[at].out_of_scope
    return {
        "questions": len(questions),
        "calibrated_on": "the other four folds of these questions, and the starter's own examples",
        "folds_promised": promised,
        "wrong": wrong / max(1, given),
        "answered": answered / inside,
        "refused": refused / max(1, len(questions) - inside),
    }


def readings(questions: Sequence[Question], trained: Trained) -> list[tuple[Understanding, list[Hit]]]:
    """Each question, understood and looked up."""
    understood = trained.understander.understand([q.text for q in questions])
    queries = [Query(text=u.text, embedding=u.embedding) for u in understood]
    return list(zip(understood, trained.retriever.search(queries, LOOKED_AT_PAIRS), strict=True))


def rate_of(name: str) -> float:
    """The rate that a way is to keep; 1 where it keeps none."""
    return float(name.rsplit(" ", 1)[1].rstrip("%")) / 100 if name.endswith("%") else 1.0


def exceeded(splits: Sequence[Came], rate: float) -> int:
    """Splits in which more was wrong than promised."""
    return sum(one.wrong > rate for one in splits)


def summary(splits: Sequence[Came], rate: float) -> dict[str, float]:
    """For the result file."""
    wrong = [one.wrong for one in splits]
    return {
        "wrong": float(np.mean(wrong)),
        "most_wrong": max(wrong),
        "splits_over": exceeded(splits, rate),
        "splits_promised": sum(one.answered > 0 for one in splits),
        "answered": float(np.mean([one.answered for one in splits])),
        "answered_in_scope": float(np.mean([one.inside for one in splits])),
        "answered_deviation": float(np.std([one.answered for one in splits])),
    }


def row(name: str, splits: Sequence[Came], rate: float) -> tuple[str, ...]:
    """A line of the table."""
    found = summary(splits, rate)
    shares = [f"{found[key]:.1%}" for key in ("wrong", "most_wrong")]
    over = "-" if rate == 1.0 else f"{found['splits_over']:.0f} of {SPLITS}"
    promised = "-" if rate == 1.0 else f"{found['splits_promised']:.0f}"
    return (name, *shares, promised, over, f"{found['answered']:.1%}", f"{found['answered_in_scope']:.1%}")


if __name__ == "__main__":
    sys.exit(main())
