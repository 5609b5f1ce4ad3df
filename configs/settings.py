"""What is set for a running process, from the environment (`KEFU_HOST`, `KEFU_PORT`, ...).

What belongs to one assistant stands in its own `config.yml` (see `configs.assistant_config`).
"""

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from configs.errors import SettingsError
from configs.yaml_file import nearest

PREFIX = "KEFU_"
# Each may stand in a file that KEFU_<NAME>_FILE names.
SECRETS = frozenset(
    {
        "admin_token",
        "alert_secret",
        "alert_url",
        "api_token",
        "database_url",
        "jwt_secret",
        "openai_token",
        "pages_secret",
        "people",
        "widget_secret",
    }
)


class LogFormat(StrEnum):
    """How log lines are written."""

    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """The least severe line that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class JwtMethod(StrEnum):
    """How the tokens of the HTTP API are signed; a token that names another way is refused."""

    HS256 = "HS256"
    HS384 = "HS384"
    HS512 = "HS512"
    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"


def _parse_list(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ValueError('not a JSON list such as ["https://shop.example"]') from error


def _parse_map(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ValueError('not a JSON object such as {"en": "en_core_web_lg"}') from error


class UnknownParts(StrEnum):
    """What is done with a part of a reply of which nobody can tell whether it arrived."""

    HOLD = "hold"
    RESEND = "resend"


class Settings(BaseSettings):
    """Settings of one process. Each can be given as an environment variable, `KEFU_` and its name."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(5005, description="Port to listen on; 0 takes any free one.")
    data_dir: Path | None = Field(
        None,
        description="Where releases and conversations are kept; by default `.kefu` in the assistant's folder.",
    )
    database_url: Annotated[SecretStr, Field(min_length=1)] | None = Field(
        None, description="The database of the conversations; by default a SQLite file in the data folder."
    )
    database_pool: Annotated[int, Field(ge=1, le=100)] = Field(
        8, description="Connections to PostgreSQL that a process opens at most."
    )
    log_format: LogFormat = Field(LogFormat.CONSOLE, description="`console` or `json`.")
    log_level: LogLevel = Field(LogLevel.INFO, description="`debug`, `info`, `warning` or `error`.")
    inference_threads: Annotated[int, Field(ge=1, le=64)] = Field(
        1,
        description="Threads of one forward pass. One leaves the other cores to the event loop and the store.",
    )
    max_batch: Annotated[int, Field(ge=1, le=256)] = Field(
        16, description="Messages encoded in one forward pass at most."
    )
    max_waiting: Annotated[int, Field(ge=1, le=100_000)] = Field(
        1_000, description="Messages that may wait for the encoder; more are refused with 503."
    )
    request_timeout_s: Annotated[float, Field(gt=0, le=600)] = Field(
        10.0, description="A message not answered by then is refused with 503."
    )
    action_timeout_s: Annotated[float, Field(gt=0, le=600)] = Field(
        10.0, description="A custom action that has not ended by then counts as failed."
    )
    max_body_bytes: Annotated[int, Field(ge=1_024, le=64 * 1024 * 1024)] = Field(
        65_536, description="Largest request body; a larger one is refused with 413."
    )
    request_body_timeout_s: Annotated[float, Field(gt=0, le=600)] = Field(
        20.0, description="A request whose body has not come by then is refused with 408; larger bodies have longer."
    )
    max_text_chars: Annotated[int, Field(ge=1, le=100_000)] = Field(
        4_000, description="Longest message; a longer one is refused with 422."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parse_list)] = Field(
        (), description='Origins whose pages may call the REST channel, as a JSON list; `["*"]` for all.'
    )
    follow_interval_s: Annotated[float, Field(ge=0.05, le=3600)] = Field(
        1.0, description="How often the server looks whether a newer release has been promoted."
    )
    admin_token: Annotated[SecretStr, Field(min_length=16)] | None = Field(
        None, description="What `/knowledge` wants as its bearer token; without one it answers nobody."
    )
    enable_api: bool = Field(True, description="Serve Rasa's HTTP API; channels and health are served without it too.")
    api_token: Annotated[SecretStr, Field(min_length=16)] | None = Field(
        None, description="What the HTTP API takes as `?token=` or as a bearer token."
    )
    jwt_secret: Annotated[SecretStr, Field(min_length=32)] | None = Field(
        None, description="The key, or the public key in PEM, of the JSON Web Tokens that the HTTP API takes."
    )
    jwt_method: JwtMethod = Field(JwtMethod.HS256, description="How those tokens are signed.")
    jwt_audience: str | None = Field(
        None, description="What their `aud` must hold; without one they may have no `aud`."
    )
    jwt_require_exp: bool = Field(True, description="Refuse those that never expire.")
    openai_token: Annotated[SecretStr, Field(min_length=16)] | None = Field(
        None, description="What `/v1/chat/completions` wants as its key; without one there is no such route."
    )
    widget_secret: Annotated[SecretStr, Field(min_length=32)] | None = Field(
        None,
        description="What the chat widget's sessions are signed with; by default a key that the data folder keeps.",
    )
    people: Annotated[SecretStr, Field(min_length=1)] | None = Field(
        None, description='Who may see the pages, as JSON: `{"anna": {"role": "reviewer", "token": "..."}}`.'
    )
    pages_secret: Annotated[SecretStr, Field(min_length=32)] | None = Field(
        None, description="What the sessions of the pages are signed with; by default a key that the data folder keeps."
    )
    alert_url: Annotated[SecretStr, Field(min_length=1)] | None = Field(
        None, description="Where it is posted when many customers become unhappy."
    )
    alert_secret: Annotated[SecretStr, Field(min_length=1)] | None = Field(
        None, description="What those posts are signed with: `whsec_` and 24 to 64 random bytes in Base64."
    )
    callback_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parse_list)] = Field(
        (), description="Hosts besides this machine that `callback_url` may name, as a JSON list."
    )
    unknown_parts: UnknownParts = Field(
        UnknownParts.HOLD,
        description="`hold` or `resend`: whether a reply of which nobody can tell if it arrived is sent again.",
    )
    keep_finished_days: Annotated[float, Field(ge=7, le=36_500)] = Field(
        90.0,
        description="Days after which messages and replies that are done with leave the inbox and the outbox. A "
        "message that a platform brings once more after that counts as new; what was said stays in the conversation.",
    )
    presidio_models: Annotated[dict[str, str], NoDecode, BeforeValidator(_parse_map)] = Field(
        default_factory=dict, description="Models of spaCy by language, by which Presidio masks, as a JSON object."
    )
    wandb: bool = Field(False, description="Log trainings to Weights & Biases too.")
    mlflow: bool = Field(False, description="Log trainings to MLflow too.")


def load_settings(**given: object) -> Settings:
    """Settings from the environment; `given` values that are not None win over it.

    Raises:
        SettingsError: A value has the wrong type or is out of range.
    """
    values = {**_secrets_in_files(), **{name: value for name, value in given.items() if value is not None}}
    try:
        return Settings(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        given_value = "set" if name in SECRETS else repr(first["input"])
        raise SettingsError(
            f"{PREFIX}{name.upper()} is {given_value}: {first['msg']}. Mend the variable or the option."
        ) from error


def _secrets_in_files() -> dict[str, str]:
    """The secrets whose file a variable names, without the line break at their end."""
    found = {}
    for name in SECRETS:
        variable = f"{PREFIX}{name.upper()}_FILE"
        if path := os.environ.get(variable):
            try:
                found[name] = Path(path).read_text("utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsError(f"{variable} names {path}, which cannot be read: {error}.") from error
    return found


def unknown_variables(environment: dict[str, str]) -> list[str]:
    """A line for each `KEFU_` variable that is no setting, with the likely right name."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    known |= {f"{PREFIX}{name.upper()}_FILE" for name in SECRETS}
    return [
        f"{name} is not a setting and is ignored.{nearest(name, known)}"
        for name in sorted(environment)
        if name.startswith(PREFIX) and name not in known
    ]
