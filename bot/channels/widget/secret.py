"""The key that session tokens and the addresses of files are signed with."""

import os
import secrets
from pathlib import Path

from pydantic import SecretStr

from configs.errors import SettingsError

FILE = "widget_secret"
MIN_CHARS = 32


def widget_secret(given: SecretStr | None, data_dir: Path) -> str:
    """What `KEFU_WIDGET_SECRET` says, else what the data folder keeps; made there where there is none yet.

    Raises:
        SettingsError: The file cannot be read or written, or holds no key.
    """
    if given is not None:
        return given.get_secret_value()
    path = data_dir / FILE
    try:
        if not path.exists():
            _make(path)
        kept = path.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise SettingsError(f"The widget's secret {path} cannot be used: {error}. Set KEFU_WIDGET_SECRET.") from error
    if len(kept) < MIN_CHARS:
        raise SettingsError(f"The widget's secret {path} is too short. Delete the file, or set KEFU_WIDGET_SECRET.")
    return kept


def _make(path: Path) -> None:
    """Of several processes that come at once, one writes the file, and all read the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{FILE}.{secrets.token_hex(8)}")
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
