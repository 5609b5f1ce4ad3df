"""How well an assistant answers: outcomes of real messages against what an annotator accepts.

The bot decides; this file reads the questions and counts.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from configs.errors import AssistantError
from configs.json_lines import read_json_lines
from retrieval.pair import Pair
from training.metrics import RiskPoint, risk_coverage
from training.pictures import draw_risk_coverage


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A customer's message and the outcomes that are right.

    Attributes:
        intents: Intents whose template would answer it.
        pairs: Ids of pairs whose answer would answer it.
        out_of_scope: Whether no answer is right.
        kinds: Words to break results down by, such as `misspelt`.
    """

    id: str
    text: str
    intents: frozenset[str]
    pairs: frozenset[str]
    out_of_scope: bool
    kinds: frozenset[str]


class Did(StrEnum):
    """What the bot did with a message."""

    TEMPLATE = "template"
    PAST_ANSWER = "past answer"
    ASKED_BACK = "asked back"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the bot made of one question.

    Attributes:
        right: Whether its best candidate answer, given or not, is one that the annotator accepts.
        confidence: Of that candidate, in [0, 1], higher is surer.
    """

    question: Question
    did: Did
    right: bool
    confidence: float

    @property
    def answered(self) -> bool:
        """Whether an answer was given."""
        return self.did in (Did.TEMPLATE, Did.PAST_ANSWER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Shares in [0, 1]; each is None where there was nothing to divide by.

    Attributes:
        accuracy_of_answers: Right answers among given answers, out-of-scope messages included.
        answered: Answers given among messages in scope.
        answered_right: Right answers given among messages in scope.
        out_of_scope_refused: Out-of-scope messages that got no answer.
        out_of_scope_asked_back: Those of them that were asked back.
    """

    count: int
    in_scope: int
    out_of_scope: int
    did: dict[str, int]
    accuracy_of_answers: float | None
    answered: float | None
    answered_right: float | None
    asked_back: float | None
    out_of_scope_refused: float | None
    out_of_scope_asked_back: float | None
    by_kind: dict[str, dict[str, float | int | None]]
    curve: tuple[RiskPoint, ...]
    here: RiskPoint


def read_questions(path: Path, intents: Iterable[str], pairs: Sequence[Pair]) -> list[Question]:
    """Reads one question a line: {"id", "text", "accept": {"intents", "pairs"} | "out_of_scope", "kinds"}.

    Pairs that share an accepted pair's answer are accepted too.

    Raises:
        AssistantError: The line that is wrong, and why.
    """
    known_intents = frozenset(intents)
    answers = {pair.id: pair.answer for pair in pairs}
    questions = [_parse_question(row, path, line, known_intents, answers) for line, row in read_json_lines(path)]
    if not questions:
        raise AssistantError(path, None, "there are no questions", "Write one JSON object a line.")
    return questions


def _parse_question(row: Any, path: Path, line: int, intents: frozenset[str], answers: dict[str, str]) -> Question:
    if not isinstance(row, dict) or not isinstance(row.get("text"), str) or not row["text"].strip():
        raise AssistantError(path, line, "no `text`", 'Write {"text": "...", "accept": ...}.')
    accept = row.get("accept")
    if accept == "out_of_scope":
        accepted: dict[str, frozenset[str]] = {"intents": frozenset(), "pairs": frozenset()}
    elif isinstance(accept, dict) and set(accept) <= {"intents", "pairs"}:
        accepted = {key: _names(accept.get(key), f"accept.{key}", path, line) for key in ("intents", "pairs")}
    else:
        raise AssistantError(
            path,
            line,
            f"`accept` is {accept!r}",
            'Write "out_of_scope" or {"intents": [...], "pairs": [...]}.',
        )
    for key, known in (("intents", intents), ("pairs", frozenset(answers))):
        if unknown := sorted(accepted[key] - known):
            raise AssistantError(path, line, f"accept.{key} names {unknown[0]!r}", "The assistant has no such one.")
    if accept != "out_of_scope" and not (accepted["intents"] or accepted["pairs"]):
        raise AssistantError(path, line, "`accept` names nothing", 'Name an intent or a pair, or write "out_of_scope".')
    texts = {answers[pair_id] for pair_id in accepted["pairs"]}
    return Question(
        id=str(row.get("id", line)),
        text=row["text"],
        intents=accepted["intents"],
        pairs=frozenset(pair_id for pair_id, answer in answers.items() if answer in texts),
        out_of_scope=accept == "out_of_scope",
        kinds=_names(row.get("kinds"), "kinds", path, line),
    )


def _names(value: Any, key: str, path: Path, line: int) -> frozenset[str]:
    """The names in a list; none where there is none."""
    if not isinstance(value, list | None):
        raise AssistantError(path, line, f"{key} is {value!r}", 'Write a list such as ["one", "two"].')
    return frozenset(map(str, value or []))


def evaluate(outcomes: Sequence[Outcome]) -> Evaluation:
    """Counts the outcomes."""
    inside = [outcome for outcome in outcomes if not outcome.question.out_of_scope]
    outside = [outcome for outcome in outcomes if outcome.question.out_of_scope]
    given = [outcome for outcome in outcomes if outcome.answered]
    wrong = sum(not outcome.right for outcome in given)
    kinds = sorted({kind for outcome in outcomes for kind in outcome.question.kinds})
    return Evaluation(
        count=len(outcomes),
        in_scope=len(inside),
        out_of_scope=len(outside),
        did={did.value: sum(outcome.did is did for outcome in outcomes) for did in Did},
        accuracy_of_answers=_share(len(given) - wrong, len(given)),
        answered=_share(sum(outcome.answered for outcome in inside), len(inside)),
        answered_right=_share(sum(outcome.answered and outcome.right for outcome in inside), len(inside)),
        asked_back=_share(sum(outcome.did is Did.ASKED_BACK for outcome in inside), len(inside)),
        out_of_scope_refused=_share(sum(not outcome.answered for outcome in outside), len(outside)),
        out_of_scope_asked_back=_share(sum(outcome.did is Did.ASKED_BACK for outcome in outside), len(outside)),
        by_kind={kind: _of_kind([o for o in outcomes if kind in o.question.kinds]) for kind in kinds},
        curve=tuple(
            risk_coverage(
                np.array([outcome.confidence for outcome in outcomes]),
                np.array([outcome.right for outcome in outcomes], bool),
            )
        ),
        here=RiskPoint(
            threshold=float("nan"),
            answered=len(given) / len(outcomes) if outcomes else 0.0,
            wrong=wrong / len(given) if given else 0.0,
        ),
    )


def write_evaluation(evaluation: Evaluation, folder: Path) -> None:
    """Writes evaluation.json and risk_coverage.png into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = asdict(evaluation)
    facts["here"]["threshold"] = None
    (folder / "evaluation.json").write_text(json.dumps(facts, indent=1), "utf-8")
    draw_risk_coverage(evaluation.curve, evaluation.here, folder / "risk_coverage.png")


def _of_kind(outcomes: Sequence[Outcome]) -> dict[str, float | int | None]:
    given = [outcome for outcome in outcomes if outcome.answered]
    return {
        "count": len(outcomes),
        "answered": _share(len(given), len(outcomes)),
        "accuracy_of_answers": _share(sum(outcome.right for outcome in given), len(given)),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
