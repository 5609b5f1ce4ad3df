"""Runs every check on an assistant's files, before anything is trained."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from configs.assistant import Assistant
from nlu.checkpoint import find_checkpoint
from nlu.encoder import FloatArray
from nlu.masking import regions_of
from nlu.text import prepare_text
from nlu.torch_encoder import best_device, load_torch_encoder
from training.data_checks.balance import alike_intents, small_intents, unbalanced_intents
from training.data_checks.corpus import Corpus
from training.data_checks.dialogue import dialogue_findings
from training.data_checks.duplicates import (
    near_text_under_two_intents,
    repeated_examples,
    same_text_under_two_intents,
)
from training.data_checks.entities import unmarked_entities
from training.data_checks.finding import Finding, Passage, by_importance
from training.data_checks.labels import deal_folds, held_out_probabilities, mislabelled
from training.data_checks.leakage import leaked_questions
from training.data_checks.neighbours import centred
from training.data_checks.personal_data import company_values, personal_data, without_personal_data
from training.data_checks.report import DataReport
from training.data_checks.sources import QUESTIONS_FILE, all_examples, question_passages, read_pairs

Embed: TypeAlias = Callable[[Sequence[str]], FloatArray]
"""Texts to unit embeddings, shape (n, d)."""


def check_assistant(assistant: Assistant, embed: Embed, questions_path: Path | None = None) -> DataReport:
    """Everything there is to say about the data of `assistant`.

    Args:
        embed: The encoder before it is fine-tuned; asked once, for each different text.
        questions_path: Test questions; `tests/questions.jsonl` of the assistant, if there is one, if left out.

    Raises:
        AssistantError: A file cannot be read.
    """
    examples = all_examples(assistant.root)
    pairs = read_pairs(assistant)
    asked = [Passage(text=pair.question, path=path, line=line) for pair, path, line in pairs]
    answered = [Passage(text=pair.answer, path=path, line=line) for pair, path, line in pairs]
    intents = tuple(dict.fromkeys(example.intent for example in examples))
    path = questions_path or assistant.root / QUESTIONS_FILE
    given = questions_path is not None or path.exists()
    questions = question_passages(path, intents, [pair for pair, _, _ in pairs]) if given else []
    stored = asked if questions else []
    rows, stored_rows, question_rows = _embedded(
        embed, [e.text for e in examples], [p.text for p in stored], [p.text for p in questions]
    )
    corpus = Corpus.of(examples, rows)
    passages = [corpus.passage(position) for position in range(len(examples))]
    findings = [*_of_examples(corpus), *dialogue_findings(assistant)]
    learned_rows = np.concatenate([rows, stored_rows])
    findings += leaked_questions(questions, question_rows, [*passages, *stored], learned_rows)
    regions = regions_of(assistant.language)
    allowed = company_values(assistant.domain, regions)
    findings += personal_data([*passages, *asked, *answered], regions, allowed)
    return DataReport(
        assistant=assistant.name,
        example_count=len(examples),
        intent_count=len(corpus.intents),
        pair_count=len(pairs),
        question_count=len(questions),
        findings=tuple(_shown(finding, assistant.root, regions) for finding in by_importance(findings)),
    )


def frozen_embed(assistant: Assistant) -> Embed:
    """The assistant's encoder before it is fine-tuned.

    Raises:
        CheckpointError: It cannot be found or loaded.
    """
    encoder = load_torch_encoder(find_checkpoint(assistant.config.encoder, assistant.root), 2, best_device())
    return lambda texts: encoder.encode(texts).plain


def _of_examples(corpus: Corpus) -> list[Finding]:
    probabilities = held_out_probabilities(corpus.embeddings, corpus.classes, deal_folds(corpus.keys, corpus.classes))
    return [
        *same_text_under_two_intents(corpus),
        *near_text_under_two_intents(corpus),
        *repeated_examples(corpus),
        *mislabelled(corpus, probabilities),
        *alike_intents(corpus, probabilities),
        *small_intents(corpus),
        *unbalanced_intents(corpus),
        *unmarked_entities(corpus.examples),
    ]


def _embedded(embed: Embed, *parts: Sequence[str]) -> list[FloatArray]:
    """The centred embeddings of each part; the encoder sees each different text once."""
    numbers: dict[str, int] = {}
    rows = [[numbers.setdefault(prepare_text(text), len(numbers)) for text in part] for part in parts]
    embeddings = embed(list(numbers))
    return centred(*(embeddings[part] for part in rows))


def _shown(finding: Finding, root: Path, regions: Sequence[str | None]) -> Finding:
    """`finding` with nothing personal in it, and paths as they stand in the assistant's folder."""
    hidden = without_personal_data(finding, regions)
    passages = tuple(replace(passage, path=_within(passage.path, root)) for passage in hidden.passages)
    return replace(hidden, passages=passages)


def _within(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path
