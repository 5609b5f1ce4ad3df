"""The lists of names in a domain: intents and entities with their options, and actions."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from configs.yaml_file import Place, YamlFile
from configs.yaml_values import flag_at, list_at, names_at, unknown_keys

INTENT_KEYS = {"use_entities", "ignore_entities"}
ENTITY_KEYS = {"roles", "groups", "influence_conversation"}
ACTION_KEYS = {"send_domain"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainIntent:
    """An intent and the entities that rules and stories see beside it.

    Attributes:
        used: Only these; None for all that influence the conversation.
        ignored: Not these; None for those that do not influence the conversation.
    """

    name: str
    used: frozenset[str] | None = None
    ignored: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEntity:
    """An entity, the roles and groups it may have, and whether rules and stories see it."""

    name: str
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    influences: bool = True


def parse_intents(file: YamlFile) -> tuple[list[DomainIntent], list[str]]:
    """The intents of one file, and a line for each key that means nothing.

    Raises:
        AssistantError: The list has the wrong shape.
    """
    intents, notices = [], []
    for name, options, place in _named(file, "intents"):
        notices += unknown_keys(file, options, place, INTENT_KEYS, f"intent {name}")
        used = options.get("use_entities", True)
        ignored = options.get("ignore_entities")
        intents.append(
            DomainIntent(
                name=name,
                used=None if used is True else frozenset(names_at(file, used or None, (*place, "use_entities"))),
                ignored=None if ignored is None else frozenset(names_at(file, ignored, (*place, "ignore_entities"))),
            )
        )
    return intents, notices


def parse_entities(file: YamlFile) -> tuple[list[DomainEntity], list[str]]:
    """The entities of one file, and a line for each key that means nothing.

    Raises:
        AssistantError: The list has the wrong shape.
    """
    entities, notices = [], []
    for name, options, place in _named(file, "entities"):
        notices += unknown_keys(file, options, place, ENTITY_KEYS, f"entity {name}")
        entities.append(
            DomainEntity(
                name=name,
                roles=names_at(file, options.get("roles"), (*place, "roles")),
                groups=names_at(file, options.get("groups"), (*place, "groups")),
                influences=flag_at(file, options, "influence_conversation", place, default=True),
            )
        )
    return entities, notices


def parse_actions(file: YamlFile) -> tuple[list[str], list[str]]:
    """The actions of one file, and a line for each key that means nothing.

    Raises:
        AssistantError: The list has the wrong shape.
    """
    actions, notices = [], []
    for name, options, place in _named(file, "actions"):
        notices += unknown_keys(file, options, place, ACTION_KEYS, f"action {name}")
        actions.append(name)
    return actions, notices


def used_entities(intents: Iterable[DomainIntent], entities: Collection[DomainEntity]) -> dict[str, frozenset[str]]:
    """By intent whose rules and stories do not see every entity, those that they see."""
    names = frozenset(entity.name for entity in entities)
    unseen = frozenset(entity.name for entity in entities if not entity.influences)
    return {
        intent.name: (names - unseen if intent.used is None else intent.used)
        - (unseen if intent.ignored is None else intent.ignored)
        for intent in intents
        if unseen or intent.used is not None or intent.ignored
    }


def _named(file: YamlFile, section: str) -> list[tuple[str, dict[str, Any], Place]]:
    """Each name of a section, alone or with options (`- greet: {use_entities: []}`), with these and its place."""
    named: list[tuple[str, dict[str, Any], Place]] = []
    for index, item in enumerate(list_at(file, file.data.get(section), (section,), "Write one `- name` a line.")):
        place: Place = (section, index)
        name, options = next(iter(item.items())) if isinstance(item, dict) and len(item) == 1 else (item, None)
        if not isinstance(name, str) or not name.strip():
            raise file.error(place, f"{item!r} is not a name", "Write a word, quoted if need be.")
        if options is not None and not isinstance(options, dict):
            raise file.error(place, f"the options of {name} are {options!r}", "Indent `key: value` lines under it.")
        named.append((name, options or {}, (*place, name)))
    return named
