"""The composition root: the one place where the parts of the running bot are put together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import structlog
from aiohttp import web

from bot import knowledge_api, routes
from bot.channels import rest
from bot.dialogue import DialogueManager
from bot.errors import Refused
from bot.inference import Inference
from bot.knowledge_service import KnowledgeService
from bot.middlewares import allow_origins, errors_as_json, log_requests, preflight
from bot.model_host import ModelHost
from bot.request_body import MAX_BODY_BYTES
from bot.stores.sqlite import SqliteStore
from configs.settings import Settings
from training.releases import KNOWLEDGE_FILE, Releases

DATABASE_FILE = "conversations.db"
DIALOGUE: web.AppKey[DialogueManager] = web.AppKey("dialogue", DialogueManager)
INFERENCE: web.AppKey[Inference] = web.AppKey("inference", Inference)

_log = structlog.get_logger()


def create_app(settings: Settings, releases: Releases) -> web.Application:
    """The server for the assistant whose releases these are.

    Raises:
        ReleaseError: No release can be served.
    """
    host = ModelHost(releases, threads=settings.inference_threads)
    inference = Inference(
        host,
        max_batch=settings.max_batch,
        max_waiting=settings.max_waiting,
        timeout_s=settings.request_timeout_s,
    )
    store = SqliteStore(releases.data_dir / DATABASE_FILE)
    knowledge = KnowledgeService(releases.data_dir / KNOWLEDGE_FILE)
    dialogue = DialogueManager(inference, store)
    app = web.Application(
        middlewares=[log_requests, preflight(settings.cors_origins), errors_as_json],
        client_max_size=settings.max_body_bytes,
    )
    app.on_response_prepare.append(allow_origins(settings.cors_origins))
    app[MAX_BODY_BYTES] = settings.max_body_bytes
    app[DIALOGUE], app[INFERENCE] = dialogue, inference
    app.add_routes(routes.routes(inference, max_text_chars=settings.max_text_chars))
    app.add_routes(knowledge_api.routes(knowledge, settings.admin_token))
    app.add_routes(rest.routes(dialogue, max_text_chars=settings.max_text_chars))

    async def open_and_close(_: web.Application) -> AsyncIterator[None]:
        await store.open()
        following = [
            asyncio.create_task(follow_releases(host, settings.follow_interval_s)),
            asyncio.create_task(follow_knowledge(inference, settings.follow_interval_s)),
        ]
        yield
        for task in following:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await inference.close()
        await knowledge.close()
        await store.close()

    app.cleanup_ctx.append(open_and_close)
    return app


async def follow_releases(host: ModelHost, interval_s: float) -> None:
    """Looks every `interval_s` whether another release has been promoted, and loads it off the event loop."""
    while True:
        await asyncio.sleep(interval_s)
        try:
            await asyncio.to_thread(host.follow)
        except Exception:
            _log.exception("follow_failed")


async def follow_knowledge(inference: Inference, interval_s: float) -> None:
    """Takes over edits of past answers while no message comes, a few at a time, so that none has to wait for many."""
    while True:
        try:
            done = await inference.catch_up()
        except Refused:  # messages are waiting, and each of them takes some edits over
            done = True
        except Exception:
            _log.exception("follow_failed")
            done = True
        await asyncio.sleep(interval_s if done else 0)
