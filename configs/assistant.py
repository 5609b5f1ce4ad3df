"""An assistant's folder in Rasa's project layout, read and cross-checked as a whole."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from configs.assistant_config import KefuConfig, parse_config
from configs.assistant_files import data_files, domain_paths, knowledge_paths
from configs.core_policies import CorePolicies, parse_policies
from configs.credentials import credential_notices
from configs.domain import Domain, read_domain
from configs.endpoints import endpoint_notices
from configs.errors import AssistantError
from configs.example_checks import contradictions, unanswered_intents, unlisted_intents, usable_examples
from configs.flow_checks import check_flows
from configs.flows import Rule, Story
from configs.implied_rules import implied_rules
from configs.learned import read_learned, with_learned
from configs.nlu_data import Example, Lookup, NluData, Regex, Synonym, parse_nlu, patterns_by_entity, synonym_table
from configs.rules import parse_rules
from configs.stories import StoryBlock, join_stories, parse_stories
from configs.yaml_file import YamlFile, read_yaml
from configs.yaml_values import unknown_keys

__all__ = ["MINIMAL", "SHIPPED", "STARTER", "STARTERS", "Assistant", "copy_assistant", "read_assistant"]

SHIPPED = Path(__file__).parent
STARTER = SHIPPED / "shop"
MINIMAL = SHIPPED / "minimal"
STARTERS = {"minimal": MINIMAL, "shop": STARTER, "shop-zh": SHIPPED / "shop-zh"}
DATA_SECTIONS = ("version", "nlu", "rules", "stories", "responses")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assistant:
    """Everything an owner wrote, checked.

    Attributes:
        rules: Those that are written, and one for each intent that only a response `utter_<intent>` answers.
        stories: With their checkpoints joined.
        policies: What Rasa's `policies` says of rules and stories.
        knowledge_paths: The CSV, JSONL and XLSX files of past question-answer pairs.
        learned: The folder of what was learned from conversations, where it was read too.
        set_aside: Hash of the file of examples that were taken out to test releases with, or "".
        notices: What stands in the files but is not honoured, and what is done instead.
    """

    root: Path
    language: str
    config: KefuConfig
    domain: Domain
    examples: tuple[Example, ...]
    rules: tuple[Rule, ...]
    knowledge_paths: tuple[Path, ...]
    notices: tuple[str, ...]
    synonyms: tuple[Synonym, ...] = ()
    regexes: tuple[Regex, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    stories: tuple[Story, ...] = ()
    policies: CorePolicies = field(default_factory=CorePolicies)
    learned: Path | None = None
    set_aside: str = ""

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.root.name

    @property
    def entity_names(self) -> frozenset[str]:
        """The entities that the domain lists or an example marks."""
        marked = {entity.entity for example in self.examples for entity in example.entities}
        return frozenset(marked.union(self.domain.entities))


def read_assistant(root: Path, learned: Path | None = None) -> Assistant:
    """Reads the assistant in `root`.

    Args:
        learned: The folder of what was learned from conversations, read beside the owner's files where there is one.

    Raises:
        AssistantError: A file is missing or wrong, or two files contradict each other.
    """
    root = root.resolve()
    if not root.is_dir():
        raise AssistantError(root, None, "there is no such folder", "Make one with `kefu init DIR`.")
    config_file = read_yaml(root / "config.yml")
    language, config, notices = parse_config(config_file)
    policies, of_policies = parse_policies(config_file)
    files = data_files(root)
    domain, of_domain = read_domain(domain_paths(root), [file for file in files if file.data.get("responses")])
    notices += [*of_policies, *of_domain]
    nlu = _read_nlu(files, notices)
    rules, stories = _read_flows(root, files, notices)
    if learned is not None and learned.exists():
        intents = {*domain.intents, *(example.intent for example in nlu.examples)}
        more, of_learned = read_learned(learned, intents, root)
        domain, of_responses = with_learned(domain, more)
        notices += [*of_learned, *of_responses]
        notices += contradictions((*nlu.examples, *more.examples))[len(contradictions(nlu.examples)) :]
        nlu = replace(nlu, examples=(*nlu.examples, *more.examples))
        rules += more.rules
    examples = usable_examples(root, nlu.examples)
    rules += implied_rules(domain.responses, examples, (*rules, *stories), root)
    check_flows(rules, stories, domain, {example.intent for example in examples}, root)
    notices += unlisted_intents(domain, examples)
    notices += unanswered_intents(domain, examples, (*rules, *stories))
    notices += endpoint_notices(root)
    notices += credential_notices(root)
    assistant = Assistant(
        root=root,
        language=language,
        config=config,
        domain=domain,
        examples=tuple(examples),
        rules=tuple(rules),
        stories=tuple(stories),
        policies=policies,
        knowledge_paths=knowledge_paths(root),
        notices=(),
        synonyms=nlu.synonyms,
        regexes=nlu.regexes,
        lookups=nlu.lookups,
        learned=learned if learned is not None and learned.exists() else None,
    )
    notices += [
        line
        for entries in (nlu.regexes, nlu.lookups)
        for line in patterns_by_entity(entries, assistant.entity_names)[1]
    ]
    return replace(assistant, notices=tuple(notices))


def copy_assistant(source: Path, target: Path) -> None:
    """Writes a copy of a shipped assistant to start from.

    Raises:
        AssistantError: `target` exists and is not an empty folder.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise AssistantError(target, None, "exists and is not an empty folder", "Choose another name.")
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".kefu"))


def _read_nlu(files: Sequence[YamlFile], notices: list[str]) -> NluData:
    parts = []
    for file in files:
        notices += unknown_keys(file, file.data, (), DATA_SECTIONS, "a file of data/")
        part, said = parse_nlu(file)
        parts.append(part)
        notices += said
    examples = tuple(example for part in parts for example in part.examples)
    synonyms = tuple(synonym for part in parts for synonym in part.synonyms)
    notices += contradictions(examples) + synonym_table(synonyms, examples)[1]
    return NluData(
        examples=examples,
        synonyms=synonyms,
        regexes=tuple(regex for part in parts for regex in part.regexes),
        lookups=tuple(lookup for part in parts for lookup in part.lookups),
    )


def _read_flows(root: Path, files: Sequence[YamlFile], notices: list[str]) -> tuple[list[Rule], list[Story]]:
    rules: list[Rule] = []
    blocks: list[StoryBlock] = []
    for file in files:
        found, said = parse_rules(file, root)
        rules += found
        pieces, also_said = parse_stories(file, root)
        blocks += pieces
        notices += [*said, *also_said]
    stories, said = join_stories(blocks)
    notices += said
    return rules, stories
