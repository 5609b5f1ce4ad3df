"""The model that serves: what it makes of a message, which one it is, and that there is none."""

import asyncio

from aiohttp import web

from bot.api.query import flag, refuse
from bot.errors import Refused
from bot.inference import Inference
from bot.parse_data import explained_parse_data
from bot.request_body import Body, ParseBody, checked_body, checked_text, parse_json, read_body, read_bytes
from bot.timing import add_stage, stage
from training.releases import ReleaseError

ENDINGS = (".tar.gz",)  # as trained models are sent, and as Rasa's clients name them


class LoadBody(Body):
    """Body of `PUT /model`."""

    model_file: str | None = None
    model_server: object = None
    remote_storage: object = None


def routes(inference: Inference, *, max_text_chars: int) -> list[web.RouteDef]:
    """The routes of `/model` but for trainings and tests."""

    async def parse(request: web.Request) -> web.Response:
        refuse(request, "emulation_mode")
        explained = flag(request, "explain")
        with stage("parse"):
            body = await read_body(request, ParseBody)
            text = checked_text(body.text, "text", max_text_chars)
        reading = await inference.parse(text, explained=explained)
        add_stage("encode", reading.encode_ms)
        add_stage("search", reading.search_ms)
        return web.json_response(explained_parse_data(reading))

    async def load(request: web.Request) -> web.Response:
        try:
            await asyncio.to_thread(inference.host.load, await _wanted(request))
        except ReleaseError as error:
            raise Refused(400, "BadRequest", str(error), field="model_file") from error
        return web.Response(status=204)

    async def unload(_: web.Request) -> web.Response:
        await asyncio.to_thread(inference.host.unload)
        return web.Response(status=204)

    return [web.post("/model/parse", parse), web.put("/model", load), web.delete("/model", unload)]


async def _wanted(request: web.Request) -> str | None:
    """The release that is to be loaded; None for the promoted one.

    Raises:
        Refused: 400 or 422; the model is to come from elsewhere.
    """
    raw = await read_bytes(request)
    if not raw:
        return None
    body = checked_body(parse_json(raw), LoadBody)
    for name in ("model_server", "remote_storage"):
        if getattr(body, name) is not None:
            raise Refused(400, "InvalidField", f"{name} is not offered; name a release in model_file.", field=name)
    if body.model_file is None:
        return None
    name = checked_text(body.model_file, "model_file", 255).rpartition("/")[2]
    for ending in ENDINGS:
        name = name.removesuffix(ending)
    return name
