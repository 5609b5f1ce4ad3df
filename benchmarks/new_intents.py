"""New questions in a running assistant: found as clusters, named by a reviewer, learned, answered with no restart.

    python benchmarks/new_intents.py [--quick]

Ten of the 77 intents of BANKING77 are taught to nobody. An assistant of the other 67 is trained by `kefu train` and
served in this process: the dialogue, the review desk and a conversation store in SQLite are those of the server. Then
customers write: messages of the ten, from the training split, among messages of the other 67, from one half of the
test split. Each is a conversation of its own.

A cluster counts as found for the intent that most of its members have, where these are at least four in five
(purity 0.8), and it has at least five members. Several clusters of one intent count once.

The reviewer sees what a person sees: the first five members of each cluster. If four of these have one meaning, all
members get its name and, where it is new, the answer; else the cluster is passed over. So the reviewer does not know
which members are wrong, and some labels are. Then `kefu refresh` runs in a process of its own, as beside a server, and
this process goes on. It follows `CURRENT`, and the other half of the test split is asked, which nobody has seen.
"""

import argparse
import asyncio
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.banking77 import Rows, read_rows
from benchmarks.measuring import SHARED_DATA, Must, console, finish, kefu, progress
from bot.dialogue import DialogueManager
from bot.inference import Inference
from bot.knowledge_service import KnowledgeService
from bot.messages import UserMessage
from bot.model_host import ModelHost
from bot.refresh_command import KEPT_CODE
from bot.review import Cluster, ReviewDesk
from bot.stores.labels import LabelKind
from bot.stores.location import DATABASE_FILE
from bot.stores.sqlite import SqliteStore
from training.releases import KNOWLEDGE_FILE, Releases

SEED = 7
HELD_OUT = 10
PURITY, LEAST_MEMBERS = 0.8, 5
LOOKED_AT, ALIKE = 5, 4
AT_ONCE = 8
FOUND_MUST, LIVE_MUST = 8, 8
LIVE_SHARE = 0.5  # of an intent's unseen test messages: below it nobody would say that the bot knows it
REVIEWER, WRITE = "reviewer", "customers write"
ANSWERED = frozenset({"same_question", "sure_intent", "near_question"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Who is told what.

    Attributes:
        taught: What the assistant is trained with.
        arriving: What customers write while it serves.
        asked: What is asked at the end.
    """

    held_out: frozenset[str]
    taught: Rows
    arriving: Rows
    asked: Rows


class Server:
    """What a server has in it, in this process."""

    def __init__(self, data: Path) -> None:
        releases = Releases(data)
        self.host = ModelHost(releases, threads=2)
        self.inference = Inference(self.host, max_batch=16, max_waiting=1_000, timeout_s=60)
        self.store = SqliteStore(data / DATABASE_FILE)
        self.knowledge = KnowledgeService(data / KNOWLEDGE_FILE)
        self.dialogue = DialogueManager(self.inference, self.store)
        self.desk = ReviewDesk(self.store, self.inference, self.knowledge, releases, patient=True)
        self._asked = 0

    async def ask_all(self, texts: Sequence[str], what: str) -> list[tuple[str, str]]:
        """By text, the outcome's reason and the reply, each in a conversation of its own."""
        with progress() as bar:
            task = bar.add_task(what, total=len(texts))
            free = asyncio.Semaphore(AT_ONCE)

            async def ask(number: int, text: str) -> tuple[str, str]:
                async with free:
                    message = UserMessage(conversation_id=f"{what}-{number}", text=text, channel="rest")
                    turn = await self.dialogue.handle(message)
                    bar.advance(task)
                    return turn.reason, "\n".join(part.text or "" for part in turn.messages)

            return await asyncio.gather(*(ask(number, text) for number, text in enumerate(texts)))

    async def close(self) -> None:
        """Ends its threads."""
        await self.inference.close()
        await self.knowledge.close()
        await self.store.close()


def main() -> int:
    """Runs the benchmark; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED_DATA / "intent_en_banking77")
    parser.add_argument("--quick", action="store_true", help="fewer messages, and only the head is trained")
    options = parser.parse_args()
    split = split_of(read_rows(options.data / "train.csv"), read_rows(options.data / "test.csv"), quick=options.quick)
    with tempfile.TemporaryDirectory() as folder:
        assistant, data = Path(folder) / "assistant", Path(folder) / "data"
        write_assistant(split.taught, assistant, method="head" if options.quick else "auto")
        kefu("train", assistant, "--data", data)
        return asyncio.run(measure(split, assistant, data, quick=options.quick))


def split_of(train: Rows, test: Rows, *, quick: bool) -> Split:
    """Ten intents held out, and who is told what of the others; names as an intent may be called."""
    train, test = ([(text, re.sub(r"\W", "", intent)) for text, intent in rows] for rows in (train, test))
    rng = np.random.default_rng(SEED)
    names = sorted({intent for _, intent in train})
    held_out = frozenset(rng.choice(names, HELD_OUT, replace=False).tolist())
    of_new = shuffled([row for row in train if row[1] in held_out], rng)
    of_known = shuffled([row for row in test if row[1] not in held_out], rng)
    new_test = [row for row in test if row[1] in held_out]
    taught = [row for row in train if row[1] not in held_out]
    if quick:
        of_new, of_known, new_test = of_new[:400], of_known[:1_200], new_test[::2]
        taught = shuffled(taught, rng)[:3_000]
    half = len(of_known) // 2
    return Split(
        held_out=held_out,
        taught=taught,
        arriving=shuffled([*of_new, *of_known[:half]], rng),
        asked=[*new_test, *of_known[half:]],
    )


def shuffled(rows: Rows, rng: np.random.Generator) -> Rows:
    """The rows in another order."""
    return [rows[place] for place in rng.permutation(len(rows))]


def write_assistant(rows: Rows, folder: Path, *, method: str) -> None:
    """An assistant that answers each intent with its name, when it is sure enough."""
    by_intent: dict[str, list[str]] = {}
    seen: set[str] = set()
    for text, intent in rows:
        if text.casefold() not in seen:
            seen.add(text.casefold())
            by_intent.setdefault(intent, []).append(text)
    files = {
        "config.yml": {"language": "en", "kefu": {"training": {"intent": {"method": method}}}},
        "domain.yml": {
            "version": "3.1",
            "intents": list(by_intent),
            "responses": {f"utter_{intent}": [{"text": intent}] for intent in by_intent},
        },
        "data/nlu.yml": {
            "version": "3.1",
            "nlu": [
                {"intent": intent, "examples": [{"text": text} for text in texts]}
                for intent, texts in by_intent.items()
            ],
        },
    }
    (folder / "data").mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=10_000), "utf-8")


async def measure(split: Split, assistant: Path, data: Path, *, quick: bool) -> int:
    """Serves, is reviewed, is refreshed, and is asked."""
    server = Server(data)
    await server.store.open()
    try:
        before_id = server.host.engine.id
        arrived = await server.ask_all([text for text, _ in split.arriving], WRITE)
        meanings = {f"{WRITE}-{number}": intent for number, (_, intent) in enumerate(split.arriving)}
        started = time.perf_counter()
        with console.status("looking for clusters"):
            clusters = await server.desk.clusters(50)
        clusters_s = time.perf_counter() - started
        found = found_intents(clusters, meanings, split.held_out)
        before = rates(split, await server.ask_all([text for text, _ in split.asked], "asked before"))
        labels = await review(server.desk, clusters, meanings, split)
        started = time.perf_counter()
        passed = await asyncio.to_thread(refresh, assistant, data)
        refresh_s = time.perf_counter() - started
        swapped = await asyncio.to_thread(server.host.follow)
        after = rates(split, await server.ask_all([text for text, _ in split.asked], "asked after"))
        figures = {
            "seed": SEED,
            "held_out": sorted(split.held_out),
            "taught": len(split.taught),
            "arrived": len(split.arriving),
            "arrived_new": sum(intent in split.held_out for _, intent in split.arriving),
            "answered_of_arrived": sum(reason in ANSWERED for reason, _ in arrived),
            "clusters": [described(cluster, meanings) for cluster in clusters],
            "clusters_s": round(clusters_s, 1),
            "found": sorted(found),
            "labels": labels,
            "refresh_s": round(refresh_s, 1),
            "gate_passed": passed,
            "release_before": before_id,
            "release_after": server.host.engine.id,
            "swapped_in_this_process": swapped,
            "before": before,
            "after": after,
        }
    finally:
        await server.close()
    return report(figures, quick=quick)


def found_intents(clusters: Sequence[Cluster], meanings: Mapping[str, str], held_out: frozenset[str]) -> set[str]:
    """The held-out intents that a cluster stands for; see above."""
    found = set()
    for cluster in clusters:
        intent, purity = majority(cluster, meanings)
        if intent in held_out and purity >= PURITY and len(cluster.texts) >= LEAST_MEMBERS:
            found.add(intent)
    return found


def majority(cluster: Cluster, meanings: Mapping[str, str], most: int | None = None) -> tuple[str, float]:
    """The intent that most of its (first) members have, and their share."""
    members = [meanings[conversation] for conversation, _ in cluster.turns[:most]]
    intent, count = Counter(members).most_common(1)[0]
    return intent, count / len(members)


def described(cluster: Cluster, meanings: Mapping[str, str]) -> dict[str, Any]:
    """A cluster as the results name it."""
    intent, purity = majority(cluster, meanings)
    return {"typical": cluster.typical, "size": cluster.size, "majority": intent, "purity": round(purity, 3)}


async def review(
    desk: ReviewDesk, clusters: Sequence[Cluster], meanings: Mapping[str, str], split: Split
) -> dict[str, int]:
    """What the reviewer says; how many labels of each kind, and how many turns got a wrong meaning."""
    known = {intent for _, intent in split.taught}
    counts: Counter[str] = Counter()
    for cluster in clusters:
        intent, share = majority(cluster, meanings, LOOKED_AT)
        if share * LOOKED_AT < ALIKE:
            counts["clusters passed over"] += 1
            continue
        kind = LabelKind.INTENT if intent in known else LabelKind.NEW_INTENT
        given = await desk.label_cluster(cluster.id, kind, intent, REVIEWER)
        counts[kind.value] += len(given)
        counts["wrong"] += sum(meanings[conversation] != intent for conversation, _ in cluster.turns)
        if kind is LabelKind.NEW_INTENT:
            counts["answer"] += len(await desk.label_cluster(cluster.id, LabelKind.ANSWER, intent, REVIEWER))
    return dict(counts)


def refresh(assistant: Path, data: Path) -> bool:
    """Learns from what was said, in a process of its own; whether the gate let the new release pass."""
    try:
        kefu("refresh", assistant, "--data", data)
    except subprocess.CalledProcessError as error:
        if error.returncode != KEPT_CODE:
            raise
        return False
    return True


def rates(split: Split, replies: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """How the questions were answered: right where the reply is the intent's name."""
    by_intent: dict[str, list[bool]] = {}
    answered: dict[bool, list[bool]] = {True: [], False: []}
    for (_, intent), (reason, reply) in zip(split.asked, replies, strict=True):
        by_intent.setdefault(intent, []).append(reply == intent)
        answered[intent in split.held_out].append(reason in ANSWERED)
    new = {intent: float(np.mean(right)) for intent, right in by_intent.items() if intent in split.held_out}
    known = [right for intent, rights in by_intent.items() if intent not in split.held_out for right in rights]
    return {
        "right_by_new_intent": {intent: round(share, 3) for intent, share in sorted(new.items())},
        "right_of_new": float(np.mean(list(new.values()))),
        "right_of_known": float(np.mean(known)),
        "answered_of_new": float(np.mean(answered[True])),
        "answered_of_known": float(np.mean(answered[False])),
        "live": sum(share >= LIVE_SHARE for share in new.values()),
    }


def report(figures: Mapping[str, Any], *, quick: bool) -> int:
    """Prints, writes, and returns the exit code."""
    before, after = figures["before"], figures["after"]
    shown, labels = figures["clusters"], figures["labels"]
    of_new = [one for one in shown if one["majority"] in figures["held_out"]]
    rows = [
        ("", "before", "after"),
        ("new intents found as a cluster", "", f"{len(figures['found'])} of {HELD_OUT}"),
        ("clusters shown, of new intents", "", f"{len(shown)}, {len(of_new)}"),
        (
            "labels given, wrong",
            "",
            f"{labels.get('new_intent', 0) + labels.get('intent', 0)}, {labels.get('wrong', 0)}",
        ),
        ("new intents that are answered", str(before["live"]), str(after["live"])),
        ("new: right of unseen messages", f"{before['right_of_new']:.1%}", f"{after['right_of_new']:.1%}"),
        ("known: right of unseen messages", f"{before['right_of_known']:.1%}", f"{after['right_of_known']:.1%}"),
        ("refresh", "", f"{figures['refresh_s']:.0f} s"),
    ]
    musts = [
        Must(name="new intents found with purity 0.8", value=len(figures["found"]), limit=FOUND_MUST),
        Must(name="new intents live in the same process", value=after["live"], limit=LIVE_MUST),
    ]
    return finish("new_intents-quick" if quick else "new_intents", rows, dict(figures), musts)


if __name__ == "__main__":
    sys.exit(main())
