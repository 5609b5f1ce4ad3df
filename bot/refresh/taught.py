"""What was said of messages, out of the database of an assistant, while a server may be writing to it."""

import asyncio
from functools import partial
from pathlib import Path

from bot.refresh.collect import Collected, collect
from bot.stores.location import connector_of, database_of
from bot.stores.read_beside import read_beside
from configs.assistant import Assistant
from configs.settings import load_settings
from nlu.masking import regions_of


def taught_of(assistant: Assistant, folder: Path, data: Path | None, since: float = 0.0) -> Collected:
    """What was said since a time; nothing where there are no conversations yet.

    Args:
        folder: The data folder.
        data: What was given as such, over the settings.
        since: Unix time.

    Raises:
        StoreError: The database cannot be read.
    """
    settings = load_settings(data_dir=data)
    database = database_of(settings, folder)
    if isinstance(database, Path) and not database.is_file():
        return Collected(rows=())
    work = partial(collect, regions=regions_of(assistant.language), since=since)
    return asyncio.run(read_beside(database, connector_of(settings, folder), work))
