"""The HTTP API beside the channels: what Rasa's server answers, and health."""

from importlib.metadata import version
from pathlib import Path

from aiohttp import web

from bot.errors import Refused
from bot.inference import Inference
from bot.middlewares import Handler
from bot.parse_data import explained_parse_data
from bot.request_body import ParseBody, checked_text, read_body
from bot.timing import add_stage, stage

MINIMUM_COMPATIBLE_VERSION = "3.0.0"
CHAT_PAGE = Path(__file__).parent / "pages"
CHAT_FILES = {"/chat": "chat.html", "/chat/chat.css": "chat.css", "/chat/chat.js": "chat.js"}
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' https: data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def routes(inference: Inference, *, max_text_chars: int) -> list[web.RouteDef]:
    """All routes that are not a channel's."""

    async def hello(_: web.Request) -> web.Response:
        return web.Response(text=f"Hello from Kefu: {version('kefu')}")

    async def versions(_: web.Request) -> web.Response:
        return web.json_response({"version": version("kefu"), "minimum_compatible_version": MINIMUM_COMPATIBLE_VERSION})

    async def status(_: web.Request) -> web.Response:
        engine = inference.host.engine
        return web.json_response(
            {
                "model_file": str(engine.release.folder.name),
                "model_id": engine.id,
                "num_active_training_jobs": 0,
                "waiting": inference.waiting,
                "refused_releases": inference.host.refused,
            }
        )

    async def parse(request: web.Request) -> web.Response:
        if mode := request.query.get("emulation_mode"):
            raise Refused(400, "InvalidField", f"emulation_mode {mode[:40]!r} is not offered.", field="emulation_mode")
        explained = _is_explained(request)
        with stage("parse"):
            body = await read_body(request, ParseBody)
            text = checked_text(body.text, "text", max_text_chars)
        reading = await inference.parse(text, explained=explained)
        add_stage("encode", reading.encode_ms)
        add_stage("search", reading.search_ms)
        return web.json_response(explained_parse_data(reading))

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def ready(_: web.Request) -> web.Response:
        return web.json_response({"status": "ready", "model_id": inference.host.engine.id})

    return [
        web.get("/", hello),
        web.get("/version", versions),
        web.get("/status", status),
        web.post("/model/parse", parse),
        web.get("/health", health),
        web.get("/ready", ready),
        *(web.get(path, _page(CHAT_PAGE / name)) for path, name in CHAT_FILES.items()),
    ]


def _is_explained(request: web.Request) -> bool:
    value = request.query.get("explain", "false").lower()
    if value not in ("true", "false"):
        raise Refused(400, "InvalidField", f"explain is {value[:40]!r}; write true or false.", field="explain")
    return value == "true"


def _page(path: Path) -> Handler:
    headers = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }

    async def send(_: web.Request) -> web.FileResponse:
        return web.FileResponse(path, headers=headers)

    return send
