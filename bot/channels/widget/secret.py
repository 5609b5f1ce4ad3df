"""The key that session tokens and the addresses of files are signed with."""

from pathlib import Path

from pydantic import SecretStr

from bot.kept_secret import MIN_CHARS, kept_secret

FILE = "widget_secret"
__all__ = ["FILE", "MIN_CHARS", "widget_secret"]


def widget_secret(given: SecretStr | None, data_dir: Path) -> str:
    """What `KEFU_WIDGET_SECRET` says, else what the data folder keeps; made there where there is none yet.

    Raises:
        SettingsError: The file cannot be read or written, or holds no key.
    """
    return kept_secret(given, data_dir / FILE, whose="The widget's", setting="KEFU_WIDGET_SECRET")
