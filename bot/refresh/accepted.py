"""Which quarantined rows an admin has let through; they stay so."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from configs.errors import SettingsError
from training.releases import replace_file

ACCEPTED_FILE = "accepted.json"
OUTCOME_FILE = "last.json"


def read_accepted(folder: Path) -> frozenset[str]:
    """The ids in `folder`, which is `<data>/refresh`; none where there are none.

    Raises:
        SettingsError: The file is damaged.
    """
    path = folder / ACCEPTED_FILE
    found = _read(path, [])
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise SettingsError(f"{path} is damaged: it must be a list of ids. Mend or remove it.")
    return frozenset(found)


def accept(folder: Path, ids: Sequence[str]) -> frozenset[str]:
    """Adds `ids`, which the last refresh has named; returns all.

    Raises:
        SettingsError: One was not named.
    """
    before = read_accepted(folder)
    outcome = _read(folder / OUTCOME_FILE, {})
    waiting = {str(one["id"]) for one in outcome.get("quarantined", ())}
    for one in ids:
        if one not in waiting | before:
            said = f"--accept-quarantined is {one!r}, which does not wait for anybody's word."
            raise SettingsError(f"{said} {_listed(waiting - before)}")
    both = before.union(ids)
    if ids:
        replace_file(folder / ACCEPTED_FILE, json.dumps(sorted(both)).encode("ascii"))
    return both


def _listed(waiting: Iterable[str]) -> str:
    names = ", ".join(sorted(waiting))
    return f"These do: {names}." if names else "Nothing does: run `kefu refresh` first."


def _read(path: Path, default: Any) -> Any:
    if not path.is_file():
        return default
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path} is damaged: it is not JSON. Mend or remove it.") from error
