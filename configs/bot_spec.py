"""What the running bot needs of an assistant: the part of its files that a release carries along."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from configs.assistant import Assistant
from configs.assistant_config import PolicyConfig
from configs.domain import Domain
from configs.entity_spec import EntitySpec
from configs.nlu_data import patterns_by_entity, synonym_table


@dataclass(frozen=True, slots=True, kw_only=True)
class BotSpec:
    """An assistant's words and rules.

    Attributes:
        actions: By intent, the actions that answer it, in order.
        titles: By intent, what a button that offers it says.
        trust_slash_intents: Whether `/intent` is taken from anyone who types it.
        intent_split_symbol: What joins the intents that one label names.
    """

    name: str
    language: str
    domain: Domain
    actions: Mapping[str, tuple[str, ...]]
    policy: PolicyConfig
    titles: Mapping[str, str]
    trust_slash_intents: bool
    entities: EntitySpec
    intent_split_symbol: str | None = None

    @classmethod
    def of(cls, assistant: Assistant) -> "BotSpec":
        """The part of `assistant` that the bot needs."""
        config = assistant.config
        return cls(
            name=assistant.name,
            language=assistant.language,
            domain=assistant.domain,
            actions={rule.intent: rule.actions for rule in assistant.rules},
            policy=config.policy,
            titles=config.titles,
            trust_slash_intents=config.trust_slash_intents,
            entities=_entity_spec(assistant),
            intent_split_symbol=config.intent_split_symbol,
        )

    def to_json(self) -> bytes:
        """As a release keeps it."""
        return _ADAPTER.dump_json(self, indent=1)

    @classmethod
    def from_json(cls, raw: bytes) -> "BotSpec":
        """What `to_json` wrote.

        Raises:
            pydantic.ValidationError: It is something else.
        """
        return _ADAPTER.validate_json(raw)


def _entity_spec(assistant: Assistant) -> EntitySpec:
    config, names = assistant.config.entities, assistant.entity_names
    return EntitySpec(
        regexes=patterns_by_entity(assistant.regexes, names)[0],
        lookups=patterns_by_entity(assistant.lookups, names)[0],
        synonyms=synonym_table(assistant.synonyms, assistant.examples)[0],
        builtin=config.builtin,
        language=assistant.language,
        region=config.region,
        timezone=config.timezone,
        order_number_pattern=config.order_number_pattern,
    )


_ADAPTER: TypeAdapter[BotSpec] = TypeAdapter(BotSpec)
