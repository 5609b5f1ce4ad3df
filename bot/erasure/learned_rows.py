"""Erases rows that were learned from a sender: `<data>/learned/` is made anew of those that are left."""

import hashlib
import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.erasure.traces import Traces
from configs.learned import (
    DOMAIN_FILE,
    LEARNED_FOLDER,
    NLU_FILE,
    PROVENANCE_FILE,
    SUMS_FILE,
    Origin,
    read_origins,
    verify_learned,
)
from configs.yaml_file import read_yaml
from training.learned import Lesson, learned_files, publish_learned

ANSWER = "answer"
RESPONSE = "utter_"


def erase_learned(data_dir: Path, traces: Traces) -> tuple[str, list[str]]:
    """Makes the files anew without the sender's rows; says how many there were, and which intents are gone with them.

    Raises:
        AssistantError: They are damaged.
        OSError: They cannot be written.
    """
    folder = data_dir / LEARNED_FOLDER
    if not folder.exists():
        return "", []
    verify_learned(folder)
    origins = read_origins(folder)
    gone = [origin for origin in origins if traces.has(origin.conversation)]
    if gone:
        kept = [origin for origin in origins if origin not in gone]
        before = _examples(folder)
        lesson = _lesson(folder, before, gone, kept)
        publish_learned(data_dir, _files(lesson, kept))
        lost = [f"intent {name}: no examples are left" for name in before if name not in lesson.examples]
    else:
        lost = []
    _remove_earlier(data_dir)
    return (f"{len(gone)} learned row{'' if len(gone) == 1 else 's'}" if gone else ""), lost


def _lesson(
    folder: Path, before: Mapping[str, list[str]], gone: Collection[Origin], kept: Collection[Origin]
) -> Lesson:
    domain: dict[str, Any] = read_yaml(folder / DOMAIN_FILE).data or {}
    examples = _left(before, gone, kept)
    answered = {origin.value for origin in kept if origin.meaning == ANSWER}
    said = {name.removeprefix(RESPONSE): texts for name, texts in (domain.get("responses") or {}).items()}
    new = tuple(name for name in domain.get("intents") or [] if name in examples)
    return Lesson(
        examples={name: tuple(texts) for name, texts in examples.items()},
        new_intents=new,
        answers={name: said[name][0]["text"] for name in new if name in said and name in answered},
        rows=(),
    )


def _examples(folder: Path) -> dict[str, list[str]]:
    blocks = (read_yaml(folder / NLU_FILE).data or {}).get("nlu") or []
    return {block["intent"]: [example["text"] for example in block["examples"]] for block in blocks}


def _left(
    examples: Mapping[str, list[str]], gone: Collection[Origin], kept: Collection[Origin]
) -> dict[str, list[str]]:
    """The examples without those of `gone`. One that nobody can be named for goes too, as it may be one of them."""
    theirs = {origin.sha256 for origin in kept}
    unmatched = {origin.sha256 for origin in gone} - theirs
    found = {_sha256(text) for texts in examples.values() for text in texts}
    is_unsure = bool(unmatched - found)
    left = {
        name: [text for text in texts if (key := _sha256(text)) in theirs or (key not in unmatched and not is_unsure)]
        for name, texts in examples.items()
    }
    return {name: texts for name, texts in left.items() if texts}


def _files(lesson: Lesson, kept: Collection[Origin]) -> dict[str, bytes]:
    files = learned_files(lesson)
    files[PROVENANCE_FILE] = b"".join(_json(asdict(origin)) for origin in kept)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name != SUMS_FILE}
    return {**files, SUMS_FILE: _json(sums)}


def _remove_earlier(data_dir: Path) -> None:
    """Removes folders that a refresh has left behind which was ended in the middle."""
    current = (data_dir / LEARNED_FOLDER).resolve()
    for path in data_dir.glob(f".{LEARNED_FOLDER}[-.]*"):
        if path.resolve() != current and path.is_dir():
            shutil.rmtree(path)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _json(value: Any) -> bytes:
    return f"{json.dumps(value, ensure_ascii=False, sort_keys=True)}\n".encode()
