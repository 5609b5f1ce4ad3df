"""Turns as a store may hold them, and the writing of them into one."""

import json
import random
from collections.abc import Sequence
from typing import Any

from plain_measures import PlainTurn
from sqlalchemy import Connection

from bot.stores.tables import conversations, feedback, labels, turns

CHANNELS = ("widget", "telegram", None)
INTENTS = ("greet", "refund", "nlu_fallback", None)
OUTCOMES = (
    "answered",
    "answered",
    "asked_back",
    "fell_back",
    "handed_over",
    "person",
    "form",
    "media",
    "external",
    None,
)
REASONS = ("sure_intent", "near_question", "same_question", "button", "unsure", "out_of_scope")
LABELS = (("right", "intent:greet"), ("intent", "greet"), ("pair", "p1"), ("new_intent", "x"), ("ignore", ""))


def random_turns(seed: int, since: float, until: float, count: int = 60) -> list[PlainTurn]:
    """Turns of a few conversations, from a while before until a while after a time."""
    rng = random.Random(seed)
    span = until - since
    return [random_turn(rng, seq, since - span / 4 + rng.random() * span * 1.5) for seq in range(count)]


def random_turn(rng: random.Random, seq: int, at: float) -> PlainTurn:
    reason = rng.choice(REASONS)
    decision = rng.choice([None, {"kind": "template", "intent": rng.choice(["greet", "refund"])}])
    if reason in ("near_question", "same_question"):
        decision = {"kind": "past_answer", "pair": rng.choice(["p1", "p2", "p'3"])}
    who = rng.sample(["customer", "api", "ann"], rng.choice([0, 0, 0, 1, 2]))
    given = rng.sample(LABELS, rng.choice([0, 0, 0, 1, 2]))
    return PlainTurn(
        conversation=f"c{rng.randrange(12)}",
        seq=seq,
        at=round(at, 3),
        reason=reason,
        outcome=rng.choice(OUTCOMES),
        channel=rng.choice(CHANNELS),
        intent=rng.choice(INTENTS),
        sentiment=rng.choice(["negative", "neutral", "positive", None]),
        took_ms=rng.choice([None, 0.0, 99.99, 100.0, 1_004.9, rng.lognormvariate(4, 2)]),
        decision=decision,
        feedback=tuple((name, rng.choice(["right", "wrong", "corrected"])) for name in who),
        labels=tuple((kind, value, rng.random() < 0.8) for kind, value in given),
    )


def write(connection: Connection, every: Sequence[PlainTurn]) -> None:
    """Puts the turns, and what people say of them, into a store."""
    names = sorted({turn.conversation for turn in every})
    if not names:
        return
    state = {"state": "{}", "updated_at": 0.0, "version": 1, "last_commit": "x"}
    connection.execute(conversations.insert(), [{"sender_id": name, **state} for name in names])
    connection.execute(turns.insert(), [turn.row() for turn in every])
    for turn in every:
        about = {"conversation_id": turn.conversation, "turn_seq": turn.seq, "at": turn.at + 1}
        for who, verdict in turn.feedback:
            connection.execute(feedback.insert(), {**about, "who": who, "verdict": verdict})
        for number, (kind, value, stands) in enumerate(turn.labels):
            said = {"text": "words", "kind": kind, "value": value, "who": f"reviewer {number}", "shown_for": ""}
            connection.execute(labels.insert(), {**about, **said, "undone_at": None if stands else turn.at + 2})


def survey_row(sender: str, at: float, value: Any, name: str = "kefu_survey") -> dict[str, Any]:
    """A row of the events' table in which a customer gives a score."""
    event = {"event": "slot", "timestamp": at, "name": name, "value": value}
    return {"sender_id": sender, "type_name": "slot", "timestamp": at, "data": json.dumps(event)}
