"""What `whatsapp:` of `credentials.yml` may say."""

from typing import Annotated

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr

from bot.channels.meta.webhook import MetaConfig

NAME = "whatsapp"
MAX_BUTTON_CHARS = 20
PhoneNumberId = Annotated[str, Field(pattern=r"^[0-9]{1,32}$")]


class Template(BaseModel):
    """The template message that is sent when over 24 hours have passed since the customer wrote.

    Attributes:
        name: Its name in the WhatsApp Manager.
        language: The language it was approved in, such as `en` or `en_GB`.
        text: Whether what the bot would have said is put into its one variable.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=512)
    language: str = Field(min_length=2, max_length=20)
    text: bool = False


class Config(MetaConfig):
    """`whatsapp:` of `credentials.yml`.

    Attributes:
        access_token: The token of a system user, or another one that may send for all the numbers.
        phone_number_ids: The numbers that are the bot's; empty means all that Meta brings messages of.
        list_button: What the button says that opens a list, where there are more than three options.
        template: What is sent when 24 hours have passed; without it nothing can be.
        per_second: How many messages are sent in a second, over all numbers.
        api_url: The Graph API with its version.
    """

    access_token: SecretStr = Field(min_length=1)
    phone_number_ids: tuple[PhoneNumberId, ...] = ()
    list_button: str = Field(default="Options", min_length=1, max_length=MAX_BUTTON_CHARS)
    template: Template | None = None
    per_second: float = Field(default=40.0, gt=0, le=1_000)
    api_url: AnyHttpUrl = AnyHttpUrl("https://graph.facebook.com/v25.0")
