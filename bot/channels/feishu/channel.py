"""The Feishu channel: its webhook, and its replies."""

from collections.abc import Mapping
from typing import Any

import structlog
from aiohttp import web
from pydantic import ValidationError
from yarl import URL

from bot.abilities import Abilities, TextUnit
from bot.channels.channel import WebhookChannel
from bot.channels.feishu.api import FeishuApi, rendered
from bot.channels.feishu.config import NAME, Config
from bot.channels.feishu.crypto import NotDecrypted, decrypted, is_genuine, is_same
from bot.channels.feishu.events import Header, parse_event
from bot.channels.intake import Intake, storable
from bot.channels.posting import JsonPoster
from bot.delivery import Rejected
from bot.errors import Refused
from bot.request_body import parse_json, read_bytes
from bot.stores.outbox import Part
from bot.timing import stage
from bot.turn_record import stored_reply

CHALLENGE = "url_verification"
MAX_CHALLENGE_CHARS = 1_000

_log = structlog.get_logger()


def make(config: Config, intake: Intake) -> "Feishu":
    """The channel."""
    return Feishu(config, intake)


class Feishu(WebhookChannel):
    """Feishu, or Lark. A part that is sent again within an hour is shown once."""

    name = NAME
    abilities = Abilities(
        max_text=20_000,  # a card may have 30 KB, with its buttons
        unit=TextUnit.UTF8_BYTES,
        max_buttons=10,
        max_button_title=120,
        max_payload_bytes=500,
        link_buttons=True,
        per_second=50.0,
        per_conversation_s=0.2,
        resends=True,
    )

    def __init__(self, config: Config, intake: Intake, poster: JsonPoster | None = None) -> None:
        self._config, self._intake = config, intake
        self._key = None if config.encrypt_key is None else config.encrypt_key.get_secret_value()
        token = config.verification_token
        self._token = None if token is None else token.get_secret_value()
        secret = config.app_secret.get_secret_value()
        self._api = FeishuApi(
            URL(str(config.api_url)), config.app_id, secret, poster or JsonPoster(now=intake.now), intake.now
        )

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Takes in what Feishu brings; 200 says that it is kept, or is nothing to keep."""
        body = await read_bytes(request)
        with stage("parse"):
            is_signed = self._key is None or is_genuine(self._key, request.headers, body, self._intake.now())
            payload = self._opened(body)
            if payload.get("type") == CHALLENGE:  # the only one that is not signed; to have encrypted it is enough
                self._check_token(payload.get("token"))
                return web.json_response({"challenge": str(payload.get("challenge", ""))[:MAX_CHALLENGE_CHARS]})
            if not is_signed:
                raise _forged("The request is not signed with this app's Encrypt Key, or is old.")
        await self._take(payload)
        return web.json_response({})

    async def deliver(self, part: Part) -> None:
        """Sends one thing that the bot says: in a group as an answer to what the customer wrote.

        Raises:
            NotSent: Feishu has not taken it, and may take it later.
            Rejected: Feishu refuses it, or nobody has written yet.
            Uncertain: Nobody can tell.
        """
        chat, answers = part.address.get("chat"), part.address.get("answers")
        if not isinstance(chat, str):
            raise Rejected("nobody has written in this conversation yet")
        (said,) = stored_reply([part.payload])
        message = rendered(said, part.key)
        in_thread = part.address.get("in_thread") is True
        if isinstance(answers, str) and await self._api.answer(answers, message, in_thread=in_thread):
            return
        await self._api.send(chat, message)

    async def close(self) -> None:
        """Closes the connections."""
        await self._api.close()

    def _opened(self, body: bytes) -> Mapping[str, Any]:
        """The request's JSON, decrypted where there is a key.

        Raises:
            Refused: 401; it is not encrypted with the key. 400; it is no JSON.
        """
        payload = parse_json(body)
        if self._key is not None:
            encrypted = payload.get("encrypt") if isinstance(payload, dict) else None
            if not isinstance(encrypted, str):
                raise _forged("The request is not encrypted.")
            try:
                payload = parse_json(decrypted(self._key, encrypted))
            except NotDecrypted as error:
                raise _forged(f"The request cannot be decrypted: {error}.") from error
        if not isinstance(payload, dict):
            raise Refused(400, "InvalidBody", "The body is not a JSON object.", field="body")
        opened: Mapping[str, Any] = storable(payload)  # with half a character in it a text would be none
        return opened

    async def _take(self, payload: Mapping[str, Any]) -> None:
        if payload.get("schema") != "2.0":
            self._check_token(payload.get("token"))
            _log.info("feishu_ignored", schema=str(payload.get("schema"))[:40])
            return
        try:
            header = Header.model_validate(payload.get("header"))
        except ValidationError as error:
            raise Refused(400, "InvalidBody", "The event has no header.", field="header") from error
        self._check_token(header.token)
        if header.app_id not in (None, self._config.app_id):
            raise _forged("The event is of another app.")
        try:
            found = parse_event(header, payload.get("event"), self._config)
        except ValidationError as error:  # events about other things have other fields
            _log.info("feishu_ignored", fields=[str(one["loc"]) for one in error.errors()[:3]])
            return
        if found is not None:
            with stage("store"):
                await self._intake.accept(*found)

    def _check_token(self, given: object) -> None:
        """Refuses a token that is not ours; where there is a key and no token, the key is enough."""
        if self._token is not None and not is_same(self._token, given):
            raise _forged("The token in the request is not verification_token of credentials.yml.")


def _forged(reason: str) -> Refused:
    return Refused(401, "NotAuthenticated", reason)
