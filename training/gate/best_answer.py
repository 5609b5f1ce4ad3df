"""The answer that a release would give to a message by itself, outside a conversation.

The running bot's policy decides more: what is asked back, and what a form takes. Whether an answer is given, and which,
is the same here; a test holds the two together.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from configs.assistant_config import PolicyConfig
from configs.rasa_names import OUT_OF_SCOPE
from nlu.intent import IntentScore
from nlu.understanding import Understanding
from retrieval.evidence import candidates
from retrieval.promise import Promise
from retrieval.retriever import Hit

MAX_UNCOVERED = 0.5  # of a message's letters, as the policy has it


@dataclass(frozen=True, slots=True, kw_only=True)
class BestAnswer:
    """The candidate that is given, or comes nearest to it.

    Attributes:
        answer: An intent, whose template it is, or a past answer that was found; None where there is no candidate.
        sure: How likely it is right, in [0, 1].
    """

    answer: IntentScore | Hit | None
    sure: float
    given: bool


def best_answer(
    understanding: Understanding,
    hits: Sequence[Hit],
    answerable: Collection[str],
    config: PolicyConfig,
    promise: Promise | None,
) -> BestAnswer:
    """What the policy would give.

    Args:
        hits: The best first.
        promise: The error rate to keep to; None for the thresholds of `config`.
    """
    best = (
        _promised(understanding, hits, answerable, promise)
        if promise
        else _by_thresholds(understanding, hits, answerable, config)
    )
    readable = understanding.uncovered <= MAX_UNCOVERED
    return BestAnswer(answer=best.answer, sure=best.sure, given=best.given and readable)


def says_out_of_scope(best: BestAnswer) -> bool:
    """Whether what is given are the owner's own words for messages that are out of scope."""
    return isinstance(best.answer, IntentScore) and best.answer.name == OUT_OF_SCOPE


def _promised(
    understanding: Understanding, hits: Sequence[Hit], answerable: Collection[str], promise: Promise
) -> BestAnswer:
    found = candidates(understanding, hits, answerable)
    if not found:
        return BestAnswer(answer=None, sure=0.0, given=False)
    sure = promise.probabilities(found)
    at = max(range(len(found)), key=lambda place: sure[place])
    return BestAnswer(answer=found[at].answer, sure=sure[at], given=sure[at] >= promise.threshold)


def _by_thresholds(
    understanding: Understanding, hits: Sequence[Hit], answerable: Collection[str], config: PolicyConfig
) -> BestAnswer:
    same = max(hits, key=lambda hit: hit.cosine, default=None)
    if same is not None and same.cosine >= config.same_question_threshold:
        return BestAnswer(answer=same, sure=min(1.0, same.cosine), given=True)
    past = BestAnswer(answer=hits[0], sure=hits[0].probability, given=True) if hits else None
    template = None
    if understanding.ranking and understanding.ranking[0].name in answerable:
        first = understanding.ranking[0]
        template = BestAnswer(answer=first, sure=first.probability, given=True)
    in_scope = understanding.scope >= config.scope_threshold or (template is not None and says_out_of_scope(template))
    if template is not None and template.sure >= config.template_threshold and in_scope:
        return template
    if past is not None and past.sure >= config.answer_threshold:
        return past
    nearest = max((each for each in (template, past) if each is not None), key=lambda each: each.sure, default=None)
    if nearest is None:
        return BestAnswer(answer=None, sure=0.0, given=False)
    return BestAnswer(answer=nearest.answer, sure=nearest.sure, given=False)
