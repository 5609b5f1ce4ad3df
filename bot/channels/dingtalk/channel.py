"""The DingTalk channel: its webhook or its connection, and its replies."""

import hmac
from typing import Any

import structlog
from aiohttp import web
from pydantic import ValidationError
from yarl import URL

from bot.abilities import Abilities
from bot.channels.channel import WebhookChannel, health
from bot.channels.dingtalk.api import DingTalkApi, SessionGone
from bot.channels.dingtalk.config import NAME, Config
from bot.channels.dingtalk.parse import Incoming, parse_message
from bot.channels.dingtalk.render import for_robot, for_session
from bot.channels.dingtalk.signature import is_genuine, is_theirs
from bot.channels.dingtalk.stream import DingTalkStream
from bot.channels.intake import Intake
from bot.channels.posting import JsonPoster
from bot.delivery import Rejected
from bot.errors import Refused
from bot.messages import BotMessage
from bot.request_body import parse_json, read_bytes
from bot.stores.outbox import Part
from bot.timing import stage
from bot.turn_record import stored_reply

PATH = f"/webhooks/{NAME}/webhook"
ENDING_S = 60.0  # before its end a session's address is not used any more

_log = structlog.get_logger()


def make(config: Config, intake: Intake) -> "DingTalk":
    """The channel."""
    return DingTalk(config, intake)


class DingTalk(WebhookChannel):
    """DingTalk. Replies go to the address that came with the message while it lasts, then by the robot API."""

    name = NAME

    def __init__(self, config: Config, intake: Intake, poster: JsonPoster | None = None) -> None:
        self._config, self._intake = config, intake
        self._secret = config.client_secret.get_secret_value()
        self._url, self._robot = URL(str(config.api_url)), config.robot_code or config.client_id
        poster = poster or JsonPoster(now=intake.now)
        self._api = DingTalkApi(self._url, config.client_id, self._secret, poster, intake.now)
        self.abilities = Abilities(
            max_text=5_000,  # DingTalk takes about 20 KB
            max_buttons=5 if config.buttons == "card" else 0,
            max_button_title=20,
            link_buttons=config.buttons == "card",
        )

    def routes(self) -> list[web.RouteDef]:
        """The health route, and `receive` under an address that ends in a secret, where DingTalk is to post."""
        there = web.get(f"/webhooks/{NAME}/", health)
        return [there, web.post(PATH + "/{path_key}", self.receive)] if self._config.mode == "http" else [there]

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Takes in what DingTalk posts; 200 says that it is kept, or is nothing to keep."""
        self._check(request)
        with stage("parse"):
            payload = parse_json(await read_bytes(request))
        await self.take(payload)
        return web.json_response({})

    async def take(self, payload: Any) -> None:
        """Takes in a message, by whatever way it came. It is durable when this returns.

        Raises:
            Refused: Too many messages wait.
            StoreError: The database cannot be written.
        """
        try:
            found = parse_message(Incoming.model_validate(payload), self._config)
        except ValidationError as error:
            _log.info("dingtalk_ignored", fields=[str(one["loc"]) for one in error.errors()[:3]])
            return
        if found is not None:
            with stage("store"):
                await self._intake.accept(*found)

    async def run(self) -> None:
        """Keeps the connection of Stream mode open, where that is the way in."""
        if self._config.mode == "stream":
            await DingTalkStream(self._api, self._url, self.take).run()

    async def deliver(self, part: Part) -> None:
        """Sends one thing that the bot says.

        Raises:
            NotSent: DingTalk has not taken it, and may take it later.
            Rejected: DingTalk refuses it, or there is no way to the customer.
            Uncertain: Nobody can tell.
        """
        (message,) = stored_reply([part.payload])
        session, until = part.address.get("session"), part.address.get("session_until")
        lasts = isinstance(until, int | float) and until - ENDING_S > self._intake.now()
        if isinstance(session, str) and lasts and is_theirs(session, self._url):
            try:
                is_group = part.address.get("group") is not None
                await self._api.send_to_session(URL(session), for_session(message, as_card=not is_group))
                return
            except SessionGone:
                _log.info("dingtalk_session_gone", part=part.id)
        await self._by_robot(part, message)

    async def close(self) -> None:
        """Closes the connections."""
        await self._api.close()

    async def _by_robot(self, part: Part, message: BotMessage) -> None:
        group, staff = part.address.get("group"), part.address.get("staff")
        if isinstance(group, str):
            await self._api.send_to_group(self._robot, group, for_robot(message))
        elif isinstance(staff, str):
            await self._api.send_to_person(self._robot, staff, for_robot(message))
        else:
            raise Rejected("the session has ended, and the customer has no id in the company to write to")

    def _check(self, request: web.Request) -> None:
        """Refuses a request that is not under the secret address, or not signed."""
        key, given = self._config.path_key, request.match_info["path_key"]
        is_there = key is not None and hmac.compare_digest(
            key.get_secret_value().encode("ascii"), given.encode("utf-8", "surrogatepass")
        )
        if not is_there or not is_genuine(self._secret, request.headers, self._intake.now()):
            raise Refused(401, "NotAuthenticated", "The request is not signed with the app's secret, or is old.")
