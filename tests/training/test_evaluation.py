import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from configs import AssistantError
from retrieval.pair import Pair
from training.evaluation import (
    Did,
    Evaluation,
    Outcome,
    Question,
    evaluate,
    read_questions,
    write_evaluation,
)
from training.metrics import RiskPoint

INTENTS = ["greet", "bye"]
PAIRS = [
    Pair(id="h1", question="Do you deliver abroad?", answer="Yes."),
    Pair(id="h2", question="Can you post to Norway?", answer="Yes."),
    Pair(id="h3", question="What does it cost?", answer="Five euros."),
]
GOOD = '{"id": "q1", "text": "hello", "accept": {"intents": ["greet"], "pairs": []}, "kinds": []}'


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), "utf-8")
    return path


def question(name: str, *, out_of_scope: bool = False, kinds: tuple[str, ...] = ()) -> Question:
    return Question(
        id=name,
        text=name,
        intents=frozenset() if out_of_scope else frozenset({"greet"}),
        pairs=frozenset(),
        out_of_scope=out_of_scope,
        kinds=frozenset(kinds),
    )


def outcome(did: Did, right: bool, confidence: float, **of_question: Any) -> Outcome:
    return Outcome(question=question("q", **of_question), did=did, right=right, confidence=confidence)


OUTCOMES = [
    outcome(Did.TEMPLATE, True, 0.9, kinds=("short",)),
    outcome(Did.TEMPLATE, False, 0.8, kinds=("short", "misspelt")),
    outcome(Did.PAST_ANSWER, True, 0.8),
    outcome(Did.ASKED_BACK, True, 0.5, kinds=("misspelt",)),
    outcome(Did.REFUSED, False, 0.1),
    outcome(Did.PAST_ANSWER, False, 0.7, out_of_scope=True),
    outcome(Did.ASKED_BACK, False, 0.4, out_of_scope=True),
    outcome(Did.REFUSED, False, 0.1, out_of_scope=True),
]


def test_a_question_is_read_with_all_that_is_accepted(tmp_path: Path) -> None:
    line = '{"id": "q7", "text": "h\\u00e9llo", "accept": {"intents": ["bye"], "pairs": ["h3"]}, "kinds": ["misspelt"]}'

    (read,) = read_questions(written(tmp_path / "q.jsonl", line), INTENTS, PAIRS)

    assert read == Question(
        id="q7",
        text="h\u00e9llo",
        intents=frozenset({"bye"}),
        pairs=frozenset({"h3"}),
        out_of_scope=False,
        kinds=frozenset({"misspelt"}),
    )


def test_a_pair_with_the_same_answer_as_an_accepted_one_is_accepted_too(tmp_path: Path) -> None:
    path = written(tmp_path / "q.jsonl", '{"text": "abroad?", "accept": {"pairs": ["h2"]}}')

    assert read_questions(path, INTENTS, PAIRS)[0].pairs == {"h1", "h2"}


def test_an_out_of_scope_question_accepts_nothing(tmp_path: Path) -> None:
    (read,) = read_questions(written(tmp_path / "q.jsonl", '{"text": "?!", "accept": "out_of_scope"}'), INTENTS, PAIRS)

    assert read.out_of_scope
    assert not read.intents | read.pairs


def test_blank_lines_are_passed_over_and_a_question_without_an_id_is_named_by_its_line(tmp_path: Path) -> None:
    path = written(tmp_path / "q.jsonl", "\ufeff" + GOOD, "", "   ", '{"text": "x", "accept": "out_of_scope"}\r', "")

    assert [read.id for read in read_questions(path, INTENTS, PAIRS)] == ["q1", "4"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "not valid JSON"),
        ("hello", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('{"text": ' + "9" * 5_000 + "}", "not valid JSON"),
        ("[1, 2]", "no `text`"),
        ('"hello"', "no `text`"),
        ('{"accept": "out_of_scope"}', "no `text`"),
        ('{"text": "  ", "accept": "out_of_scope"}', "no `text`"),
        ('{"text": 5, "accept": "out_of_scope"}', "no `text`"),
        ('{"text": "x"}', "`accept` is None"),
        ('{"text": "x", "accept": "anything"}', "`accept` is 'anything'"),
        ('{"text": "x", "accept": []}', "`accept` is []"),
        ('{"text": "x", "accept": {"intent": ["greet"]}}', "`accept` is {'intent': ['greet']}"),
        ('{"text": "x", "accept": {}}', "`accept` names nothing"),
        ('{"text": "x", "accept": {"intents": [], "pairs": null}}', "`accept` names nothing"),
        ('{"text": "x", "accept": {"intents": ["greet", "grete"]}}', "accept.intents names 'grete'"),
        ('{"text": "x", "accept": {"pairs": ["h9"]}}', "accept.pairs names 'h9'"),
        ('{"text": "x", "accept": {"intents": "greet"}}', "accept.intents is 'greet'"),
        ('{"text": "x", "accept": {"intents": 5}}', "accept.intents is 5"),
        ('{"text": "x", "accept": {"pairs": true}}', "accept.pairs is True"),
        ('{"text": "x", "accept": {"pairs": {"h1": 1}}}', "accept.pairs is {'h1': 1}"),
        ('{"text": "x", "accept": "out_of_scope", "kinds": "misspelt"}', "kinds is 'misspelt'"),
        ('{"text": "x", "accept": "out_of_scope", "kinds": 5}', "kinds is 5"),
    ],
    ids=lambda value: value[:60],
)
def test_a_wrong_line_is_refused_with_its_number_and_what_is_wrong(tmp_path: Path, line: str, problem: str) -> None:
    path = written(tmp_path / "q.jsonl", GOOD, "", line, GOOD)

    with pytest.raises(AssistantError) as refused:
        read_questions(path, INTENTS, PAIRS)

    assert (refused.value.path, refused.value.line) == (path, 3)
    assert refused.value.problem.startswith(problem)
    assert refused.value.fix


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_a_file_without_questions_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(AssistantError, match="there are no questions"):
        read_questions(written(tmp_path / "q.jsonl", content), INTENTS, PAIRS)


def test_every_share_of_a_case_by_hand() -> None:
    found = evaluate(OUTCOMES)

    assert (found.count, found.in_scope, found.out_of_scope) == (8, 5, 3)
    assert found.did == {"template": 2, "past answer": 2, "asked back": 2, "refused": 2}
    assert found.accuracy_of_answers == pytest.approx(2 / 4)  # of four answers given two are right
    assert found.answered == pytest.approx(3 / 5)
    assert found.answered_right == pytest.approx(2 / 5)
    assert found.asked_back == pytest.approx(1 / 5)
    assert found.out_of_scope_refused == pytest.approx(2 / 3)  # asked back is no answer
    assert found.out_of_scope_asked_back == pytest.approx(1 / 3)
    assert (found.here.answered, found.here.wrong) == (0.5, 0.5)


def test_results_are_broken_down_by_kind() -> None:
    assert evaluate(OUTCOMES).by_kind == {
        "misspelt": {"count": 2, "answered": 0.5, "accuracy_of_answers": 0.0},
        "short": {"count": 2, "answered": 1.0, "accuracy_of_answers": 0.5},
    }


def test_the_curve_answers_the_surest_first_and_equal_confidences_together() -> None:
    # 0.9 right; 0.8 wrong, right; 0.7 wrong; 0.5 right; 0.4 wrong; 0.1 wrong, wrong.
    assert list(evaluate(OUTCOMES).curve) == [
        RiskPoint(threshold=0.9, answered=1 / 8, wrong=0.0),
        RiskPoint(threshold=0.8, answered=3 / 8, wrong=pytest.approx(1 / 3)),
        RiskPoint(threshold=0.7, answered=4 / 8, wrong=2 / 4),
        RiskPoint(threshold=0.5, answered=5 / 8, wrong=2 / 5),
        RiskPoint(threshold=0.4, answered=6 / 8, wrong=3 / 6),
        RiskPoint(threshold=0.1, answered=8 / 8, wrong=5 / 8),
    ]


def test_a_share_of_nothing_is_none() -> None:
    inside = evaluate([outcome(Did.REFUSED, False, 0.1, kinds=("short",))])
    outside = evaluate([outcome(Did.TEMPLATE, False, 0.9, out_of_scope=True)])

    assert inside.accuracy_of_answers is None
    assert inside.out_of_scope_refused is inside.out_of_scope_asked_back is None
    assert inside.by_kind["short"]["accuracy_of_answers"] is None
    assert (inside.here.answered, inside.here.wrong) == (0.0, 0.0)
    assert outside.answered is outside.answered_right is outside.asked_back is None
    assert outside.accuracy_of_answers == 0.0


def test_no_outcomes_are_evaluated_to_nothing() -> None:
    nothing = evaluate([])

    assert (nothing.count, nothing.answered, nothing.curve) == (0, None, ())
    assert (nothing.here.answered, nothing.here.wrong) == (0.0, 0.0)


@pytest.mark.parametrize(
    "outcomes",
    [OUTCOMES, [], [outcome(Did.REFUSED, False, 0.0)], [outcome(Did.TEMPLATE, True, 1.0)] * 3],
    ids=["mixed", "none", "nothing answered", "all right"],
)
def test_figures_are_written_as_strict_json_with_a_picture(tmp_path: Path, outcomes: list[Outcome]) -> None:
    evaluation: Evaluation = evaluate(outcomes)

    write_evaluation(evaluation, tmp_path / "a" / "b")

    text = (tmp_path / "a" / "b" / "evaluation.json").read_text("utf-8")
    facts = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert facts["accuracy_of_answers"] == evaluation.accuracy_of_answers
    assert facts["did"] == evaluation.did
    assert facts["here"]["answered"] == evaluation.here.answered
    assert [point["threshold"] for point in facts["curve"]] == [point.threshold for point in evaluation.curve]
    with Image.open(tmp_path / "a" / "b" / "risk_coverage.png") as picture:
        assert picture.format == "PNG"
        assert picture.size == (700, 450)
        assert np.asarray(picture.convert("L")).std() > 5


def test_the_picture_shows_the_curve_and_where_the_bot_stands(tmp_path: Path) -> None:
    write_evaluation(evaluate(OUTCOMES), tmp_path)

    with Image.open(tmp_path / "risk_coverage.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    for colour in ((0x2F, 0x6D, 0xB5), (0xD9, 0x73, 0x1A)):
        assert (abs(pixels - colour).sum(axis=2) < 10).sum() > 50
