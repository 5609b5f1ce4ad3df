"""Direct messages of an Instagram account."""

from typing import Annotated

from pydantic import AnyHttpUrl, Field, SecretStr
from yarl import URL

from bot.channels.intake import Intake
from bot.channels.messenger.channel import Messenger
from bot.channels.messenger.product import INSTAGRAM
from bot.channels.meta.webhook import MetaConfig

Token = Annotated[SecretStr, Field(min_length=1)]


class Config(MetaConfig):
    """`instagram:` of `credentials.yml`.

    Attributes:
        access_token: The account's token; with Facebook Login that of the page it is linked to.
        accounts: Tokens of further accounts, by the account's id.
        typing: Whether customers see that an answer is on its way.
        api_url: Instagram's API with its version; with Facebook Login the Graph API.
    """

    access_token: Token
    accounts: dict[str, Token] = Field(default_factory=dict)
    typing: bool = True
    api_url: AnyHttpUrl = AnyHttpUrl("https://graph.instagram.com/v25.0")


def make(config: Config, intake: Intake) -> Messenger:
    """The channel as `credentials.yml` has it."""
    tokens = {"": config.access_token} | config.accounts
    secrets = {account: token.get_secret_value() for account, token in tokens.items()}
    return Messenger(INSTAGRAM, config, intake, URL(str(config.api_url)), secrets, typing=config.typing)
