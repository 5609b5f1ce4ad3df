"""The composition root: the one place where the parts of the running bot are put together."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import structlog
from aiohttp import web

from bot import handoff_api, knowledge_api
from bot.actions import CustomActions, custom_actions
from bot.api import openai_routes
from bot.api.auth import Access
from bot.api.http_api import HttpApi
from bot.beside_requests import BesideRequests
from bot.channels import rest
from bot.channels.channel import Channel
from bot.channels.intake import Intake
from bot.channels.registry import channels_of, config_of
from bot.channels.widget import widget
from bot.channels.widget.config import Config as WidgetConfig
from bot.channels.widget.secret import widget_secret
from bot.channels.widget.session import NAME as WIDGET
from bot.conversation import Conversation
from bot.desk import Desk
from bot.dialogue import DialogueManager
from bot.drain import Drain
from bot.errors import Refused
from bot.events import Event
from bot.experiments.candidate import CandidateHost
from bot.experiments.shadow import ShadowReader
from bot.inbox_worker import InboxWorker
from bot.inference import Inference
from bot.knowledge_service import KnowledgeService
from bot.loop_watch import LoopWatch
from bot.measures.pages import Dashboard
from bot.messages import BotMessage
from bot.middlewares import CORS_ORIGINS, allow_origins, errors_as_json, log_requests, preflight
from bot.model_host import ModelHost
from bot.monitor import MoodMonitor, alert_webhook
from bot.outbox_sender import OutboxSender
from bot.pace import Pace
from bot.pages import pages, review
from bot.request_body import BODY_TIMEOUT_S, MAX_BODY_BYTES
from bot.responses import Responses
from bot.retention import keep_forgetting
from bot.review import ReviewDesk
from bot.stores.location import connector_of
from bot.stores.store import ConversationStore
from bot.suggestions import Suggester
from configs.credentials import read_credentials
from configs.endpoints import read_endpoints
from configs.settings import Settings
from training.releases import KNOWLEDGE_FILE, Releases

DIALOGUE: web.AppKey[DialogueManager] = web.AppKey("dialogue", DialogueManager)
INFERENCE: web.AppKey[Inference] = web.AppKey("inference", Inference)
DRAIN: web.AppKey[Drain] = web.AppKey("drain", Drain)

CHANNEL_RETRY_S = 5.0
_log = structlog.get_logger()


def create_app(settings: Settings, releases: Releases, root: Path | None = None) -> web.Application:
    """The server for the assistant whose releases these are.

    Args:
        root: The assistant's folder, for its custom actions, `endpoints.yml` and `credentials.yml`; without it there
            are none.

    Raises:
        AssistantError: The custom actions, `endpoints.yml` or `credentials.yml` cannot be used.
        ReleaseError: No release can be served.
        SettingsError: The HTTP API would be open to other machines.
    """
    access = Access(settings)
    host = ModelHost(releases, threads=settings.inference_threads)
    inference = Inference(
        host,
        max_batch=settings.max_batch,
        max_waiting=settings.max_waiting,
        timeout_s=settings.request_timeout_s,
    )
    store = ConversationStore(connector_of(settings, releases.data_dir), unknown=settings.unknown_parts)
    knowledge = KnowledgeService(releases.data_dir / KNOWLEDGE_FILE)
    actions = None if root is None else actions_of(root, settings)
    intake = Intake(store, max_text_chars=settings.max_text_chars, on_accept=lambda: worker.wake())  # noqa: PLW0108 - it comes below
    channels = [] if root is None else channels_of(read_credentials(root), intake)
    abilities = {channel.name: channel.abilities for channel in channels}
    store.outbox.resends = frozenset(name for name, able in abilities.items() if able.resends)
    tried = CandidateHost(host)
    dialogue = DialogueManager(inference, store, actions=actions, sends_to=abilities, engine_for=tried.engine_for)
    shadow = ShadowReader(tried, inference, store)
    sender = OutboxSender(
        store.outbox,
        {channel.name: channel.deliver for channel in channels},
        paces={name: Pace(able) for name, able in abilities.items()},
    )
    worker = InboxWorker(store, dialogue, on_answer=sender.wake)
    drain = Drain()
    app = empty_app(settings, drain)
    app[DIALOGUE], app[INFERENCE], app[DRAIN] = dialogue, inference, drain
    loop = LoopWatch()
    api = HttpApi(settings, access, inference, dialogue, store, loop)
    dialogue.on_read, api.experiment = shadow.offer, shadow.shown
    monitor = MoodMonitor(store, lambda: host.engine.spec.monitor, webhook=alert_webhook(settings))
    suggester = Suggester(store, inference)
    api.mood, api.suggestions, dialogue.suggest = monitor.shown, suggester.shown, suggester.suggest
    desk = desk_of(dialogue, store, host)
    chat = widget.make(
        widget_config(root),
        secret=widget_secret(settings.widget_secret, releases.data_dir),
        data_dir=releases.data_dir,
        intake=intake,
        dialogue=dialogue,
        store=store,
        desk=desk,
        handoff=lambda: host.engine.spec.handoff,
        on_feedback=api.watch.look,
    )
    # The widget asks the desk how many are before whom.
    dialogue.on_commit, dialogue.on_erase = in_turn(desk.saw, chat.saw), chat.erased
    stops = [chat.stop, *(channel.stop for channel in channels)]
    drain.stops += [worker.stop, sender.stop, *stops]
    chat.join(app)
    if settings.enable_api:
        app.add_routes(
            handoff_api.routes(desk, access.admin, access.is_admin_token, max_text_chars=settings.max_text_chars)
        )
    app.add_routes(api.routes())
    app.add_routes(knowledge_api.routes(knowledge, settings.admin_token))
    app.add_routes(
        rest.routes(dialogue, max_text_chars=settings.max_text_chars, served=abilities, may_name=access.may_name)
    )
    app.add_routes(
        openai_routes.routes(
            dialogue,
            lambda: openai_routes.served_model(host),
            settings.openai_token,
            max_text_chars=settings.max_text_chars,
        )
    )
    app.add_routes([route for channel in channels for route in channel.routes()])
    reviewed = ReviewDesk(store, inference, knowledge, releases)
    page_key = pages.join(app, settings, releases.data_dir)
    app.add_routes(review.routes(reviewed, store, inference, knowledge, page_key))
    app.add_routes(Dashboard(store, host, reviewed.clusters).routes())

    async def end_trainings(_: web.Application) -> None:
        for stop in stops:
            stop()
        await desk.close()  # sockets end here, before the server waits for their handlers
        await api.close()

    app.on_shutdown.append(end_trainings)

    every_s = settings.follow_interval_s
    beside = BesideRequests(
        store,
        drain,
        follows=[
            loop.run,
            *(partial(keep_running, channel) for channel in channels),
            partial(follow_releases, host, tried, every_s),
            shadow.run,
            monitor.run,
            suggester.run,
            partial(follow_knowledge, inference, every_s),
            partial(desk.follow, every_s),
            partial(chat.follow, every_s),
            reviewed.follow,
            partial(keep_forgetting, store, settings.keep_finished_days),
        ],
        works=[worker.run, sender.run],
        closes=[*channels, monitor, inference, knowledge, store, *([actions] if actions else [])],
    )
    app.cleanup_ctx.append(beside)
    return app


def empty_app(settings: Settings, drain: Drain) -> web.Application:
    """A server without routes: what is done with every request, and the limits that handlers look up."""
    app = web.Application(
        middlewares=[log_requests, preflight(settings.cors_origins), errors_as_json, drain.refuse_or_count],
        client_max_size=settings.max_body_bytes,
    )
    app.on_response_prepare.append(allow_origins(settings.cors_origins))
    app[CORS_ORIGINS] = settings.cors_origins
    app[MAX_BODY_BYTES], app[BODY_TIMEOUT_S] = settings.max_body_bytes, settings.request_body_timeout_s
    return app


def in_turn(*tellers: Callable[[Conversation, Sequence[Event]], None]) -> Callable[..., None]:
    """Tells each of them, in this order."""

    def tell(conversation: Conversation, events: Sequence[Event]) -> None:
        for teller in tellers:
            teller(conversation, events)

    return tell


def desk_of(dialogue: DialogueManager, store: ConversationStore, host: ModelHost) -> Desk:
    """Who waits for a person, and who is served by one; the words are those of the release in use."""

    def say(name: str, conversation: Conversation) -> BotMessage | None:
        responses = Responses(host.engine.spec.domain, random.Random())  # noqa: S311 - which wording is no secret
        return responses.say(name, conversation.slots, conversation.channel or "")

    return Desk(dialogue, store, config=lambda: host.engine.spec.handoff, say=say, now=time.time)


def widget_config(root: Path | None) -> WidgetConfig:
    """The widget's settings in `credentials.yml` of the assistant in `root`; without any, it is on the chat page only.

    Raises:
        AssistantError: They are wrong.
    """
    credentials = None if root is None else read_credentials(root)
    if credentials is None or WIDGET not in credentials.sections:
        return WidgetConfig()
    return config_of(credentials, WIDGET, WidgetConfig)


def actions_of(root: Path, settings: Settings) -> CustomActions | None:
    """The custom actions of the assistant in `root`, in its folder or on its action server.

    Raises:
        AssistantError: They cannot be imported, or `endpoints.yml` is wrong.
    """
    endpoint = read_endpoints(root).action_endpoint
    return custom_actions(root, endpoint.url if endpoint else None, timeout_s=settings.action_timeout_s, now=time.time)


async def keep_running(channel: Channel) -> None:
    """Runs what a channel does besides answering requests, and begins anew where it breaks."""
    while True:
        try:
            await channel.run()
            return
        except Exception:
            _log.exception("channel_broken", channel=channel.name)
        await asyncio.sleep(CHANNEL_RETRY_S)


async def follow_releases(host: ModelHost, tried: CandidateHost, interval_s: float) -> None:
    """Looks every `interval_s` whether another release was promoted or is to be tried; loads it off the event loop.

    Always in the same thread: each that loads a model keeps some memory of it for itself.
    """
    loop, thread = asyncio.get_running_loop(), ThreadPoolExecutor(1, "follow")
    try:
        while True:
            await asyncio.sleep(interval_s)
            for follow in (host.follow, tried.follow):
                try:
                    await loop.run_in_executor(thread, follow)
                except Exception:
                    _log.exception("follow_failed")
    finally:
        thread.shutdown(wait=False, cancel_futures=True)


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
