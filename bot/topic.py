"""What the conversation was about last, and what was offered: follows from the events."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.context_words import MAX_ANSWER_CHARS, name_of, subject_of
from bot.events import Event
from bot.policy import Decision, PastAnswer, Template

# Intents that are answered without being a topic: who says thanks goes on with what was said before.
SMALL_TALK = re.compile(
    r"greet|hello|hi|(?:good)?bye|thanks?(?:_(?:you|bye))?|thankyou|affirm|yes|deny|no|chitchat|mood_(?:great|unhappy)|"
    r"bot_challenge|out_of_scope|ask_capabilities"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """Something that was offered as a button."""

    title: str
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """The question that was answered last.

    Attributes:
        question: In the customer's words, with what a follow-up left out put in; "" before the first.
        intent: Whose template answered it, if one did.
        pair_id: The stored pair whose answer was given, if one was.
        subject: What it is about, in a few words; "" where that is not known.
        answer: What was said to it, up to `MAX_ANSWER_CHARS`.
        options: The buttons of the bot's last turn, in their order.
        at: Unix time of the answer.
        continues: Whether the turn under way has given it, so that what is said next belongs to it.
    """

    question: str = ""
    intent: str | None = None
    pair_id: str | None = None
    subject: str = ""
    answer: str = ""
    options: tuple[Option, ...] = ()
    at: float | None = None
    continues: bool = False


def topic_metadata(text: str, decision: Decision | None) -> dict[str, Any]:
    """What a bot event's metadata says of what it answers, under `topic`; nothing where it is no topic.

    Args:
        text: The message as it was read, with its subject put in if that reading was chosen.
    """
    match decision:
        case PastAnswer(pair=pair):
            about = {"question": text, "pair": pair.id, "subject": subject_of(text, pair)}
        case Template(intent=intent) if not SMALL_TALK.fullmatch(intent):
            about = {"question": text, "intent": intent, "subject": name_of(text)}
        case _:
            return {}
    return {"topic": {key: value for key, value in about.items() if value}}


def after_topic_event(topic: Topic, event: Event) -> Topic:
    """The topic once `event`, of whatever type, has happened."""
    match event["event"]:
        case "user":
            return replace(topic, options=(), continues=False)
        case "bot":
            return _after_answer(topic, event)
        case "restart" | "session_started":
            return Topic()
    return topic


def _after_answer(topic: Topic, event: Event) -> Topic:
    found = tuple(
        Option(title=str(button.get("title") or ""), payload=button["payload"])
        for button in (event.get("data") or {}).get("buttons") or ()
        if isinstance(button, Mapping) and isinstance(button.get("payload"), str)
    )
    options = (*topic.options, *found)
    about = (event.get("metadata") or {}).get("topic")
    if not isinstance(about, Mapping) or not isinstance(about.get("question"), str):
        return replace(topic, options=options)
    said = f"{topic.answer}\n" if topic.continues else ""  # an answer may be several messages
    return Topic(
        question=about["question"],
        intent=about.get("intent"),
        pair_id=about.get("pair"),
        subject=str(about.get("subject") or ""),
        answer=f"{said}{event.get('text') or ''}"[:MAX_ANSWER_CHARS],
        options=options,
        at=event.get("timestamp"),
        continues=True,
    )
