"""What `slack:` of `credentials.yml` may say, under Rasa's names where Rasa has them."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AnyHttpUrl, Field, SecretStr, model_validator

from bot.channels.channel import ChannelConfig

NAME = "slack"
Granularity = Literal["sender", "channel", "thread"]
Secret = Annotated[SecretStr, Field(min_length=1)]


class Config(ChannelConfig):
    """`slack:` of `credentials.yml`.

    Attributes:
        slack_token: The bot's token, `xoxb-…`.
        slack_signing_secret: What Slack signs its requests with; without it the webhook is not served.
        app_token: The app's token, `xapp-…`, for Socket Mode.
        slack_channel: The id of a channel whose every message is meant for the bot.
        conversation_granularity: What has a conversation of its own: a customer, one in a channel, or one in a thread.
        use_threads: Whether a reply begins a thread; in a thread it stays in it in any case.
        workspaces: Tokens of further workspaces, by their id `T…`.
        api_url: Where the Web API is.
    """

    slack_token: Secret
    slack_signing_secret: Secret | None = None
    app_token: Secret | None = None
    slack_channel: str | None = None
    conversation_granularity: Granularity = "channel"
    use_threads: bool = False
    workspaces: Mapping[str, Secret] = Field(default_factory=dict)
    api_url: AnyHttpUrl = AnyHttpUrl("https://slack.com/api/")

    @model_validator(mode="after")
    def _has_a_way_in(self) -> Self:
        if self.slack_signing_secret is None and self.app_token is None:
            raise ValueError("write slack_signing_secret for the webhook, or app_token for Socket Mode")
        return self

    def token_of(self, workspace: str | None) -> str:
        """The bot's token in a workspace."""
        return self.workspaces.get(workspace or "", self.slack_token).get_secret_value()
