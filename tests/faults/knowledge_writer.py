"""A process that writes to a knowledge store and says on standard output what it was told is written.

`python knowledge_writer.py MODE PATH [ARGUMENT ...]`, to be killed at any moment.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from retrieval import knowledge_schema
from retrieval.knowledge_edits import BATCH
from retrieval.knowledge_store import KnowledgeStore, Put, Remove, VersionConflict
from retrieval.knowledge_sync import sync_files
from retrieval.pair import Pair


def pair(pair_id: str, answer: str = "x" * 300) -> Pair:
    return Pair(id=pair_id, question=f"{pair_id}?", answer=answer)


def say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def edit(path: Path, name: str) -> None:
    """Adds pairs for ever; every third is changed and every fifth removed again. Says each version that is written."""
    with KnowledgeStore(path) as store:
        number = 0
        while True:
            number += 1
            pair_id = f"{name}-{number:06d}"
            store.change([Put(pair(pair_id), name, 0)])
            say(f"{pair_id} 1")
            if number % 3 == 0:
                store.change([Put(pair(pair_id, "changed"), name, 1)])
                say(f"{pair_id} 2")
            elif number % 5 == 0:
                store.change([Remove(pair_id, name, 1)])
                say(f"{pair_id} 2")


def edit_and_lie(path: Path, name: str) -> None:
    """Says that a pair is written before it is, and waits to be killed."""
    with KnowledgeStore(path) as store:
        say("opened")
        with store.transaction() as connection:
            store.write(connection, [Put(pair(f"{name}-000001"), name)])
            say(f"{name}-000001 1")
            sys.stdin.read()


def take_over(path: Path, how: str, cache_kib: str, count: str, answer: str) -> None:
    """Writes `count` pairs in one transaction; says after each batch how far it is, and `done` at the end."""
    knowledge_schema.CACHE_KIB = int(cache_kib)

    def pairs() -> Iterator[Pair]:
        for number in range(int(count)):
            if number % BATCH == 0:
                say(number)
            yield pair(f"n{number:06d}", answer * 300)
        say("committing")

    with KnowledgeStore(path) as store:
        if how == "import":
            store.change(Put(one, "x") for one in pairs())
        else:
            sync_files(store, pairs())
    say("done")


def make(folder: Path) -> None:
    """Makes new stores for ever."""
    number = 0
    while True:
        number += 1
        KnowledgeStore(folder / f"{number:04d}.db").close()
        say(number)


def count_up(path: Path, times: str) -> None:
    """Adds one to a number in the pair `n`, so many times, whoever else does the same."""
    with KnowledgeStore(path) as store:
        for _ in range(int(times)):
            while True:
                stored = store.get("n")
                number = int(stored.pair.answer) if stored else 0
                try:
                    store.change([Put(pair("n", str(number + 1)), "x", stored.version if stored else 0)])
                    break
                except VersionConflict:
                    pass
    say("done")


if __name__ == "__main__":
    mode, target, *rest = sys.argv[1:]
    {"edit": edit, "lie": edit_and_lie, "take over": take_over, "make": make, "count": count_up}[mode](
        Path(target), *rest
    )
