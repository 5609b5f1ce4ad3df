"""What a message is taken to mean: a command of a button, an intent that there is something to do for, or neither."""

from typing import Any

from bot.default_actions import DEFAULT_INTENTS
from bot.engine import Reading, fits_an_intent
from bot.next_action import flow_action
from bot.parse_data import likeliest_parse_data, parse_data
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


def decision_on(turn: TurnUnderWay, reading: Reading) -> Decision:
    """What is decided on a message that was read so."""
    engine, likeliest = reading.engine, reading.understanding.intent.name
    answerable = engine.flows.answerable
    answerable = answerable | {likeliest} if _is_answerable(turn, reading) else answerable - {likeliest}
    return decide(
        reading.understanding,
        reading.hits,
        answerable,
        engine.spec.policy,
        promise=engine.promise,
        asked_back=turn.conversation.asked_back,
    )


def parsed(turn: TurnUnderWay, reading: Reading, decision: Decision, text: str) -> dict[str, Any]:
    """Rasa's parse data of a message, with the intent that it counts as."""
    understanding = reading.understanding
    likeliest: str | None = understanding.intent.name
    match decision:
        case Template(intent=intent):
            likeliest = intent
        case _ if not fits_an_intent(understanding, reading.engine.spec.policy):
            likeliest = None
        case AskBack() | FallBack() if _is_answerable(turn, reading):
            likeliest = None  # it was not sure enough; one that nothing answers may still fill a slot
    return parse_data(text, reading, likeliest)


def _is_answerable(turn: TurnUnderWay, reading: Reading) -> bool:
    """Whether there is something to do for the likeliest intent, as things stand."""
    meant = {"event": "user", "timestamp": turn.now, "text": "", "parse_data": likeliest_parse_data(reading)}
    conversation = turn.conversation.after([meant], turn.domain)
    known = conversation.intent in DEFAULT_INTENTS
    return known or flow_action(conversation, turn.engine.spec, turn.engine.flows) is not None
