"""What a channel is: messages of a platform in, replies in the platform's form out."""

from typing import Protocol

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from bot.abilities import Abilities, TextUnit
from bot.stores.outbox import Part

__all__ = ["Abilities", "Channel", "ChannelConfig", "TextUnit", "WebhookChannel", "conversation_id", "health"]


class Channel(Protocol):
    """A platform that customers write on."""

    @property
    def name(self) -> str:
        """The channel's name: its key in `credentials.yml`."""
        ...

    @property
    def abilities(self) -> Abilities:
        """What it can show."""
        ...

    def routes(self) -> list[web.RouteDef]:
        """Where the platform brings its messages."""
        ...

    async def run(self) -> None:
        """What it does besides, until it is cancelled: fetches messages, keeps a socket open. Nothing returns."""

    def stop(self) -> None:
        """Takes nothing more in: the server ends. What keeps connections of customers open ends them."""

    async def deliver(self, part: Part) -> None:
        """Sends one part of a reply; it has arrived when this returns.

        Raises:
            NotSent: It certainly was not taken, and is worth another try.
            Rejected: It never will be taken.
            Uncertain: Nobody can tell.
        """

    async def close(self) -> None:
        """Closes the connections."""


class ChannelConfig(BaseModel):
    """A channel's section of `credentials.yml`; keys that nobody knows are ignored, and said at start."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class WebhookChannel:
    """What channels with a webhook share: `GET /webhooks/<name>/` says that it is there; nothing runs besides.

    Attributes:
        name: The channel's name.
        abilities: What the platform can show.
    """

    name: str
    abilities: Abilities = Abilities()

    def routes(self) -> list[web.RouteDef]:
        """The health route, and `receive` under `/webhooks/<name>/webhook`."""
        return [
            web.get(f"/webhooks/{self.name}/", health),
            web.post(f"/webhooks/{self.name}/webhook", self.receive),
        ]

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Takes in what the platform brings."""
        raise NotImplementedError

    async def run(self) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing: the routes refuse what comes."""

    async def close(self) -> None:
        """Nothing."""


async def health(_: web.Request) -> web.Response:
    """Says that the channel is there, as in Rasa."""
    return web.json_response({"status": "ok"})


def conversation_id(channel: str, *parts: str) -> str:
    """The id of a customer's conversation: no other channel can have the same."""
    return ":".join((channel, *parts))
