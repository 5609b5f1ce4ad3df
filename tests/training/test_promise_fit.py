"""The fit against scikit-learn, the guarantee against a simulation, and what is said where nothing can be promised."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from nlu import IntentScore
from retrieval import Hit, Pair
from retrieval.evidence import Candidate, Kind
from retrieval.promise import TERMS, terms_of
from training.promise_evidence import Judged
from training.promise_fit import INVERSE_PENALTY, LEAST_OF_A_KIND, LEAST_QUESTIONS, fit_models, fit_promise, score

NAMES = sorted({name for name, _ in TERMS.values()})


def message(random: np.random.Generator, *, hard: float = 0.0, hopeless: bool = False) -> Judged:
    """Two templates and a pair; the surer a probability the likelier it is right, less so where `hard`."""
    found, right = [], []
    for kind, own in (
        (Kind.TEMPLATE, "intent_probability"),
        (Kind.TEMPLATE, "intent_probability"),
        (Kind.PAST_ANSWER, "pair_probability"),
    ):
        evidence = {name: float(random.random()) for name in NAMES}
        evidence["pair_lexical_rank"] = float(random.integers(1, 3))
        answer = (
            IntentScore(name="a", probability=evidence[own])
            if kind is Kind.TEMPLATE
            else Hit(pair=Pair(id="p", question="?", answer="!"), cosine=0.5, score=0.5, probability=0.5, rank=1)
        )
        found.append(Candidate(answer=answer, evidence=evidence))
        right.append(bool(random.random() < 0.5 if hopeless else random.random() < evidence[own] - hard))
    return Judged(candidates=tuple(found), right=tuple(right))


def messages(count: int, seed: int, **how: float) -> list[Judged]:
    random = np.random.default_rng(seed)
    return [message(random, **how) for _ in range(count)]


def test_the_models_are_scikit_learns() -> None:
    judged = messages(300, 0)
    rows = [
        (terms_of(c.evidence), right)
        for m in judged
        for c, right in zip(m.candidates, m.right, strict=True)
        if c.kind is Kind.TEMPLATE
    ]
    terms, right = np.array([row for row, _ in rows]), [right for _, right in rows]
    scaler = StandardScaler().fit(terms)
    oracle = LogisticRegression(C=INVERSE_PENALTY, max_iter=5_000, tol=1e-8).fit(scaler.transform(terms), right)
    expected = oracle.predict_proba(scaler.transform(terms))[:, 1]

    model = fit_models(judged)[Kind.TEMPLATE]

    found = [model.probability(c.evidence) for m in judged for c in m.candidates if c.kind is Kind.TEMPLATE]
    assert found == pytest.approx(expected.tolist(), abs=1e-3)


def test_too_few_of_a_kind_are_not_fitted() -> None:
    models = fit_models(messages(LEAST_OF_A_KIND, 0))

    assert models[Kind.PAST_ANSWER].weights == {"pair_logit": 1.0}
    assert fit_models([])[Kind.TEMPLATE].weights == {"intent_logit": 1.0}


def test_scores_are_those_of_the_likeliest_candidate() -> None:
    judged = messages(200, 1)
    models = fit_models(judged)

    scored = score(judged, models)

    for at, each in enumerate(judged):
        sure = [models[c.kind].probability(c.evidence) for c in each.candidates]
        assert scored.sure[at] == pytest.approx(max(sure))
        assert scored.right[at] == each.right[int(np.argmax(sure))]


def test_a_message_without_candidates_is_never_answered() -> None:
    nothing = Judged(candidates=(), right=())

    scored = score([nothing, *messages(1, 0)], fit_models(messages(200, 1)))

    assert scored.sure[0] == 0.0
    assert not scored.right[0]


def test_what_is_promised_is_kept_as_often_as_stated() -> None:
    """Each promise is tried on many new messages of the same kind."""
    new = messages(6_000, 99)
    broken = kept = 0
    for seed in range(40):
        fit = fit_promise([], messages(500, seed), max_wrong_rate=0.2, confidence=0.9, seed=seed)
        if fit.file.promise is not None:
            scored = score(new, fit.file.promise.models)
            given, wrong = scored.given(fit.file.promise.threshold)
            broken += wrong > 0.2 * given
            kept += given > 0.05 * len(new)

    assert broken <= 8  # of 40 at 0.1: more once in forty
    assert kept >= 25  # and not by keeping silent


def test_a_stricter_promise_answers_less() -> None:
    judged = messages(3_000, 5)

    shares = [
        fit_promise([], judged, max_wrong_rate=rate, confidence=0.95, seed=0).file.finding.answered
        for rate in (0.1, 0.2, 0.4)
    ]

    assert 0 < shares[0] < shares[1] < shares[2]


def test_the_same_inputs_promise_the_same() -> None:
    first, second = (fit_promise([], messages(400, 3), max_wrong_rate=0.3, confidence=0.95, seed=1) for _ in range(2))

    assert first == second
    assert first.file.promise is not None
    assert first.here is not None
    assert first.here.answered == first.file.finding.answered


def test_examples_stand_in_where_questions_are_few_and_it_is_said() -> None:
    fit = fit_promise(messages(600, 0), messages(LEAST_QUESTIONS - 1, 1), max_wrong_rate=0.4, confidence=0.9, seed=0)

    assert fit.file.finding.basis == "examples"
    assert "calibration.jsonl" in fit.file.finding.sentence


def test_enough_questions_decide_alone() -> None:
    """The examples are all wrong; what is promised is seen on the questions."""
    fit = fit_promise(messages(300, 0, hard=1.0), messages(900, 1), max_wrong_rate=0.3, confidence=0.9, seed=0)

    assert fit.file.finding.basis == "questions"
    assert fit.file.finding.messages == 600
    assert fit.file.promise is not None
    assert "calibration.jsonl" not in fit.file.finding.sentence


def test_nothing_is_promised_of_what_cannot_be_told_right_from_wrong() -> None:
    fit = fit_promise([], messages(600, 0, hopeless=True), max_wrong_rate=0.05, confidence=0.95, seed=0)

    finding = fit.file.finding
    assert fit.file.promise is None
    assert fit.here is None
    assert finding.promisable > 0.2
    assert finding.needed is None
    assert finding.sentence.startswith("Not promised: 400 labelled questions do not show")
    assert f"{finding.promisable:.1%} could be promised" in finding.sentence
    assert "would not be enough" in finding.sentence


def test_too_little_data_says_how_much_would_be_enough() -> None:
    fit = fit_promise([], messages(120, 0, hard=-0.3), max_wrong_rate=0.03, confidence=0.95, seed=0)

    assert fit.file.promise is None
    assert fit.file.finding.needed is not None
    assert fit.file.finding.needed > 120
    assert f"about {fit.file.finding.needed:,} labelled messages" in fit.file.finding.sentence


def test_almost_no_data_is_not_even_tried() -> None:
    fit = fit_promise(messages(30, 0), messages(3, 0), max_wrong_rate=0.05, confidence=0.95, seed=0)

    assert fit.file.finding.basis == "nothing"
    assert "3 labelled questions" in fit.file.finding.sentence
    assert fit.curve == ()


def test_figures_for_the_manifest_are_finite() -> None:
    promised = fit_promise([], messages(900, 0), max_wrong_rate=0.3, confidence=0.95, seed=0).figures()
    nothing = fit_promise([], [], max_wrong_rate=0.3, confidence=0.95, seed=0).figures()

    assert promised["promised"] == 0.3
    assert "promised" not in nothing
    assert np.isfinite([*promised.values(), *nothing.values()]).all()
