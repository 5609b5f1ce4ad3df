"""Decides what to do with a message. A pure function, so that it can be tabled, replayed and explained.

Without a promised error rate, in order: a stored question asked again word for word gets its answer; a sure intent gets
its template; a near stored question gets its answer; likely readings are offered as buttons; else the bot says that it
does not know. With one, the candidate that is likeliest right is given where it is likely enough for the promise; else
the likeliest are offered; else the bot says that it does not know.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeAlias

from configs.assistant_config import PolicyConfig
from configs.rasa_names import OUT_OF_SCOPE
from nlu.intent import IntentScore
from nlu.understanding import Understanding
from retrieval.evidence import LOOKED_AT_PAIRS, candidates
from retrieval.pair import Pair
from retrieval.promise import Promise
from retrieval.retriever import Hit

SEARCHED_PAIRS = LOOKED_AT_PAIRS
MAX_OPTIONS = 2
MAX_PROMISED_OPTIONS = 3
MAX_UNCOVERED = 0.5  # of a message's letters


class Reason(StrEnum):
    """Why a decision was taken, as logs and explanations name it."""

    SAME_QUESTION = "same_question"
    SURE_INTENT = "sure_intent"
    NEAR_QUESTION = "near_question"
    BUTTON = "button"
    UNSURE = "unsure"
    NOTHING_NEAR = "nothing_near"
    OUT_OF_SCOPE = "out_of_scope"
    SCRIPT_NOT_COVERED = "script_not_covered"
    FORM = "form"  # a form took the message
    PERSON = "person"  # a person answers, or the bot was told to keep silent
    REPEATED = "repeated"  # the message was answered before, and gets the same answer
    MEDIA = "media"  # a picture, a file, a sticker: nothing to read
    EXTERNAL = "external"  # something outside the chat asked for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Do what answers `intent`."""

    intent: str
    confidence: float
    reason: Reason
    evidence: Mapping[str, float] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAnswer:
    """Give the stored answer of `pair`."""

    pair: Pair
    confidence: float
    reason: Reason
    evidence: Mapping[str, float] = field(default_factory=dict, compare=False)


Answer: TypeAlias = Template | PastAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class AskBack:
    """Offer `options` as buttons."""

    options: tuple[Answer, ...]
    confidence: float
    reason: Reason = Reason.UNSURE
    evidence: Mapping[str, float] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FallBack:
    """Say that the message was not understood."""

    confidence: float
    reason: Reason = Reason.NOTHING_NEAR
    evidence: Mapping[str, float] = field(default_factory=dict, compare=False)


Decision: TypeAlias = Template | PastAnswer | AskBack | FallBack


def decide(
    understanding: Understanding,
    hits: Sequence[Hit],
    answerable: Collection[str],
    config: PolicyConfig,
    *,
    promise: Promise | None = None,
    asked_back: bool = False,
) -> Decision:
    """The decision for one message. Its evidence is that of the candidate that was chosen, or came nearest.

    Args:
        hits: Stored pairs, the best first.
        answerable: Intents that there is something to do for now; others are never answered from a template.
        promise: The error rate to keep to, with what is known of candidates; None for the thresholds of `config`.
        asked_back: Whether the bot asked back in its last turn: it does not do so twice in a row.
    """
    answers = candidate_answers(understanding, hits, answerable, promise)
    if understanding.uncovered > MAX_UNCOVERED:
        decision: Decision = FallBack(confidence=0.0, reason=Reason.SCRIPT_NOT_COVERED)
    elif promise is not None:
        decision = _promised(understanding, answers, config, promise)
    else:
        decision = _by_thresholds(understanding, hits, answerable, config)
    if asked_back and isinstance(decision, AskBack):
        decision = FallBack(confidence=decision.confidence)
    return replace(decision, evidence=_nearest_evidence(decision, answers))


def candidate_answers(
    understanding: Understanding, hits: Sequence[Hit], answerable: Collection[str], promise: Promise | None = None
) -> tuple[Answer, ...]:
    """All answers that come into question, each with its evidence, the surest first.

    Args:
        promise: Whose probability is their confidence; None for the intent's or the pair's own.
    """
    found = candidates(understanding, hits, answerable)
    answers = [replace(_answer(candidate.answer), evidence=candidate.evidence) for candidate in found]
    if promise is not None:
        sure = promise.probabilities(found)
        answers = [replace(answer, confidence=p) for answer, p in zip(answers, sure, strict=True)]
    return tuple(sorted(answers, key=lambda answer: -answer.confidence))


def _promised(
    understanding: Understanding, answers: Sequence[Answer], config: PolicyConfig, promise: Promise
) -> Decision:
    if not answers:
        return FallBack(confidence=0.0, reason=_why_not(understanding, config))
    best = answers[0]
    if best.confidence >= promise.threshold:
        same = isinstance(best, PastAnswer) and best.evidence["pair_cosine"] >= config.same_question_threshold
        return replace(best, reason=Reason.SAME_QUESTION) if same else best
    likely = [answer for answer in answers if answer.confidence >= config.clarify_threshold]
    if likely:
        return AskBack(options=tuple(likely[:MAX_PROMISED_OPTIONS]), confidence=best.confidence)
    return FallBack(confidence=best.confidence, reason=_why_not(understanding, config))


def _why_not(understanding: Understanding, config: PolicyConfig) -> Reason:
    return Reason.OUT_OF_SCOPE if understanding.scope < config.scope_threshold else Reason.NOTHING_NEAR


def _by_thresholds(
    understanding: Understanding, hits: Sequence[Hit], answerable: Collection[str], config: PolicyConfig
) -> Decision:
    ranking = understanding.ranking
    template, past = best_template(ranking, answerable), best_past_answer(hits, config)
    if past is not None and past.reason is Reason.SAME_QUESTION:
        return past
    own_words = template is not None and template.intent == OUT_OF_SCOPE
    in_scope = own_words or understanding.scope >= config.scope_threshold
    if template is not None and template.confidence >= config.template_threshold and in_scope:
        return template
    if past is not None and past.confidence >= config.answer_threshold:
        return past
    if not in_scope:
        return FallBack(confidence=understanding.scope, reason=Reason.OUT_OF_SCOPE)
    confidence = max((answer.confidence for answer in (template, past) if answer is not None), default=0.0)
    options = likely_options(ranking, hits, answerable, config)
    return AskBack(options=options, confidence=confidence) if options else FallBack(confidence=confidence)


def _nearest_evidence(decision: Decision, answers: Sequence[Answer]) -> Mapping[str, float]:
    """That of the candidate which was chosen, else of the surest."""
    chosen = decision if isinstance(decision, Template | PastAnswer) else None
    for answer in answers:
        if chosen is None or _named(answer) == _named(chosen):
            return answer.evidence
    return {}


def _named(answer: Answer) -> tuple[str, str]:
    return ("intent", answer.intent) if isinstance(answer, Template) else ("pair", answer.pair.id)


def best_template(ranking: Sequence[IntentScore], answerable: Collection[str]) -> Template | None:
    """The likeliest intent's template, or None where there is nothing to do for that intent."""
    if not ranking or ranking[0].name not in answerable:
        return None
    return _template(ranking[0])


def best_past_answer(hits: Sequence[Hit], config: PolicyConfig) -> PastAnswer | None:
    """The answer of the stored question that was asked again, else of the pair that is likeliest right, if any."""
    if not hits:
        return None
    same = max(hits, key=lambda hit: hit.cosine)
    if same.cosine >= config.same_question_threshold:
        return PastAnswer(pair=same.pair, confidence=min(1.0, same.cosine), reason=Reason.SAME_QUESTION)
    return _past_answer(hits[0])


def likely_options(
    ranking: Sequence[IntentScore],
    hits: Sequence[Hit],
    answerable: Collection[str],
    config: PolicyConfig,
) -> tuple[Answer, ...]:
    """The best answers that are likely enough to be offered, at most `MAX_OPTIONS`, the likeliest first."""
    answers: list[Answer] = [_template(score) for score in ranking[:MAX_OPTIONS] if score.name in answerable]
    answers += [_past_answer(hit) for hit in hits[:MAX_OPTIONS]]
    likely = [answer for answer in answers if answer.confidence >= config.clarify_threshold]
    return tuple(sorted(likely, key=lambda answer: -answer.confidence)[:MAX_OPTIONS])


def _answer(found: IntentScore | Hit) -> Answer:
    return _template(found) if isinstance(found, IntentScore) else _past_answer(found)


def _template(score: IntentScore) -> Template:
    return Template(intent=score.name, confidence=score.probability, reason=Reason.SURE_INTENT)


def _past_answer(hit: Hit) -> PastAnswer:
    return PastAnswer(pair=hit.pair, confidence=hit.probability, reason=Reason.NEAR_QUESTION)
