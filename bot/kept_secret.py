"""A key that is made once and kept in a file, for whatever this server signs."""

import os
import secrets
from pathlib import Path

from pydantic import SecretStr

from configs.errors import SettingsError

MIN_CHARS = 32


def kept_secret(given: SecretStr | None, path: Path, *, whose: str, setting: str) -> str:
    """What a setting says, else what the file keeps; made there where there is none yet.

    Args:
        given: The setting's value.
        whose: What the key is for, as an error says it: `The widget's`.
        setting: Its variable.

    Raises:
        SettingsError: The file cannot be read or written, or holds no key.
    """
    if given is not None:
        return given.get_secret_value()
    try:
        if not path.exists():
            _make(path)
        kept = path.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise SettingsError(f"{whose} secret {path} cannot be used: {error}. Set {setting}.") from error
    if len(kept) < MIN_CHARS:
        raise SettingsError(f"{whose} secret {path} is too short. Delete the file, or set {setting}.")
    return kept


def _make(path: Path) -> None:
    """Of several processes that come at once, one writes the file, and all read the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        if not path.exists():
            os.link(draft, path)
    except FileExistsError:
        pass  # another was faster
    finally:
        draft.unlink(missing_ok=True)
