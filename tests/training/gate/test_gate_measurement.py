"""A release is asked what it is judged by, and answers as the running bot would."""

from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine import Engine
from bot.evaluation import ask_all
from bot.policy import MAX_UNCOVERED, PastAnswer, Template, decide
from configs import PolicyConfig
from configs.errors import AssistantError
from nlu import IntentScore, Understanding
from retrieval import Hit, Pair
from retrieval.evidence import Kind
from retrieval.promise import Promise, RightModel
from training.evaluation import Question
from training.gate import Measured, judge, measure, read_golden
from training.gate import best_answer as gate_answer
from training.trainer import Trained

INTENTS = ("hours", "order", "out_of_scope", "returns")
SHARES = st.sampled_from([0.0, 0.04, 0.05, 0.29, 0.3, 0.5, 0.69, 0.7, 0.8, 0.94, 0.95, 1.0])
BELIEVING = {kind: RightModel.believing(kind) for kind in Kind}


@st.composite
def messages(draw: st.DrawFn) -> Understanding:
    first = draw(SHARES)
    shares = [first, *(round((1 - first) * part, 3) for part in (0.7, 0.2, 0.1))]
    names = draw(st.permutations(INTENTS))
    ranked = sorted(zip(names, shares, strict=True), key=lambda each: -each[1])
    return Understanding(
        text="how long are you open",
        ranking=tuple(IntentScore(name=name, probability=share) for name, share in ranked),
        embedding=np.zeros(4, np.float32),
        scope=draw(SHARES),
        uncovered=draw(st.sampled_from([0.0, 0.5, 0.51])),
    )


@st.composite
def found(draw: st.DrawFn) -> tuple[Hit, ...]:
    probabilities = sorted(draw(st.lists(SHARES, max_size=3)), reverse=True)
    return tuple(
        Hit(pair=Pair(id=f"p{at}", question="?", answer="!"), cosine=draw(SHARES), score=p, probability=p, rank=at + 1)
        for at, p in enumerate(probabilities)
    )


@settings(max_examples=400)
@given(
    message=messages(),
    hits=found(),
    answerable=st.frozensets(st.sampled_from(INTENTS)),
    threshold=st.one_of(st.none(), SHARES),
)
def test_an_answer_is_given_where_the_policy_gives_it(
    message: Understanding, hits: tuple[Hit, ...], answerable: frozenset[str], threshold: float | None
) -> None:
    promise = (
        None
        if threshold is None
        else Promise(max_wrong_rate=0.05, confidence=0.95, threshold=threshold, models=BELIEVING)
    )
    decision = decide(message, hits, answerable, PolicyConfig(), promise=promise)
    best = gate_answer.best_answer(message, hits, answerable, PolicyConfig(), promise)
    assert gate_answer.MAX_UNCOVERED == MAX_UNCOVERED
    assert best.given is isinstance(decision, Template | PastAnswer)
    if isinstance(decision, Template):
        assert isinstance(best.answer, IntentScore)
        assert (best.answer.name, best.sure) == (decision.intent, pytest.approx(decision.confidence))
    elif isinstance(decision, PastAnswer):
        assert isinstance(best.answer, Hit)
        assert (best.answer.pair, best.sure) == (decision.pair, pytest.approx(decision.confidence))


def question(at: str, text: str, *, intents: tuple[str, ...] = (), pairs: tuple[str, ...] = ()) -> Question:
    return Question(
        id=at,
        text=text,
        intents=frozenset(intents),
        pairs=frozenset(pairs),
        out_of_scope=not intents and not pairs,
        kinds=frozenset(),
    )


@pytest.fixture(scope="module")
def questions(trained: Trained) -> list[Question]:
    engine = Engine(trained.release, live=False)
    intents = engine.understander.intents.labels
    own = [question(f"i{at}", f"is it about {name}", intents=(name,)) for at, name in enumerate(intents)]
    stored = [question(f"p{at}", pair.question, pairs=(pair.id,)) for at, pair in enumerate(engine.retriever.pairs())]
    return [*own, *stored, question("o", "why is the sea blue")]


@pytest.fixture(scope="module")
def measured(trained: Trained, questions: list[Question]) -> Measured:
    ticks = count()
    return measure(trained.release, questions, questions[-2:], clock=lambda: next(ticks) / 100)


def test_a_release_is_measured_as_the_bot_is_evaluated(
    trained: Trained, questions: list[Question], measured: Measured
) -> None:
    outcomes = ask_all(Engine(trained.release, live=False), questions)
    assert [(a.id, a.given, a.right, pytest.approx(a.sure)) for a in measured.questions] == [
        (o.question.id, o.answered, o.right, o.confidence) for o in outcomes
    ]


def test_the_figures_are_those_of_the_questions(trained: Trained, measured: Measured) -> None:
    assert measured.release == trained.release.id
    assert [asked.id for asked in measured.golden] == [asked.id for asked in measured.questions[-2:]]
    assert measured.questions[-1].out_of_scope
    assert (measured.p50_ms, measured.p95_ms) == (pytest.approx(10), pytest.approx(10))  # as the clock has it
    assert measured.size_bytes == sum(
        path.stat().st_size
        for path in trained.release.folder.rglob("*")
        if path.name != "manifest.json" and path.is_file()
    )
    inside = measured.questions[:-1]
    figures = measured.figures()
    assert figures["questions"] == len(measured.questions)
    assert figures["understood"] == sum(a.understood for a in inside) / len(inside)
    assert figures["answered_right"] == sum(a.given and a.right for a in inside) / len(inside)


def test_a_release_measured_again_is_the_same_and_passes(
    trained: Trained, questions: list[Question], measured: Measured
) -> None:
    again = measure(trained.release, questions, questions[-2:])
    assert replace(again, p50_ms=measured.p50_ms, p95_ms=measured.p95_ms).to_json() == measured.to_json()
    assert {r.rule for r in judge(again, measured).broken} <= {r.rule for r in judge(again, None).broken}


PAIRS = (
    Pair(id="p1", question="?", answer="by mail"),
    Pair(id="p2", question="??", answer="by mail"),
    Pair(id="p3", question="???", answer="on foot"),
)


def test_golden_questions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "golden.jsonl"
    assert read_golden(path, ("hours",), PAIRS) == []
    path.write_text(
        '{"text": "when", "intent": "hours", "id": "opening"}\n{"text": "how", "pair": "p1"}\n'
        '{"text": "why", "out_of_scope": true}\n'
    )
    assert read_golden(path, ("hours",), PAIRS) == [
        question("opening", "when", intents=("hours",)),
        question("line 2", "how", pairs=("p1", "p2")),
        question("line 3", "why"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[]", "no `text`"),
        ('{"text": " ", "intent": "hours"}', "no `text`"),
        ('{"text": "when", "intnet": "hours"}', "unknown key 'intnet'"),
        ('{"text": "when"}', "it names 0 answers"),
        ('{"text": "when", "intent": "hours", "pair": "p1"}', "it names 2 answers"),
        ('{"text": "when", "intent": "huors"}', "intent is 'huors'"),
        ('{"text": "when", "pair": "p9"}', "pair is 'p9'"),
        ('{"text": "when", "pair": ["p1"]}', "pair is"),
        ('{"text": "when", "intent": {"a": 1}}', "intent is"),
        ('{"text": "when", "out_of_scope": "yes"}', "out_of_scope is 'yes'"),
    ],
)
def test_a_wrong_golden_question_is_refused_with_its_line(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "golden.jsonl"
    path.write_text(f'{{"text": "when", "intent": "hours"}}\n{line}\n')
    with pytest.raises(AssistantError, match=r"golden\.jsonl:2.*") as raised:
        read_golden(path, ("hours",), PAIRS)
    assert reason in str(raised.value)
