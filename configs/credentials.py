"""Rasa's `credentials.yml`: the channels that customers come by. Of one machine, not of a release."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.endpoints import optional_file
from configs.errors import AssistantError
from configs.variables import substituted
from configs.yaml_file import Key, Place, YamlFile, nearest
from configs.yaml_values import mapping_at

FILE = "credentials.yml"
FIX = "Write a line `name:` for each channel and, indented under it, its settings."
CHANNELS_ALWAYS_ON = frozenset({"rest"})
CHANNELS = frozenset(
    {
        "botframework",
        "callback",
        "chatwoot",
        "dingtalk",
        "discord",
        "email",
        "facebook",
        "feishu",
        "helpdesk",
        "instagram",
        "line",
        "slack",
        "socketio",
        "telegram",
        "twilio",
        "wechat",
        "wecom",
        "whatsapp",
        "widget",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The channels of an assistant and their settings.

    Attributes:
        file: Where they stand; None where there is no such file.
        sections: Settings by channel, with variables put in.
    """

    file: YamlFile | None = None
    sections: Mapping[str, Mapping[str, Any]]

    def error(self, place: Place, problem: str, fix: str) -> AssistantError:
        """An error that names the line of `place`."""
        return self.file.error(place, problem, fix) if self.file else AssistantError(Path(FILE), None, problem, fix)


def read_credentials(root: Path, environment: Mapping[str, str] = os.environ) -> Credentials:
    """The channels of the assistant in `root`; none where it has no such file. `${NAME}` stands for a variable.

    A name with a dot in it is that of a module: an owner's own channel.

    Raises:
        AssistantError: The file is wrong, or names a variable that is not set.
    """
    file = optional_file(root / FILE, FIX)
    if file is None:
        return Credentials(sections={})
    named = [name for name in file.data if name in CHANNELS or is_module(name)]
    sections = {name: mapping_at(file, file.data[name], (name,)) for name in named}
    return Credentials(
        file=file, sections={name: _filled(file, (name,), found, environment) for name, found in sections.items()}
    )


def credential_notices(root: Path) -> list[str]:
    """A line for each channel in the `credentials.yml` of `root` that is not served.

    Raises:
        AssistantError: The file is wrong.
    """
    file = optional_file(root / FILE, FIX)
    names = () if file is None else file.data
    return [_notice(file, name) for name in names if file and not (name in _KNOWN or is_module(name))]


def is_module(name: Key) -> bool:
    """Whether a key of the file names an owner's own module, such as `shop_channels.mattermost`."""
    return isinstance(name, str) and "." in name and all(part.isidentifier() for part in name.split("."))


_KNOWN = CHANNELS | CHANNELS_ALWAYS_ON


def _notice(file: YamlFile, name: Key) -> str:
    return f"{file.path}:{file.line(name)}: the channel `{name}` is not served.{nearest(str(name), _KNOWN)}"


def _filled(file: YamlFile, place: Place, value: Any, environment: Mapping[str, str]) -> Any:
    """`value` with the variables in every text of it, as deep as it goes."""
    match value:
        case dict():
            return {key: _filled(file, (*place, key), item, environment) for key, item in value.items()}
        case list():
            return [_filled(file, (*place, number), item, environment) for number, item in enumerate(value)]
    return substituted(file, place, value, environment)
