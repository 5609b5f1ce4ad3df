"""Rasa's events: which there are, and what each must hold before a conversation takes it. Pure."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from configs.yaml_file import nearest

MAX_UNIX_TIME_S = 1e11  # more is likely milliseconds


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a field may hold, in words and as a test."""

    words: str
    holds: Callable[[Any], bool]


def _is_day_and_time(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _is_unix_time(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and 0 <= value <= MAX_UNIX_TIME_S


def _are_entities(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and all(isinstance(item, dict) for item in value))


def _or_null(kind: _Kind) -> _Kind:
    return _Kind(f"{kind.words} or null", lambda value: value is None or kind.holds(value))


_NAME = _Kind("a name", lambda value: isinstance(value, str) and bool(value.strip()))
_TEXT = _Kind("text", lambda value: isinstance(value, str))
_FLAG = _Kind("true or false", lambda value: isinstance(value, bool))
_OBJECT = _Kind("an object", lambda value: isinstance(value, dict))
_NUMBER = _Kind("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool))
_ENTITIES = _Kind("a list or a map of entities", _are_entities)
_MOMENT = _Kind("a day and time in ISO 8601", _is_day_and_time)

_OF_EVERY_EVENT = {
    "timestamp": _or_null(_Kind("a Unix time in seconds", _is_unix_time)),
    "metadata": _or_null(_OBJECT),
}
_FIELDS: Mapping[str, Mapping[str, _Kind]] = {
    "action": {"name": _or_null(_NAME), "policy": _or_null(_TEXT), "confidence": _or_null(_NUMBER)},
    "action_execution_rejected": {"name": _NAME, "policy": _or_null(_TEXT), "confidence": _or_null(_NUMBER)},
    "active_loop": {"name": _or_null(_NAME)},
    "agent": {"text": _or_null(_TEXT), "data": _or_null(_OBJECT)},
    "bot": {"text": _or_null(_TEXT), "data": _or_null(_OBJECT)},
    "cancel_reminder": {"name": _or_null(_NAME), "intent": _or_null(_NAME), "entities": _or_null(_ENTITIES)},
    "entities": {"entities": _ENTITIES},
    "export": {},
    "followup": {"name": _NAME},
    "form": {"name": _or_null(_NAME)},
    "form_validation": {"validate": _FLAG},
    "loop_interrupted": {"is_interrupted": _FLAG},
    "pause": {},
    "reminder": {
        "intent": _NAME,
        "date_time": _MOMENT,
        "entities": _or_null(_ENTITIES),
        "name": _or_null(_NAME),
        "kill_on_user_msg": _or_null(_FLAG),
    },
    "reset_slots": {},
    "restart": {},
    "resume": {},
    "rewind": {},
    "session_ended": {},
    "session_started": {},
    "slot": {"name": _NAME},
    "undo": {},
    "user": {"text": _or_null(_TEXT), "parse_data": _or_null(_OBJECT), "input_channel": _or_null(_NAME)},
    "user_featurization": {},
}
EVENT_TYPES = frozenset(_FIELDS)
_JSON_KINDS = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
}


def event_problem(event: object) -> str | None:
    """What is wrong with `event`, in words that hold nothing a customer may have written; None if nothing is."""
    if not isinstance(event, dict):
        return f"is {json_kind(event)}, not an object"
    name = event.get("event")
    if not isinstance(name, str):
        return f"has {json_kind(name)} as its `event`; use the functions of rasa_sdk.events"
    if name not in _FIELDS:
        return f"is of the type {name[:60]!r}, which is no event of Rasa's.{nearest(name[:60], EVENT_TYPES)}"
    for field, kind in {**_OF_EVERY_EVENT, **_FIELDS[name]}.items():
        if not kind.holds(event.get(field)):
            return f"({name}) has {json_kind(event.get(field))} as its `{field}`; that must be {kind.words}"
    return None


def json_kind(value: object) -> str:
    """What a JSON value is, without saying it."""
    return "an empty text" if value == "" else _JSON_KINDS.get(type(value), "an object")
