"""Writes a conversation as a test story in Rasa's YAML."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.api.yaml_text import yaml_text
from bot.events import LISTEN, Event

SILENT_ACTIONS = (LISTEN, "action_session_start", "action_restart")
Step = dict[str, Any]


def story_text(conversation_id: str, sessions: Sequence[Sequence[Event]]) -> str:
    """One story for each session that holds a step."""
    told = [steps for session in sessions if (steps := _steps(session))]
    names = [conversation_id] if len(told) == 1 else [f"{conversation_id}, story {n + 1}" for n in range(len(told))]
    stories = [{"story": name, "steps": steps} for name, steps in zip(names, told, strict=True)]
    return yaml_text({"version": "3.1", "stories": stories})


def _steps(events: Iterable[Event]) -> list[Step]:
    steps: list[Step] = []
    for event in events:
        match event["event"]:
            case "user":
                steps.append(_user_step(event))
            case "action" if event.get("name") and event["name"] not in SILENT_ACTIONS:
                steps.append({"action": event["name"]})
            case "slot":
                _add_slot(steps, event)
            case "active_loop" | "form":
                steps.append({"active_loop": event.get("name")})
    return steps


def _user_step(event: Event) -> Step:
    parsed = event.get("parse_data") or {}
    intent = parsed.get("intent") or {}
    name = intent.get("full_retrieval_intent_name") or intent.get("name")
    text = event.get("text") or ""
    if not text and name:
        return {"intent": name}
    step: Step = {"user": _marked(text, parsed.get("entities") or ())}
    return {**step, "intent": name} if name else step


def _add_slot(steps: list[Step], event: Event) -> None:
    """Adds a slot to the step before, where that is one of slots too."""
    if not steps or "slot_was_set" not in steps[-1]:
        steps.append({"slot_was_set": []})
    steps[-1]["slot_was_set"].append({event["name"]: event.get("value")})


def _marked(text: str, entities: Iterable[Mapping[str, Any]]) -> str:
    """The text with its entities marked; of two that overlap, the first."""
    spans = sorted(
        (e for e in entities if isinstance(e.get("start"), int) and isinstance(e.get("end"), int)),
        key=lambda e: (e["start"], -e["end"]),
    )
    parts, done = [], 0
    for entity in spans:
        start, end = entity["start"], entity["end"]
        if done <= start < end <= len(text):
            parts += [text[done:start], f"[{text[start:end]}]{_label(text[start:end], entity)}"]
            done = end
    return "".join([*parts, text[done:]])


def _label(marked: str, entity: Mapping[str, Any]) -> str:
    name, value = str(entity.get("entity")), entity.get("value")
    label = {"entity": name, **({} if value in (None, marked) else {"value": value})}
    label |= {key: entity[key] for key in ("role", "group") if entity.get(key)}
    return f"({name})" if len(label) == 1 else json.dumps(label, ensure_ascii=False)
