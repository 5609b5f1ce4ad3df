"""Reads the figures of a period beside a server that goes on, for `kefu report`."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from bot.measures.gathering import measure
from bot.measures.measures import Measures
from bot.measures.parts import GivenPair
from bot.measures.period import Period, parse_period
from bot.measures.written import MOST_LISTED
from bot.stores.connector import Work
from bot.stores.errors import StoreError
from bot.stores.location import connector_of, database_of
from bot.stores.schema import HEAD, read_schema
from bot.stores.sqlite_file import reading
from bot.stores.turn_counting import Only
from configs.assistant import read_assistant
from configs.bot_spec import BotSpec
from configs.settings import Settings
from retrieval.knowledge_store import KnowledgeStore
from retrieval.promise import Promise, PromiseFile
from training.releases import ASSISTANT_FILE, KNOWLEDGE_FILE, Releases


async def read_report(
    root: Path, folder: Path, settings: Settings, *, since: str, until: str | None, only: Only
) -> Measures:
    """The figures of an assistant's period.

    Args:
        root: The assistant's folder.
        folder: Its data folder.
        since: As `parse_period` reads it, and `until`.

    Raises:
        SettingsError: The period cannot be read.
        StoreError: The conversations cannot be read.
    """
    zone, promise = _served(root, folder)
    period = parse_period(since, until, zone, time.time())
    found = await _measured(settings, folder, period, only, promise)
    return _with_questions(found, folder / KNOWLEDGE_FILE)


def _served(root: Path, folder: Path) -> tuple[ZoneInfo, Promise | None]:
    """The time zone and the promise of the release in use; without one, the zone in the assistant's folder."""
    releases = Releases(folder)
    release_id = releases.current_id()
    if release_id is None:
        return ZoneInfo(read_assistant(root).config.entities.timezone), None
    release = releases.open(release_id)
    spec = BotSpec.from_json((release.folder / ASSISTANT_FILE).read_bytes())
    return ZoneInfo(spec.entities.timezone), PromiseFile.load(release.folder).promise


async def _measured(settings: Settings, folder: Path, period: Period, only: Only, promise: Promise | None) -> Measures:
    database = database_of(settings, folder)
    if isinstance(database, Path):
        with reading(database) as connection:
            _refuse_older(connection)

            async def read(work: Work[Any]) -> Any:
                return work(connection)

            return await measure(read, period, only, promise=promise)
    connector = connector_of(settings, folder)
    try:
        await connector.read(_refuse_older)
        return await measure(connector.read, period, only, promise=promise)
    finally:
        await connector.close()


def _refuse_older(connection: Connection) -> None:
    try:
        is_current = read_schema(connection).is_current
    except ValueError as error:
        raise StoreError(f"The conversation store cannot be read: {error}.") from error
    if not is_current:
        raise StoreError(f"The conversation store is older than {HEAD}. Run `kefu db migrate`.")


def _with_questions(measures: Measures, path: Path) -> Measures:
    """The same, with the questions of past answers as they are now."""
    if not measures.pairs or not path.is_file():
        return measures
    with KnowledgeStore(path) as store:
        pairs = tuple(_named(pair, store) for pair in measures.pairs[:MOST_LISTED])
    return replace(measures, pairs=(*pairs, *measures.pairs[MOST_LISTED:]))


def _named(pair: GivenPair, store: KnowledgeStore) -> GivenPair:
    stored = store.get(pair.id)
    return pair if stored is None else replace(pair, question=stored.pair.question)
