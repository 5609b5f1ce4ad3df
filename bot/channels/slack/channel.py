"""The Slack channel: its webhook, its replies, and Socket Mode beside them."""

from typing import Any
from urllib.parse import parse_qs

import structlog
from aiohttp import web
from pydantic import ValidationError
from yarl import URL

from bot.abilities import Abilities
from bot.channels.channel import WebhookChannel
from bot.channels.intake import Intake
from bot.channels.posting import JsonPoster
from bot.channels.slack.blocks import MAX_BUTTONS, MAX_TEXT, MAX_TITLE, MAX_VALUE, as_link, rendered
from bot.channels.slack.config import NAME, Config
from bot.channels.slack.events import EventCallback, parse_event
from bot.channels.slack.interactions import parse_interaction
from bot.channels.slack.signature import is_genuine
from bot.channels.slack.socket_mode import SocketMode
from bot.channels.slack.web_api import InvalidBlocks, WebApi
from bot.delivery import Rejected
from bot.errors import Refused
from bot.request_body import JSON_TYPES, parse_json, read_bytes
from bot.stores.outbox import Part
from bot.timing import stage
from bot.turn_record import stored_reply

FORM = "application/x-www-form-urlencoded"

_log = structlog.get_logger()


def make(config: Config, intake: Intake) -> "Slack":
    """The channel."""
    return Slack(config, intake)


class Slack(WebhookChannel):
    """Slack. A message that comes again, as a retry or as a mention of the same words, is answered once."""

    name = NAME
    abilities = Abilities(
        max_text=MAX_TEXT,
        max_buttons=MAX_BUTTONS,
        max_button_title=MAX_TITLE,
        max_payload_bytes=MAX_VALUE,
        images=True,
        attachments=True,
        custom=True,
        threads=True,
        per_conversation_s=1.0,
        burst=3,
    )

    def __init__(self, config: Config, intake: Intake, poster: JsonPoster | None = None) -> None:
        self._config, self._intake = config, intake
        self._api = WebApi(URL(str(config.api_url)), poster or JsonPoster(now=intake.now))

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Takes in what Slack posts; 200 says that it is kept, or is nothing to keep."""
        body = await read_bytes(request, JSON_TYPES | {FORM})
        secret = self._config.slack_signing_secret
        if secret is None or not is_genuine(secret.get_secret_value(), request.headers, body, self._intake.now()):
            raise Refused(401, "NotAuthenticated", "The request is not signed with this app's secret, or is old.")
        with stage("parse"):
            payload = _form_payload(body) if request.content_type == FORM else parse_json(body)
        if isinstance(payload, dict) and payload.get("type") == "url_verification":
            challenge = str(payload.get("challenge", ""))[:1_000].encode("utf-8", "replace")
            return web.Response(body=challenge, content_type="text/plain")
        await self.take(payload)
        return web.Response()

    async def take(self, payload: Any) -> None:
        """Takes in what Slack tells, by whatever way it came. It is durable when this returns.

        Raises:
            Refused: Too many messages wait.
            StoreError: The database cannot be written.
        """
        kind = payload.get("type") if isinstance(payload, dict) else None
        try:
            if kind == "event_callback":
                found = parse_event(EventCallback.model_validate(payload), self._config)
            elif kind == "block_actions":
                found = parse_interaction(payload, self._config)
            else:
                _log.info("slack_ignored", type=str(kind)[:40])
                return
        except ValidationError as error:  # events about other things have other fields
            _log.info("slack_ignored", type=kind, fields=[str(one["loc"]) for one in error.errors()[:3]])
            return
        if found is not None:
            with stage("store"):
                await self._intake.accept(*found)

    async def run(self) -> None:
        """Keeps Socket Mode's connection open, where there is a token for it."""
        if self._config.app_token is not None:
            url = str(self._config.api_url)
            await SocketMode(self._config.app_token.get_secret_value(), url, self.take).run()

    async def deliver(self, part: Part) -> None:
        """Posts one thing that the bot says.

        Raises:
            NotSent: Slack has not taken it, and may take it later.
            Rejected: Slack refuses it.
            Uncertain: Nobody can tell.
        """
        (message,) = stored_reply([part.payload])
        token, to = self._config.token_of(part.address.get("team")), self._to(part)
        try:
            await self._api.post_message(token, to | rendered(message))
        except InvalidBlocks:
            if not message.image:
                raise
            await self._api.post_message(token, to | as_link(message))

    async def close(self) -> None:
        """Closes the connections."""
        await self._api.close()

    def _to(self, part: Part) -> dict[str, Any]:
        channel = part.address.get("channel") or self._config.slack_channel
        if channel is None:
            raise Rejected("nobody has written in this conversation yet; set slack_channel for what is said unasked")
        thread = part.address.get("thread_ts")
        return {"channel": channel, "thread_ts": thread} if thread else {"channel": channel}


def _form_payload(body: bytes) -> Any:
    """The JSON in the field `payload` of a form; None where there is no such field.

    Raises:
        Refused: 400; it is not a form, or no JSON is in it.
    """
    try:
        fields = parse_qs(body.decode("utf-8"), max_num_fields=100, errors="strict")
    except ValueError as error:
        raise Refused(400, "InvalidBody", "The body is not a form.", field="body") from error
    found = fields.get("payload")
    return None if found is None else parse_json(found[0].encode("utf-8"))
