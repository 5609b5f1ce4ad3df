"""Values of a YAML file that must be of one kind, taken out with errors and notices that name file and line."""

from collections.abc import Collection, Iterable
from typing import Any

from configs.yaml_file import Key, Place, YamlFile, nearest


def mapping_at(file: YamlFile, value: Any, place: Place) -> dict[str, Any]:
    """`value`, which stands at `place`; an empty mapping where there is none.

    Raises:
        AssistantError: It is no mapping.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise file.error(place, f"`{place[-1]}` must be a mapping", "Indent `name: value` lines under it.")
    return value


def list_at(file: YamlFile, value: Any, place: Place, fix: str) -> list[Any]:
    """`value`, which stands at `place`; an empty list where there is none.

    Raises:
        AssistantError: It is no list.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise file.error(place, f"`{place[-1]}` must be a list", fix)
    return value


def names_at(file: YamlFile, value: Any, place: Place) -> tuple[str, ...]:
    """The names in `value`: one alone, or a list of them.

    Raises:
        AssistantError: One is no word.
    """
    listed = value if isinstance(value, list) else [] if value is None else [value]
    for index, name in enumerate(listed):
        name_at(file, name, (*place, index) if isinstance(value, list) else place)
    return tuple(listed)


def name_at(file: YamlFile, value: Any, place: Place) -> str:
    """`value`, which names something.

    Raises:
        AssistantError: It is no word.
    """
    if not isinstance(value, str) or not value.strip():
        raise file.error(place, f"{value!r} is not a name", "Write a word, quoted if need be.")
    return value


def text_at(file: YamlFile, item: dict[str, Any], key: str, place: Place) -> str | None:
    """The text under `key` of the mapping `item`, which stands at `place`; None where there is none.

    Raises:
        AssistantError: It is no text.
    """
    value = item.get(key)
    if value is not None and not isinstance(value, str):
        raise file.error((*place, key), f"{key} is {value!r}, not text", "Put it in quotes.")
    return value


def flag_at(file: YamlFile, item: dict[str, Any], key: str, place: Place, *, default: bool) -> bool:
    """The yes or no under `key` of the mapping `item`, which stands at `place`.

    Raises:
        AssistantError: It is neither true nor false.
    """
    value = item.get(key, default)
    if not isinstance(value, bool):
        raise file.error((*place, key), f"{key} is {value!r}", "Write true or false.")
    return value


def word_at(file: YamlFile, value: Any, place: Place, known: Collection[str], what: str) -> str:
    """`value`, which must be one of the `known` words.

    Raises:
        AssistantError: It is none; the message names the nearest.
    """
    if not isinstance(value, str) or value not in known:
        fix = f"Write one of {', '.join(known)}.{nearest(str(value), known)}"
        raise file.error(place, f"{what} is {value!r}", fix)
    return value


def unknown_keys(file: YamlFile, found: Iterable[Key], place: Place, known: Collection[str], where: str) -> list[str]:
    """A line for each key of the mapping at `place` that means nothing there."""
    return [
        f"{file.path}:{file.line(*place, key)}: unknown key `{key}` in {where} is ignored.{nearest(str(key), known)}"
        for key in found
        if key not in known
    ]
