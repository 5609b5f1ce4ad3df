"""Which channels there are, and those that an assistant's `credentials.yml` names, each made with its settings."""

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

import structlog
from pydantic import ValidationError

from bot.channels.channel import Channel, ChannelConfig
from bot.channels.intake import Intake
from configs.credentials import Credentials, is_module
from configs.yaml_file import nearest

ELSEWHERE = frozenset({"widget"})  # named in `credentials.yml`, and made where the chat page is
EXTRAS = {  # the extra that brings what a channel stands on, where it needs one
    "email": "email",
    "slack": "slack",
    "socketio": "socketio",
    "telegram": "telegram",
    "twilio": "twilio",
    "wechat": "wechat",
    "wecom": "wechat",
}
MODULES = {"email": "mail"}  # where a channel's file has another name: Python itself has one of this

Config = TypeVar("Config", bound=ChannelConfig)

_log = structlog.get_logger()


def channels_of(credentials: Credentials, intake: Intake) -> list[Channel]:
    """The channels that `credentials` names.

    Raises:
        AssistantError: A channel's settings are wrong, or what it stands on is not installed.
    """
    return [_made(credentials, name, intake) for name in credentials.sections if name not in ELSEWHERE]


def _made(credentials: Credentials, name: str, intake: Intake) -> Channel:
    module = _module(credentials, name)
    channel: Channel = module.make(config_of(credentials, name, module.Config), intake)
    return channel


def config_of(credentials: Credentials, name: str, config: type[Config]) -> Config:
    """The settings of a channel that `credentials` names.

    Raises:
        AssistantError: They are wrong.
    """
    for unknown in unknown_settings(config, credentials.sections[name]):
        _log.warning("setting_ignored", channel=name, setting=unknown, hint=nearest(unknown, _settings(config)).strip())
    return _checked(credentials, name, config)


def _module(credentials: Credentials, name: str) -> ModuleType:
    """The channel's own file, imported only when the channel is asked for: what it stands on may not be there."""
    if is_module(name):
        return _own_module(credentials, name)
    try:
        return import_module(f"bot.channels.{MODULES.get(name, name)}")
    except ModuleNotFoundError as error:
        if name not in EXTRAS or (error.name or "").partition(".")[0] == "bot":
            raise
        raise credentials.error(
            (name,), f"the channel `{name}` needs {error.name}", f"pip install 'kefu[{EXTRAS[name]}]'."
        ) from error


def _own_module(credentials: Credentials, name: str) -> ModuleType:
    """A channel that an owner has written."""
    try:
        module = import_module(name)
    except Exception as error:  # whatever an owner's file does
        problem = f"the channel's module {name} cannot be imported: {type(error).__name__}: {error}"
        raise credentials.error((name,), problem, "Install its package, or put its folder into PYTHONPATH.") from error
    if not (hasattr(module, "Config") and hasattr(module, "make")):
        fix = "Give it a class Config and a function make, as docs/how-to/add-a-channel.md says."
        raise credentials.error((name,), f"the module {name} is no channel", fix)
    return module


def _checked(credentials: Credentials, name: str, config: type[Config]) -> Config:
    try:
        return config.model_validate(dict(credentials.sections[name]))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(key) for key in (name, *first["loc"]))
        raise credentials.error(
            (name, *first["loc"]), f"{place}: {first['msg']}", "Write it as its how-to says."
        ) from None


def unknown_settings(config: type[ChannelConfig], section: Mapping[str, Any]) -> list[str]:
    """The keys of a section that mean nothing to its channel."""
    known = _settings(config)
    return [str(key) for key in section if key not in known]


def _settings(config: type[ChannelConfig]) -> set[str]:
    return {field.alias or name for name, field in config.model_fields.items()}
