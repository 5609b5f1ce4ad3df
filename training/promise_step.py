"""The step of a training that promises an error rate: gather, fit, write into the release and into its report."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from configs.assistant import Assistant
from configs.bot_spec import BotSpec
from nlu.understanding import Understander
from retrieval.pair import Pair
from retrieval.promise import Finding, PromiseFile
from retrieval.retriever import Embed, Retriever
from training.evaluation import Question, read_questions
from training.held_out import load_held_out
from training.manifest import REPORT_FOLDER
from training.promise_evidence import Judged, judged_examples, judged_questions, judged_wordings, mixed
from training.promise_fit import PromiseFit, fit_promise
from training.report import write_promise
from training.split import held_out_split

QUESTIONS_FILE = "calibration.jsonl"
NOT_ASKED_FOR = "Not promised: kefu.max_wrong_rate is null. The thresholds under kefu.policy decide."


def read_calibration(assistant: Assistant, intents: Sequence[str], pairs: Sequence[Pair]) -> list[Question]:
    """The labelled questions beside the assistant's files; none where there is no such file.

    Raises:
        AssistantError: A line of it is wrong.
    """
    path = assistant.root / QUESTIONS_FILE
    return read_questions(path, intents, pairs) if path.is_file() else []


def promise_into(
    folder: Path,
    assistant: Assistant,
    spec: BotSpec,
    questions: Sequence[Question],
    understander: Understander,
    retriever: Retriever,
    embed: Embed,
) -> PromiseFit:
    """Fits the promise, and writes it into the release in `folder` and into its report.

    Args:
        embed: The embeddings of texts, as search uses them.
    """
    config = assistant.config
    if config.max_wrong_rate is None:
        none = PromiseFile(promise=None, finding=Finding(basis="nothing", sentence=NOT_ASKED_FOR))
        fit = PromiseFit(file=none, curve=(), here=None)
    else:
        fit = fit_promise(
            own_examples(folder, assistant, understander, retriever, embed, spec.answerable),
            judged_questions(questions, understander, retriever, spec.answerable),
            max_wrong_rate=config.max_wrong_rate,
            confidence=config.confidence,
            seed=config.training.seed,
        )
    fit.file.save(folder)
    write_promise(fit, folder / REPORT_FOLDER)
    return fit


def own_examples(
    folder: Path,
    assistant: Assistant,
    understander: Understander,
    retriever: Retriever,
    embed: Embed,
    answerable: Collection[str],
) -> list[Judged]:
    """What the assistant's own examples and past answers say, in the shares of customers' messages."""
    seed = assistant.config.training.seed
    kept = load_held_out(folder)
    if kept.places is None:
        held_out = held_out_split(assistant.examples, assistant.config.training).validation
    else:
        held_out = tuple(assistant.examples[place] for place in kept.places.tolist())
    examples, not_meant = judged_examples(held_out, kept, understander, retriever, answerable)
    wordings, not_stored = judged_wordings(tuple(retriever.pairs()), understander, embed, answerable, like=retriever)
    messages = mixed([*examples, *wordings], [*not_meant, *not_stored], seed)
    return [messages[at] for at in np.random.default_rng(seed).permutation(len(messages)).tolist()]
