"""A decision in a few words, by which two releases are compared, and what would have come of it. Pure."""

from collections.abc import Mapping
from typing import Any

from bot.engine import Reading
from bot.handoff import wants_person
from bot.handoff_signs import signs_of
from bot.meaning import parsed
from bot.next_action import next_action
from bot.outcome import Outcome, outcome_of
from bot.policy import Answer, AskBack, Decision, PastAnswer, Template
from bot.turn import TurnUnderWay


def answer_of(decision: Decision) -> str:
    """`intent:NAME`, `pair:ID`, or several of them where the bot asks back; empty where it falls back."""
    match decision:
        case Template() | PastAnswer():
            return _named(decision)
        case AskBack(options=options):
            return " ".join(sorted(map(_named, options)))
        case _:
            return ""


def logged_answer(evidence: Mapping[str, Any]) -> str:
    """What `answer_of` says of the decision that a turn's evidence tells of."""
    told = evidence.get("decision") or {}
    options = told.get("options", [told])
    return " ".join(
        sorted(f"{kind}:{option[kind]}" for option in options for kind in ("intent", "pair") if kind in option)
    )


def what_came(turn: TurnUnderWay, reading: Reading, decision: Decision, text: str) -> Outcome:
    """What would come of a message on which `turn.engine` decides so; nothing is done.

    Args:
        turn: One that nothing has happened in; the message is added to it.
    """
    data = parsed(turn, reading, decision, text)
    turn.happen([{"event": "user", "timestamp": turn.now, "text": text, "parse_data": data}])
    conversation, spec = turn.conversation, turn.engine.spec
    signs = signs_of(decision, conversation.intent, in_form=conversation.loop is not None)
    if wants_person(spec.handoff, conversation.handoff, signs):
        return Outcome.HANDED_OVER
    found = next_action(conversation, spec, turn.engine.flows, decision, answered=False)
    if found.action in spec.domain.forms:
        return Outcome.FORM
    return outcome_of(decision.reason, decision, ())


def _named(answer: Answer) -> str:
    return f"intent:{answer.intent}" if isinstance(answer, Template) else f"pair:{answer.pair.id}"
