"""What channels are told of persons who take over: written with the turn, and sent as its reply is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.abilities import Abilities, Follows
from bot.conversation import Conversation
from bot.desk_seat import SAID, message_frame
from bot.events import Event, said_in
from bot.handoff import TOLD_AT, Handoff, HandoffState, ReturnReason, after_handoff_event
from bot.handoff_summary import summary
from bot.stores.outbox import Part
from bot.stores.turn import Notice

MAX_EVENTS = 500  # of which a summary is made, however long the conversation is
MAX_TRANSCRIPT = 50
NOTICE = "notice"  # in a part's payload, in the place of what the bot says
TIMED_OUT = frozenset({ReturnReason.NOBODY_CAME, ReturnReason.IDLE})


class NoticeType(StrEnum):
    """What has happened, as the outside is told."""

    REQUESTED = "handoff.requested"
    CLAIMED = "handoff.claimed"
    RETURNED = "handoff.returned"
    TIMED_OUT = "handoff.timed_out"
    MESSAGE = "message.created"


OWN_TYPES = frozenset({NoticeType.REQUESTED, NoticeType.RETURNED, NoticeType.TIMED_OUT})
RETURNS = frozenset({NoticeType.RETURNED, NoticeType.TIMED_OUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something between a customer and persons.

    Attributes:
        at: Unix time.
        data: What is told of it besides which conversation it was in.
    """

    type: NoticeType
    at: float
    data: Mapping[str, Any]


def followers(channels: Mapping[str, Abilities], channel: str) -> Mapping[str, Follows]:
    """Which channels are told of a conversation of `channel`, and how: its own inbox for persons, else all others."""
    own = channels.get(channel)
    if own is not None and own.follows is Follows.OWN:
        return {channel: Follows.OWN}
    return {name: able.follows for name, able in channels.items() if able.follows is Follows.OTHERS}


def happenings(before: Handoff, events: Iterable[Event]) -> list[Happening]:
    """What of `events` is to be told, in order; not what the platform itself has said.

    What is said in the turn that calls a person is no message of its own: the transcript ends with it.
    """
    found: list[Happening] = []
    handoff, is_new = before, False
    for event in events:
        after = after_handoff_event(handoff, event)
        type_ = None if TOLD_AT in event else _type(handoff, after)
        if type_ is not None:
            is_new = is_new or type_ is NoticeType.REQUESTED
            found.append(Happening(type=type_, at=_at(event), data=_step(handoff, after, event)))
        elif after.silences_bot and not is_new and event["event"] in SAID:
            found.append(Happening(type=NoticeType.MESSAGE, at=_at(event), data=_message(event)))
        handoff = after
    return found


def notices(
    told: Mapping[str, Follows], found: Sequence[Happening], conversation: Conversation, events: Sequence[Event] = ()
) -> tuple[Notice, ...]:
    """What each of `told` is told.

    Args:
        conversation: After the turn.
        events: The last of it, the turn's included: of these are summary and transcript, where a person is called.
    """
    return tuple(
        Notice(
            channel=name,
            at=one.at,
            payload={NOTICE: {"type": one.type.value, "at": one.at, "data": _data(one, conversation, events)}},
            goes_first=follows is Follows.OWN and one.type in RETURNS,
        )
        for one in found
        for name, follows in told.items()
        if follows is Follows.OTHERS or one.type in OWN_TYPES
    )


def notice_in(part: Part) -> Mapping[str, Any] | None:
    """The notice that a part is; None where it is something that the bot says."""
    notice = part.payload.get(NOTICE)
    return notice if isinstance(notice, Mapping) else None


def _type(before: Handoff, after: Handoff) -> NoticeType | None:
    """What became of a conversation, if anything."""
    if after.silences_bot and not before.silences_bot:
        return NoticeType.REQUESTED
    if before.silences_bot and not after.silences_bot:
        return NoticeType.TIMED_OUT if after.reason in TIMED_OUT else NoticeType.RETURNED
    is_claimed = after.state is HandoffState.HUMAN and after.by != before.by
    return NoticeType.CLAIMED if is_claimed else None


def _step(before: Handoff, after: Handoff, event: Event) -> dict[str, Any]:
    if after.silences_bot:
        return {"reason": after.reason, "by": after.by or None, "note": str(event.get("note") or "")}
    return {"reason": after.reason, "by": str(event.get("by") or "") or before.by or None}


def _message(event: Event) -> dict[str, Any]:
    frame = message_frame("", event)
    said = {key: frame[key] for key in ("from", "by", "text", "timestamp")}
    if event["event"] == "bot":
        message = said_in(event)
        more = {"buttons": [button.title for button in message.buttons], "image": message.image}
    else:
        more = {"media": (event.get("metadata") or {}).get("media")}
    return {**said, **{key: value for key, value in more.items() if value}}


def _data(happening: Happening, conversation: Conversation, events: Sequence[Event]) -> dict[str, Any]:
    data = {"conversation_id": conversation.id, "channel": conversation.channel, **happening.data}
    if happening.type is not NoticeType.REQUESTED:
        return data
    said = [_message(event) for event in events if event["event"] in SAID]
    return {**data, "summary": summary(conversation, events).to_dict(), "transcript": said[-MAX_TRANSCRIPT:]}


def _at(event: Event) -> float:
    return float(event.get("timestamp") or 0.0)
