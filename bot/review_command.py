"""`kefu review`: what customers meant, said by a person in the terminal."""

import asyncio
import getpass
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from bot.data_folder import DataOption, data_dir
from configs.assistant import STARTER
from configs.errors import AssistantError, KefuError, SettingsError
from configs.settings import LogLevel, Settings, load_settings
from configs.yaml_file import nearest

if TYPE_CHECKING:
    from bot.review_terminal import Sitting
    from bot.stores.labels import Label
    from bot.stores.store import ConversationStore

out = Console(highlight=False)
EXPORTED_AT_ONCE = 1_000


def review(
    assistant: Annotated[
        Path | None,
        typer.Argument(metavar="[ASSISTANT]", help="Folder in Rasa's project layout; the starter if left out."),
    ] = None,
    who: Annotated[str | None, typer.Option("--as", metavar="NAME", help="Whose word it is; your user's name.")] = None,
    clusters: Annotated[
        bool, typer.Option("--clusters", help="Show groups of messages that ask the like, not single ones.")
    ] = False,
    kind: Annotated[str | None, typer.Option("--kind", help="Only messages that are shown for this reason.")] = None,
    export: Annotated[
        Path | None, typer.Option("--export", metavar="FILE", help="Write all labels to a new file, and end.")
    ] = None,
    data: DataOption = None,
) -> None:
    """Say what customers meant where the bot was not sure; `kefu refresh` learns from it.

    [dim]Examples:[/dim]  kefu review    kefu review mybot --clusters    kefu review --as anna --kind thumbs_down
    """
    root = assistant or STARTER
    if not root.is_dir():
        raise AssistantError(root, None, "there is no such folder", "Make one with `kefu init DIR`.")
    settings = load_settings(log_level=LogLevel.WARNING)
    from bot.logging import set_up_logging  # noqa: PLC0415 - as in bot/cli.py: other commands do without
    from bot.review import ShownFor  # noqa: PLC0415

    set_up_logging(settings)
    if kind is not None and kind not in list(ShownFor):
        raise SettingsError(f"--kind is {kind!r}. Write one of {', '.join(ShownFor)}.{nearest(kind, ShownFor)}")
    folder = data_dir(root, data)
    if export is not None:
        count = asyncio.run(_export(settings, folder, export))
        out.print(escape(f"Wrote {count:,} labels to {export}."), soft_wrap=True)
        return
    shown = None if kind is None else ShownFor(kind)
    tally = asyncio.run(_sit(settings, folder, who or getpass.getuser(), shown, clusters=clusters)).tally
    given = ", ".join(f"{count:,} {name.value}" for name, count in tally.labelled.items() if count)
    out.print(f"{tally.total:,} labels{f' ({given})' if given else ''}, {tally.skipped:,} skipped.", soft_wrap=True)
    if tally.total:
        out.print("Next: kefu refresh", soft_wrap=True)


async def _sit(settings: Settings, folder: Path, who: str, kind: Any, *, clusters: bool) -> "Sitting":
    """Has the person review until they quit."""
    from bot.inference import Inference  # noqa: PLC0415
    from bot.knowledge_service import KnowledgeService  # noqa: PLC0415
    from bot.model_host import ModelHost  # noqa: PLC0415
    from bot.review import ReviewDesk  # noqa: PLC0415
    from bot.review_terminal import Sitting, TerminalKeyboard  # noqa: PLC0415
    from training.releases import KNOWLEDGE_FILE, Releases  # noqa: PLC0415

    store = await _opened(settings, folder)
    knowledge = KnowledgeService(folder / KNOWLEDGE_FILE)
    try:
        releases = Releases(folder)
        host = await asyncio.to_thread(partial(ModelHost, releases, threads=settings.inference_threads))
        inference = Inference(host, max_batch=settings.max_batch, max_waiting=settings.max_waiting, timeout_s=60)
        try:
            desk = ReviewDesk(store, inference, knowledge, releases, patient=True)
            sitting = Sitting(desk, who, out, TerminalKeyboard())
            await (sitting.go_through_clusters() if clusters else sitting.go_through_messages(kind))
        finally:
            await inference.close()
    finally:
        await knowledge.close()
        await store.close()
    return sitting


async def _export(settings: Settings, folder: Path, target: Path) -> int:
    """Writes every label that stands, a line each; returns how many."""
    from bot.stores.labels import standing_labels  # noqa: PLC0415

    store = await _opened(settings, folder)
    try:
        found: list[Label] = []
        while True:
            after = found[-1].id if found else 0
            page = await store.read(partial(standing_labels, after_id=after, limit=EXPORTED_AT_ONCE))
            found += page
            if len(page) < EXPORTED_AT_ONCE:
                break
    finally:
        await store.close()
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # customers' words are nobody else's
    except FileExistsError:
        raise SettingsError(f"--export is {target}, which exists. Name a new file.") from None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(_lines(found))
    return len(found)


def _lines(labels: "list[Label]") -> "Iterator[str]":
    for label in labels:
        row = {name: value for name, value in asdict(label).items() if not name.startswith("undone")}
        yield json.dumps(row, ensure_ascii=False) + "\n"


async def _opened(settings: Settings, folder: Path) -> "ConversationStore":
    """The conversations.

    Raises:
        KefuError: A server has them open, and they are in a file that only one process may have.
    """
    from bot.stores.errors import StoreInUse  # noqa: PLC0415
    from bot.stores.location import connector_of  # noqa: PLC0415
    from bot.stores.store import ConversationStore  # noqa: PLC0415

    store = ConversationStore(connector_of(settings, folder), unknown=settings.unknown_parts)
    try:
        await store.open()
    except StoreInUse as error:
        await store.close()
        raise KefuError(
            "A server has these conversations open, in a file that only one process may use. Review on the server's "
            "own page, /review, or stop the server first. With a PostgreSQL database both work at once: "
            "set KEFU_DATABASE_URL."
        ) from error
    except BaseException:
        await store.close()
        raise
    return store
