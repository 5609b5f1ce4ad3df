"""What Rasa's server says of itself: version, status and domain; and health."""

from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from typing import Any

from aiohttp import web

from bot.api.training_job import TrainingJobs
from bot.api.yaml_text import YAML_TYPE, yaml_text
from bot.errors import Refused
from bot.inference import Inference
from bot.loop_watch import LoopWatch
from bot.promise_watch import PromiseWatch

MINIMUM_COMPATIBLE_VERSION = "3.0.0"
JSON_KINDS = ("*/*", "application/*")


def open_routes(inference: Inference, loop: LoopWatch) -> list[web.RouteDef]:
    """Routes that anyone may ask."""

    async def hello(_: web.Request) -> web.Response:
        return web.Response(text=f"Hello from Kefu: {version('kefu')}")

    async def versions(_: web.Request) -> web.Response:
        return web.json_response({"version": version("kefu"), "minimum_compatible_version": MINIMUM_COMPATIBLE_VERSION})

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def ready(_: web.Request) -> web.Response:
        if not inference.host.is_loaded:
            raise Refused(503, "NotReady", "No model is loaded.", retry_after_s=5)
        if loop.was_held_up:
            raise Refused(503, "NotReady", "Something held the server up; the log says what.", retry_after_s=5)
        return web.json_response({"status": "ready", "model_id": inference.host.engine.id})

    return [
        web.get("/", hello),
        web.get("/version", versions),
        web.get("/health", health),
        web.get("/ready", ready),
    ]


def routes(
    inference: Inference,
    trainings: TrainingJobs,
    watch: PromiseWatch,
    experiment: Callable[[], Mapping[str, Any] | None],
    mood: Callable[[], Mapping[str, Any] | None],
    suggestions: Callable[[], Awaitable[Mapping[str, Any] | None]],
) -> list[web.RouteDef]:
    """Routes for those who have the secret."""

    async def status(_: web.Request) -> web.Response:
        engine = inference.host.engine
        return web.json_response(
            {
                "model_file": engine.release.folder.name,
                "model_id": engine.id,
                "num_active_training_jobs": trainings.active,
                "waiting": inference.waiting,
                "refused_releases": inference.host.refused,
                "experiment": experiment(),
                "mood": mood(),
                "suggestions": await suggestions(),
                "promise": await watch.shown(),
            }
        )

    async def domain(request: web.Request) -> web.Response:
        source: dict[str, Any] = dict(inference.host.engine.spec.domain.source)
        if _wants_json(request.headers.get("Accept", "*/*")):
            return web.json_response(source)
        return web.Response(text=yaml_text(source), content_type=YAML_TYPE)

    return [web.get("/status", status), web.get("/domain", domain)]


def _wants_json(accept: str) -> bool:
    """Whether JSON is wanted rather than YAML: the first of the two that the header names.

    Raises:
        Refused: 406; it names neither.
    """
    for kind in (part.partition(";")[0].strip().lower() for part in accept.split(",")):
        if kind in JSON_KINDS or kind.endswith("json"):
            return True
        if kind.endswith(("yaml", "yml")):
            return False
    raise Refused(406, "NotAcceptable", "The domain comes as application/json or as application/x-yml.", field="Accept")
