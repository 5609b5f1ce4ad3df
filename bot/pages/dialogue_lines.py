"""A conversation around a message, as a reviewer reads it: personal data masked. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.events import Event, said_in
from bot.handoff import HandoffState

SPEAKERS = {"user": "Customer", "bot": "Bot", "agent": "Person"}
NOTES = {
    HandoffState.WAITING: "A person is wanted.",
    HandoffState.HUMAN: "A person has taken over.",
    HandoffState.RETURNED: "The bot goes on.",
}
NOT_SHOWN = "(a picture, a file or the like)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Something that was said.

    Attributes:
        who: A word for the speaker; empty for a note.
        buttons: What was offered below it.
        is_meant: Whether it is the message that is reviewed.
    """

    who: str
    text: str
    at: float
    buttons: tuple[str, ...] = ()
    is_meant: bool = False


def lines_of(events: Iterable[Event], at: float, mask: Callable[[str], str]) -> list[Line]:
    """The lines of a conversation.

    Args:
        at: When the turn that is reviewed was.
        mask: Leaves personal data out.
    """
    return [line for event in events if (line := _line(event, at, mask)) is not None]


def _line(event: Event, at: float, mask: Callable[[str], str]) -> Line | None:
    kind, when = event["event"], float(event.get("timestamp") or 0.0)
    if kind == "handoff":
        note = NOTES.get(event.get("state", ""))
        return None if note is None else Line(who="", text=note, at=when)
    if kind not in SPEAKERS or (event.get("metadata") or {}).get("is_external"):
        return None
    said = said_in(event)
    return Line(
        who=SPEAKERS[kind],
        text=mask(said.text) if said.text else NOT_SHOWN,
        at=when,
        buttons=tuple(mask(button.title) for button in said.buttons),
        is_meant=kind == "user" and when == at,
    )
