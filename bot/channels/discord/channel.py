"""The channel `discord`: its webhook, its gateway and its replies."""

from typing import Any

import structlog
from aiohttp import web
from pydantic import ValidationError
from yarl import URL

from bot.abilities import Abilities, TextUnit
from bot.channels.channel import WebhookChannel
from bot.channels.discord.config import NAME, Config
from bot.channels.discord.gateway import Gateway
from bot.channels.discord.interactions import Answer, Interaction, answer_to, parse_interaction
from bot.channels.discord.rendering import MAX_BUTTONS, MAX_PAYLOAD, MAX_TEXT, MAX_TITLE, rendered
from bot.channels.discord.rest_api import RestApi, TokenGone
from bot.channels.discord.signature import is_genuine
from bot.channels.discord.written import Written, parse_written
from bot.channels.intake import Intake
from bot.channels.posting import JsonPoster
from bot.delivery import NotSent, Rejected, Uncertain
from bot.errors import Refused
from bot.request_body import parse_json, read_bytes
from bot.stores.outbox import Part
from bot.timing import stage
from bot.turn_record import stored_reply

_log = structlog.get_logger()


def make(config: Config, intake: Intake) -> "Discord":
    """The channel."""
    return Discord(config, intake)


class Discord(WebhookChannel):
    """Discord."""

    name = NAME
    abilities = Abilities(
        max_text=MAX_TEXT,
        unit=TextUnit.UTF16_UNITS,
        max_buttons=MAX_BUTTONS,
        max_button_title=MAX_TITLE,
        max_payload_bytes=MAX_PAYLOAD,
        images=True,
        custom=True,
        per_conversation_s=1.0,
        burst=4,
    )

    def __init__(self, config: Config, intake: Intake, poster: JsonPoster | None = None) -> None:
        self._config, self._intake = config, intake
        self._api = RestApi(config, poster or JsonPoster(now=intake.now))

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Takes in a command or a pressed button, and says what the customer sees until the reply comes."""
        body = await read_bytes(request)
        key = self._config.public_key
        if key is None or not is_genuine(key, request.headers, body, self._intake.now()):
            raise Refused(401, "NotAuthenticated", "The request is not signed with this application's key, or is old.")
        with stage("parse"):
            raw = parse_json(body)
        if isinstance(raw, dict) and raw.get("type") == Answer.PONG:  # a ping has the same number
            return web.json_response({"type": Answer.PONG})
        answer = await self._take_interaction(raw)
        if answer is None:
            raise Refused(400, "InvalidBody", "The body is not an interaction that can be answered.", field="body")
        return web.json_response({"type": answer})

    async def take(self, name: str, data: Any, bot: str) -> None:
        """Takes in an event of the gateway. It is durable when this returns.

        Raises:
            Refused: Too many messages wait.
            StoreError: The database cannot be written.
        """
        if name == "MESSAGE_CREATE":
            await self._take_written(data, bot)
        elif name == "INTERACTION_CREATE":
            answer = await self._take_interaction(data)
            if answer is not None:
                await self._show(data, answer)

    async def run(self) -> None:
        """Keeps the connection to the gateway open, where it is wanted."""
        if self._config.gateway:
            token, host = self._config.bot_token.get_secret_value(), URL(str(self._config.api_url)).host
            own = frozenset({host}) if host != "discord.com" else frozenset()
            await Gateway(token, self._api, self.take, hosts=own).run()

    async def deliver(self, part: Part) -> None:
        """Answers the command or the button, or writes into the channel where that is no longer possible.

        Raises:
            NotSent: It was not taken; later it may be.
            Rejected: It was refused.
            Uncertain: Nobody can tell.
        """
        (message,) = stored_reply([part.payload])
        body, address = rendered(message), part.address
        if not address:
            raise Rejected("nobody has written in this conversation yet, so its channel is not known")
        if "token" in address and self._intake.now() < address["until"]:
            try:
                await self._api.follow_up(address["token"], body)
            except TokenGone:
                _log.info("discord_token_gone", part=part.id)
            else:
                return
        if "message" in address:
            body["message_reference"] = {"message_id": address["message"], "fail_if_not_exists": False}
        await self._api.post_message(address["channel"], body, part.key)

    async def close(self) -> None:
        """Closes the connections."""
        await self._api.close()

    async def _take_written(self, data: Any, bot: str) -> None:
        try:
            found = parse_written(Written.model_validate(data), self._config, bot)
        except ValidationError as error:
            _log.info("discord_ignored", fields=[str(one["loc"]) for one in error.errors()[:3]])
            return
        if found is not None:
            await self._intake.accept(*found)

    async def _take_interaction(self, data: Any) -> Answer | None:
        """Takes an interaction in; None where there is nothing to say to it."""
        try:
            interaction = Interaction.model_validate(data)
        except ValidationError as error:
            _log.info("discord_ignored", fields=[str(one["loc"]) for one in error.errors()[:3]])
            return None
        found = parse_interaction(interaction, self._intake.now())
        if found is None or interaction.application_id != self._config.application_id:
            return None
        with stage("store"):
            accepted = await self._intake.accept(*found)
        return answer_to(interaction) if accepted is not None else None

    async def _show(self, data: Any, answer: Answer) -> None:
        try:
            await self._api.answer(data["id"], data["token"], answer)
        except (NotSent, Rejected, Uncertain) as error:
            _log.info("discord_not_shown", reason=str(error))
