"""Figures as JSON: counts are exact, and a share stands beside what it is a share of."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.measures.conversations import Conversations
from bot.measures.figures import Bucket, Moods, Outcomes
from bot.measures.judged import Judged
from bot.measures.measures import Measures
from bot.measures.parts import Part
from bot.measures.response_time import ResponseTime
from bot.measures.satisfaction import Satisfaction
from bot.measures.share import Share
from bot.outcome import Outcome

JSON_KEYS = (
    "period",
    "only",
    "conversations",
    "messages",
    "moods",
    "time",
    "judged",
    "thumbs",
    "csat",
    "parts",
    "channels",
    "intents",
    "past_answers",
    "hours",
    "rising",
    "unanswered",
)
MOST_LISTED = 100
"""Intents, past answers and clusters that are listed at most."""


def measures_json(measures: Measures) -> dict[str, Any]:
    """All figures of a period."""
    period = measures.period
    return {
        "period": {
            "since": period.local(period.since).isoformat(),
            "until": period.local(period.until).isoformat(),
            "timezone": str(period.zone),
            "unit": period.unit.value,
        },
        "only": {"channel": measures.only.channel, "intent": measures.only.intent},
        **_counts(measures.conversations, measures.outcomes, measures.moods, measures.time),
        "judged": _judged(measures.judged),
        "thumbs": {"up": measures.thumbs.up, "down": measures.thumbs.down},
        "csat": _satisfaction(measures.satisfaction),
        "parts": [bucket_json(measures, bucket) for bucket in measures.parts],
        "channels": [_part("channel", part) for part in measures.channels],
        "intents": [_part("intent", part) for part in measures.intents[:MOST_LISTED]],
        "past_answers": [
            {"pair": pair.id, "question": pair.question, "given": pair.count} for pair in measures.pairs[:MOST_LISTED]
        ],
        "hours": [
            {"weekday": weekday + 1, "hour": hour, "messages": count}
            for (weekday, hour), count in sorted(measures.hours.items())
        ],
        "rising": _rising(measures),
        "unanswered": None
        if measures.unanswered is None
        else [{"typical": one.typical, "messages": one.size} for one in measures.unanswered],
    }


def json_text(measures: Measures) -> str:
    """`measures_json`, written."""
    return json.dumps(measures_json(measures), ensure_ascii=False, indent=1) + "\n"


def _counts(conversations: Conversations, outcomes: Outcomes, moods: Moods, time: ResponseTime) -> dict[str, Any]:
    return {
        "conversations": _conversations(conversations),
        "messages": _outcomes(outcomes),
        "moods": {"negative": moods.negative, "neutral": moods.neutral, "positive": moods.positive},
        "time": {"turns": time.turns, "p50_ms": time.p50_ms, "p90_ms": time.p90_ms, "p99_ms": time.p99_ms},
    }


def _conversations(had: Conversations) -> dict[str, Any]:
    return {
        "count": had.count,
        "asked": had.asked,
        "with_person": had.with_person,
        "self_served": had.self_served,
        "left": had.left,
        "self_service_rate": Share(count=had.self_served, of=had.asked).value,
    }


def _outcomes(outcomes: Outcomes) -> dict[str, Any]:
    by = {outcome.value: outcomes.by.get(outcome, 0) for outcome in Outcome if outcome is not Outcome.EXTERNAL}
    return {"count": outcomes.messages, "questions": outcomes.questions, **by, "unrecorded": outcomes.by.get(None, 0)}


def _share(share: Share) -> dict[str, Any]:
    low, high = share.interval or (None, None)
    return {"count": share.count, "of": share.of, "share": share.value, "low": low, "high": high}


def _judged(judged: Judged) -> dict[str, Any]:
    promise = judged.promise
    return {
        "wrong": _share(judged.wrong),
        "given": judged.given,
        "by_reviewers": judged.by_reviewers,
        "max_wrong_rate": None if promise is None else promise.max_wrong_rate,
        "confidence": None if promise is None else promise.confidence,
        "finding": judged.sentence,
    }


def _satisfaction(said: Satisfaction) -> dict[str, Any]:
    scores = {str(score): count for score, count in enumerate(said.scores, 1)}
    return {"scores": scores, "mean": said.mean, "satisfied": _share(said.satisfied)}


def bucket_json(measures: Measures, bucket: Bucket) -> dict[str, Any]:
    """The figures of a day or an hour."""
    local = measures.period.local
    return {
        "since": local(bucket.since).isoformat(),
        "until": local(bucket.until).isoformat(),
        **_counts(bucket.conversations, bucket.outcomes, bucket.moods, bucket.time),
        "wrong": _share(bucket.wrong),
    }


def _part(kind: str, part: Part) -> dict[str, Any]:
    named = {kind: part.name, "messages": _outcomes(part.outcomes), "wrong": _share(part.wrong)}
    return named if part.conversations is None else {**named, "conversations": _conversations(part.conversations)}


def _rising(measures: Measures) -> Sequence[Mapping[str, Any]] | None:
    if measures.rising is None:
        return None
    return [
        {
            "intent": one.topic,
            "now": one.now,
            "before": one.before,
            "share_now": one.share_now,
            "share_before": one.share_before,
            "p": one.p,
        }
        for one in measures.rising
    ]
