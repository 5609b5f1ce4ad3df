"""What a turn writes besides its events: the reply, the reminders, and why the bot said it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from time import perf_counter
from typing import Any

from pydantic import TypeAdapter

from bot.degrade import fitted
from bot.events import Event, said_in
from bot.handoff import is_pushed
from bot.messages import BotMessage, UserMessage
from bot.outcome import outcome_of
from bot.policy import Answer, AskBack, Decision, Template
from bot.reminders import reminder_changes
from bot.standing import standing_in, standing_payload
from bot.stores.inbox import Claimed
from bot.stores.turn import Evidence, Held, InboxMessage, Reminder, TurnWrite
from bot.turn import TurnUnderWay

_PARTS: TypeAdapter[tuple[BotMessage, ...]] = TypeAdapter(tuple[BotMessage, ...])


def turn_write(
    turn: TurnUnderWay, waiting: Sequence[Reminder], message: UserMessage | None, claimed: Claimed | None
) -> TurnWrite:
    """What is written with the turn, in its one transaction.

    Args:
        waiting: The conversation's reminders so far.
        message: What the customer sent, where it did not wait in the inbox.
        claimed: The message of the inbox that the turn answers.
    """
    reminders = reminder_changes(turn.events, waiting, turn.channel)
    lease = turn.loaded.lease if isinstance(turn.loaded, Held) else None
    known = message is not None and message.external_id is not None
    pushed = [said_in(event) for event in turn.events if event["event"] == "bot" and is_pushed(event)]
    said = fitted((*turn.messages, *pushed), turn.abilities) if turn.abilities else turn.messages
    return TurnWrite(
        lease=claimed.lease if claimed else lease,
        version=turn.loaded.version,
        inbox_id=claimed.inbox_id if claimed else None,
        message=inbox_message(message, turn.now) if known and message and not claimed else None,
        parts=tuple(asdict(part) for part in said) if turn.sends or known else (),
        deliver=turn.sends,
        channel=turn.channel,
        reply_expires_at=_expiry(turn),
        reminders=reminders.set,
        cancelled=reminders.cancelled,
        evidence=_evidence(turn),
        suggested=turn.suggested,
        taken=turn.taken,
    )


def _expiry(turn: TurnUnderWay) -> float | None:
    """When it is too late to send what is said, counted from what the customer wrote last."""
    within_s = turn.abilities.reply_within_s if turn.abilities else None
    return None if within_s is None else (turn.conversation.message_at or turn.now) + within_s


def inbox_message(message: UserMessage, now: float) -> InboxMessage:
    """A customer's message as the inbox keeps it."""
    return InboxMessage(
        conversation_id=message.conversation_id,
        channel=message.channel,
        account=message.account,
        external_id=message.external_id or "",
        payload={"text": message.text, "metadata": dict(message.metadata), **standing_payload(message.standing)},
        received_at=now,
    )


def user_message(message: InboxMessage) -> UserMessage:
    """What `inbox_message` wrote."""
    return UserMessage(
        conversation_id=message.conversation_id,
        text=str(message.payload["text"]),
        channel=message.channel,
        account=message.account,
        external_id=message.external_id,
        metadata=message.payload.get("metadata") or {},
        standing=standing_in(message.payload),
    )


def stored_reply(parts: Sequence[Mapping[str, Any]]) -> tuple[BotMessage, ...]:
    """A reply as it was given the first time."""
    return _PARTS.validate_python(parts)


def _evidence(turn: TurnUnderWay) -> Evidence | None:
    message = turn.last_message()
    if turn.decision is None and message is None:
        return None
    read = turn.reading.understanding if turn.reading is not None else None
    return Evidence(
        at=turn.now,
        release_id=turn.engine.id,
        reason=turn.reason,
        confidence=None if turn.decision is None else turn.decision.confidence,
        evidence=_considered(turn),
        message=None if message is None else message.get("text"),
        channel=turn.channel or None,
        intent=None if message is None else _intent(message),
        outcome=outcome_of(turn.reason, turn.decision, turn.events),
        sentiment=read.mood.sentiment if read is not None and read.mood is not None else None,
        took_ms=1e3 * (perf_counter() - turn.began),
    )


def _intent(message: Event) -> str | None:
    parsed = message.get("parse_data") or {}  # none where the message was written by other programs
    named: str | None = (parsed.get("intent") or {}).get("name")
    return named


def _considered(turn: TurnUnderWay) -> dict[str, Any]:
    """The decision, what spoke for it, and what was done."""
    done = [event["name"] for event in turn.events if event["event"] == "action"]
    considered: dict[str, Any] = {"actions": done}
    if turn.decision is not None:
        considered |= {"decision": _told(turn.decision), "evidence": dict(turn.decision.evidence)}
    if turn.reading is not None:
        understood = turn.reading.understanding
        considered["intents"] = [[score.name, round(score.probability, 4)] for score in understood.ranking[:3]]
        considered["past_answers"] = [[hit.pair.id, round(hit.probability, 4)] for hit in turn.reading.hits[:3]]
        considered["scope"] = round(understood.scope, 4)
        if understood.mood is not None and understood.mood.felt:
            considered["felt"] = list(understood.mood.felt)
    return considered


def _told(decision: Decision) -> dict[str, Any]:
    match decision:
        case AskBack(options=options):
            return {"kind": "ask_back", "options": [_named(option) for option in options]}
        case Template():
            return {"kind": "template", **_named(decision)}
        case _:
            pair = getattr(decision, "pair", None)
            return {"kind": "fall_back"} if pair is None else {"kind": "past_answer", "pair": pair.id}


def _named(answer: Answer) -> dict[str, str]:
    return {"intent": answer.intent} if isinstance(answer, Template) else {"pair": answer.pair.id}
