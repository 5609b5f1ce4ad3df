"""Every question of an evaluation is asked by the policy that serves, and judged by what an annotator accepts."""

from io import StringIO
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from scripted_bot import SPEC, scripted_engine

from bot.evaluation import BATCH, ask_all, is_right, print_evaluation
from bot.model_host import ModelHost
from bot.policy import PastAnswer, Reason, Template
from nlu import IntentScore, Understanding
from retrieval import Hit, Pair
from retrieval.evidence import Kind
from retrieval.promise import Promise, RightModel
from training.evaluation import Did, Outcome, Question, evaluate


def question(
    text: str, *, intents: frozenset[str] = frozenset(), pairs: frozenset[str] = frozenset(), outside: bool = False
) -> Question:
    return Question(id=text, text=text, intents=intents, pairs=pairs, out_of_scope=outside, kinds=frozenset())


class TableEngine:
    """Reads by a table: text -> (intent probabilities, cosines)."""

    def __init__(self, table: dict[str, tuple[dict[str, float], dict[str, float]]]) -> None:
        self.spec, self.table, self.batches, self.promise = SPEC, table, [], None

    def read(self, texts: list[str]) -> list[Any]:
        self.batches.append(len(texts))
        return [self._reading(*self.table.get(text, ({}, {}))) for text in texts]

    def _reading(self, intents: dict[str, float], cosines: dict[str, float]) -> Any:
        ranking = tuple(IntentScore(name=name, probability=value) for name, value in intents.items())
        hits = tuple(
            Hit(
                pair=Pair(id=pair_id, question="?", answer=pair_id),
                cosine=cosine,
                score=cosine,
                probability=cosine,
                rank=rank,
            )
            for rank, (pair_id, cosine) in enumerate(cosines.items(), start=1)
        )
        understanding = Understanding(text="", ranking=ranking, embedding=np.zeros(4, np.float32))
        return SimpleNamespace(understanding=understanding, hits=hits)


def ask(asked: Question, intents: dict[str, float], cosines: dict[str, float]) -> Outcome:
    engine: Any = TableEngine({asked.text: (intents, cosines)})
    (outcome,) = ask_all(engine, [asked])
    return outcome


HOURS = question("q", intents=frozenset({"hours"}))
PAIR = question("q", pairs=frozenset({"p1"}))


@pytest.mark.parametrize(
    ("asked", "intents", "cosines", "did", "right", "confidence"),
    [
        pytest.param(HOURS, {"hours": 0.9}, {}, Did.TEMPLATE, True, 0.9, id="the right template"),
        pytest.param(HOURS, {"order": 0.9}, {}, Did.TEMPLATE, False, 0.9, id="a wrong template"),
        pytest.param(PAIR, {"hours": 0.1}, {"p1": 0.8}, Did.PAST_ANSWER, True, 0.8, id="the right past answer"),
        pytest.param(
            PAIR, {"hours": 0.1}, {"p2": 0.8, "p1": 0.7}, Did.PAST_ANSWER, False, 0.8, id="a wrong past answer"
        ),
        pytest.param(HOURS, {"hours": 0.9}, {"p1": 0.99}, Did.PAST_ANSWER, False, 0.99, id="the same question wins"),
        pytest.param(HOURS, {"hours": 0.5}, {"p1": 0.4}, Did.ASKED_BACK, True, 0.5, id="asked back, rightly inclined"),
        pytest.param(HOURS, {"hours": 0.4}, {"p1": 0.45}, Did.ASKED_BACK, False, 0.45, id="asked back, inclined wrong"),
        pytest.param(HOURS, {"hours": 0.2}, {"p1": 0.1}, Did.REFUSED, True, 0.2, id="refused, rightly inclined"),
        pytest.param(PAIR, {"silent": 0.9}, {"p1": 0.2}, Did.REFUSED, True, 0.2, id="refused, intent without actions"),
        pytest.param(HOURS, {}, {}, Did.REFUSED, False, 0.0, id="nothing to say at all"),
        pytest.param(question("q", outside=True), {"hours": 0.9}, {}, Did.TEMPLATE, False, 0.9, id="answered outside"),
        pytest.param(question("q", outside=True), {"hours": 0.1}, {}, Did.REFUSED, False, 0.1, id="refused outside"),
    ],
)
def test_outcome(
    asked: Question, intents: dict[str, float], cosines: dict[str, float], did: Did, right: bool, confidence: float
) -> None:
    assert ask(asked, intents, cosines) == Outcome(question=asked, did=did, right=right, confidence=confidence)


@pytest.mark.parametrize(
    ("intents", "cosines", "did", "right", "confidence"),
    [
        pytest.param(
            {"hours": 0.75}, {}, Did.ASKED_BACK, True, 0.75, id="likelier than a threshold, not enough promised"
        ),
        pytest.param({"hours": 0.85}, {"p2": 0.9}, Did.PAST_ANSWER, False, 0.9, id="the likeliest of all is given"),
        pytest.param(
            {"order": 0.2, "hours": 0.1}, {}, Did.REFUSED, False, 0.2, id="the likeliest is what came nearest"
        ),
    ],
)
def test_outcome_under_a_promise(
    intents: dict[str, float], cosines: dict[str, float], did: Did, right: bool, confidence: float
) -> None:
    engine: Any = TableEngine({"q": (intents, cosines)})
    models = {kind: RightModel.believing(kind) for kind in Kind}
    engine.promise = Promise(max_wrong_rate=0.05, confidence=0.95, threshold=0.8, models=models)

    (outcome,) = ask_all(engine, [HOURS])

    assert (outcome.did, outcome.right) == (did, right)
    assert outcome.confidence == pytest.approx(confidence)


def test_an_answer_is_right_only_by_its_own_kind() -> None:
    template = Template(intent="p1", confidence=1.0, reason=Reason.SURE_INTENT)
    past = PastAnswer(pair=Pair(id="hours", question="?", answer="hours"), confidence=1.0, reason=Reason.NEAR_QUESTION)

    assert not is_right(template, PAIR)
    assert not is_right(past, HOURS)


def test_questions_are_asked_in_batches_and_come_back_in_order() -> None:
    engine: Any = TableEngine({f"q{n}": ({"hours": n / 1000}, {}) for n in range(BATCH + 6)})

    outcomes = ask_all(engine, [question(f"q{n}") for n in range(BATCH + 6)])

    assert engine.batches == [BATCH, 6]
    assert [outcome.confidence for outcome in outcomes] == [n / 1000 for n in range(BATCH + 6)]
    assert [outcome.question.text for outcome in outcomes] == [f"q{n}" for n in range(BATCH + 6)]


def test_no_questions_have_no_outcomes() -> None:
    assert ask_all(scripted_engine(), []) == []


def test_the_evaluation_asks_as_the_served_bot_answers(host: ModelHost) -> None:
    asked = [
        question("when are you open", intents=frozenset({"opening_hours"})),
        question("Do you deliver abroad?", pairs=frozenset({"h01"})),
    ]

    outcomes = ask_all(host.engine, asked)

    assert [outcome.did for outcome in outcomes] == [Did.TEMPLATE, Did.PAST_ANSWER]
    assert [outcome.right for outcome in outcomes] == [True, True]


def test_the_tables_hold_the_shares_and_the_curve() -> None:
    inside, outside = question("a", intents=frozenset({"hours"})), question("b", outside=True)
    misspelt = Question(
        id="c",
        text="c",
        intents=frozenset({"hours"}),
        pairs=frozenset(),
        out_of_scope=False,
        kinds=frozenset({"misspelt"}),
    )
    outcomes = [
        Outcome(question=inside, did=Did.TEMPLATE, right=True, confidence=0.9),
        Outcome(question=inside, did=Did.TEMPLATE, right=True, confidence=0.8),
        Outcome(question=misspelt, did=Did.TEMPLATE, right=False, confidence=0.7),
        Outcome(question=misspelt, did=Did.ASKED_BACK, right=True, confidence=0.4),
        Outcome(question=outside, did=Did.REFUSED, right=False, confidence=0.1),
    ]
    console = Console(file=StringIO(), width=100)

    print_evaluation(evaluate(outcomes), console)

    printed = console.file.getvalue()  # type: ignore[attr-defined]
    rows = {cells[0]: cells[1:] for line in printed.splitlines() if len(cells := cut(line)) > 1}
    assert "5 messages, 1 of them out of scope" in printed
    assert rows["right among given answers"] == ["66.7%"]
    assert rows["answered, of messages in scope"] == ["75.0%"]
    assert rows["answered right, of messages in scope"] == ["50.0%"]
    assert rows["asked back, of messages in scope"] == ["25.0%"]
    assert rows["not answered, of messages out of scope"] == ["100.0%"]
    assert rows["misspelt (2): answered"] == ["50.0%"]
    assert rows["misspelt (2): right among answers"] == ["0.0%"]
    assert rows["20.0%"] == ["0.0%", "0.90"]
    assert rows["60.0%"] == ["33.3%", "0.70"]
    assert rows["100.0%"] == ["40.0%", "0.10"]


def cut(line: str) -> list[str]:
    """The cells of a printed row."""
    return [cell.strip() for cell in line.replace("┃", "│").split("│")[1:-1]]
