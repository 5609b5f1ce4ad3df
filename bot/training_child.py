"""Trains, in a process of its own, what somebody sent to the HTTP API: `python -m bot.training_child SENT DATA`.

SENT is a folder with the request's body in `sent.yml` or `sent.json`, which becomes an assistant's folder here. The
last line that is printed is JSON: the release that was made, or what is wrong with what was sent. The release is not
promoted.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bot.api.yaml_text import yaml_text
from bot.errors import Refused
from bot.request_body import parse_json
from configs.assistant import read_assistant
from configs.assistant_config import RASA_KEYS_KNOWN
from configs.domain import SECTIONS_KNOWN
from configs.errors import AssistantError, KefuError
from configs.yaml_file import YamlFile, parse_yaml, read_text, read_yaml
from training.progress import silent
from training.releases import Releases

SENT_YAML, SENT_JSON = "sent.yml", "sent.json"
FORCE = "--force"
DATA_KEYS = ("nlu", "rules", "stories")
TEXT_KEYS = (*DATA_KEYS, "config", "domain")  # each may be YAML in a text of its own


def main() -> None:
    """Trains and prints what came of it."""
    sent, data, *options = sys.argv[1:]
    print(json.dumps(_trained(Path(sent), Path(data), force=FORCE in options)))  # noqa: T201 - the parent reads it


def _trained(folder: Path, data: Path, *, force: bool) -> dict[str, Any]:
    try:
        lay_out(folder)
        from training.trainer import train_assistant  # noqa: PLC0415 - may not be installed

        trained = train_assistant(read_assistant(folder), Releases(data), silent, force=force, from_outside=True)
    except (KefuError, Refused) as error:
        return {"error": str(error).replace(f"{folder.resolve()}/", "")}
    except UnicodeEncodeError:
        return {"error": "A text holds half of a surrogate pair, which no file can keep."}
    except ModuleNotFoundError as error:
        return {"missing": error.name}
    return {"release": trained.release.id, "fresh": trained.fresh}


def lay_out(folder: Path) -> None:
    """Makes an assistant's folder of what was sent.

    Rasa's clients send the keys of config, domain and training data beside each other, or, in an older way, under
    `config` and `domain`.

    Raises:
        KefuError: It is not YAML, not JSON, or no mapping.
    """
    (folder / "data").mkdir()
    path = folder / SENT_JSON
    if path.exists():
        sent = YamlFile(path=path, data=parse_json(path.read_bytes()), lines={})
    else:
        sent = read_yaml(folder / SENT_YAML)
    if not isinstance(sent.data, Mapping):
        raise sent.error((), "must be a mapping", "Send the keys of config, domain and training data.")
    files = _split({key: _unpacked(folder, key, value) for key, value in sent.data.items()})
    for name, content in files.items():
        (folder / name).write_text(_in_place(sent, content) or yaml_text(content), "utf-8")


def _in_place(sent: YamlFile, content: Mapping[str, Any]) -> str | None:
    """What was sent with all but `content` blanked out, so that errors name its lines; None where that cannot be."""
    if not sent.lines:
        return None
    starts = sorted((line, str(place[0])) for place, line in sent.lines.items() if len(place) == 1)
    lines = read_text(sent.path).splitlines()
    ends = [line for line, _ in starts[1:]] + [len(lines) + 1]
    for (start, key), end in zip(starts, ends, strict=True):
        if key not in content:
            lines[start - 1 : end - 1] = [""] * (end - start)
    text = "\n".join(lines) + "\n"
    try:
        return text if parse_yaml(text, sent.path).data == content else None
    except (AssistantError, yaml.YAMLError):
        return None


def _split(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By file, what belongs there."""
    nested = data.get("config")
    if isinstance(nested, dict) and nested.keys() & RASA_KEYS_KNOWN:
        config = data.pop("config")
    else:  # the domain has a `config` too
        config = {key: value for key, value in data.items() if key in RASA_KEYS_KNOWN}
    domain = data.pop("domain", None)
    if not isinstance(domain, dict):
        domain = {key: value for key, value in data.items() if key in SECTIONS_KNOWN}
    return {
        "config.yml": config,
        "domain.yml": domain,
        "data/training.yml": {key: data[key] for key in DATA_KEYS if key in data},
    }


def _unpacked(folder: Path, key: str, value: Any) -> Any:
    """`value`, read where it is YAML in a text; a part of the training data may stand under its own name there."""
    if key not in TEXT_KEYS or not isinstance(value, str):
        return value
    path = folder / f"{key}.yml"
    path.write_text(value, "utf-8")
    read = read_yaml(path).data
    path.unlink()
    return read.get(key, read) if key in DATA_KEYS and isinstance(read, dict) else read


if __name__ == "__main__":
    main()
