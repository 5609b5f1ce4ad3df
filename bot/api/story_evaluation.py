"""How well the model that serves follows test stories: at each step, what it would do, given all that came before."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.api.label_report import label_report
from bot.conversation import Conversation
from bot.dialogue import Prediction
from bot.events import LISTEN, Event, action_event, loop_event, slot_event
from configs.domain import Domain
from configs.flows import ActionStep, EntityPattern, LoopStep, SlotStep, Step, Story, UserStep

START = 1.0  # each event happens a second after the one before


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One action of a story, and what the model would have done."""

    wanted: str
    predicted: str
    policy: str


def evaluate_stories(
    stories: Sequence[Story], predict: Callable[[Conversation], Prediction], domain: Domain
) -> dict[str, Any]:
    """What came of the stories, in the form of Rasa's `/model/test/stories`."""
    tried = [try_story(story.steps, predict, domain) for story in stories]
    every = [one for actions in tried for one in actions]
    found = label_report([one.wanted for one in every], [one.predicted for one in every])
    right = sum(all(one.wanted == one.predicted for one in actions) for actions in tried)
    whole = {"accuracy": right / len(tried) if tried else 0.0, "correct": right, "total": len(tried)}
    return {
        "report": {**found["report"], "conversation_accuracy": whole},
        "precision": found["precision"],
        "f1": found["f1_score"],
        "accuracy": found["accuracy"],
        "actions": [{"action": one.wanted, "predicted": one.predicted, "policy": one.policy} for one in every],
        "is_end_to_end_evaluation": False,
    }


def try_story(steps: Iterable[Step], predict: Callable[[Conversation], Prediction], domain: Domain) -> list[Tried]:
    """Each action of one story, tried out; whatever the model would do, what the story says is what happens."""
    state = Conversation(id="story").after([action_event(LISTEN, START)], domain)
    tried: list[Tried] = []
    acted = False

    def act(action: str) -> None:
        nonlocal state
        prediction = predict(state)
        best = max(prediction.scores, key=lambda score: score[1])[0]
        tried.append(Tried(wanted=action, predicted=best, policy=prediction.policy))
        state = state.after([action_event(action, _next(state))], domain)

    for step in steps:
        if isinstance(step, ActionStep):
            act(step.action)
            acted = True
        else:
            if isinstance(step, UserStep) and acted:
                act(LISTEN)
                acted = False
            state = state.after(_events(step, state, domain), domain)
    if acted:
        act(LISTEN)
    return tried


def _events(step: Step, state: Conversation, domain: Domain) -> list[Event]:
    match step:
        case UserStep(intent=intent, entities=entities):
            whole, slash, _ = intent.partition("/")
            named = {"name": whole, "confidence": 1.0, **({"full_retrieval_intent_name": intent} if slash else {})}
            parsed = {"intent": named, "entities": [_entity(entity) for entity in entities]}
            said = {"event": "user", "timestamp": _next(state), "text": f"/{intent}", "parse_data": parsed}
            return [said]
        case LoopStep(loop=loop):
            return [loop_event(loop, _next(state))]
        case SlotStep(slot=name, is_any=True):
            held = state.slots.get(name)
            return [slot_event(name, _anything(name, domain) if held is None else held, _next(state))]
        case SlotStep(slot=name, value=value):
            return [slot_event(name, value, _next(state))]
        case _:
            return []


def _anything(name: str, domain: Domain) -> Any:
    """Some value that the slot may hold."""
    slot = domain.slots.get(name)
    return slot.values[0] if slot is not None and slot.values else True


def _entity(pattern: EntityPattern) -> dict[str, Any]:
    found = {"entity": pattern.entity, "value": pattern.value, "role": pattern.role, "group": pattern.group}
    return {key: value for key, value in found.items() if value is not None}


def _next(state: Conversation) -> float:
    return (state.last_event_at or START) + 1
