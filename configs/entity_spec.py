"""What the running bot needs to find entities, besides the encoder."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitySpec:
    """What an assistant's owner says of entities besides the examples.

    Attributes:
        regexes: From an entity's name to its patterns.
        lookups: From an entity's name to its texts.
        synonyms: From a text in lower case to the value it stands for.
        builtin: Names of built-in entities that are looked for.
        timezone: Name of the zone that dates are meant in.
    """

    regexes: Mapping[str, tuple[str, ...]]
    lookups: Mapping[str, tuple[str, ...]]
    synonyms: Mapping[str, str]
    builtin: tuple[str, ...] = ()
    language: str = "en"
    region: str | None = None
    timezone: str = "UTC"
    order_number_pattern: str | None = None
