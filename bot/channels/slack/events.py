"""Slack's events as our messages. What is not a customer's message to the bot is None.

Source: https://docs.slack.dev/reference/events/message/
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from bot.channels.channel import conversation_id
from bot.channels.intake import MEDIA
from bot.channels.slack.config import NAME, Config
from bot.channels.slack.mrkdwn import plain
from bot.messages import UserMessage

Id = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,32}$")]
Timestamp = Annotated[str, Field(pattern=r"^[0-9]{1,16}\.[0-9]{1,9}$")]
WRITTEN = frozenset({None, "file_share", "thread_broadcast"})  # all other subtypes tell of something else
SLACKBOT = "USLACKBOT"
KINDS = frozenset({"image", "audio", "video"})

Address = Mapping[str, Any]


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class File(_Read):
    """A file that a customer has sent."""

    id: Id
    name: str | None = None
    mimetype: str | None = None


class Event(_Read):
    """A `message` or an `app_mention`."""

    type: str
    subtype: str | None = None
    channel: Id
    channel_type: str | None = None
    user: Id | None = None
    bot_id: str | None = None
    text: str | None = None
    ts: Timestamp
    thread_ts: Timestamp | None = None
    parent_user_id: Id | None = None
    files: tuple[File, ...] | None = None


class Authorization(_Read):
    """For whom the app sees an event."""

    user_id: Id | None = None
    is_bot: bool = False


class EventCallback(_Read):
    """What Slack sends around an event."""

    team_id: Id
    event: Event
    authorizations: tuple[Authorization, ...] | None = None

    @property
    def bot_user(self) -> str | None:
        """The bot's own id, where Slack tells it."""
        return next((one.user_id for one in self.authorizations or () if one.is_bot), None)


def parse_event(callback: EventCallback, config: Config) -> tuple[UserMessage, Address] | None:
    """What a customer wrote to the bot, and the way back."""
    event = callback.event
    if event.user is None or not _is_meant(callback, config):
        return None
    thread = event.thread_ts or event.ts
    replies_in_thread = event.thread_ts or config.use_threads or config.conversation_granularity == "thread"
    message = UserMessage(
        conversation_id=conversation_of(config, callback.team_id, event.user, event.channel, thread),
        text=plain(event.text or "", callback.bot_user),
        channel=NAME,
        account=callback.team_id,
        external_id=f"{event.channel}:{event.ts}",  # the same for a `message` and an `app_mention` of it
        metadata={"out_channel": event.channel, "thread_id": thread, "users": event.user} | _media(event.files or ()),
    )
    return message, address_of(callback.team_id, event.channel, thread if replies_in_thread else None)


def conversation_of(config: Config, team: str, user: str, channel: str, thread: str) -> str:
    """The conversation that a message belongs to."""
    parts = {"sender": (user,), "channel": (user, channel), "thread": (user, channel, thread)}
    return conversation_id(NAME, team, *parts[config.conversation_granularity])


def address_of(team: str, channel: str, thread: str | None) -> Address:
    """The way back to a customer."""
    return {"team": team, "channel": channel, "thread_ts": thread}


def _is_meant(callback: EventCallback, config: Config) -> bool:
    """Whether a person wrote it, and to the bot: directly, by name, in its channel or in a thread that it began."""
    event, bot = callback.event, callback.bot_user
    if event.type not in ("message", "app_mention") or event.subtype not in WRITTEN:
        return False
    if event.bot_id is not None or event.user in (bot, SLACKBOT):
        return False
    names_bot = event.type == "app_mention" or (bot is not None and f"<@{bot}" in (event.text or ""))
    begun_by_bot = bot is not None and event.parent_user_id == bot
    return names_bot or begun_by_bot or event.channel_type == "im" or event.channel == config.slack_channel


def _media(files: Iterable[File]) -> dict[str, Any]:
    found = [{"kind": _kind(file.mimetype), "id": file.id, "name": file.name, "mime": file.mimetype} for file in files]
    return {MEDIA: found} if found else {}


def _kind(mime: str | None) -> str:
    kind = (mime or "").partition("/")[0]
    return kind if kind in KINDS else "file"
