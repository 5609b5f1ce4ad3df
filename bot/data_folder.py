"""Where an assistant's releases, conversations and past answers are kept."""

from pathlib import Path
from typing import Annotated

import typer

from configs.assistant import STARTER
from configs.settings import load_settings

AssistantOption = Annotated[
    Path | None, typer.Option("--assistant", help="Folder in Rasa's project layout; the starter if left out.")
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Where releases and conversations are kept; by default `.kefu` in the assistant's folder."
    ),
]


def data_dir(root: Path, given: Path | None) -> Path:
    """Where an assistant's releases and conversations are kept.

    The starter may lie in a read-only installation, so its data goes to the folder that one works in.
    """
    settings = load_settings(data_dir=given)
    if settings.data_dir is not None:
        return settings.data_dir
    return Path(".kefu") if root.resolve() == STARTER.resolve() else root / ".kefu"
