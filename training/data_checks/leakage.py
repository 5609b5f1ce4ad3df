"""Test questions that are also examples or past questions: what was learned by heart measures nothing."""

from collections.abc import Sequence

from nlu.encoder import FloatArray
from training.data_checks.duplicates import nearly_same
from training.data_checks.finding import Finding, Kind, Passage, Severity
from training.data_checks.neighbours import nearest_rows
from training.data_checks.words import same_text_key, word_overlap, words_of

LEAKED_COSINE = 0.9


def leaked_questions(
    questions: Sequence[Passage], question_rows: FloatArray, stored: Sequence[Passage], stored_rows: FloatArray
) -> list[Finding]:
    """A warning for each question that is learned to the letter, a hint for each that nearly is.

    Args:
        questions: The test questions.
        question_rows: Their centred embeddings, shape (n, d).
        stored: Examples and past questions.
        stored_rows: Their centred embeddings, shape (m, d).
    """
    first_place: dict[str, Passage] = {}
    for passage in stored:
        first_place.setdefault(same_text_key(passage.text), passage)
    nearest = nearest_rows(question_rows, stored_rows)
    findings = []
    for question, row, cosine in zip(questions, nearest.row, nearest.cosine, strict=True):
        same = first_place.get(same_text_key(question.text))
        if same is not None:
            findings.append(_leaked(question, same, Severity.WARNING, 1.0))
        elif row >= 0 and nearly_same(cosine, word_overlap(_words(question), _words(stored[row])), LEAKED_COSINE):
            findings.append(_leaked(question, stored[row], Severity.HINT, float(cosine)))
    return findings


def _leaked(question: Passage, learned: Passage, severity: Severity, weight: float) -> Finding:
    manner = "to the letter" if severity is Severity.WARNING else "nearly word for word"
    return Finding(
        kind=Kind.LEAKED,
        severity=severity,
        message=f"The assistant learns this test question {manner}, so it proves nothing about new messages.",
        advice="Ask something else in the test, or take the learned one away. A short greeting may stay.",
        passages=(question, learned),
        weight=weight,
    )


def _words(passage: Passage) -> frozenset[str]:
    return frozenset(word.form for word in words_of(passage.text))
