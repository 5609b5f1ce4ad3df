"""A refresh is killed at random moments while a server answers: what customers notice, and where the next one ends.

    python benchmarks/refresh_kills.py [--quick] [--kills N]

A server, with the stub for the model that the fault tests use, answers six customers who write without a pause. Beside
it a refresh begins, learns what a reviewer has said of messages, and is killed with SIGKILL after a random part of the
time that it takes; 20 times, then once more undisturbed. Where a refresh was through before it was to be killed, what
it came to counts, and all begins anew. All of it is real but for the training and the gate, which take a moment.

After each kill `CURRENT` must name a whole release, the one before or the one to come; `learned/` must be of one time;
and the release that the work ends in must be the one that an undisturbed refresh of a copy of the same data comes to.
"""

import argparse
import asyncio
import contextlib
import random
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "faults"))

from fault_world import World
from refresh_runs import Nursery, write_labels

from benchmarks.measuring import Must, finish, progress
from configs import MINIMAL
from configs.errors import KefuError
from configs.learned import verify_learned
from training.releases import Releases

KILLS, QUICK_KILLS = 20, 4
TAKES_S = 2.0
CUSTOMERS = 6


def main() -> int:
    """Runs the benchmark; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_KILLS} kills")
    parser.add_argument("--kills", type=int, default=0, help=f"{KILLS} if left out")
    options = parser.parse_args()
    kills = options.kills or (QUICK_KILLS if options.quick else KILLS)
    seed = random.SystemRandom().randrange(1 << 32)
    with tempfile.TemporaryDirectory() as name:
        found = asyncio.run(measure(Path(name), seed, kills))
    return report(found, "refresh_kills-quick" if options.quick else "refresh_kills")


async def measure(folder: Path, seed: int, kills: int) -> dict[str, Any]:
    """Kills, and looks at what is left."""
    world = World(folder, seed)
    await world.open()
    credentials = (world.assistant / "credentials.yml").read_text("utf-8")
    await asyncio.to_thread(shutil.copytree, MINIMAL, world.assistant, dirs_exist_ok=True)
    (world.assistant / "credentials.yml").write_text(credentials, "utf-8")
    await write_labels(world.data / "conversations.db")
    nursery = await Nursery.open(world.assistant)
    try:
        return await _killed_often(world, nursery, folder / "copy", seed, kills)
    finally:
        await nursery.close()
        await world.close()


async def _killed_often(world: World, nursery: Nursery, copy: Path, seed: int, kills: int) -> dict[str, Any]:
    before = partial(shutil.copytree, ignore=shutil.ignore_patterns("*.lock"))
    await asyncio.to_thread(before, world.data, copy)
    began = time.perf_counter()
    expected = (await nursery.undisturbed(copy))[3]
    undisturbed_s = time.perf_counter() - began
    fresh = copy.with_name("fresh")
    await asyncio.to_thread(before, world.data, fresh)
    world.account.releases = ["rel0000", expected]
    await world.start()
    ends, moments, damages = [], [], 0
    async with world.customers(CUSTOMERS, pause_s=0.01):
        with progress() as bar:
            task = bar.add_task("killed refreshes", total=kills)
            while len(moments) < kills:
                moment = world.moments.uniform(0.0, 1.1 * TAKES_S)
                if await nursery.killed(world.data, TAKES_S, moment):
                    moments.append(moment)
                    bar.advance(task)
                else:  # it was through: what it came to counts, and all begins anew
                    ends.append(Releases(world.data).current_id())
                    await asyncio.to_thread(begin_anew, world.data, fresh)
                damages += is_damaged(world.data, {"rel0000", expected})
        said = await nursery.undisturbed(world.data)
        ends.append(said[3] if said[:2] == ["ended", "0"] else " ".join(said))
        with contextlib.suppress(AssertionError):
            await world.until(lambda: f"/{expected}." in "".join(one.text for one in world.receiver.taken[-200:]))
    await world.settled()
    replies = sum(one.text.startswith("I am") for one in world.receiver.taken)
    return {
        "seed": seed,
        "kills": len(moments),
        "kill_moments_s": [round(moment, 3) for moment in moments],
        "refreshes_that_ended": len(ends),
        "ends_elsewhere": sum(end != expected for end in ends),
        "damaged_after_a_kill": damages,
        "replies": replies,
        "refused_messages": len(world.refusals),
        "broken_promises": {name: len(found) for name, found in world.broken().items()},
        "undisturbed_s": round(undisturbed_s, 2),
    }


def begin_anew(data: Path, fresh: Path) -> None:
    """Makes all but the conversations what it was before any refresh; the server goes back to the first release."""
    releases = Releases(data)
    releases.promote(releases.open("rel0000"))
    for path in data.iterdir():
        is_learned = path.name.startswith((".learned", "learned")) or path.name in ("refresh", "frozen.jsonl")
        if is_learned and (path.is_symlink() or path.is_file()):
            path.unlink()
        elif is_learned:
            shutil.rmtree(path)
    for name in releases.ids():
        if name != "rel0000":
            releases.remove(name, lambda: True)
    for path in data.glob("knowledge.db*"):
        path.unlink()
    if (fresh / "knowledge.db").is_file():
        shutil.copyfile(fresh / "knowledge.db", data / "knowledge.db")


def is_damaged(data: Path, allowed: set[str]) -> bool:
    """Whether anything half made could be served or learned from."""
    releases = Releases(data)
    try:
        current = releases.current_id() or ""
        releases.open(current)
        if (data / "learned").exists():
            verify_learned(data / "learned")
    except KefuError:
        return True
    return current not in allowed


def report(found: dict[str, Any], name: str) -> int:
    """The table, the result file and the musts."""
    shown = ("kills", "refreshes_that_ended", "ends_elsewhere", "damaged_after_a_kill", "replies", "refused_messages")
    rows = [("what", "count"), *((key.replace("_", " "), f"{found[key]:,}") for key in shown)]
    musts = [
        Must(name="refreshes that end in another release", value=found["ends_elsewhere"], limit=0, at_most=True),
        Must(name="kills that leave something damaged", value=found["damaged_after_a_kill"], limit=0, at_most=True),
        Must(name="messages that were refused", value=found["refused_messages"], limit=0, at_most=True),
        Must(name="promises to customers that broke", value=len(found["broken_promises"]), limit=0, at_most=True),
    ]
    return finish(name, rows, found, musts)


if __name__ == "__main__":
    sys.exit(main())
