"""An assistant's folder in Rasa's project layout, read and cross-checked as a whole."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from configs.assistant_config import KefuConfig, parse_config
from configs.domain import Domain, read_domain
from configs.errors import AssistantError
from configs.nlu_data import Example, Lookup, Regex, Synonym, parse_nlu, patterns_by_entity, synonym_table
from configs.rules import Rule, parse_rules
from configs.yaml_file import nearest, read_yaml

SHIPPED = Path(__file__).parent
STARTER = SHIPPED / "shop"
MINIMAL = SHIPPED / "minimal"
STARTERS = {"minimal": MINIMAL, "shop": STARTER, "shop-zh": SHIPPED / "shop-zh"}
DEFAULT_ACTIONS = frozenset({"action_listen", "action_restart", "action_default_fallback"})
RASA_ACTIONS = DEFAULT_ACTIONS | {
    "action_back",
    "action_deactivate_loop",
    "action_default_ask_affirmation",
    "action_default_ask_rephrase",
    "action_extract_slots",
    "action_revert_fallback_events",
    "action_session_start",
    "action_two_stage_fallback",
    "action_unlikely_intent",
}
KNOWLEDGE_ENDINGS = frozenset({".csv", ".jsonl", ".xlsx"})
OUT_OF_SCOPE = "out_of_scope"
RASA_INTENTS = frozenset({"restart", "back", OUT_OF_SCOPE, "session_start", "nlu_fallback"})
FILES_UNUSED = ("actions", "actions.py", "endpoints.yml", "credentials.yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assistant:
    """Everything an owner wrote, checked.

    Attributes:
        rules: One for each intent that the bot answers from templates.
        knowledge_paths: The CSV, JSONL and XLSX files of past question-answer pairs.
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

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.root.name

    @property
    def entity_names(self) -> frozenset[str]:
        """The entities that the domain lists or an example marks."""
        marked = {entity.entity for example in self.examples for entity in example.entities}
        return frozenset(marked.union(self.domain.entities))


def read_assistant(root: Path) -> Assistant:
    """Reads the assistant in `root`.

    Raises:
        AssistantError: A file is missing or wrong, or two files contradict each other.
    """
    root = root.resolve()
    if not root.is_dir():
        raise AssistantError(root, None, "there is no such folder", "Make one with `kefu init DIR`.")
    language, config, notices = parse_config(read_yaml(root / "config.yml"))
    domain, said = read_domain(_domain_files(root))
    notices += said
    examples: list[Example] = []
    rules: list[Rule] = []
    synonyms: list[Synonym] = []
    regexes: list[Regex] = []
    lookups: list[Lookup] = []
    for path in _data_files(root):
        file = read_yaml(path)
        if not isinstance(file.data, dict):
            raise file.error((), "must be a mapping", 'Start with `version: "3.1"` and `nlu:` or `rules:`.')
        found, said = parse_nlu(file)
        examples += found.examples
        synonyms += found.synonyms
        regexes += found.regexes
        lookups += found.lookups
        notices += said
        followed, said = parse_rules(file)
        rules += followed
        notices += said
    notices += _contradictions(examples) + synonym_table(synonyms, examples)[1]
    examples = _check_examples(root, examples)
    rules = _of_retrieval_intents(examples, rules)
    rules += _rules_by_name(domain, examples, rules)
    _check_rules(domain, examples, rules)
    rules, said = _followed(domain, rules)
    notices += said
    notices += _unlisted_intents(domain, examples)
    notices += _unanswered_intents(examples, rules)
    notices += _unused_files(root)
    assistant = Assistant(
        root=root,
        language=language,
        config=config,
        domain=domain,
        examples=tuple(examples),
        rules=tuple(rules),
        knowledge_paths=tuple(sorted(p for p in (root / "knowledge").glob("*") if p.suffix in KNOWLEDGE_ENDINGS)),
        notices=tuple(notices),
        synonyms=tuple(synonyms),
        regexes=tuple(regexes),
        lookups=tuple(lookups),
    )
    unnamed = [
        line for entries in (regexes, lookups) for line in patterns_by_entity(entries, assistant.entity_names)[1]
    ]
    return replace(assistant, notices=(*assistant.notices, *unnamed))


def copy_assistant(source: Path, target: Path) -> None:
    """Writes a copy of a shipped assistant to start from.

    Raises:
        AssistantError: `target` exists and is not an empty folder.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise AssistantError(target, None, "exists and is not an empty folder", "Choose another name.")
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".kefu"))


def _domain_files(root: Path) -> list[Path]:
    single = root / "domain.yml"
    if single.exists():
        return [single]
    several = _yaml_files(root / "domain")
    if not several:
        raise AssistantError(single, None, "there is no domain.yml", "Write one, or a folder domain/ of them.")
    return several


def _data_files(root: Path) -> list[Path]:
    files = _yaml_files(root / "data")
    if not files:
        raise AssistantError(root / "data", None, "holds no YAML file", "Write data/nlu.yml.")
    return files


def _yaml_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in {".yml", ".yaml"})


def _check_examples(root: Path, examples: list[Example]) -> list[Example]:
    """The examples whose text stands under one intent, or first stands there; `_contradictions` names the others."""
    first: dict[str, str] = {}
    kept = [e for e in examples if first.setdefault(e.text.casefold(), e.intent) == e.intent]
    intents = {example.intent for example in kept}
    if len(intents) < 2:
        raise AssistantError(
            root / "data",
            None,
            f"has examples of {len(intents)} intents",
            "Write examples of at least two intents.",
        )
    return kept


def _contradictions(examples: list[Example]) -> list[str]:
    first: dict[str, Example] = {}
    return [
        f"{example.path}:{example.line}: {example.text!r} is not used as an example of {example.intent}: it is one of "
        f"{other.intent} in {other.path.name}:{other.line}"
        for example in examples
        if (other := first.setdefault(example.text.casefold(), example)).intent != example.intent
    ]


def _of_retrieval_intents(examples: list[Example], rules: list[Rule]) -> list[Rule]:
    """The rules; one for an intent whose examples stand under `faq/...` becomes one for each of these."""
    parts: dict[str, list[str]] = {}
    for intent in dict.fromkeys(example.intent for example in examples):
        whole, slash, _ = intent.partition("/")
        if slash:
            parts.setdefault(whole, []).append(intent)
    return [
        replace(
            rule,
            intent=part,
            actions=tuple(f"utter_{part}" if action == f"utter_{rule.intent}" else action for action in rule.actions),
        )
        for rule in rules
        for part in parts.get(rule.intent, [rule.intent])
    ]


def _rules_by_name(domain: Domain, examples: list[Example], rules: list[Rule]) -> list[Rule]:
    """For each intent without a rule, one that says `utter_<intent>`, where there is such a response."""
    ruled = {rule.intent for rule in rules}
    first_example = {example.intent: example for example in reversed(examples)}
    return [
        Rule(
            name=f"utter_{intent}",
            intent=intent,
            actions=(f"utter_{intent}",),
            path=example.path,
            line=example.line,
        )
        for intent, example in first_example.items()
        if intent not in ruled and f"utter_{intent}" in domain.responses
    ]


def _followed(domain: Domain, rules: list[Rule]) -> tuple[list[Rule], list[str]]:
    """The rules whose actions can be done, and a line for each of the others and for each custom action."""
    beyond = (RASA_ACTIONS - DEFAULT_ACTIONS) | set(domain.forms)
    followed = [rule for rule in rules if not beyond.intersection(rule.actions)]
    notices = [
        f"{rule.path}:{rule.line}: the rule {rule.name!r} is not followed yet: {', '.join(rule.actions)} cannot be done"
        for rule in rules
        if beyond.intersection(rule.actions)
    ]
    custom = {
        action
        for rule in followed
        for action in rule.actions
        if action in domain.actions and action not in domain.responses and action not in DEFAULT_ACTIONS
    }
    notices += [
        f"the custom action {action} is not run yet; utter_default is said instead" for action in sorted(custom)
    ]
    return followed, notices


def _check_rules(domain: Domain, examples: list[Example], rules: list[Rule]) -> None:
    intents = {*domain.intents, *(example.intent for example in examples), *RASA_INTENTS}
    known_actions = {*domain.responses, *domain.actions, *domain.forms, *RASA_ACTIONS}
    seen: dict[str, Rule] = {}
    for rule in rules:
        if rule.intent not in intents:
            raise AssistantError(
                rule.path,
                rule.line,
                f"the rule {rule.name!r} waits for the intent {rule.intent!r}, which has no examples",
                f"Add examples or mend the name.{nearest(rule.intent, intents)}",
            )
        for action in rule.actions:
            if action not in known_actions:
                raise AssistantError(
                    rule.path,
                    rule.line,
                    f"the rule {rule.name!r} uses {action!r}, which the domain does not define",
                    f"Add it under `responses:` or `actions:`.{nearest(action, known_actions)}",
                )
        other = seen.setdefault(rule.intent, rule)
        if other.actions != rule.actions:
            raise AssistantError(
                rule.path,
                rule.line,
                f"the rules {other.name!r} and {rule.name!r} answer {rule.intent!r} differently",
                "Keep one of them.",
            )


def _unanswered_intents(examples: list[Example], rules: list[Rule]) -> list[str]:
    ruled = {rule.intent for rule in rules}
    return [
        f"the intent {intent} has neither a rule nor a response utter_{intent}: it is never answered from a template"
        for intent in dict.fromkeys(example.intent for example in examples)
        if intent not in ruled
    ]


def _unused_files(root: Path) -> list[str]:
    return [f"{root / name}: not used yet" for name in FILES_UNUSED if (root / name).exists()]


def _unlisted_intents(domain: Domain, examples: list[Example]) -> list[str]:
    listed = set(domain.intents)
    unlisted = (
        {example.intent for example in examples}
        - listed
        - {i for e in examples if (i := e.intent.split("/")[0]) in listed}
    )
    return [
        f"the intent {intent} has examples but is not listed in the domain; it is used all the same"
        for intent in sorted(unlisted)
        if intent.split("/")[0] not in listed
    ]
