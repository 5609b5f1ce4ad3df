"""Mattermost: an outgoing webhook brings what is written in a public channel, an incoming one takes the reply.

Sources: https://developers.mattermost.com/integrate/webhooks/outgoing/ and .../incoming/
"""

import hmac
import re
from typing import Any

from aiohttp import web
from pydantic import AnyHttpUrl, BaseModel, Field, SecretStr, ValidationError
from yarl import URL

from bot.channels.channel import Abilities, ChannelConfig, WebhookChannel, conversation_id
from bot.channels.intake import Intake
from bot.channels.posting import LATER, JsonPoster
from bot.delivery import NotSent, Rejected
from bot.errors import Refused
from bot.messages import BotMessage, UserMessage
from bot.request_body import parse_json, read_bytes
from bot.stores.outbox import Part
from bot.turn_record import stored_reply

NAME = "mattermost"
EVERYBODY = re.compile(r"@(all|channel|here)\b", re.IGNORECASE)


class Config(ChannelConfig):
    """Its section of `credentials.yml`.

    Attributes:
        token: Of the outgoing webhook.
        incoming_url: Of the incoming webhook; a secret, as whoever has it may post.
    """

    token: SecretStr = Field(min_length=1)
    incoming_url: AnyHttpUrl


class Post(BaseModel):
    """What Mattermost brings; what else it brings is not read."""

    team_id: str = Field(pattern=r"^[a-z0-9]{1,64}$")
    channel_id: str = Field(pattern=r"^[a-z0-9]{1,64}$")
    channel_name: str = Field(min_length=1, max_length=64)
    user_id: str = Field(pattern=r"^[a-z0-9]{1,64}$")
    post_id: str = Field(pattern=r"^[a-z0-9]{1,64}$")
    text: str = ""
    trigger_word: str = ""


class Mattermost(WebhookChannel):
    """Mattermost."""

    name = NAME
    abilities = Abilities(max_text=16_000, per_second=10)  # no buttons, pictures or cards: all become text

    def __init__(self, config: Config, intake: Intake) -> None:
        self._config, self._intake = config, intake
        self._poster = JsonPoster(now=intake.now)

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Takes in a post; an empty 200 says that it is on disk, and posts nothing."""
        payload = parse_json(await read_bytes(request))
        if not is_genuine(payload, self._config.token.get_secret_value()):
            raise Refused(401, "NotAuthenticated", "The token is not that of the outgoing webhook.")
        try:
            post = Post.model_validate(payload)
        except ValidationError as error:
            raise Refused(400, "InvalidBody", "This is no post of Mattermost.") from error
        await self._intake.accept(parse(post), {"channel": post.channel_name})
        return web.Response()

    async def deliver(self, part: Part) -> None:
        """Posts one thing that the bot says."""
        (message,) = stored_reply([part.payload])
        url = URL(str(self._config.incoming_url))
        answer = await self._poster.ask("POST", url, {}, json=render(message, part.address.get("channel")))
        if answer.status == 429:
            wait = answer.headers.get("X-Ratelimit-Reset", "")
            raise NotSent("Mattermost wants fewer posts", float(wait) if wait.isdecimal() else None)
        if answer.status in LATER or answer.status >= 500:
            raise NotSent(f"Mattermost answered {answer.status}")
        if answer.status != 200:
            raise Rejected(f"Mattermost answered {answer.status}")

    async def close(self) -> None:
        """Closes the connections."""
        await self._poster.close()


def is_genuine(payload: Any, token: str) -> bool:
    """Whether the payload holds the token, compared in a time that tells nothing of it."""
    given = payload.get("token") if isinstance(payload, dict) else None
    return isinstance(given, str) and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode())


def parse(post: Post) -> UserMessage:
    """A post as our message, without the word that called the bot."""
    return UserMessage(
        conversation_id=conversation_id(NAME, post.channel_id, post.user_id),
        text=post.text.removeprefix(post.trigger_word),
        channel=NAME,
        account=post.team_id,
        external_id=post.post_id,
    )


def render(message: BotMessage, channel: str | None) -> dict[str, Any]:
    """Our message as Mattermost's; no answer may call everybody, whoever wrote the words in it."""
    text = EVERYBODY.sub("@\N{WORD JOINER}\\1", message.text or "")
    return {"text": text, **({"channel": channel} if channel else {})}


make = Mattermost
