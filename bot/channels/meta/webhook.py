"""The webhook that Meta's channels share: the handshake, the signature, and batches of which each item stands alone."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web
from pydantic import Field, SecretStr, ValidationError

from bot.channels.channel import ChannelConfig, WebhookChannel
from bot.channels.intake import Intake
from bot.channels.meta.signature import is_genuine, is_same
from bot.errors import Refused
from bot.messages import UserMessage
from bot.request_body import parse_json, read_bytes
from bot.timing import stage

MAX_BODY_BYTES = 3 * 1024 * 1024  # what Meta sends at most: a batch of up to 1,000 updates
MAX_CHALLENGE_CHARS = 1_000

_log = structlog.get_logger()


class MetaConfig(ChannelConfig):
    """What the section of each of Meta's channels holds.

    Attributes:
        verify: A word of your own, which the app's dashboard is told too.
        secret: The app's secret, with which Meta signs.
    """

    verify: SecretStr = Field(min_length=1)
    secret: SecretStr = Field(min_length=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A customer's message with the way back; None leaves the way that is known."""

    message: UserMessage
    address: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """Something that was taken from us, and has not reached the customer.

    Attributes:
        id: The platform's id of it.
        key: The key of our part; None where the platform does not say it.
    """

    id: str
    key: str | None
    reason: str


class MetaWebhook(WebhookChannel):
    """Takes in what Meta brings."""

    def __init__(self, config: MetaConfig, intake: Intake) -> None:
        self._verify, self._secret = config.verify.get_secret_value(), config.secret.get_secret_value()
        self._intake = intake

    def routes(self) -> list[web.RouteDef]:
        """The usual two, and the handshake."""
        return [*super().routes(), web.get(f"/webhooks/{self.name}/webhook", self.shake_hands)]

    async def shake_hands(self, request: web.Request) -> web.Response:
        """Echoes the challenge to who knows the word, as text and nothing else."""
        challenge = request.query.get("hub.challenge", "")[:MAX_CHALLENGE_CHARS]
        is_right = is_same(self._verify, request.query.get("hub.verify_token", ""))
        if request.query.get("hub.mode") != "subscribe" or not is_right:
            raise Refused(403, "NotAuthorized", "hub.verify_token is not `verify` of credentials.yml.")
        return web.Response(text=challenge, headers={"X-Content-Type-Options": "nosniff"})

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Answers once everything that could be read is stored.

        Raises:
            Refused: 400, 401 or 413; 503 where Meta should bring it again.
        """
        with stage("parse"):
            body = await read_bytes(request, max_bytes=MAX_BODY_BYTES)
            if not is_genuine(self._secret, request.headers, body):
                raise Refused(401, "NotAuthenticated", "X-Hub-Signature-256 is not the body's signature.")
            brought = list(self.parse(parse_json(body)))
        with stage("store"):
            await self._accept_all(one for one in brought if isinstance(one, Incoming))
            for one in brought:
                if isinstance(one, Undelivered):
                    await self._note(one)
        return web.Response()

    def parse(self, data: Any) -> Iterator[Incoming | Undelivered]:
        """What Meta brought that concerns us."""
        raise NotImplementedError

    async def _accept_all(self, incoming: Iterable[Incoming]) -> None:
        """Each conversation's in order, conversations beside one another; all that can be stored is."""
        conversations: dict[str, list[Incoming]] = defaultdict(list)
        for one in incoming:
            conversations[one.message.conversation_id].append(one)
        results = await asyncio.gather(*map(self._accept, conversations.values()), return_exceptions=True)
        for failure in filter(None, results):
            raise failure

    async def _note(self, one: Undelivered) -> None:
        is_ours = one.key is not None and await self._intake.not_delivered(self.name, one.key, one.reason)
        _log.error(
            "message_not_delivered", channel=self.name, id=one.id, key=one.key, reason=one.reason, is_known=is_ours
        )

    async def _accept(self, conversation: Iterable[Incoming]) -> None:
        for one in conversation:
            accepted = await self._intake.accept(one.message, one.address)
            if accepted is not None and accepted.is_new:
                self.on_new(one)

    def on_new(self, incoming: Incoming) -> None:
        """What a channel does besides when a message is new."""


def entries(data: Any, kind: str) -> Iterator[Mapping[str, Any]]:
    """The entries in what Meta brought; none where it is not about a `kind`."""
    if isinstance(data, dict) and data.get("object") == kind and isinstance(data.get("entry"), list):
        yield from objects(data["entry"])


def objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects in a list; whatever else is there is passed over."""
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))


def skipped(channel: str, error: Exception) -> None:
    """Logs that an item could not be read, without what it holds."""
    _log.warning("webhook_item_skipped", channel=channel, reason=_where(error))


def _where(error: Exception) -> str:
    """Which fields were wrong, or, of an item as a whole, what it lacks."""
    if not isinstance(error, ValidationError):
        return type(error).__name__
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return ", ".join(".".join(map(str, one["loc"])) or one["msg"] for one in found[:5])
