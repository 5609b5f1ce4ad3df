"""What a message is taken to mean: a command of a button, an intent that there is something to do for, or neither."""

from collections.abc import Mapping
from typing import Any

from bot.default_actions import DEFAULT_INTENTS
from bot.engine import Reading, fits_an_intent
from bot.next_action import flow_action
from bot.parse_data import parse_data
from bot.payload import PAST_ANSWER, Payload, parse_payload
from bot.policy import AskBack, Decision, FallBack, Template, decide
from bot.turn import TurnUnderWay
from configs import rasa_names


def trusted_payload(turn: TurnUnderWay, text: str) -> Payload | None:
    """The command in `text`, if it is one and comes from a button that the bot has shown here."""
    payload = parse_payload(text)
    if payload is None:
        return None
    spec = turn.engine.spec
    known = {PAST_ANSWER, *rasa_names.DEFAULT_INTENTS, *spec.domain.intents, *turn.engine.flows.answerable}
    trusted = spec.trust_slash_intents or text.strip() in turn.conversation.offered
    return payload if trusted and payload.name in known else None


def decision_on(turn: TurnUnderWay, reading: Reading, text: str) -> tuple[Decision, dict[str, Any]]:
    """What is decided on a message, and Rasa's parse data of it."""
    engine, understanding = reading.engine, reading.understanding
    answerable = _answerable(turn, parse_data(text, reading, understanding.intent.name))
    decision = decide(
        understanding,
        reading.hits,
        answerable,
        engine.spec.policy,
        promise=engine.promise,
        asked_back=turn.conversation.asked_back,
    )
    return decision, parse_data(text, reading, _sure_intent(reading, decision, answerable))


def _answerable(turn: TurnUnderWay, likeliest: Mapping[str, Any]) -> frozenset[str]:
    """The intents that there is something to do for, as things stand.

    Args:
        likeliest: The message's parse data, were its likeliest intent meant: only that one is tried out.
    """
    spec, flows = turn.engine.spec, turn.engine.flows
    heard = {"event": "user", "timestamp": turn.now, "text": likeliest["text"], "parse_data": dict(likeliest)}
    meant = turn.conversation.after([heard], turn.domain)
    if meant.intent in DEFAULT_INTENTS or flow_action(meant, spec, flows) is not None:
        return flows.answerable | {str(meant.intent)}
    return flows.answerable - {str(meant.intent)}


def _sure_intent(reading: Reading, decision: Decision, answerable: frozenset[str]) -> str | None:
    """The intent that the message counts as; None for `nlu_fallback`."""
    understanding = reading.understanding
    if isinstance(decision, Template):
        return decision.intent
    # One that nothing answers now may still fill a slot, or be what a story waits for later.
    declined = isinstance(decision, AskBack | FallBack) and understanding.intent.name in answerable
    sure = not declined and fits_an_intent(understanding, reading.engine.spec.policy)
    return understanding.intent.name if sure else None
