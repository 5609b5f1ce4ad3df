"""Messenger, under Rasa's name for it and with Rasa's keys."""

from typing import Annotated

from pydantic import AnyHttpUrl, Field, SecretStr
from yarl import URL

from bot.channels.intake import Intake
from bot.channels.messenger.channel import Messenger
from bot.channels.messenger.product import MESSENGER
from bot.channels.meta.webhook import MetaConfig

Token = Annotated[SecretStr, Field(min_length=1)]


class Config(MetaConfig):
    """`facebook:` of `credentials.yml`.

    Attributes:
        page_access_token: The page's token, `page-access-token`.
        pages: Tokens of further pages, by the page's id.
        typing: Whether customers see that an answer is on its way.
        api_url: The Graph API with its version.
    """

    page_access_token: Token = Field(alias="page-access-token")
    pages: dict[str, Token] = Field(default_factory=dict)
    typing: bool = True
    api_url: AnyHttpUrl = AnyHttpUrl("https://graph.facebook.com/v25.0")


def make(config: Config, intake: Intake) -> Messenger:
    """The channel as `credentials.yml` has it."""
    tokens = {"": config.page_access_token} | config.pages
    secrets = {page: token.get_secret_value() for page, token in tokens.items()}
    return Messenger(MESSENGER, config, intake, URL(str(config.api_url)), secrets, typing=config.typing)
