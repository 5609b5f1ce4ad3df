"""Data folders for tests, without copying the model each time."""

import os
import shutil
from pathlib import Path


def linked(trained_dir: Path, target: Path) -> Path:
    """A data folder with the trained release, whose files must not be changed in place."""
    return Path(shutil.copytree(trained_dir, target, copy_function=_link_or_copy))


def _link_or_copy(source: str, target: str) -> None:
    if Path(source).name in ("HISTORY", "knowledge.db"):  # these are written to in place
        shutil.copyfile(source, target)
    else:
        os.link(source, target)
