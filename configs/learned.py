"""What was learned from conversations, in Rasa's formats, read beside an owner's own files.

    learned/nlu.yml            examples
    learned/domain.yml         intents that people have named, and what they say
    learned/rules.yml          rules, where a response alone is not enough
    learned/provenance.jsonl   for each row, who said so of which message
    learned/files.json         a SHA-256 for each of these

A refresh writes them anew; an owner's own files are never written, and win wherever the two differ.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from configs.domain import Domain
from configs.domain_names import parse_intents
from configs.errors import AssistantError
from configs.flows import Rule
from configs.json_lines import read_json_lines
from configs.nlu_data import Example, parse_nlu
from configs.responses import Variation, parse_responses
from configs.rules import parse_rules
from configs.yaml_file import YamlFile, read_text, read_yaml

LEARNED_FOLDER = "learned"
NLU_FILE, DOMAIN_FILE, RULES_FILE = "nlu.yml", "domain.yml", "rules.yml"
PROVENANCE_FILE, SUMS_FILE = "provenance.jsonl", "files.json"
LEARNED_FILES = (NLU_FILE, DOMAIN_FILE, RULES_FILE, PROVENANCE_FILE)
FIX = "Run `kefu refresh`, which writes it anew, or remove the folder to train without what was learned."


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedData:
    """What stands in the folder.

    Attributes:
        source: Intents and responses as they are written.
    """

    examples: tuple[Example, ...]
    intents: tuple[str, ...]
    responses: Mapping[str, tuple[Variation, ...]]
    rules: tuple[Rule, ...]
    source: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a learned row comes from.

    Attributes:
        row: `label 12`, or `feedback 7`.
        conversation: Its id.
        sha256: Of the text.
        meaning, value: See `configs.taught.Taught`.
    """

    row: str
    conversation: str
    turn: int
    who: str
    at: float
    sha256: str
    meaning: str
    value: str


def read_learned(folder: Path, known: Collection[str], root: Path) -> tuple[LearnedData, list[str]]:
    """What was learned, and a line for each intent whose examples are passed over, since the owner has removed it.

    Args:
        known: The intents of the owner's files.
        root: The assistant's folder.

    Raises:
        AssistantError: A file is missing, damaged or was altered.
    """
    verify_learned(folder)
    nlu, domain, rules = (_mapping(folder / name) for name in (NLU_FILE, DOMAIN_FILE, RULES_FILE))
    data, notices = parse_nlu(nlu)
    intents = tuple(intent.name for intent in parse_intents(domain)[0])
    there = {*known, *intents}
    gone = Counter(example.intent for example in data.examples if example.intent not in there)
    notices += [
        f"{nlu.path}: {count} learned examples of {intent} are passed over: the assistant has no such intent any more"
        for intent, count in sorted(gone.items())
    ]
    learned = LearnedData(
        examples=tuple(example for example in data.examples if example.intent in there),
        intents=intents,
        responses=parse_responses(domain)[0],
        rules=tuple(parse_rules(rules, root)[0]),
        source={name: domain.data.get(name) or kind() for name, kind in (("intents", list), ("responses", dict))},
    )
    return learned, notices


def with_learned(domain: Domain, learned: LearnedData) -> tuple[Domain, list[str]]:
    """The owner's domain with the intents and responses that were learned, and a line for each that is the owner's."""
    notices = [
        f"{name} is not said as it was learned: the assistant's own files say it"
        for name in learned.responses
        if name in domain.responses
    ]
    source = dict(domain.source)
    before = list(source.get("intents") or [])
    source["intents"] = [*before, *(name for name in learned.source["intents"] if name not in domain.intents)]
    source["responses"] = {**learned.source["responses"], **(source.get("responses") or {})}
    changed = replace(
        domain,
        intents=tuple(dict.fromkeys((*domain.intents, *learned.intents))),
        responses={**learned.responses, **domain.responses},
        source=source,
    )
    return changed, notices


def read_origins(folder: Path) -> list[Origin]:
    """Where the rows of the folder come from; nothing where there is no such folder.

    Raises:
        AssistantError: The file is missing or damaged.
    """
    if not folder.exists():
        return []
    path, found = folder / PROVENANCE_FILE, []
    for line, value in read_json_lines(path):
        try:
            found.append(Origin(**value))
        except TypeError as error:
            raise AssistantError(path, line, "this is no row of where something comes from", FIX) from error
    return found


def verify_learned(folder: Path) -> None:
    """Compares the files with the hashes that were written with them.

    Raises:
        AssistantError: One is missing, damaged or was altered.
    """
    path = folder / SUMS_FILE
    if not path.is_file():
        raise AssistantError(path, None, "is missing", FIX)
    try:
        sums = json.loads(read_text(path))
        expected = {name: str(sums[name]) for name in LEARNED_FILES}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise AssistantError(path, None, "is damaged", FIX) from error
    for name in LEARNED_FILES:
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest() if (folder / name).is_file() else ""
        if found != expected[name]:
            what = "is damaged or was altered" if found else "is missing"
            raise AssistantError(folder / name, None, what, FIX)


def _mapping(path: Path) -> YamlFile:
    file = read_yaml(path)
    if not isinstance(file.data, dict):
        raise file.error((), "must be a mapping", FIX)
    return file
