"""Writes plain values as YAML that `configs.yaml_file` and Rasa read back as the same values."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

YAML_TYPE = "application/x-yml"
_LIKE_A_NUMBER = re.compile(r"[-+.0-9]")


def yaml_text(data: Mapping[str, Any]) -> str:
    """`data` in the order of its keys; a text of several lines stands as a block."""
    return yaml.dump(_plain(data), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        """Whether to write `data` out each time it occurs."""
        del data
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    """A text as a node; YAML 1.1 and 1.2 differ in what is a number, so that what is like one is quoted."""
    style = "|" if "\n" in text else "'" if _LIKE_A_NUMBER.match(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _plain(value: Any) -> Any:
    """`value` in dicts and lists."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
