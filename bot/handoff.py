"""Who answers a customer: the bot, or a person. A pure state machine over the events that are stored.

    bot ──asked for──> waiting ──claimed──> human ──given back──> returned ──asked for──> waiting ...
                          └──nobody came, or not needed any more──────^

`after_handoff_event` folds every event of a conversation; `Conversation` keeps what comes of it. While somebody waits
or is served by a person the bot says nothing. Claims are optimistic: an event that does not fit the state, such as the
claim of a second person, changes nothing, so that of two the one that was stored first counts.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from bot.events import LISTEN, Event, action_event, plain_event
from configs.assistant_config import HandoffConfig

HANDOFF = "handoff"
TOLD_AT = "told_at"
ACTION_HANDOFF = "action_handoff"
RASA_ACTION_HANDOFF = "action_human_handoff"
FAILING_ACTIONS = frozenset(
    {
        "action_ask_back",
        "action_default_fallback",
        "action_default_ask_affirmation",
        "action_default_ask_rephrase",
        "action_two_stage_fallback",
    }
)
UTTER_HANDOFF, UTTER_CLOSED, UTTER_TIMEOUT = "utter_handoff", "utter_handoff_closed", "utter_handoff_timeout"
UTTER_RETURNED = "utter_handoff_returned"
ANGER = "anger"
MAX_UNREAD = 20


class HandoffState(StrEnum):
    """Who answers."""

    BOT = "bot"
    WAITING = "waiting"
    HUMAN = "human"
    RETURNED = "returned"


class HandoffReason(StrEnum):
    """Why a person is wanted."""

    ASKED_FOR = "asked_for"
    ANGRY = "angry"
    FAILED = "failed"
    SENSITIVE = "sensitive"
    RULE = "rule"
    API = "api"
    PLATFORM = "platform"  # a person took it in the platform's own inbox


class ReturnReason(StrEnum):
    """Why the bot answers again."""

    GIVEN_BACK = "given_back"
    NOBODY_CAME = "nobody_came"
    IDLE = "idle"
    CLOSED = "closed"
    ENDED = "ended"  # the customer has ended the conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """Where a conversation stands between bot and person; all of it follows from the events.

    Attributes:
        reason: Why a person was wanted, or why the bot answers again.
        by: Who has claimed it; empty unless the state is `human`.
        since: Unix time at which the state began.
        last_at: Unix time of what the customer or a person said last.
        unread: What was said out of turn since the customer's last message, for channels that cannot be written to.
        failures: Turns in a row in which the bot had no answer.
        failing: Whether the turn under way is one of these.
        angry: Angry messages since the session began or a person was last asked for.
        told_at: When, by the platform's clock, it last said who answers; None where it has not since a person was
            wanted.
    """

    state: HandoffState = HandoffState.BOT
    reason: str = ""
    by: str = ""
    since: float | None = None
    last_at: float | None = None
    unread: tuple[str, ...] = ()
    failures: int = 0
    failing: bool = False
    angry: int = 0
    told_at: float | None = None

    @property
    def silences_bot(self) -> bool:
        """Whether a person is wanted or there, so that the bot says nothing."""
        return self.state in (HandoffState.WAITING, HandoffState.HUMAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What a message and the answer that is about to be given tell about whether a person is wanted.

    Attributes:
        intent: What was understood, however sure.
        failing: Whether the bot is about to fall back or to ask back.
        topics: Intents and tags of the answers that were considered.
        p_right: Probability in [0, 1] that the answer at hand is right; None where it is sure, as after a button.
    """

    intent: str | None = None
    failing: bool = False
    topics: Collection[str] = ()
    p_right: float | None = None


def wants_person(config: HandoffConfig, handoff: Handoff, signs: Signs) -> HandoffReason | None:
    """Why the conversation should go to a person now, or None.

    Args:
        handoff: After the customer's message was folded in, so that its mood counts.
    """
    if not config.enabled or handoff.silences_bot:
        return None
    if signs.intent in config.intents and not signs.failing:
        return HandoffReason.ASKED_FOR
    if 0 < config.angry_messages <= handoff.angry:
        return HandoffReason.ANGRY
    sensitive = not frozenset(config.sensitive).isdisjoint({signs.intent, *signs.topics})
    unsure = signs.failing or (signs.p_right is not None and signs.p_right < config.sensitive_threshold)
    if sensitive and unsure:
        return HandoffReason.SENSITIVE
    if signs.failing and 0 < config.failures <= handoff.failures + 1:
        return HandoffReason.FAILED
    return None


def overdue(config: HandoffConfig, handoff: Handoff, now: float) -> ReturnReason | None:
    """Why the bot should take over again at `now`, or None: nobody came, or nobody says anything any more.

    What a platform says that persons have in its inbox stays theirs until it says otherwise.
    """
    if handoff.told_at is not None:
        return None
    match handoff.state:
        case HandoffState.WAITING if config.return_after_wait:
            late = _minutes(handoff.since, now) >= config.wait_minutes
            return ReturnReason.NOBODY_CAME if late and config.wait_minutes else None
        case HandoffState.HUMAN:
            late = _minutes(handoff.last_at, now) >= config.idle_minutes
            return ReturnReason.IDLE if late and config.idle_minutes else None
    return None


def after_handoff_event(handoff: Handoff, event: Event) -> Handoff:
    """The state once `event`, of whatever type, has happened."""
    match event["event"]:
        case "user":
            handoff = _after_message(handoff, event)
        case "action" if event.get("name") in FAILING_ACTIONS and not handoff.failing:
            handoff = replace(handoff, failing=True, failures=handoff.failures + 1)
        case "bot" if is_pushed(event):
            handoff = _after_reply(handoff, event)
        case "agent":
            handoff = _after_reply(handoff, event)
        case "handoff":
            handoff = _after_step(handoff, event)
        case "resume" if handoff.silences_bot:
            handoff = replace(_ended(handoff, event.get("timestamp")), reason=ReturnReason.GIVEN_BACK)
        case "restart":
            handoff = Handoff()
        case "session_started" if not handoff.silences_bot:
            handoff = Handoff()
    return handoff


def agent_of(event: Event) -> str:
    """Who said what a `bot` event holds; empty for the bot itself."""
    return str((event.get("metadata") or {}).get("agent") or "")


def is_pushed(event: Event) -> bool:
    """Whether a `bot` event was said out of the customer's turn, by a person or because time has passed."""
    return bool(agent_of(event) or (event.get("metadata") or {}).get("pushed"))


def hand_over(config: HandoffConfig, reason: HandoffReason, now: float) -> tuple[list[Event], str]:
    """What happens where a person is wanted, and the response that says so; outside the hours the bot goes on."""
    if config.opening_hours().is_open(now):
        return waiting_events(reason, now), UTTER_HANDOFF
    return [closed_event(reason, now)], UTTER_CLOSED


def handoff_slots(config: HandoffConfig, now: float) -> dict[str, str]:
    """What responses may name besides slots: `handoff_opens`, when people are there next; empty where not soon."""
    opens = config.opening_hours().opens_at(now)
    return {} if opens is None else {"handoff_opens": f"{opens:%Y-%m-%d %H:%M}"}


def waiting_events(reason: HandoffReason, now: float, *, note: str = "", told_at: float | None = None) -> list[Event]:
    """A person is wanted; from here on the bot is silent.

    Args:
        told_at: When the platform said so; None where it was the bot or somebody else here.
    """
    asked = {"event": HANDOFF, "timestamp": now, "state": HandoffState.WAITING.value, "reason": reason.value}
    return [{**asked, **({"note": note} if note else {}), **_told(told_at)}, plain_event("pause", now)]


def noted_event(now: float, told_at: float) -> Event:
    """The platform has said that the conversation waits for persons in its inbox, as it does here."""
    return {"event": HANDOFF, "timestamp": now, "state": HandoffState.WAITING.value, **_told(told_at)}


def closed_event(reason: HandoffReason, now: float) -> Event:
    """A person was wanted while nobody is there: the bot says so and goes on."""
    step = {"event": HANDOFF, "timestamp": now, "state": HandoffState.BOT.value}
    return {**step, "reason": ReturnReason.CLOSED.value, "wanted": reason.value}


def claimed_event(agent: str, now: float, *, taken_from: str = "", told_at: float | None = None) -> Event:
    """`agent` answers from here on; `taken_from` names who did so until now, `told_at` is as in `waiting_events`."""
    step = {"event": HANDOFF, "timestamp": now, "state": HandoffState.HUMAN.value, "by": agent}
    return {**step, **({"from": taken_from} if taken_from else {}), **_told(told_at)}


def returned_events(
    reason: ReturnReason, now: float, *, by: str = "", said: Sequence[Event] = (), told_at: float | None = None
) -> list[Event]:
    """The bot answers again, says what `said` holds, and listens, as rules and stories want it before a message.

    Args:
        told_at: As in `waiting_events`.
    """
    step = {"event": HANDOFF, "timestamp": now, "state": HandoffState.RETURNED.value, "reason": reason.value, "by": by}
    return [{**step, **_told(told_at)}, plain_event("resume", now), *said, action_event(LISTEN, now)]


def _after_message(handoff: Handoff, event: Event) -> Handoff:
    return replace(
        handoff,
        last_at=event.get("timestamp"),
        unread=(),
        failures=handoff.failures if handoff.failing else 0,
        failing=False,
        angry=handoff.angry + (ANGER in _felt(event)),
    )


def _after_reply(handoff: Handoff, event: Event) -> Handoff:
    text = event.get("text")
    unread = (*handoff.unread, text)[-MAX_UNREAD:] if isinstance(text, str) and text else handoff.unread
    return replace(handoff, last_at=event.get("timestamp"), unread=unread)


def _after_step(handoff: Handoff, event: Event) -> Handoff:
    """The state after an event of type `handoff`; one that does not fit changes nothing."""
    now, reason, by = event.get("timestamp"), str(event.get("reason") or ""), str(event.get("by") or "")
    told_at = event.get(TOLD_AT)
    told = handoff.told_at if told_at is None else told_at
    match event.get("state"):
        case HandoffState.WAITING if not handoff.silences_bot:
            return Handoff(state=HandoffState.WAITING, reason=reason, since=now, last_at=now, told_at=told_at)
        case HandoffState.WAITING:
            return replace(handoff, told_at=told)
        case HandoffState.HUMAN if by and handoff.silences_bot and handoff.by == str(event.get("from") or ""):
            return replace(handoff, state=HandoffState.HUMAN, by=by, since=now, last_at=now, told_at=told)
        case HandoffState.RETURNED if handoff.silences_bot:
            return replace(_ended(handoff, now), reason=reason, told_at=told)
        case HandoffState.BOT if not handoff.silences_bot:
            return Handoff(state=handoff.state, reason=reason, since=handoff.since, unread=handoff.unread)
    return handoff


def _ended(handoff: Handoff, now: float | None) -> Handoff:
    return Handoff(state=HandoffState.RETURNED, since=now, unread=handoff.unread, told_at=handoff.told_at)


def _told(told_at: float | None) -> Event:
    return {} if told_at is None else {TOLD_AT: told_at}


def _felt(event: Event) -> Collection[str]:
    known: Any = (event.get("parse_data") or {}).get("kefu") or {}
    mood = known.get("mood") if isinstance(known, Mapping) else None
    felt = mood.get("felt") if isinstance(mood, Mapping) else None
    return felt if isinstance(felt, list | tuple) else ()


def _minutes(since: float | None, now: float) -> float:
    return 0.0 if since is None else (now - since) / 60
