"""What the running bot needs of an assistant: the part of its files that a release carries along."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from configs.assistant import Assistant
from configs.assistant_config import ContextConfig, HandoffConfig, MonitorConfig, PolicyConfig, SuggestionsConfig
from configs.core_policies import DEFAULT_FALLBACK, MAX_HISTORY
from configs.domain import Domain
from configs.entity_spec import EntitySpec
from configs.flows import Rule, Story
from configs.implied_rules import intents_of
from configs.nlu_data import patterns_by_entity, synonym_table


@dataclass(frozen=True, slots=True, kw_only=True)
class BotSpec:
    """An assistant's words and rules.

    Attributes:
        rules: What always happens.
        stories: How conversations go; with one of them the bot goes on where it fits.
        max_history: How many of the bot's last steps a story is compared with.
        fallback_action: What is done where nothing fits.
        falls_back: Whether anything is done then.
        exact_stories: Whether a story is followed only where all that went before is as in the story.
        handoff: When a person takes over.
        context: How follow-ups are read.
        monitor: When the owner hears of unhappy customers.
        suggestions: Which questions are offered under an answer.
        titles: By intent, what a button that offers it says.
        trust_slash_intents: Whether `/intent` is taken from anyone who types it.
        intent_split_symbol: What joins the intents that one label names.
    """

    name: str
    language: str
    domain: Domain
    rules: tuple[Rule, ...]
    policy: PolicyConfig
    titles: Mapping[str, str]
    trust_slash_intents: bool
    entities: EntitySpec
    intent_split_symbol: str | None = None
    stories: tuple[Story, ...] = ()
    max_history: int = MAX_HISTORY
    fallback_action: str = DEFAULT_FALLBACK
    falls_back: bool = True
    exact_stories: bool = False
    handoff: HandoffConfig = field(default_factory=HandoffConfig)
    context: ContextConfig = field(default_factory=ContextConfig)
    monitor: MonitorConfig = field(default_factory=MonitorConfig)
    suggestions: SuggestionsConfig = field(default_factory=SuggestionsConfig)

    @property
    def answerable(self) -> frozenset[str]:
        """The intents that a rule, a story or a response of their name answers, those of retrieval intents in full."""
        waited_for = intents_of((*self.rules, *self.stories))
        named = {name.removeprefix("utter_") for name in self.domain.responses if "/" in name}
        return frozenset(waited_for | {name for name in named if name.split("/")[0] in waited_for})

    @classmethod
    def of(cls, assistant: Assistant) -> "BotSpec":
        """The part of `assistant` that the bot needs."""
        config = assistant.config
        return cls(
            name=assistant.name,
            language=assistant.language,
            domain=assistant.domain,
            rules=assistant.rules,
            stories=assistant.stories,
            max_history=assistant.policies.max_history,
            fallback_action=assistant.policies.fallback_action,
            falls_back=assistant.policies.falls_back,
            exact_stories=assistant.policies.exact_stories,
            policy=config.policy,
            handoff=config.handoff,
            context=config.context,
            monitor=config.monitor,
            suggestions=config.suggestions,
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
