"""The HTTP API put together: who may call what."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from bot.api import evaluation_routes, feedback_routes, model_routes, sender_routes, server_routes
from bot.api.auth import Access, guarded
from bot.api.conversation_routes import ConversationRoutes
from bot.api.openapi import openapi_document
from bot.api.operations import OPERATIONS
from bot.api.training_job import TrainingJobs
from bot.api.training_routes import TrainingRoutes
from bot.api.widget_files import WidgetFiles
from bot.dialogue import DialogueManager
from bot.inference import Inference
from bot.loop_watch import LoopWatch
from bot.promise_watch import PromiseWatch
from bot.stores.store import ConversationStore
from configs.settings import Settings


class HttpApi:
    """The API's routes, and the trainings that they begin.

    Attributes:
        experiment: What `/status` says of the release that is tried; None where none is.
        mood: What it says of the mood of customers.
        suggestions: What it says of suggested questions; None where none are suggested.
    """

    def __init__(
        self,
        settings: Settings,
        access: Access,
        inference: Inference,
        dialogue: DialogueManager,
        store: ConversationStore,
        loop: LoopWatch,
    ) -> None:
        self._access, self._loop = access, loop
        self.experiment: Callable[[], Mapping[str, Any] | None] = lambda: None
        self.mood: Callable[[], Mapping[str, Any] | None] = lambda: None
        self.suggestions: Callable[[], Awaitable[Mapping[str, Any] | None]] = _nothing
        self._settings, self._inference, self._dialogue, self._store = settings, inference, dialogue, store
        self._conversations = ConversationRoutes(dialogue, inference, store, max_text_chars=settings.max_text_chars)
        self.watch = PromiseWatch(inference, store)
        self._files = WidgetFiles()
        self._trainings = TrainingJobs(inference.host.releases)
        self._training_routes = TrainingRoutes(self._trainings, inference.host, settings.callback_hosts)

    def routes(self) -> list[web.RouteDef]:
        """All routes: health and the widget are open, the others are there only where the API is switched on."""
        anyone = [*server_routes.open_routes(self._inference, self._loop), *self._files.routes()]
        if not self._settings.enable_api:
            return anyone
        max_text_chars = self._settings.max_text_chars
        admin = [
            web.get("/openapi.json", describe),
            *server_routes.routes(
                self._inference, self._trainings, self.watch, self.experiment, self.mood, self.suggestions
            ),
            *model_routes.routes(self._inference, max_text_chars=max_text_chars),
            *evaluation_routes.routes(self._inference, self._dialogue, max_text_chars=max_text_chars),
            *self._training_routes.routes(),
            *self._conversations.model_routes(),
            *sender_routes.routes(self._dialogue, self._inference, self._store),
        ]
        own = [*self._conversations.routes(), *feedback_routes.routes(self._store, self.watch)]
        return [*anyone, *guarded(admin, self._access.admin), *guarded(own, self._access.own_conversation)]

    async def close(self) -> None:
        """Ends trainings that are under way."""
        await self._training_routes.close()


async def _nothing() -> None:
    """What is said of what there is not."""


async def describe(request: web.Request) -> web.Response:
    """The OpenAPI document of the routes that this server has."""
    routes = request.app.router.routes()
    served = {(route.method, route.resource.canonical) for route in routes if route.resource is not None}
    return web.json_response(openapi_document(one for one in OPERATIONS if (one.method, one.path) in served))
