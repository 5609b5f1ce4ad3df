"""Where an assistant's releases, conversations and past answers are kept."""

from pathlib import Path
from typing import Annotated

import typer

from configs.assistant import STARTER, read_assistant
from configs.errors import AssistantError
from configs.settings import load_settings
from retrieval.knowledge import read_knowledge
from retrieval.knowledge_store import KnowledgeStore
from retrieval.knowledge_sync import sync_files
from training.releases import KNOWLEDGE_FILE

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


def open_knowledge_store(assistant: Path | None, data: Path | None) -> KnowledgeStore:
    """The assistant's knowledge store; one that is new takes the assistant's knowledge files over.

    Raises:
        KefuError: It cannot be opened, or a knowledge file is wrong.
    """
    root = assistant or STARTER
    if not root.is_dir():
        raise AssistantError(root, None, "there is no such folder", "Make one with `kefu init DIR`.")
    path = data_dir(root, data) / KNOWLEDGE_FILE
    is_new = not path.exists()
    store = KnowledgeStore(path)
    try:
        if is_new or not store.latest_seq():
            sync_files(store, read_knowledge(read_assistant(root).knowledge_paths))
    except BaseException:
        store.close()
        raise
    return store
