"""What `dingtalk:` of `credentials.yml` may say."""

from typing import Annotated, Literal, Self

from pydantic import AnyHttpUrl, Field, SecretStr, model_validator

from bot.channels.channel import ChannelConfig

NAME = "dingtalk"
MIN_PATH_KEY_CHARS = 20


class Config(ChannelConfig):
    """`dingtalk:` of `credentials.yml`, with the names of DingTalk's console.

    Attributes:
        client_id: Client ID (AppKey).
        client_secret: Client Secret (AppSecret).
        mode: `stream`: the bot opens a connection; `http`: DingTalk posts.
        path_key: The last part of the webhook's address, which nobody else may know: what DingTalk posts is signed by
            its time alone, so that whoever has seen a request could write others for an hour.
        robot_code: The robot's code, where it is not the Client ID.
        buttons: `card`: buttons send their title; `numbers`: they are numbered lines.
        api_url: Where the API is.
    """

    client_id: Annotated[str, Field(min_length=1, max_length=128)]
    client_secret: Annotated[SecretStr, Field(min_length=1)]
    mode: Literal["stream", "http"] = "stream"
    path_key: SecretStr | None = None
    robot_code: str | None = None
    buttons: Literal["card", "numbers"] = "card"
    api_url: AnyHttpUrl = AnyHttpUrl("https://api.dingtalk.com/")

    @model_validator(mode="after")
    def _has_a_path_key(self) -> Self:
        if self.mode == "http" and (self.path_key is None or not _is_key(self.path_key.get_secret_value())):
            raise ValueError(f"write a path_key of {MIN_PATH_KEY_CHARS} or more letters and digits for mode http")
        return self


def _is_key(text: str) -> bool:
    return len(text) >= MIN_PATH_KEY_CHARS and text.isascii() and text.isalnum()
