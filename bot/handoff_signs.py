"""What a decision tells about whether a person is wanted."""

from collections.abc import Iterable

from bot.handoff import Signs
from bot.policy import Answer, AskBack, Decision, FallBack, PastAnswer, Reason, Template


def signs_of(decision: Decision | None, intent: str | None, *, in_form: bool = False) -> Signs:
    """The signs of a message that was decided on.

    Args:
        decision: None where nothing had to be decided.
        intent: What the message counts as; None for `nlu_fallback`.
        in_form: Whether a form is under way, which takes what the bot would not understand else.
    """
    match decision:
        case Template() | PastAnswer():
            certain = decision.reason in (Reason.BUTTON, Reason.SAME_QUESTION)
            p_right = None if certain else decision.confidence
            return Signs(intent=intent, topics=_topics((decision,)), p_right=p_right)
        case AskBack(options=options, confidence=confidence):
            return Signs(intent=intent, failing=not in_form, topics=_topics(options), p_right=confidence)
        case FallBack(confidence=confidence):
            return Signs(intent=intent, failing=not in_form, p_right=confidence)
    return Signs(intent=intent)


def _topics(answers: Iterable[Answer]) -> frozenset[str]:
    """Intents and tags of the answers."""
    found: set[str] = set()
    for answer in answers:
        match answer:
            case Template(intent=intent):
                found.add(intent)
            case PastAnswer(pair=pair):
                found |= {pair.intent, *pair.tags} - {""}
    return frozenset(found)
