"""The Chatwoot channel: its webhook, its replies, and who answers, kept the same on both sides."""

import hmac
import re
from typing import Any

import structlog
from aiohttp import web
from pydantic import ValidationError
from yarl import URL

from bot.abilities import Abilities, Follows
from bot.channels.channel import WebhookChannel
from bot.channels.chatwoot.api import ChatwootApi
from bot.channels.chatwoot.config import NAME, Config
from bot.channels.chatwoot.events import Told, account_of, parse_event
from bot.channels.chatwoot.rendering import note, rendered
from bot.channels.chatwoot.signature import is_genuine
from bot.channels.intake import Intake
from bot.channels.posting import JsonPoster
from bot.delivery import Rejected
from bot.errors import Refused
from bot.messages import UserMessage
from bot.notices import RETURNS, NoticeType, notice_in
from bot.request_body import parse_json, read_bytes
from bot.standing import KIND as STANDING
from bot.standing import standing_payload
from bot.stores.inbox import Accepted
from bot.stores.outbox import Part
from bot.stores.turn import InboxMessage
from bot.timing import stage
from bot.turn_record import stored_reply

MAX_BODY_BYTES = 1024 * 1024  # a message alone may have 150,000 characters
MAX_BUTTONS = 10  # what the messengers behind Chatwoot show in one list
_CONVERSATION = re.compile(rf"{NAME}:([0-9]{{1,19}}):([0-9]{{1,19}})\Z")

_log = structlog.get_logger()


class Chatwoot(WebhookChannel):
    """Chatwoot. While a conversation is open there, or snoozed, it is a person's and the bot says nothing."""

    name = NAME
    abilities = Abilities(
        max_text=4_096,  # Chatwoot takes more, the messengers behind it do not
        max_buttons=MAX_BUTTONS,
        max_payload_bytes=200,
        cards=True,
        follows=Follows.OWN,
    )

    def __init__(self, config: Config, intake: Intake, poster: JsonPoster | None = None) -> None:
        self._config, self._intake = config, intake
        token = config.access_token.get_secret_value()
        self._api = ChatwootApi(URL(str(config.url)), token, poster or JsonPoster(now=intake.now))

    def routes(self) -> list[web.RouteDef]:
        """Also `receive_by_path`, where there is a token for it."""
        by_path = [web.post(f"/webhooks/{self.name}/webhook/{{token}}", self.receive_by_path)]
        return super().routes() + (by_path if self._config.path_token else [])

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Takes in what Chatwoot has signed; 200 says that it is kept, or is nothing to keep."""
        body, secret = await _body(request), self._config.webhook_secret
        if secret is None or not is_genuine(secret.get_secret_value(), request.headers, body, self._intake.now()):
            raise Refused(401, "NotAuthenticated", "The request is not signed with this bot's secret, or is old.")
        return await self._take(body)

    async def receive_by_path(self, request: web.Request) -> web.StreamResponse:
        """Takes in what comes to an address that only Chatwoot knows."""
        token = self._config.path_token
        given = str(request.match_info["token"]).encode("utf-8", "surrogatepass")
        if token is None or not hmac.compare_digest(token.get_secret_value().encode(), given):
            raise Refused(401, "NotAuthenticated", "The address does not end with this bot's path_token.")
        return await self._take(await _body(request))

    async def deliver(self, part: Part) -> None:
        """Adds one thing that the bot says, or gives the conversation to persons or back.

        Raises:
            NotSent: Chatwoot has not taken it, and may later.
            Rejected: Chatwoot refuses it.
            Uncertain: Nobody can tell.
        """
        found = _CONVERSATION.match(part.conversation_id)
        if found is None:
            raise Rejected("the conversation is none of Chatwoot's")
        account, conversation = found.groups()
        notice = notice_in(part)
        if notice is None:
            (message,) = stored_reply([part.payload])
            await self._api.add_message(account, conversation, rendered(message))
        elif notice["type"] == NoticeType.REQUESTED:
            await self._api.set_status(account, conversation, "open")
            await self._api.add_message(account, conversation, note(notice["data"]))
        elif notice["type"] in RETURNS:
            await self._api.set_status(account, conversation, "pending")

    async def close(self) -> None:
        """Closes the connections."""
        await self._api.close()

    async def _take(self, body: bytes) -> web.Response:
        with stage("parse"):
            payload = parse_json(body)
            found = self._read(payload) if isinstance(payload, dict) else None
        with stage("store"):
            if isinstance(found, Told):
                await self._note_down(found)
            elif found is not None:
                await self._intake.accept(found)
        return web.json_response({})

    def _read(self, payload: dict[str, Any]) -> UserMessage | Told | None:
        wanted = self._config.account_id
        if wanted is not None and account_of(payload) not in (None, wanted):
            raise Refused(403, "Forbidden", "The event is of another account than account_id names.")
        try:
            return parse_event(payload, wanted, self._intake.now())
        except ValidationError as error:  # a version that writes it otherwise; trying again would not help
            places = [".".join(map(str, one["loc"])) for one in error.errors(include_input=False)[:3]]
            _log.warning("chatwoot_ignored", chatwoot_event=str(payload.get("event"))[:40], fields=places)
            return None

    async def _note_down(self, told: Told) -> Accepted:
        return await self._intake.take(
            InboxMessage(
                conversation_id=told.conversation_id,
                channel=NAME,
                account=told.account,
                external_id=told.external_id,
                payload=standing_payload(told.standing),
                received_at=self._intake.now(),
                kind=STANDING,
            )
        )


async def _body(request: web.Request) -> bytes:
    return await read_bytes(request, max_bytes=MAX_BODY_BYTES)
