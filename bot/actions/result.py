"""What came of a custom action, and the two ways in which none came of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bot.actions.event_check import event_problem, json_kind
from bot.errors import Refused
from bot.events import Event
from bot.request_body import parse_json
from configs.errors import KefuError

MAX_EVENTS = 1_000
MAX_RESPONSES = 100
MAX_RESULT_BYTES = 1_000_000

_TEXTS = ("text", "image", "response", "template")
_LISTS_OF_OBJECTS = ("buttons", "quick_replies", "elements")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """What a custom action answered.

    Attributes:
        events: Rasa's events, each with its timestamp.
        responses: What is to be said, each item as rasa_sdk's dispatcher writes it.
    """

    events: tuple[Event, ...] = ()
    responses: tuple[Mapping[str, Any], ...] = ()


class ActionRejected(KefuError):
    """A custom action would not run, so that something else may: rasa_sdk's `ActionExecutionRejection`."""

    def __init__(self, action: str) -> None:
        super().__init__(f"{action} would not run")
        self.action = action


class ActionFailed(KefuError):
    """A custom action crashed, took too long, could not be reached, or answered what cannot be used.

    Args:
        reason: What went wrong; holds nothing that a customer may have written.
    """

    def __init__(self, action: str, reason: str) -> None:
        super().__init__(f"{action}: {reason}")
        self.action, self.reason = action, reason


class CustomActions(Protocol):
    """Where an assistant's custom actions are run."""

    async def run(self, name: str, tracker: Mapping[str, Any], domain: Mapping[str, Any]) -> ActionResult:
        """Runs the action `name`.

        Args:
            tracker: Rasa's tracker JSON.
            domain: The domain as its files have it. It must not change; each release has its own.

        Raises:
            ActionRejected: It would not run.
            ActionFailed: It did not end well.
        """

    async def close(self) -> None:
        """Lets go of connections and threads."""


def parse_result(payload: object, *, action: str, now: float) -> ActionResult:
    """Checks what `action` answered, and takes it over as plain JSON values that nothing else holds.

    Args:
        now: The timestamp of events that have none.

    Raises:
        ActionFailed: It is too large, no JSON, or not the events and responses that Rasa's protocol wants.
    """
    answer = _plain(payload, action)
    if not isinstance(answer, dict):
        raise ActionFailed(action, f"answered {json_kind(answer)}, not an object with `events` and `responses`")
    events = _items(answer, "events", MAX_EVENTS, action)
    responses = _items(answer, "responses", MAX_RESPONSES, action)
    for index, event in enumerate(events):
        if problem := event_problem(event):
            raise ActionFailed(action, f"events[{index}] {problem}")
    for index, response in enumerate(responses):
        if problem := _response_problem(response):
            raise ActionFailed(action, f"responses[{index}] {problem}")
    stamped = ({**e, "timestamp": now if e.get("timestamp") is None else e["timestamp"]} for e in events)
    return ActionResult(events=tuple(stamped), responses=tuple(responses))


def _plain(payload: object, action: str) -> Any:
    try:
        raw = json.dumps(payload, ensure_ascii=False).encode("utf-8")
        if len(raw) > MAX_RESULT_BYTES:
            raise ActionFailed(action, f"answered {len(raw):,} bytes; at most {MAX_RESULT_BYTES:,} are taken")
        return parse_json(raw)
    except UnicodeEncodeError as error:
        raise ActionFailed(action, "answered a text with half of a surrogate pair, which no file can keep") from error
    except Refused as error:
        raise ActionFailed(action, f"answered what cannot be used: {error}") from error
    except RecursionError as error:
        raise ActionFailed(action, "answered values that are nested too deeply") from error
    except (TypeError, ValueError) as error:  # neither's message says a value
        raise ActionFailed(action, f"answered what is not JSON: {error}") from error


def _items(answer: Mapping[str, Any], field: str, limit: int, action: str) -> Sequence[Any]:
    items = answer.get(field)
    if items is None:
        return ()
    if not isinstance(items, list):
        raise ActionFailed(action, f"{field} is {json_kind(items)}, not a list")
    if len(items) > limit:
        raise ActionFailed(action, f"{field} holds {len(items):,} items; at most {limit:,} are taken")
    return items


def _response_problem(response: object) -> str | None:
    if not isinstance(response, dict):
        return f"is {json_kind(response)}, not an object"
    for field in _TEXTS:
        if not isinstance(response.get(field), str | None):
            return f"has {json_kind(response[field])} as its `{field}`; that must be text or null"
    for field in _LISTS_OF_OBJECTS:
        items = response.get(field) or []
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            return f"has as its `{field}` something other than a list of objects"
    return None
