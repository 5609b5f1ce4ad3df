"""`POST /model/train`: trains on what is sent, without stopping the bot, and answers the release."""

import asyncio
from collections.abc import Collection

import structlog
from aiohttp import web
from yarl import URL

from bot.api.callback_url import callback_url, send_archive, send_error
from bot.api.data_body import read_data
from bot.api.query import flag, number
from bot.api.training_job import Archive, TrainingJobs, TrainingOrder
from bot.errors import Refused
from bot.model_host import ModelHost

MAX_TRAINING_BYTES = 16 * 1024 * 1024
CHUNK_BYTES = 256 * 1024
DEFAULT_NAME = "assistant"
NOT_USED = ("augmentation", "num_threads")  # of Rasa's parameters

_log = structlog.get_logger()


class TrainingRoutes:
    """The route, and the trainings whose result goes elsewhere.

    Args:
        hosts: Where results may go besides this machine.
    """

    def __init__(self, trainings: TrainingJobs, host: ModelHost, hosts: Collection[str]) -> None:
        self._trainings, self._host, self._hosts = trainings, host, hosts
        self._in_background: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        """The one route."""
        return [web.post("/model/train", self._train)]

    async def close(self) -> None:
        """Ends what is under way."""
        for task in self._in_background:
            task.cancel()
        await asyncio.gather(*self._in_background, return_exceptions=True)
        await self._trainings.close()

    async def _train(self, request: web.Request) -> web.StreamResponse:
        for name in NOT_USED:
            number(request, name)
        force, keep = flag(request, "force_training"), flag(request, "save_to_default_model_directory", default=True)
        url = callback_url(request, self._hosts)
        body, is_json = await read_data(request, MAX_TRAINING_BYTES)
        order = TrainingOrder(file_name="sent.json" if is_json else "sent.yml", body=body, force=force, keep=keep)
        self._trainings.begin()
        if url is None:
            return await _sent(request, await self._trainings.train(order, self._name()))
        task = asyncio.create_task(self._train_and_call(url, order))
        self._in_background.add(task)
        task.add_done_callback(self._in_background.discard)
        return web.Response(status=204)

    async def _train_and_call(self, url: URL, order: TrainingOrder) -> None:
        try:
            archive = await self._trainings.train(order, self._name())
        except Refused as error:
            await send_error(url, error)
        except Exception:  # an edge: nobody else would hear of it
            _log.exception("training_failed")
            await send_error(url, Refused(503, "TrainingFailed", "The training has crashed; the log says why."))
        else:
            await send_archive(url, archive)

    def _name(self) -> str:
        return self._host.engine.release.manifest.assistant if self._host.is_loaded else DEFAULT_NAME


async def _sent(request: web.Request, archive: Archive) -> web.StreamResponse:
    with archive.file:
        response = web.StreamResponse(headers={"filename": archive.name, "Content-Type": "application/gzip"})
        response.headers["Content-Disposition"] = f'attachment; filename="{archive.name}"'
        response.content_length = archive.size_bytes
        await response.prepare(request)
        while chunk := await asyncio.to_thread(archive.file.read, CHUNK_BYTES):
            await response.write(chunk)
        await response.write_eof()
    return response
