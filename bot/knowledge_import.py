"""Files of pairs on their way into the knowledge store: all are read once and checked before any is written."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from bot.terminal_text import harmless
from configs.errors import AssistantError, KefuError
from retrieval.files import BadRow, open_knowledge
from retrieval.knowledge_store import KnowledgeStore
from retrieval.pair import Pair

SHOWN_BAD_ROWS = 20


def check_files(files: Sequence[Path], console: Console) -> int:
    """Reads all rows once, and says how; returns how many there are.

    Raises:
        KefuError: A file cannot be read, or rows cannot be used; the first of them were named.
    """
    shown: list[str] = []
    count = bad = 0
    seen: set[bytes] = set()  # of hashes: ids may have 500 characters
    for path in files:
        opened = open_knowledge(path)
        for note in (f"{path}: read as {opened.format}, {opened.encoding}.", *opened.notes):
            console.print(harmless(note), soft_wrap=True)
        with _bar(console) as bar:
            task = bar.add_task(f"reading {path.name}", total=opened.total)
            for row in opened.rows():
                problem = row.message if isinstance(row, BadRow) else _if_seen(row.pair.id, seen)
                count += not problem
                bad += bool(problem)
                if problem and bad <= SHOWN_BAD_ROWS:
                    shown.append(f"{path}:{row.line}: {problem}")
                bar.update(task, completed=opened.position())
    for line in shown:
        console.print(harmless(line), soft_wrap=True)
    if bad:
        rows = "1 row" if bad == 1 else f"{bad:,} rows"
        more = f" ({bad - SHOWN_BAD_ROWS:,} more are not shown)" if bad > SHOWN_BAD_ROWS else ""
        raise KefuError(f"{rows} cannot be used{more}; nothing was written. Mend them and import again.")
    return count


def pairs_of(files: Sequence[Path], title: str, count: int, console: Console) -> Iterator[Pair]:
    """The pairs of files that were checked, `count` of them, with a bar.

    Raises:
        AssistantError: A file has changed since.
    """
    with _bar(console) as bar:
        task = bar.add_task(title, total=count)
        for path in files:
            for row in open_knowledge(path).rows():
                if isinstance(row, BadRow):
                    raise AssistantError(path, row.line, row.problem, row.fix)
                yield row.pair
                bar.advance(task)


def count_changes(store: KnowledgeStore, pairs: Iterator[Pair]) -> int:
    """How many of `pairs` are new in the store or differ from what stands there."""
    return sum((stored := store.get(pair.id)) is None or stored.pair != pair for pair in pairs)


def merged(store: KnowledgeStore, pairs: Iterator[Pair]) -> Iterator[Pair]:
    """What would stand if `pairs` were written, in the order of the ids; all of it is held in memory."""
    standing = {pair.id: pair for pair in chain(store.pairs(), pairs)}
    yield from (standing[pair_id] for pair_id in sorted(standing))


def _if_seen(pair_id: str, seen: set[bytes]) -> str:
    """What is wrong with a pair whose id another had; "" for a new one, which is remembered."""
    key = hashlib.blake2b(pair_id.encode("utf-8"), digest_size=16).digest()
    if key in seen:
        return f"the id {pair_id!r} stands twice. Give it its own."
    seen.add(key)
    return ""


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
