"""Rasa's `credentials.yml`: the channels that customers come by. Of one machine, not of a release."""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from configs.endpoints import Endpoint
from configs.variables import substituted
from configs.yaml_file import YamlFile, read_yaml
from configs.yaml_values import mapping_at

FILE = "credentials.yml"
CHANNELS_USED = ("callback",)
CHANNEL_ALWAYS_ON = "rest"


class Credentials(BaseModel):
    """What of `credentials.yml` is honoured.

    Attributes:
        callback: Where the callback channel sends what the bot says; None where there is no such channel.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    callback: Endpoint | None = None


def read_credentials(root: Path, environment: Mapping[str, str] = os.environ) -> Credentials:
    """The channels of the assistant in `root`; none where it has no such file. `${NAME}` stands for a variable.

    Raises:
        AssistantError: The file is wrong, or names a variable that is not set.
    """
    file = _file(root)
    if file is None:
        return Credentials()
    given = {}
    for channel in CHANNELS_USED:
        if channel not in file.data:
            continue
        found = mapping_at(file, file.data[channel], (channel,))
        if found.get("url") is None:
            raise file.error((channel,), f"`{channel}` has no url", "Write `url: http://host:port/path` under it.")
        given[channel] = {"url": substituted(file, (channel, "url"), found["url"], environment)}
    try:
        return Credentials.model_validate(given)
    except ValidationError as error:
        place = tuple(error.errors(include_url=False)[0]["loc"])
        raise file.error(place, f"{'.'.join(map(str, place))} is no URL", "Write http://host:port/path.") from error


def credential_notices(root: Path) -> list[str]:
    """A line for each thing in the `credentials.yml` of `root` that is not honoured.

    Raises:
        AssistantError: The file is wrong.
    """
    file = _file(root)
    if file is None:
        return []
    notices = [
        f"{file.path}:{file.line(channel)}: the channel `{channel}` is not served"
        for channel in file.data
        if channel not in (CHANNEL_ALWAYS_ON, *CHANNELS_USED)
    ]
    for channel in CHANNELS_USED:
        others = [f"`{key}`" for key in mapping_at(file, file.data.get(channel), (channel,)) if key != "url"]
        if others:
            what = f"{', '.join(others)} of `{channel}` {'is' if len(others) == 1 else 'are'} not used: only `url` is"
            notices.append(f"{file.path}:{file.line(channel)}: {what}")
    return notices


def _file(root: Path) -> YamlFile | None:
    path = root / FILE
    if not path.exists():
        return None
    file = read_yaml(path)
    if not isinstance(file.data, dict):
        raise file.error((), "must be a mapping", "Write `callback:` and, under it, `url: ...`.")
    return file
