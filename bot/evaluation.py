"""Asks an engine every question of an evaluation, by the policy that serves, and prints what came of it."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bot.engine import Engine, Reading
from bot.policy import (
    Answer,
    AskBack,
    FallBack,
    PastAnswer,
    Template,
    best_past_answer,
    best_template,
    candidate_answers,
    decide,
)
from training.evaluation import Did, Evaluation, Outcome, Question

BATCH = 64
SHOWN_COVERAGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def ask_all(engine: Engine, questions: Sequence[Question]) -> list[Outcome]:
    """The outcome of each question, each in a conversation of its own."""
    outcomes = []
    for start in range(0, len(questions), BATCH):
        batch = questions[start : start + BATCH]
        readings = engine.read([question.text for question in batch])
        outcomes += [_outcome(engine, question, reading) for question, reading in zip(batch, readings, strict=True)]
    return outcomes


def _outcome(engine: Engine, question: Question, reading: Reading) -> Outcome:
    spec = engine.spec
    hits = reading.hits
    decision = decide(reading.understanding, hits, spec.answerable, spec.policy, promise=engine.promise)
    candidate: Answer | None
    match decision:
        case Template() | PastAnswer():
            did = Did.TEMPLATE if isinstance(decision, Template) else Did.PAST_ANSWER
            candidate = decision
        case AskBack() | FallBack():
            did = Did.ASKED_BACK if isinstance(decision, AskBack) else Did.REFUSED
            candidate = _nearest(engine, reading)
    return Outcome(
        question=question,
        did=did,
        right=candidate is not None and is_right(candidate, question),
        confidence=0.0 if candidate is None else candidate.confidence,
    )


def _nearest(engine: Engine, reading: Reading) -> Answer | None:
    """The candidate that came nearest to being given."""
    spec, understanding, hits = engine.spec, reading.understanding, reading.hits
    if engine.promise is not None:
        return next(iter(candidate_answers(understanding, hits, spec.answerable, engine.promise)), None)
    found = (best_template(understanding.ranking, spec.answerable), best_past_answer(hits, spec.policy))
    return max((answer for answer in found if answer is not None), key=lambda answer: answer.confidence, default=None)


def is_right(answer: Answer, question: Question) -> bool:
    """Whether an annotator accepts `answer`."""
    match answer:
        case Template(intent=intent):
            return intent in question.intents
        case PastAnswer(pair=pair):
            return pair.id in question.pairs


def print_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Two tables: the shares, and the curve of wrong answers against share answered."""
    table = Table(title=f"{evaluation.count} messages, {evaluation.out_of_scope} of them out of scope")
    table.add_column("measure")
    table.add_column("share", justify="right")
    for name, share in (
        ("right among given answers", evaluation.accuracy_of_answers),
        ("answered, of messages in scope", evaluation.answered),
        ("answered right, of messages in scope", evaluation.answered_right),
        ("asked back, of messages in scope", evaluation.asked_back),
        ("not answered, of messages out of scope", evaluation.out_of_scope_refused),
        ("  of these asked back", evaluation.out_of_scope_asked_back),
    ):
        table.add_row(name, _percent(share))
    for kind, figures in evaluation.by_kind.items():
        table.add_row(f"{kind} ({figures['count']}): answered", _percent(figures["answered"]))
        table.add_row(f"{kind} ({figures['count']}): right among answers", _percent(figures["accuracy_of_answers"]))
    console.print(table)
    curve = Table(title="Wrong answers against share answered, the surest first")
    curve.add_column("answered", justify="right")
    curve.add_column("wrong", justify="right")
    curve.add_column("confidence from", justify="right")
    for coverage in SHOWN_COVERAGES:
        reached = [point for point in evaluation.curve if point.answered >= coverage - 1e-9]
        if reached:
            curve.add_row(_percent(reached[0].answered), _percent(reached[0].wrong), f"{reached[0].threshold:.2f}")
    console.print(curve)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
