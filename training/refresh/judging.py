"""The steps after a training: the new release and the one that serves answer the same questions, and are judged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from configs.assistant import Assistant
from retrieval.pair import Pair
from training.evaluation import Question
from training.frozen import OWN_FILE, frozen_questions
from training.gate import GOLDEN_FILE, Measured, changes, judge, measure, read_golden, write_gate_report
from training.gate.verdict import Verdict
from training.manifest import Release
from training.refresh.steps import Steps

FEW_QUESTIONS = 50
REPORT_FILE = "report.html"
TIMED_QUESTIONS = 100
TIMED_AGAIN = 2  # what else the machine does must not speak against a release: the fastest time counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the gate says, and where its page lies."""

    verdict: Verdict
    report: Path


def judged(
    candidate: Release,
    current: Release | None,
    assistant: Assistant,
    pairs: Sequence[Pair],
    data_dir: Path,
    steps: Steps,
    note: Callable[[str], None],
) -> Judged:
    """The gate's word on `candidate`; measured and judged once for the same releases and questions.

    Args:
        current: What it is compared with; None for nothing.
        assistant: The owner's files alone.
        pairs: The past answers that `candidate` has.

    Raises:
        AssistantError: A question names an intent or a past answer that there is not.
    """
    intents = frozenset(str(name) for name in candidate.read_json("intents.json")["labels"])
    questions = frozen_questions(assistant, data_dir, intents, pairs)
    golden = read_golden(assistant.root / GOLDEN_FILE, intents, pairs)
    if len(questions) < FEW_QUESTIONS:
        note(f"The test set has {len(questions)} questions, which tells little. Write {OWN_FILE}.")
    both = [candidate, *([current] if current else [])]
    asked = [
        [[q.text, sorted(q.intents), sorted(q.pairs), q.out_of_scope] for q in some] for some in (questions, golden)
    ]
    inputs = [[[one.id, one.manifest.fingerprints] for one in both], asked]
    raw = steps.of("measure", inputs, lambda _: [_text(one) for one in side_by_side(both, questions, golden)])
    measured = [Measured.from_json(one.encode("utf-8")) for one in raw]
    limits = assistant.config.gate

    def gate(folder: Path) -> str:
        before = measured[1] if current else None
        verdict = judge(measured[0], before, limits)
        moved = changes(current, candidate) if current else None
        write_gate_report(folder / REPORT_FILE, verdict, measured[0], before, moved, language=assistant.language)
        return verdict.to_json().decode("utf-8")

    judgement = [inputs, limits.model_dump()]
    verdict = Verdict.from_json(str(steps.of("gate", judgement, gate)).encode("utf-8"))
    return Judged(verdict=verdict, report=steps.place("gate", judgement) / REPORT_FILE)


def side_by_side(
    releases: Sequence[Release], questions: Sequence[Question], golden: Sequence[Question]
) -> list[Measured]:
    """Each release measured, all in the same minutes, with the fastest of their times."""
    measured = [measure(release, questions, golden) for release in releases]
    for _ in range(TIMED_AGAIN):
        again = [measure(release, [*questions, *golden][:TIMED_QUESTIONS]) for release in releases]
        measured = [
            replace(one, p50_ms=min(one.p50_ms, other.p50_ms), p95_ms=min(one.p95_ms, other.p95_ms))
            for one, other in zip(measured, again, strict=True)
        ]
    return measured


def _text(measured: Measured) -> str:
    return measured.to_json().decode("utf-8")
