"""What `botframework:` of `credentials.yml` may say, under Rasa's names where Rasa has them."""

from typing import Annotated

from pydantic import AnyHttpUrl, Field, SecretStr
from yarl import URL

from bot.channels.channel import ChannelConfig

NAME = "botframework"
HOSTS = (  # and what is below them
    "botframework.com",
    "botframework.azure.us",
    "smba.trafficmanager.net",
    "teams.microsoft.com",
    "teams.microsoft.us",
)


class Config(ChannelConfig):
    """`botframework:` of `credentials.yml`.

    Attributes:
        app_id: The bot's application id.
        app_password: Its client secret.
        tenant_id: The tenant of a bot that belongs to one; bots for all tenants have the default.
        typing: Whether the customer sees that the bot is writing.
        issuer: Who signs what comes in.
        openid_url: Where the keys are told of with which it is signed.
        login_url: Where the bot gets its own token.
        scope: What that token is for.
        service_urls: Further servers that replies may go to.
    """

    app_id: Annotated[str, Field(min_length=1)]
    app_password: Annotated[SecretStr, Field(min_length=1)]
    tenant_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")] = "botframework.com"
    typing: bool = False
    issuer: str = "https://api.botframework.com"
    openid_url: AnyHttpUrl = AnyHttpUrl("https://login.botframework.com/v1/.well-known/openidconfiguration")
    login_url: AnyHttpUrl = AnyHttpUrl("https://login.microsoftonline.com/")
    scope: str = "https://api.botframework.com/.default"
    service_urls: tuple[AnyHttpUrl, ...] = ()

    def may_be_called(self, service_url: str) -> bool:
        """Whether a reply may go to this server: one of Microsoft's, or one that the owner has named."""
        try:
            url = URL(service_url)
            origin = url.origin()
        except ValueError:
            return False
        if origin in {URL(str(named)).origin() for named in self.service_urls}:
            return True
        host = (url.host or "").lower()
        is_microsofts = any(host == known or host.endswith(f".{known}") for known in HOSTS)
        return is_microsofts and url.scheme == "https" and url.explicit_port in (None, 443) and url.user is None
