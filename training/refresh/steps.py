"""The results of steps, kept by what they were made from: a step whose inputs are the same is not done again.

<data>/refresh/<step>-<fingerprint>/result.json   what the step found, with a SHA-256
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.whole_file import replace_file

FORMAT_VERSION = 1
RESULT_FILE = "result.json"


class Steps:
    """Keeps results in a folder.

    Args:
        folder: `<data>/refresh`.

    Attributes:
        done: Steps that were done, in order.
        skipped: Steps that were found done.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done: list[str] = []
        self.skipped: list[str] = []
        self._used: set[str] = set()

    def of(self, step: str, inputs: object, work: Callable[[Path], Any]) -> Any:
        """What `work` makes of `inputs`, or made of them before; plain values, as JSON can hold them.

        Args:
            inputs: All that the result depends on; plain values.
            work: Given a folder that lasts as long as the result.

        Raises:
            OSError: The result cannot be kept.
        """
        folder = self.place(step, inputs)
        kept = _read(folder / RESULT_FILE)
        if kept is not None:
            self.skipped.append(step)
            return kept[0]
        shutil.rmtree(folder, ignore_errors=True)  # what a step that was killed has left
        folder.mkdir(parents=True)
        result = work(folder)
        content = json.dumps({"sha256": fingerprint(result), "result": result}, ensure_ascii=False, indent=1)
        replace_file(folder / RESULT_FILE, content.encode("utf-8", "replace"))
        self.done.append(step)
        return result

    def place(self, step: str, inputs: object) -> Path:
        """The folder of what a step makes of `inputs`; it lasts as long as they are asked for."""
        folder = self.folder / f"{step}-{fingerprint([FORMAT_VERSION, step, inputs])[:16]}"
        self._used.add(folder.name)
        return folder

    def sweep(self) -> None:
        """Removes the results that were not used this time."""
        for folder in self.folder.iterdir():
            if folder.is_dir() and folder.name not in self._used:
                shutil.rmtree(folder, ignore_errors=True)


def fingerprint(value: object) -> str:
    """Of a plain value: equal values, equal fingerprints."""
    canonical = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "replace")).hexdigest()


def _read(path: Path) -> tuple[Any] | None:
    """The result, or None where it is not there or damaged."""
    try:
        kept = json.loads(path.read_bytes())
        return (kept["result"],) if kept["sha256"] == fingerprint(kept["result"]) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
