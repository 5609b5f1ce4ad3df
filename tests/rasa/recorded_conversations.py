"""Conversations as they were recorded: what was said, what the bot said, and each event in one line."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yaml import safe_load

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTurn:
    """What goes in, and what comes of it.

    Attributes:
        text: What the customer says; None where something else happens.
        understood: What is made of it: `intent`, `confidence`, `ranking`, `entities`, `response_key`.
        trigger: The intent of an external event.
        one_of: Texts that are all right, where the bot chooses.
    """

    text: str | None
    understood: Mapping[str, Any]
    trigger: str | None
    entities: tuple[Mapping[str, Any], ...]
    metadata: Mapping[str, Any]
    after_minutes: float
    one_of: tuple[str, ...]
    bot: tuple[Mapping[str, Any], ...]
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedConversation:
    """One conversation with one project.

    Attributes:
        features: What it shows, each as `group / feature`.
        differs: Why Kefu does something else than Rasa in it, on purpose; empty where it does the same.
        slots: What they hold at the end; those that hold nothing are left out.
        loop: The form under way at the end.
    """

    project: Path
    name: str
    title: str
    features: tuple[str, ...]
    channel: str
    differs: str
    turns: tuple[RecordedTurn, ...]
    slots: Mapping[str, Any]
    loop: str | None

    @property
    def id(self) -> str:
        """Project and name."""
        return f"{self.project.name}/{self.name}"


def recorded_conversations(folder: Path = FOLDER) -> list[RecordedConversation]:
    """Every recorded conversation, by project."""
    return [read_conversation(path) for path in sorted(folder.glob("*/conversations/*.yml"))]


def read_conversation(path: Path) -> RecordedConversation:
    """One file. Under `kefu` stands what Kefu does on purpose in place of what Rasa does."""
    data = safe_load(path.read_text("utf-8"))
    end = {**data["end"], **data["end"].get("kefu", {})}
    return RecordedConversation(
        project=path.parent.parent,
        name=path.stem,
        title=data["conversation"],
        features=tuple(data["features"]),
        channel=data.get("channel", "rest"),
        differs=data.get("differs", ""),
        turns=tuple(_turn({**turn, **turn.get("kefu", {})}) for turn in data["turns"]),
        slots=end["slots"],
        loop=end["loop"],
    )


def event_lines(events: list[dict[str, Any]]) -> list[str]:
    """Each event in one line, as the recordings hold it; those that say nothing of the conversation are left out."""
    return list(_lines(events))


def _turn(turn: Mapping[str, Any]) -> RecordedTurn:
    return RecordedTurn(
        text=turn.get("user"),
        understood=turn.get("understood") or {},
        trigger=turn.get("trigger"),
        entities=tuple(turn.get("entities") or ()),
        metadata=turn.get("metadata") or {},
        after_minutes=turn.get("after_minutes") or 0.0,
        one_of=tuple(turn.get("one_of") or ()),
        bot=tuple(turn["bot"]),
        events=tuple(turn["events"]),
    )


def _lines(events: list[dict[str, Any]]) -> Iterator[str]:
    for event in events:
        match event["event"]:
            case "user":
                yield f"user {(event['parse_data'].get('intent') or {}).get('name')}"
            case "action":
                yield f"action {event['name']}"
            case "bot":
                response = (event.get("metadata") or {}).get("utter_action") or ""
                yield f"bot {response}" if response.startswith("utter_") else "bot"
            case "slot":
                yield f"slot {event['name']}={json.dumps(event['value'], ensure_ascii=False)}"
            case "action_execution_rejected":
                yield f"rejected {event['name']}"
            case "active_loop" | "followup" as kind:
                yield f"{kind} {event['name'] or 'null'}"
            case "loop_interrupted":
                yield f"loop_interrupted {json.dumps(event['is_interrupted'])}"
            case "reminder":
                yield f"reminder {event['intent']}"
            case kind:
                yield kind
