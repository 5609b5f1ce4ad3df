"""What `twilio:` of `credentials.yml` may say, under Rasa's names where Rasa has them."""

from typing import Annotated

from pydantic import AnyHttpUrl, Field, SecretStr

from bot.channels.channel import ChannelConfig

NAME = "twilio"
WHATSAPP = "whatsapp:"


class Config(ChannelConfig):
    """`twilio:` of `credentials.yml`.

    Attributes:
        account_sid: The account.
        auth_token: Its secret: Twilio signs with it, and takes it as the password.
        twilio_number: The number that writes first; replies come from the number that was written to.
        webhook_url: The webhook's address as it stands at Twilio, which is part of what is signed.
        mms: Whether pictures and files go out as such by SMS numbers too.
        api_url: Where the REST API is.
    """

    account_sid: Annotated[str, Field(pattern=r"^AC[0-9a-fA-F]{32}$")]
    auth_token: Annotated[SecretStr, Field(min_length=16)]
    twilio_number: Annotated[str, Field(pattern=r"^(whatsapp:)?\+?[0-9A-Za-z]{3,20}$")]
    webhook_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None  # to the letter
    mms: bool = False
    api_url: AnyHttpUrl = AnyHttpUrl("https://api.twilio.com")

    @property
    def is_whatsapp(self) -> bool:
        """Whether it is a number of WhatsApp."""
        return self.twilio_number.startswith(WHATSAPP)
