"""Rasa's `endpoints.yml`: the servers that a running bot asks. Of one machine, not of a release."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, AnyHttpUrl, BaseModel, ConfigDict, ValidationError

from configs.variables import substituted
from configs.yaml_file import YamlFile, read_yaml
from configs.yaml_values import mapping_at, unknown_keys

FILE = "endpoints.yml"
FIX = "Write `action_endpoint:` and, under it, `url: ...`."
ACTIONS = "action_endpoint"
SECTIONS_IGNORED = {
    "tracker_store": "conversations are kept in Kefu's own store",
    "lock_store": "Kefu's own store keeps the turns of a conversation in order",
    "event_broker": "events are kept in the store, and the HTTP API gives them",
    "models": "releases are taken from the data folder",
    "nlg": "the responses of the domain are said",
    "nlu": "messages are understood in the same process",
}


def _http_url(value: str) -> str:
    AnyHttpUrl(value)
    return value


class Endpoint(BaseModel):
    """A server that is asked."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    url: Annotated[str, AfterValidator(_http_url)]


class Endpoints(BaseModel):
    """What of `endpoints.yml` is honoured: where custom actions are run."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    action_endpoint: Endpoint | None = None


def read_endpoints(root: Path, environment: Mapping[str, str] = os.environ) -> Endpoints:
    """The servers of the assistant in `root`; none where it has no such file. `${NAME}` stands for a variable.

    Raises:
        AssistantError: The file is wrong, or names a variable that is not set.
    """
    file = optional_file(root / FILE, FIX)
    return Endpoints() if file is None else Endpoints(action_endpoint=endpoint_at(file, ACTIONS, environment))


def endpoint_at(file: YamlFile, section: str, environment: Mapping[str, str]) -> Endpoint | None:
    """The server under `section`; None where it names none.

    Raises:
        AssistantError: It is no address, or names a variable that is not set.
    """
    place = (section, "url")
    url = mapping_at(file, file.data.get(section), (section,)).get("url")
    if url is None:
        return None
    try:
        return Endpoint(url=substituted(file, place, url, environment))
    except ValidationError as error:
        raise file.error(place, f"{section}.url is no URL", "Write http://host:port/path.") from error


def optional_file(path: Path, fix: str) -> YamlFile | None:
    """The mapping in the file `path`; None where there is no such file.

    Args:
        fix: What to write where it is no mapping.

    Raises:
        AssistantError: It cannot be read, or is no mapping.
    """
    if not path.exists():
        return None
    file = read_yaml(path)
    if not isinstance(file.data, dict):
        raise file.error((), "must be a mapping", fix)
    return file


def endpoint_notices(root: Path) -> list[str]:
    """A line for each thing in the `endpoints.yml` of `root` that is not honoured, and what happens instead.

    Raises:
        AssistantError: The file is wrong.
    """
    file = optional_file(root / FILE, FIX)
    if file is None:
        return []
    notices = [
        f"{file.path}:{file.line(section)}: `{section}` is not used: {instead}"
        for section, instead in SECTIONS_IGNORED.items()
        if file.data.get(section)
    ]
    notices += [
        f"{file.path}:{file.line(ACTIONS, key)}: `{key}` of `{ACTIONS}` is not used: only `url` is"
        for key in mapping_at(file, file.data.get(ACTIONS), (ACTIONS,))
        if key != "url"
    ]
    return notices + unknown_keys(file, file.data, (), {ACTIONS, *SECTIONS_IGNORED}, FILE)
