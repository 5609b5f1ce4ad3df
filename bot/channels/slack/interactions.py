"""What a customer chose of buttons, menus and dates, as our message.

Source: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload/
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from bot.channels.slack.config import NAME, Config
from bot.channels.slack.events import Address, Id, Timestamp, address_of, conversation_of
from bot.messages import UserMessage


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Named(_Read):
    """Somebody or something with an id."""

    id: Id


class Option(_Read):
    """A line of a menu."""

    value: str


class Action(_Read):
    """What was chosen."""

    value: str | None = None
    selected_option: Option | None = None
    selected_date: str | None = None
    selected_time: str | None = None
    selected_user: str | None = None
    selected_channel: str | None = None
    selected_conversation: str | None = None
    action_ts: Timestamp | None = None

    @property
    def chosen(self) -> str | None:
        """The value, of whatever kind of element."""
        option = self.selected_option.value if self.selected_option else None
        day = self.selected_date or self.selected_time
        place = self.selected_user or self.selected_channel or self.selected_conversation
        return self.value or option or day or place


class Message(_Read):
    """The bot's message in which it stood."""

    ts: Timestamp
    thread_ts: Timestamp | None = None


class Interaction(_Read):
    """A `block_actions` payload."""

    trigger_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,200}$")] = ""
    team: Named
    user: Named
    channel: Named
    message: Message
    actions: tuple[Action, ...]


def parse_interaction(payload: Any, config: Config) -> tuple[UserMessage, Address] | None:
    """The value of what was chosen, and the way back; None where the choice has no value.

    Raises:
        ValidationError: It is not of Slack's form.
    """
    interaction = Interaction.model_validate(payload)
    action = interaction.actions[0] if interaction.actions else Action()
    if not action.chosen:
        return None
    team, channel, user = interaction.team.id, interaction.channel.id, interaction.user.id
    thread = interaction.message.thread_ts or interaction.message.ts
    message = UserMessage(
        conversation_id=conversation_of(config, team, user, channel, thread),
        text=action.chosen,
        channel=NAME,
        account=team,
        external_id=interaction.trigger_id or f"{channel}:{user}:{action.action_ts}",
        metadata={"out_channel": channel, "thread_id": thread, "users": user},
    )
    return message, address_of(team, channel, interaction.message.thread_ts)
