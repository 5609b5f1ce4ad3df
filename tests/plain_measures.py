"""The figures of a period by plain Python over a list of turns: what the store's are compared with."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

QUESTIONS = ("answered", "asked_back", "fell_back", "handed_over")
GIVEN = ("same_question", "sure_intent", "near_question")


@dataclass(frozen=True)
class PlainTurn:
    conversation: str
    seq: int
    at: float
    reason: str = "sure_intent"
    outcome: str | None = "answered"
    channel: str | None = "widget"
    intent: str | None = "greet"
    sentiment: str | None = None
    took_ms: float | None = None
    decision: dict[str, str] | None = None
    feedback: tuple[tuple[str, str], ...] = ()  # who, verdict
    labels: tuple[tuple[str, str, bool], ...] = ()  # kind, value, whether it stands

    def row(self) -> dict[str, Any]:
        return {
            "conversation_id": self.conversation,
            "seq": self.seq,
            "at": self.at,
            "release_id": "r1",
            "reason": self.reason,
            "confidence": 0.5,
            "evidence": json.dumps({"actions": [], **({"decision": self.decision} if self.decision else {})}),
            "message": "words",
            "channel": self.channel,
            "intent": self.intent,
            "outcome": self.outcome,
            "sentiment": self.sentiment,
            "took_ms": self.took_ms,
        }


def is_right(turn: PlainTurn) -> bool | None:
    """None where nobody has judged it, or the promise does not speak of it."""
    if turn.reason not in GIVEN:
        return None
    decision = turn.decision or {}
    said = [
        kind == "right" or (kind in ("intent", "pair") and decision.get(kind) == value)
        for kind, value, stands in turn.labels
        if stands and kind != "ignore"
    ]
    said = said or [verdict == "right" for _, verdict in turn.feedback]
    return all(said) if said else None


def conversations(turns: Sequence[PlainTurn], intent: str | None) -> tuple[int, int, int, int]:
    """With a message, with a question, of these with a person, and without a person and an answer."""
    count = asked = with_person = left = 0
    for name in {turn.conversation for turn in turns}:
        theirs = [turn for turn in turns if turn.conversation == name]
        fitting = [turn for turn in theirs if intent in (None, turn.intent)]
        person = any(turn.outcome in ("handed_over", "person") for turn in theirs)
        question = any(turn.outcome in QUESTIONS for turn in fitting)
        count += bool(fitting)
        asked += question
        with_person += question and person
        left += question and not person and not any(turn.outcome == "answered" for turn in fitting)
    return count, asked, with_person, left


def percentile(times: Sequence[float], percent: int) -> int | None:
    """Up to the end of the step that the time is in."""
    if not times:
        return None
    exact = sorted(times)[math.ceil(len(times) * percent / 100) - 1]
    step = 1 if exact < 100 else 5 if exact < 1_000 else 50 if exact < 10_000 else 500
    return int(exact // step) * step + step


def figures(
    every: Sequence[PlainTurn], since: float, until: float, zone: tzinfo, channel: str | None, intent: str | None
) -> dict[str, Any]:
    theirs = [
        turn
        for turn in every
        if since <= turn.at < until and turn.outcome != "external" and channel in (None, turn.channel)
    ]
    turns = [turn for turn in theirs if intent in (None, turn.intent)]
    clocks = [datetime.fromtimestamp(turn.at, zone) for turn in turns]
    times = [turn.took_ms for turn in turns if turn.took_ms is not None]
    spoken_of = [turn for turn in every if since <= turn.at < until and channel in (None, turn.channel)]
    spoken_of = [turn for turn in spoken_of if intent in (None, turn.intent)]
    judged = [(turn, right) for turn in spoken_of if (right := is_right(turn)) is not None]
    thumbs = [verdict == "right" for turn in spoken_of for who, verdict in turn.feedback if who == "customer"]
    return {
        "conversations": conversations(theirs, intent),
        "outcomes": Counter(turn.outcome for turn in turns),
        "moods": [sum(turn.sentiment == mood for turn in turns) for mood in ("negative", "neutral", "positive")],
        "channels": Counter((turn.channel, turn.outcome) for turn in turns),
        "intents": Counter((turn.intent, turn.outcome) for turn in turns),
        "pairs": Counter(
            turn.decision["pair"]
            for turn in turns
            if turn.outcome == "answered"
            and turn.reason in ("same_question", "near_question")
            and turn.decision
            and "pair" in turn.decision
        ),
        "hours": Counter((clock.weekday(), clock.hour) for clock in clocks),
        "times": [percentile(times, percent) for percent in (50, 90, 99)],
        "given": sum(turn.reason in GIVEN for turn in turns),
        "judged": (sum(not right for _, right in judged), len(judged)),
        "thumbs": (sum(thumbs), len(thumbs) - sum(thumbs)),
    }
