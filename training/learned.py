"""Makes files of what was taught: `<data>/learned/`, which `configs.learned` reads beside an owner's own files.

The same rows give the same bytes. The folder is a link to one that is never changed, so that at any moment all its
files are of one time, whatever ends the process.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from configs.learned import (
    DOMAIN_FILE,
    LEARNED_FOLDER,
    NLU_FILE,
    PROVENANCE_FILE,
    RULES_FILE,
    SUMS_FILE,
    Origin,
)
from configs.taught import Meaning, Taught
from training.manifest import Release, ReleaseError
from training.whole_file import flush, flush_folder

LEARNED_FILE = "learned.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What rows teach.

    Attributes:
        examples: Texts of each intent, in the order in which they were taught, each once.
        new_intents: Those that the owner's files do not name.
        answers: What new intents say.
        rows: All rows it is made of.
    """

    examples: Mapping[str, tuple[str, ...]]
    new_intents: tuple[str, ...]
    answers: Mapping[str, str]
    rows: tuple[Taught, ...]

    @property
    def unanswered(self) -> tuple[str, ...]:
        """New intents for which nobody has written an answer."""
        return tuple(intent for intent in self.new_intents if intent not in self.answers)


def lesson_of(rows: Sequence[Taught], known: Collection[str]) -> Lesson:
    """What `rows`, which do not contradict each other, teach an assistant that knows some intents."""
    ordered = sorted(rows, key=lambda row: row.order)
    examples: dict[str, dict[str, str]] = {}
    answers: dict[str, str] = {}
    for row in ordered:
        if row.meaning is Meaning.INTENT:
            examples.setdefault(row.value, {}).setdefault(row.text.casefold(), row.text)
        elif row.meaning is Meaning.ANSWER and row.intent:
            answers[row.intent] = row.value.strip()  # the latest counts: it may mend an earlier one
    new = tuple(sorted(set(examples) - set(known)))
    return Lesson(
        examples={intent: tuple(texts.values()) for intent, texts in sorted(examples.items())},
        new_intents=new,
        answers={intent: answers[intent] for intent in new if intent in answers},
        rows=tuple(ordered),
    )


def learned_files(lesson: Lesson) -> dict[str, bytes]:
    """The files of the folder, by name."""
    nlu = [
        {"intent": intent, "examples": [{"text": _plain(text)} for text in texts]}
        for intent, texts in lesson.examples.items()
    ]
    responses = {f"utter_{intent}": [{"text": answer}] for intent, answer in lesson.answers.items()}
    files = {
        NLU_FILE: _yaml({"version": "3.1", "nlu": nlu}),
        DOMAIN_FILE: _yaml({"version": "3.1", "intents": list(lesson.new_intents), "responses": responses}),
        RULES_FILE: _yaml({"version": "3.1", "rules": []}),  # a response of an intent's name is its rule
        PROVENANCE_FILE: b"".join(_json(asdict(origin_of(row))) for row in lesson.rows),
    }
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return {**files, SUMS_FILE: _json(sums)}


def origin_of(row: Taught) -> Origin:
    """Where a row comes from, without its text."""
    return Origin(
        row=f"{'feedback' if row.weak else 'label'} {row.number}",
        conversation=row.conversation,
        turn=row.turn,
        who=row.who,
        at=row.at,
        sha256=hashlib.sha256(row.text.encode("utf-8")).hexdigest(),
        meaning=row.meaning.value,
        value=row.value if row.meaning is not Meaning.ANSWER else row.intent,
    )


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes a folder as a whole, or not at all; one that holds the same already is left as it is.

    Raises:
        OSError: It cannot be written.
    """
    if folder.is_dir() and all(_holds(folder / name, content) for name, content in files.items()):
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir()
        for name, content in files.items():
            with (part / name).open("wb") as file:
                file.write(content)
                file.flush()
                flush(file.fileno())
        flush_folder(part)
        part.rename(folder)
        flush_folder(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def publish_learned(data_dir: Path, files: Mapping[str, bytes]) -> Path:
    """Makes `files` what `<data>/learned` holds, in one step.

    Raises:
        OSError: It cannot be written; what was there stays.
    """
    link = data_dir / LEARNED_FOLDER
    whole = hashlib.sha256(files[SUMS_FILE]).hexdigest()[:16]
    folder = data_dir / f".{LEARNED_FOLDER}-{whole}"
    write_files(folder, files)
    if not link.is_symlink() and link.exists():  # a copy of a data folder may hold the files themselves
        shutil.rmtree(link) if link.is_dir() else link.unlink()
    temporary = data_dir / f".{LEARNED_FOLDER}.{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(folder.name)
    temporary.replace(link)
    flush_folder(data_dir)
    for other in data_dir.glob(f".{LEARNED_FOLDER}-*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return link


def trained_with(origins: Sequence[Origin]) -> bytes:
    """What a release says of the rows it was trained with: their names, and the hashes of their conversations."""
    return b"".join(_json(_named(origin)) for origin in origins)


def read_trained_with(release: Release) -> dict[str, str]:
    """The rows that a release was trained with, each with the intent that it taught, or "".

    Raises:
        ReleaseError: The file is damaged.
    """
    path = release.folder / LEARNED_FILE
    if LEARNED_FILE not in release.manifest.files:
        return {}
    try:
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        return {str(row["row"]): str(row["intent"]) for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReleaseError(f"The release {release.id} has a damaged {LEARNED_FILE}.") from error


def _named(origin: Origin) -> dict[str, str]:
    conversation = hashlib.sha256(origin.conversation.encode("utf-8", "replace")).hexdigest()
    intent = origin.value if origin.meaning == Meaning.INTENT else ""
    return {"row": origin.row, "conversation": conversation, "intent": intent}


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def _plain(text: str) -> str:
    """`text` so that nothing in it reads as Rasa's markup of an entity: a bracket and what follows keep apart."""
    for behind in ("(", "{", "[{"):
        text = text.replace(f"]{behind}", f"] {behind}")
    return text


def _json(value: Any) -> bytes:
    return f"{json.dumps(value, ensure_ascii=False, sort_keys=True)}\n".encode()


def _yaml(data: Mapping[str, Any]) -> bytes:
    text = yaml.dump(dict(data), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10**9)
    return bytes(text.encode("utf-8"))


class _Dumper(yaml.SafeDumper):
    """Quotes every text that is a value: YAML 1.1 and 1.2 differ in what is a number, and customers write anything."""

    def ignore_aliases(self, data: Any) -> bool:
        """Whether to write `data` out each time it occurs."""
        del data
        return True


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isidentifier() else '"')


_Dumper.add_representer(str, _quoted)
