"""Rasa's `credentials.yml`: the channels that customers come by. Of one machine, not of a release."""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from configs.endpoints import Endpoint, endpoint_at, optional_file
from configs.yaml_values import mapping_at

FILE = "credentials.yml"
FIX = "Write `callback:` and, under it, `url: ...`."
CALLBACK = "callback"
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
    file = optional_file(root / FILE, FIX)
    if file is None or CALLBACK not in file.data:
        return Credentials()
    callback = endpoint_at(file, CALLBACK, environment)
    if callback is None:
        raise file.error((CALLBACK,), f"`{CALLBACK}` has no url", "Write `url: http://host:port/path` under it.")
    return Credentials(callback=callback)


def credential_notices(root: Path) -> list[str]:
    """A line for each thing in the `credentials.yml` of `root` that is not honoured.

    Raises:
        AssistantError: The file is wrong.
    """
    file = optional_file(root / FILE, FIX)
    if file is None:
        return []
    notices = [
        f"{file.path}:{file.line(channel)}: the channel `{channel}` is not served"
        for channel in file.data
        if channel not in (CHANNEL_ALWAYS_ON, CALLBACK)
    ]
    others = [f"`{key}`" for key in mapping_at(file, file.data.get(CALLBACK), (CALLBACK,)) if key != "url"]
    if others:
        what = f"{', '.join(others)} of `{CALLBACK}` {'is' if len(others) == 1 else 'are'} not used: only `url` is"
        notices.append(f"{file.path}:{file.line(CALLBACK)}: {what}")
    return notices
