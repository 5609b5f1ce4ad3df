"""Conversations as Rasa's HTTP API shows and changes them: tracker, events, story, and what the bot is told to do."""

from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import Field

from bot.api.checked_events import checked_events, checked_parse_data
from bot.api.conversation_id import ADDRESS, conversation_id
from bot.api.query import choice, flag, number
from bot.api.story_text import story_text
from bot.api.tracker_view import EventVerbosity, events_until, last_session, sessions, shown_events
from bot.api.yaml_text import YAML_TYPE
from bot.channels.rest import render
from bot.conversation import Conversation
from bot.dialogue import DialogueManager, Prediction
from bot.engine import Engine
from bot.errors import Refused
from bot.events import Event
from bot.inference import Inference
from bot.request_body import MAX_ID_CHARS, Body, checked_text, parse_json, read_body, read_bytes
from bot.stores.store import ConversationStore
from bot.tracker import tracker_json
from bot.turn import Turn
from configs.rasa_names import DEFAULT_ACTIONS, DEFAULT_INTENTS

LATEST = "latest"  # Rasa's word for the channel that the customer wrote on last
SAMPLE_ID = "default"

Name = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS)]


class ExecuteBody(Body):
    """Body of `.../execute`."""

    name: Name
    policy: Name | None = None
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None


class EntityBody(Body):
    """An entity of `.../trigger_intent`."""

    entity: Name
    value: Any = None


class TriggerBody(Body):
    """Body of `.../trigger_intent`."""

    name: Name
    entities: dict[Name, Any] | list[EntityBody] | None = None


class AddMessageBody(Body):
    """Body of `.../messages`."""

    text: str
    sender: Literal["user"]
    parse_data: dict[str, Any] | None = None


class ConversationRoutes:
    """The routes under `/conversations/{id}` and `/model/predict`."""

    def __init__(
        self, dialogue: DialogueManager, inference: Inference, store: ConversationStore, *, max_text_chars: int
    ) -> None:
        self._dialogue, self._inference, self._store = dialogue, inference, store
        self._max_text_chars = max_text_chars

    def routes(self) -> list[web.RouteDef]:
        """Routes of one conversation."""
        return [
            web.get(f"{ADDRESS}/tracker", self._tracker),
            web.delete(f"{ADDRESS}/tracker", self._erase),
            web.post(f"{ADDRESS}/tracker/events", self._append),
            web.put(f"{ADDRESS}/tracker/events", self._replace),
            web.get(f"{ADDRESS}/story", self._story),
            web.post(f"{ADDRESS}/execute", self._execute),
            web.post(f"{ADDRESS}/trigger_intent", self._trigger),
            web.post(f"{ADDRESS}/predict", self._predict),
            web.post(f"{ADDRESS}/messages", self._add_message),
        ]

    def model_routes(self) -> list[web.RouteDef]:
        """The route that needs events, but no conversation."""
        return [web.post("/model/predict", self._predict_after)]

    async def _tracker(self, request: web.Request) -> web.Response:
        identity, until = conversation_id(request), number(request, "until")
        return await self._shown(request, await self._dialogue.tracker(identity), until)

    async def _erase(self, request: web.Request) -> web.Response:
        if not await self._dialogue.erase(conversation_id(request)):
            raise _unknown(request)
        return web.Response(status=204)

    async def _append(self, request: web.Request) -> web.Response:
        return await self._events(request, replace=False)

    async def _replace(self, request: web.Request) -> web.Response:
        return await self._events(request, replace=True)

    async def _events(self, request: web.Request, *, replace: bool) -> web.Response:
        identity = conversation_id(request)
        _verbosity(request)
        if flag(request, "execute_side_effects"):
            said = "Side effects of events that are sent are not offered; use trigger_intent."
            raise Refused(400, "InvalidField", said, field="execute_side_effects")
        events = checked_events(parse_json(await read_bytes(request)), max_text_chars=self._max_text_chars)
        return await self._shown(request, await self._dialogue.append_events(identity, events, replace=replace))

    async def _story(self, request: web.Request) -> web.Response:
        identity, until = conversation_id(request), number(request, "until")
        whole = flag(request, "all_sessions")
        events = events_until(await self._store.events(identity), until)
        if not events:
            raise _unknown(request)
        told = sessions(events) if whole else [last_session(events)]
        return web.Response(text=story_text(identity, told), content_type=YAML_TYPE)

    async def _execute(self, request: web.Request) -> web.Response:
        identity = conversation_id(request)
        body = await read_body(request, ExecuteBody)
        _verbosity(request)
        domain = self._engine.spec.domain
        if body.name not in {*domain.actions, *domain.responses, *domain.forms, *DEFAULT_ACTIONS}:
            raise Refused(404, "NotFound", f"There is no action {body.name!r} in the domain.", field="name")
        if (await self._dialogue.tracker(identity)).last_event_at is None:
            raise _unknown(request)
        turn = await self._dialogue.execute(identity, body.name, body.policy, body.confidence)
        return await self._answered(request, turn)

    async def _trigger(self, request: web.Request) -> web.Response:
        identity = conversation_id(request)
        body = await read_body(request, TriggerBody)
        _verbosity(request)
        if body.name not in _known_intents(self._engine):
            raise Refused(404, "NotFound", f"There is no intent {body.name!r} in the domain.", field="name")
        channel = await self._channel(request, identity)
        turn = await self._dialogue.trigger_intent(identity, body.name, _by_entity(body.entities), channel)
        return await self._answered(request, turn)

    async def _predict(self, request: web.Request) -> web.Response:
        identity = conversation_id(request)
        _verbosity(request)
        conversation = await self._dialogue.tracker(identity)
        if conversation.last_event_at is None:
            raise _unknown(request)
        return await self._predicted(request, self._dialogue.prediction(conversation), conversation)

    async def _predict_after(self, request: web.Request) -> web.Response:
        verbosity = _verbosity(request)
        events = checked_events(parse_json(await read_bytes(request)), max_text_chars=self._max_text_chars)
        domain = self._engine.spec.domain
        conversation = Conversation(id=SAMPLE_ID).after(events, domain)
        tracker = tracker_json(conversation, shown_events(events, verbosity), domain)
        return web.json_response(_prediction(self._dialogue.prediction(conversation), tracker))

    async def _add_message(self, request: web.Request) -> web.Response:
        identity = conversation_id(request)
        body = await read_body(request, AddMessageBody)
        _verbosity(request)
        text = checked_text(body.text, "text", self._max_text_chars)
        parsed = None if body.parse_data is None else checked_parse_data(body.parse_data)
        return await self._shown(request, await self._dialogue.add_message(identity, text, parsed))

    @property
    def _engine(self) -> Engine:
        return self._inference.host.engine

    async def _channel(self, request: web.Request, identity: str) -> str:
        """What the bot's answer is to be worded for."""
        asked = request.query.get("output_channel")
        if asked and asked != LATEST:
            return checked_text(asked, "output_channel", MAX_ID_CHARS)
        return (await self._dialogue.tracker(identity)).channel or "rest"

    async def _answered(self, request: web.Request, turn: Turn) -> web.Response:
        """The tracker after a turn, and what the bot said in it."""
        tracker = await self._tracker_json(turn.conversation, _verbosity(request), None)
        return web.json_response({"tracker": tracker, "messages": render(turn.conversation.id, turn.messages)})

    async def _predicted(
        self, request: web.Request, prediction: Prediction, conversation: Conversation
    ) -> web.Response:
        tracker = await self._tracker_json(conversation, _verbosity(request), None)
        return web.json_response(_prediction(prediction, tracker))

    async def _shown(
        self, request: web.Request, conversation: Conversation, until: float | None = None
    ) -> web.Response:
        return web.json_response(await self._tracker_json(conversation, _verbosity(request), until))

    async def _tracker_json(
        self, conversation: Conversation, verbosity: EventVerbosity, until: float | None
    ) -> dict[str, Any]:
        """The tracker as it is, or as it was at `until`."""
        domain = self._engine.spec.domain
        wanted = verbosity is not EventVerbosity.NONE or until is not None
        events: list[Event] = list(await self._store.events(conversation.id)) if wanted else []
        if until is not None:
            events = events_until(events, until)
            conversation = Conversation(id=conversation.id).after(events, domain)
        return tracker_json(conversation, shown_events(events, verbosity), domain)


def _known_intents(engine: Engine) -> set[str]:
    return {*DEFAULT_INTENTS, *engine.spec.domain.intents, *engine.understander.intents.labels}


def _verbosity(request: web.Request) -> EventVerbosity:
    return EventVerbosity(choice(request, "include_events", [*EventVerbosity], EventVerbosity.AFTER_RESTART))


def _prediction(prediction: Prediction, tracker: dict[str, Any]) -> dict[str, Any]:
    scores = sorted(prediction.scores, key=lambda score: (-score[1], score[0]))
    return {
        "scores": [{"action": action, "score": score} for action, score in scores],
        "policy": prediction.policy,
        "confidence": prediction.confidence,
        "tracker": tracker,
    }


def _by_entity(entities: dict[str, Any] | list[EntityBody] | None) -> dict[str, Any]:
    """Values by entity; all of one that is named several times."""
    if not isinstance(entities, list):
        return entities or {}
    values: dict[str, list[Any]] = {}
    for entity in entities:
        values.setdefault(entity.entity, []).append(entity.value)
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def _unknown(request: web.Request) -> Refused:
    return Refused(404, "NotFound", f"There is no conversation {conversation_id(request)[:80]!r}.", field="id")
