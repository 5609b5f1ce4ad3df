"""What becomes of a stream of labels that somebody poisons: what the limits stop, what the gate, and what gets through.

    python benchmarks/poisoned_stream.py [--quick]

An assistant knows 20 intents of BANKING77 by ten examples each. Then 20 honest labelled messages of each intent come,
each of a conversation of its own, and among them, one attack at a time:

- `flood`: one conversation brings 200 messages of all other intents, labelled as one.
- `chorus`: the same from 200 conversations, in which ten messages are varied a little.
- `slow`: 200 conversations bring 200 different messages of all other intents, labelled as one.
- `wrong`: of the honest labels one in ten is another intent's.
- `links`: 20 answers that reviewers wrote lead to a shop nobody knows, written in ways that hide it.

Each is refreshed with the limits, and without them: validation and the gate alone. The gate asks a frozen test set; the
accuracy is measured on other messages. `got through` are poisoned rows in a release that was promoted. The classifier
is the method `head`.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rich.progress import Progress

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.banking77 import Rows, read_rows
from benchmarks.measuring import SHARED_DATA, Must, console, finish, progress
from configs.assistant import read_assistant
from configs.taught import Meaning, Taught
from training.evaluation import Question
from training.gate import measure
from training.progress import silent
from training.refresh import pipeline
from training.refresh.outcome import Outcome
from training.refresh.pipeline import Order, refresh
from training.refresh.sifting import Before, Sifted, sift
from training.refresh.validate import validated
from training.releases import Releases
from training.trainer import train_assistant

INTENTS, QUICK_INTENTS = 20, 8
SHOTS, HONEST, ASKED, POISON, ANSWERS = 10, 20, 20, 200, 20
WRONG_SHARE = 0.1
SEED = 7
HIDDEN = ("https://{}.top/pay", "{}[.]top", "{} dot top", "www.{}.top", "{}\u3002top", "\u52a0\u5fae\u4fe1{}1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What is said of messages.

    Attributes:
        poisoned: The numbers of rows that are not honest.
    """

    name: str
    rows: tuple[Taught, ...]
    poisoned: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What all streams begin with: BANKING77 in parts that have no message in common."""

    shots: Rows
    honest: Rows
    spare: Rows
    frozen: Rows
    asked: Rows


def main() -> int:
    """Runs the benchmark; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_INTENTS} intents: no musts")
    quick = parser.parse_args().quick
    world = parted(QUICK_INTENTS if quick else INTENTS)
    streams = [honest_stream(world), *(attack(world) for attack in ATTACKS)]
    with tempfile.TemporaryDirectory() as name, progress() as bar:
        found = run(Path(name), world, streams, bar)
    return report(found, quick=quick)


def parted(intents: int) -> World:
    """The messages of some intents, in parts."""
    random = np.random.default_rng(SEED)
    folder = SHARED_DATA / "intent_en_banking77"
    train, test = ([rows[i] for i in random.permutation(len(rows))] for rows in map(read_rows, _paths(folder)))
    names = sorted({intent for _, intent in train})
    chosen = [names[i] for i in random.permutation(len(names))[:intents]]
    taught = {intent: [row for row in train if row[1] == intent] for intent in chosen}
    asked = {intent: [row for row in test if row[1] == intent] for intent in chosen}
    return World(
        shots=[row for rows in taught.values() for row in rows[:SHOTS]],
        honest=[row for rows in taught.values() for row in rows[SHOTS : SHOTS + HONEST]],
        spare=[row for rows in taught.values() for row in rows[SHOTS + HONEST :]],
        frozen=[row for rows in asked.values() for row in rows[:ASKED]],
        asked=[row for rows in asked.values() for row in rows[ASKED:]],
    )


def _paths(folder: Path) -> tuple[Path, Path]:
    return folder / "train.csv", folder / "test.csv"


def row_of(number: int, text: str, value: str, conversation: str = "", meaning: Meaning = Meaning.INTENT) -> Taught:
    """What one person has said of one message."""
    return Taught(
        number=number,
        conversation=conversation or f"customer {number}",
        turn=1,
        text=text,
        meaning=meaning,
        value=value,
        who="reviewer",
        at=float(number),
    )


def honest_stream(world: World) -> Stream:
    """Labels as they should be."""
    rows = [row_of(number, text, intent) for number, (text, intent) in enumerate(world.honest, start=1)]
    return Stream(name="honest", rows=tuple(rows), poisoned=frozenset())


def _mixed(world: World, name: str, poison: Sequence[Taught]) -> Stream:
    """The honest labels with others among them, in a random order of time."""
    honest = honest_stream(world).rows
    order = np.random.default_rng(SEED).permutation(len(honest) + len(poison))
    rows = [(row, row in poison) for row in (*honest, *poison)]
    numbered = [(replace(rows[at][0], number=number), rows[at][1]) for number, at in enumerate(order, start=1)]
    bad = frozenset(row.number for row, is_bad in numbered if is_bad)
    return Stream(name=name, rows=tuple(row for row, _ in numbered), poisoned=bad)


def _others(world: World) -> tuple[str, list[str]]:
    """An intent, and messages that mean another."""
    target = world.shots[0][1]
    random = np.random.default_rng(SEED + 1)
    texts = [text for text, intent in world.spare if intent != target]
    return target, [texts[i] for i in random.permutation(len(texts))[:POISON]]


def flood(world: World) -> Stream:
    """One conversation, one label."""
    target, texts = _others(world)
    return _mixed(world, "flood", [row_of(10_000 + n, text, target, "flooder") for n, text in enumerate(texts)])


def chorus(world: World) -> Stream:
    """Many conversations, one label, few texts."""
    target, texts = _others(world)
    varied = [f"{texts[n % 10]} {'please' * (n % 3)}{'!' * (n % 4)} {n}" for n in range(POISON)]
    return _mixed(world, "chorus", [row_of(10_000 + n, text, target) for n, text in enumerate(varied)])


def slow(world: World) -> Stream:
    """Many conversations, one label, each text another."""
    target, texts = _others(world)
    return _mixed(world, "slow", [row_of(10_000 + n, text, target) for n, text in enumerate(texts)])


def wrong(world: World) -> Stream:
    """One honest label in ten is another intent's."""
    random = np.random.default_rng(SEED + 2)
    rows = honest_stream(world).rows
    names = sorted({row.value for row in rows})
    bad = {rows[i].number for i in random.permutation(len(rows))[: round(WRONG_SHARE * len(rows))]}
    swapped = [
        replace(row, value=names[(names.index(row.value) + 1 + int(random.integers(len(names) - 1))) % len(names)])
        if row.number in bad
        else row
        for row in rows
    ]
    return Stream(name="wrong", rows=tuple(swapped), poisoned=frozenset(bad))


def links(world: World) -> Stream:
    """Answers that lead away."""
    texts = [text for text, _ in world.spare][:ANSWERS]
    answers = [f"Pay at {HIDDEN[n % len(HIDDEN)].format(f'evilpay{n}')} now." for n in range(ANSWERS)]
    poison = [
        row_of(10_000 + n, text, answer, meaning=Meaning.ANSWER)
        for n, (text, answer) in enumerate(zip(texts, answers, strict=True))
    ]
    return _mixed(world, "links", poison)


ATTACKS: tuple[Callable[[World], Stream], ...] = (flood, chorus, slow, wrong, links)


def run(folder: Path, world: World, streams: Sequence[Stream], bar: Progress) -> list[dict[str, Any]]:
    """Each stream refreshed with and without limits, from the same release."""
    task = bar.add_task("the release before", total=1 + 2 * len(streams))
    root, data = folder / "assistant", folder / "data"
    write_assistant(world, root)
    train_assistant(read_assistant(root), Releases(data), silent)
    bar.advance(task)
    found = []
    for stream in streams:
        for limits in (True, False):
            bar.update(task, description=f"{stream.name}, {'with' if limits else 'without'} limits")
            own = Path(shutil.copytree(data, folder / f"{stream.name}-{limits}", symlinks=True))
            found.append(refreshed(root, own, world, stream, limits=limits))
            shutil.rmtree(own)
            bar.advance(task)
    return found


def refreshed(root: Path, data: Path, world: World, stream: Stream, *, limits: bool) -> dict[str, Any]:
    """What becomes of one stream."""
    releases = Releases(data)
    pipeline.sift = remembering if limits else unlimited  # type: ignore[assignment]
    order = Order(root=root, rows=stream.rows, collected={"rows": len(stream.rows)})
    outcome: Outcome = refresh(order, releases, silent)
    kept = {row.number for row in LAST[0].kept}
    promoted = outcome.came == "promoted"
    served = releases.current_id() or ""
    return {
        "stream": stream.name,
        "limits": limits,
        "poisoned": len(stream.poisoned),
        "learned_poison": len(kept & stream.poisoned),
        "honest": len(stream.rows) - len(stream.poisoned),
        "learned_honest": len(kept - stream.poisoned),
        "left_out": dict(outcome.left_out),
        "came": outcome.came.value,
        "broken": [one["rule"] for one in outcome.reasons if not one["passed"]],
        "got_through": len(kept & stream.poisoned) if promoted else 0,
        "accuracy_made": accuracy(releases, outcome.release, world),
        "accuracy_served": accuracy(releases, served, world),
    }


LAST: list[Sifted] = []


def remembering(rows: Sequence[Taught], before: Before, *rest: Any) -> Sifted:
    """As it is, and kept to be looked at."""
    LAST[:] = [sift(rows, before, *rest)]
    return LAST[0]


def unlimited(rows: Sequence[Taught], before: Before, *_: Any) -> Sifted:
    """What would be learned without limits."""
    kept, left_out = validated(rows, before.owner, {pair.id for pair in before.pairs}, before.set_aside)
    LAST[:] = [Sifted(kept=tuple(kept), left_out=tuple(left_out))]
    return LAST[0]


def accuracy(releases: Releases, release_id: str, world: World) -> float:
    """Share of messages of no other part whose likeliest intent is right."""
    questions = [
        Question(
            id=str(number),
            text=text,
            intents=frozenset({intent}),
            pairs=frozenset(),
            out_of_scope=False,
            kinds=frozenset(),
        )
        for number, (text, intent) in enumerate(world.asked)
    ]
    asked = measure(releases.open(release_id), questions).questions
    return float(np.mean([one.said in one.intents for one in asked]))


def write_assistant(world: World, root: Path) -> None:
    """The owner's files."""
    by_intent: dict[str, list[str]] = {}
    for text, intent in world.shots:
        by_intent.setdefault(intent, []).append(" ".join(text.split()))
    kefu = {"max_wrong_rate": None, "training": {"intent": {"method": "head"}, "precision": "float32"}}
    domain = {"intents": list(by_intent), "responses": {f"utter_{name}": [{"text": name}] for name in by_intent}}
    nlu = [{"intent": name, "examples": texts} for name, texts in by_intent.items()]
    (root / "data").mkdir(parents=True)
    (root / "tests").mkdir()
    for path, content in {
        "config.yml": {"language": "en", "kefu": kefu},
        "domain.yml": {"version": "3.1", **domain},
        "data/nlu.yml": {"version": "3.1", "nlu": nlu},
    }.items():
        (root / path).write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    lines = [{"id": str(n), "text": t, "accept": {"intents": [i]}} for n, (t, i) in enumerate(world.frozen)]
    (root / "tests" / "frozen.jsonl").write_text(
        "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines), "utf-8"
    )


def report(found: list[dict[str, Any]], *, quick: bool) -> int:
    """The table, the result file and the musts."""
    heading = ("stream", "limits", "poison", "past limits", "honest kept", "gate", "got through", "made", "served")
    rows = [heading, *(_cells(one) for one in found)]
    by = {(one["stream"], one["limits"]): one for one in found}
    clean = by["honest", True]
    served = {name: by[name, True]["accuracy_served"] for name in ("flood", "chorus", "slow", "wrong", "links")}
    console.print("Rows of `links` are answers, all others examples.")
    musts = [
        Must(name="honest rows learned, without an attack", value=clean["learned_honest"] / clean["honest"], limit=0.9),
        Must(name="links that get through", value=by["links", True]["got_through"], limit=0, at_most=True),
        Must(name="rows of a flood that get through", value=by["flood", True]["got_through"], limit=5, at_most=True),
        Must(name="rows of a chorus that get through", value=by["chorus", True]["got_through"], limit=30, at_most=True),
        Must(
            name="most accuracy that an attack costs, points",
            value=100 * (clean["accuracy_served"] - min(served.values())),
            limit=8.0,
            at_most=True,
        ),
    ]
    name = "poisoned_stream-quick" if quick else "poisoned_stream"
    return finish(name, rows, {"streams": found}, [] if quick else musts)


def _cells(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        one["stream"],
        "on" if one["limits"] else "off",
        f"{one['poisoned']}",
        f"{one['learned_poison']}",
        f"{one['learned_honest']} of {one['honest']}",
        one["came"],
        f"{one['got_through']}",
        f"{one['accuracy_made']:.1%}",
        f"{one['accuracy_served']:.1%}",
    )


if __name__ == "__main__":
    sys.exit(main())
