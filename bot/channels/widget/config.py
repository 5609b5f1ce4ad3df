"""The widget's section of `credentials.yml`."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from bot.channels.channel import ChannelConfig
from bot.channels.widget.file_kinds import KINDS

DEFAULT_GREETING = "greet"
_ORIGIN = re.compile(r"https?://[a-z0-9.\-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?")
_VARIABLE = re.compile(r"(--)?[a-z][a-z0-9-]{0,60}")
_CSS_VALUE = re.compile(r"[^;{}<>\\@]{1,200}")


def _switch(value: Any) -> Any:
    """`true` is a section without settings, `false` is none."""
    return {} if value is True else None if value is False else value


def _intent(value: Any) -> Any:
    return DEFAULT_GREETING if value is True else None if value is False else value


class UploadConfig(BaseModel):
    """What files a customer may send."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_bytes: Annotated[int, Field(ge=1_024, le=50 * 1024 * 1024)] = 5 * 1024 * 1024
    max_files: Annotated[int, Field(ge=1, le=1_000)] = 20  # of one session
    types: tuple[str, ...] = tuple(KINDS)

    @field_validator("types")
    @classmethod
    def _known_types(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in value if name not in KINDS]:
            raise ValueError(f"{unknown[0]!r} is not taken; write some of {', '.join(KINDS)}")
        return value


class Config(ChannelConfig):
    """How the widget looks, what it offers, and which pages may have it.

    Attributes:
        origins: Origins of pages that may embed it; the server's own always may. `*` is every page.
        greeting: The intent that is taken to be meant when a customer opens the chat, so that the bot speaks first.
        consent: What a customer must agree to before writing.
    """

    origins: tuple[str, ...] = ()
    title: Annotated[str, Field(max_length=100)] = ""
    locale: Literal["auto", "en", "zh"] = "auto"
    greeting: Annotated[str | None, BeforeValidator(_intent)] = None
    consent: Annotated[str, Field(max_length=2_000)] | None = None
    survey: bool = False
    uploads: Annotated[UploadConfig | None, BeforeValidator(_switch)] = None
    session_days: Annotated[float, Field(gt=0, le=366)] = 30
    theme: dict[str, str] = Field(default_factory=dict)

    @field_validator("origins")
    @classmethod
    def _plain_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is no origin; write https://shop.example, without a path, or *")
        return value

    @field_validator("theme")
    @classmethod
    def _plain_values(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if not _VARIABLE.fullmatch(name) or not _CSS_VALUE.fullmatch(text) or "url(" in text.lower():
                raise ValueError(f"{name!r} is no CSS variable with a plain value, such as `accent: '#0a6'`")
        return value
