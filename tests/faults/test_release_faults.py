"""Promotions and rollbacks are killed on their way, and candidates tried, while customers talk; nobody notices."""

import asyncio
import json
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

from fault_world import ROOT, World
from stub_engine import damage, words_of, write_stub_release
from typer.testing import CliRunner

from bot.experiment_commands import releases_app
from bot.experiments.experiment import Experiment, Kind, write_experiment
from training.releases import Releases

KILLS = 6
# Promotes a release, or goes back, and dies at the nth call that brings something to disk.
KILLED_PROMOTER = """
import os, signal, sys
from pathlib import Path
from training.releases import How, Releases

data, name, limit, calls = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), []
for each in ("fsync", "replace"):
    def counted(*given, call=getattr(os, each), **named):
        calls.append(1)
        if len(calls) == limit:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*given, **named)
    setattr(os, each, counted)
releases = Releases(data)
how = How.PROMOTED if name else How.ROLLED_BACK
releases.promote(releases.open(name or releases.earlier()[0]), how)
"""


async def promote_and_die(world: World, name: str, limit: int) -> int:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KILLED_PROMOTER, str(world.data), name, str(limit)),
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    return await child.wait()


async def status(world: World) -> Any:
    async with world.session.get(world.server.address + "/status") as response:
        return await response.json()


async def until_served(world: World, release_id: str) -> None:
    async with asyncio.timeout(30):
        while (await status(world))["model_id"] != release_id:  # noqa: ASYNC110 - it is asked of a server
            await asyncio.sleep(0.03)


async def test_promoters_that_are_killed_leave_a_whole_trail_and_fail_no_request(world: World) -> None:
    releases = Releases(world.data)
    names = [f"rel{number:04}" for number in range(1, 4)]
    for name in names:
        write_stub_release(world.data, name, promote=False)
    world.account.releases = ["rel0000", *names]
    await world.start()
    trail = ["rel0000"]
    async with world.customers(count=3, pause_s=0.01):
        for number in range(KILLS):
            back = len(trail) > 1 and number % 3 == 2
            name = "" if back else next(one for one in (*names[number % 3 :], *names) if one != trail[-1])
            limit = world.moments.randint(1, 5)
            assert await promote_and_die(world, name, limit) == (-9 if limit <= 4 else 0)
            if limit > 3:  # the new CURRENT stands
                trail = trail[:-1] if back else [*trail, name]
            assert (releases.current_id(), releases.trail()) == (trail[-1], trail), f"killed at {limit}"
        await until_served(world, trail[-1])
    await world.settled()

    assert world.refusals == []
    assert world.broken() == {}


def both_arms(kind: Kind = Kind.AB) -> Experiment:
    """An experiment that draws some of the six customers, not all."""
    while True:
        experiment = Experiment.of(kind, "cand", "rel0000", 0.5, 0.0)
        if 2 <= sum(experiment.takes(f"c{number}") for number in range(6)) <= 4:
            return experiment


def report(world: World, kind: str) -> Any:
    result = CliRunner().invoke(releases_app, [kind, "--report", "--json", "--data", str(world.data)])
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def releases_of_turns(data: Path) -> dict[str, set[str]]:
    with sqlite3.connect(f"file:{data / 'conversations.db'}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT conversation_id, release_id FROM turns").fetchall()
    connection.close()
    found: dict[str, set[str]] = {}
    for conversation, release in rows:
        found.setdefault(conversation, set()).add(release)
    return found


async def test_each_customer_is_answered_by_one_arm_as_long_as_both_are_compared(world: World) -> None:
    write_stub_release(world.data, "cand", promote=False)
    world.account.releases = ["rel0000", "cand"]
    experiment = both_arms()
    write_experiment(world.data, experiment)
    await world.start()
    assert (await status(world))["experiment"]["running"] is True
    async with world.customers(pause_s=0.01):
        await world.until(lambda: len(world.receiver.taken) > 60)
    await world.settled()

    expected = {f"c{number}": {"cand" if experiment.takes(f"c{number}") else "rel0000"} for number in range(6)}
    assert releases_of_turns(world.data) == expected
    assert world.refusals == []
    assert world.broken() == {}
    found = await asyncio.to_thread(report, world, "ab")
    assert (found["under_way"], found["mixed"], found["stop"]) == (6, 0, False)

    write_experiment(world.data, experiment.model_copy(update={"ended": 1.0}))
    async with asyncio.timeout(30):
        while (await status(world))["experiment"] is not None:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.03)
    before = len(world.receiver.taken)
    async with world.customers(pause_s=0.01):
        await world.until(lambda: len(world.receiver.taken) > before + 40)
    await world.settled()
    assert {one.text for one in world.receiver.taken[before + 12 :] if one.text.startswith("I am")} == {
        words_of("rel0000")
    }


async def test_a_damaged_candidate_answers_nobody(world: World) -> None:
    damage(write_stub_release(world.data, "cand", promote=False), 1)
    write_experiment(world.data, both_arms())
    await world.start()
    async with world.customers(pause_s=0.01):
        await world.until(lambda: len(world.receiver.taken) > 30)
    await world.settled()

    shown = (await status(world))["experiment"]
    assert (shown["running"], "SHA-256" in shown["reason"]) == (False, True)
    assert world.refusals == []
    assert world.broken() == {}


async def test_a_shadow_reads_what_customers_write_and_answers_nobody(world: World) -> None:
    write_stub_release(world.data, "cand", promote=False)
    experiment = both_arms(Kind.SHADOW)
    write_experiment(world.data, experiment)
    await world.start()
    async with world.customers(pause_s=0.02):
        await world.until(lambda: len(world.receiver.taken) > 40)
    await world.settled()

    assert world.refusals == []
    assert world.broken() == {}, "the candidate's words reached nobody"
    drawn = {f"c{number}" for number in range(6) if experiment.takes(f"c{number}")}
    world_shadows = world.select("SELECT conversation_id, release_id, agrees FROM shadows")
    assert {row[0] for row in world_shadows} == drawn
    assert {row[1:] for row in world_shadows} == {("cand", 1)}
    found = await asyncio.to_thread(report, world, "shadow")
    assert 0 < found["read"] == found["agrees"] <= found["messages"]
