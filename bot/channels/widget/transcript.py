"""A conversation's events as a page shows them. Pure."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from bot.channels.widget.said import shown
from bot.events import Event, said_in
from bot.handoff import HandoffState, agent_of, is_pushed
from bot.policy import Reason
from bot.rich_text import safe_text
from bot.stores.tail import Tail, TurnMark

Frame: TypeAlias = dict[str, Any]
FileAddress: TypeAlias = Callable[[str], str]

RATED = frozenset({Reason.SAME_QUESTION, Reason.SURE_INTENT, Reason.NEAR_QUESTION, Reason.BUTTON})
VERDICTS = {"up": "right", "down": "wrong"}
NOTES = {HandoffState.WAITING: "waiting", HandoffState.HUMAN: "joined", HandoffState.RETURNED: "left"}
ENDED = "session_ended"
MEDIA = "media"
_THUMBS = {verdict: thumb for thumb, verdict in VERDICTS.items()}


def event_frames(tail: Tail, address: FileAddress) -> Iterator[Frame]:
    """What of `tail` a customer may see, in order; `seq` is an event's number in its conversation.

    Args:
        address: Where a file that the customer has sent can be fetched.
    """
    last_of_turn = {event.get("timestamp"): place for place, event in enumerate(tail.events) if _is_answer(event)}
    for place, event in enumerate(tail.events):
        said = _said(event, address)
        if said is None:
            continue
        at = event.get("timestamp")
        mark = tail.turns.get(at) if at is not None and _is_answer(event) else None
        about = _about(mark, is_last=last_of_turn.get(at) == place)
        yield {"type": "event", "seq": tail.start + place + 1, "at": at, **said, **about}


def _said(event: Event, address: FileAddress) -> Frame | None:
    match event["event"]:
        case "user":
            return _message(event, address)
        case "bot" | "agent" as kind:
            content = shown(said_in(event))
            return content and {**_speaker(event, is_person=kind == "agent"), **content}
        case "handoff" if event.get("state") in NOTES:
            by = event.get("by") if event["state"] == HandoffState.HUMAN else None
            return _note(NOTES[event["state"]], by)
        case "session_ended":
            return _note("ended")
    return None


def _message(event: Event, address: FileAddress) -> Frame | None:
    """What the customer has sent; what was only done in his name he does not see."""
    metadata: Mapping[str, Any] = event.get("metadata") or {}
    if metadata.get("is_external"):
        return None
    frame: Frame = {"from": "user"}
    if isinstance(event.get("message_id"), str):
        frame["id"] = event["message_id"]
    if text := metadata.get("title") or event.get("text"):
        frame["text"] = safe_text(str(text))
    for item in metadata.get(MEDIA) or ():
        if isinstance(item, Mapping) and isinstance(item.get("id"), str):
            known = {key: item[key] for key in ("name", "bytes", "mime") if key in item}
            frame["file"] = {"url": address(item["id"]), **known}
    return frame if len(frame) > 1 and ("text" in frame or "file" in frame) else None


def _speaker(event: Event, *, is_person: bool) -> Frame:
    agent = agent_of(event)
    if not agent and not is_person:
        return {"from": "bot"}
    return {"from": "person", **({"name": agent} if agent else {})}


def _note(note: str, name: Any = None) -> Frame:
    return {"from": "note", "note": note, **({"name": name} if isinstance(name, str) and name else {})}


def _is_answer(event: Event) -> bool:
    return event["event"] == "bot" and not is_pushed(event)


def _about(mark: TurnMark | None, *, is_last: bool) -> Frame:
    """The turn of an answer; it is rated as a whole, at its end."""
    if mark is None:
        return {}
    frame: Frame = {"turn": mark.seq}
    if is_last and mark.reason in RATED:
        frame["rate"] = True
        if mark.verdict in _THUMBS:
            frame["verdict"] = _THUMBS[mark.verdict]
    return frame
