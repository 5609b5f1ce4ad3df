"""Decides what to do with a message. A pure function, so that it can be tabled, replayed and explained.

In order: a stored question asked again word for word gets its answer; a sure intent gets its template; a near
stored question gets its answer; two likely readings are offered as buttons; else the bot says that it does not know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from configs.assistant_config import PolicyConfig
from nlu.intent import IntentScore
from nlu.understanding import OUT_OF_SCOPE, Understanding
from retrieval.pair import Pair
from retrieval.retriever import Hit

SEARCHED_PAIRS = 3
MAX_OPTIONS = 2
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Run the actions that answer `intent`."""

    intent: str
    actions: tuple[str, ...]
    confidence: float
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAnswer:
    """Give the stored answer of `pair`."""

    pair: Pair
    confidence: float
    reason: Reason


Answer: TypeAlias = Template | PastAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class AskBack:
    """Offer `options` as buttons."""

    options: tuple[Answer, ...]
    confidence: float
    reason: Reason = Reason.UNSURE


@dataclass(frozen=True, slots=True, kw_only=True)
class FallBack:
    """Say that the message was not understood."""

    confidence: float
    reason: Reason = Reason.NOTHING_NEAR


Decision: TypeAlias = Template | PastAnswer | AskBack | FallBack


def decide(
    understanding: Understanding,
    hits: Sequence[Hit],
    actions: Mapping[str, tuple[str, ...]],
    config: PolicyConfig,
) -> Decision:
    """The decision for one message.

    Args:
        hits: Stored pairs, the best first.
        actions: By intent, what answers it; an intent without is never answered from a template.
    """
    ranking = understanding.ranking
    if understanding.uncovered > MAX_UNCOVERED:
        return FallBack(confidence=0.0, reason=Reason.SCRIPT_NOT_COVERED)
    template, past = best_template(ranking, actions), best_past_answer(hits, config)
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
    return _ask_back(likely_options(ranking, hits, actions, config), confidence)


def _ask_back(options: tuple[Answer, ...], confidence: float) -> AskBack | FallBack:
    return AskBack(options=options, confidence=confidence) if options else FallBack(confidence=confidence)


def best_template(ranking: Sequence[IntentScore], actions: Mapping[str, tuple[str, ...]]) -> Template | None:
    """The likeliest intent's template, or None where that intent has no actions."""
    if not ranking or ranking[0].name not in actions:
        return None
    return _template(ranking[0], actions)


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
    actions: Mapping[str, tuple[str, ...]],
    config: PolicyConfig,
) -> tuple[Answer, ...]:
    """The best answers that are likely enough to be offered, at most `MAX_OPTIONS`, the likeliest first."""
    answers: list[Answer] = [_template(score, actions) for score in ranking[:MAX_OPTIONS] if score.name in actions]
    answers += [_past_answer(hit) for hit in hits[:MAX_OPTIONS]]
    likely = [answer for answer in answers if answer.confidence >= config.clarify_threshold]
    return tuple(sorted(likely, key=lambda answer: -answer.confidence)[:MAX_OPTIONS])


def _template(score: IntentScore, actions: Mapping[str, tuple[str, ...]]) -> Template:
    return Template(
        intent=score.name,
        actions=actions[score.name],
        confidence=score.probability,
        reason=Reason.SURE_INTENT,
    )


def _past_answer(hit: Hit) -> PastAnswer:
    return PastAnswer(pair=hit.pair, confidence=hit.probability, reason=Reason.NEAR_QUESTION)
