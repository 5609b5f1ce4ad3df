"""Events that somebody sends for a conversation: each must hold what Rasa's may hold, all the way down."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.actions.event_check import event_problem
from bot.errors import Refused
from bot.events import Event
from bot.handoff import HANDOFF
from bot.request_body import MAX_ID_CHARS, checked_text

MAX_EVENTS = 1_000
PLAIN = "restart"  # holds no more than every event may
NAME_FIELDS = ("name", "policy", "input_channel", "message_id", "intent")

Name = Annotated[str, Field(max_length=MAX_ID_CHARS, pattern=r"^[^\x00-\x1f]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class _Intent(_Part):
    name: Name | None = None
    confidence: float | None = None
    full_retrieval_intent_name: Name | None = None


class _Entity(_Part):
    entity: Name
    start: int | None = None
    end: int | None = None
    role: Name | None = None
    group: Name | None = None


class ParseData(_Part):
    """What a message was understood as."""

    intent: Annotated[_Intent, BeforeValidator(lambda value: {} if value is None else value)] = _Intent()
    entities: list[_Entity] | None = None
    intent_ranking: list[_Intent] | None = None


class _Button(_Part):
    title: str | None = None
    payload: str | None = None


class _Card(_Part):
    buttons: list[_Button] | None = None
    quick_replies: list[_Button] | None = None


class _BotData(_Card):
    elements: list[_Card] | None = None


class _Handoff(_Part):
    state: Literal["bot", "waiting", "human", "returned"]
    reason: Name | None = None
    by: Name | None = None


def checked_events(data: Any, *, max_text_chars: int) -> list[Event]:
    """One event or a list of them, as they stand.

    Raises:
        Refused: 422; one is no event of Rasa's or Kefu's, or there are too many.
    """
    events = data if isinstance(data, list) else [data]
    if not 0 < len(events) <= MAX_EVENTS:
        raise Refused(422, "InvalidField", f"Send 1 to {MAX_EVENTS:,} events, not {len(events):,}.", field="body")
    _refuse_surrogates(events)
    for index, event in enumerate(events):
        try:
            _check(event, max_text_chars)
        except Refused as error:
            place = f"events[{index}]"
            raise Refused(422, "InvalidField", f"{place} {error}", field=f"{place}.{error.field}") from error
    return events


def checked_parse_data(data: Any) -> dict[str, Any]:
    """Rasa's parse data, as it stands.

    Raises:
        Refused: 422; it is something else.
    """
    _refuse_surrogates([data])
    _fits(ParseData, data, "parse_data")
    return dict(data)


def _check(event: Any, max_text_chars: int) -> None:
    kind = event.get("event") if isinstance(event, dict) else None
    if kind == HANDOFF:
        _fits(_Handoff, event, "event")
    if problem := event_problem({**event, "event": PLAIN} if kind == HANDOFF else event):
        raise Refused(422, "InvalidField", f"{problem}.", field="event")
    for field in NAME_FIELDS:
        if isinstance(event.get(field), str):
            checked_text(event[field], field, MAX_ID_CHARS)
    if isinstance(text := event.get("text"), str) and text:
        checked_text(text, "text", max_text_chars)
    if kind == "user":
        _fits(ParseData, event.get("parse_data") or {}, "parse_data")
    elif kind == "bot":
        _fits(_BotData, event.get("data") or {}, "data")
    elif kind == "entities" and event["entities"]:
        _fits(ParseData, {"entities": event["entities"]}, "entities")


def _fits(model: type[BaseModel], data: Any, field: str) -> None:
    try:
        model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join([field, *(str(key) for key in first["loc"])])
        raise Refused(422, "InvalidField", f"{place}: {first['msg']}.", field=place) from error


def _refuse_surrogates(items: Sequence[Any]) -> None:
    try:
        json.dumps(items, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Refused(422, "InvalidField", "A text holds half of a surrogate pair.", field="body") from error
