"""A refresh is killed at random moments while a server answers: nobody notices, and the next comes to the same end."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fault_world import World
from refresh_runs import LABELS, Nursery, write_labels

from configs import MINIMAL
from configs.learned import read_origins, verify_learned
from retrieval.knowledge_store import KnowledgeStore
from training.releases import Releases

KILLS = 4
TAKES_S = 0.8
SMALL_BYTES = 2_000


@pytest.fixture
async def taught(world: World) -> World:
    """The world, with an assistant and labels that nobody has learned from yet."""
    credentials = (world.assistant / "credentials.yml").read_text("utf-8")
    shutil.copytree(MINIMAL, world.assistant, dirs_exist_ok=True)
    (world.assistant / "credentials.yml").write_text(credentials, "utf-8")
    await write_labels(world.data / "conversations.db")
    return world


@pytest.fixture
async def nursery(taught: World) -> AsyncIterator[Nursery]:
    nursery = await Nursery.open(taught.assistant)
    yield nursery
    await nursery.close()


async def undisturbed_id(world: World, nursery: Nursery, folder: Path) -> str:
    """The release that a refresh of a copy of the data comes to, when nobody disturbs it."""
    shutil.copytree(world.data, folder, ignore=shutil.ignore_patterns("*.lock"))
    said = await nursery.undisturbed(folder)
    assert said[:3] == ["ended", "0", "promoted"]
    return said[3]


def assert_whole(data: Path, allowed: set[str]) -> None:
    """Whatever a killed refresh has left: what serves is whole, and so is what was learned."""
    releases = Releases(data)
    current = releases.current_id()
    assert current in allowed
    releases.open(current or "")
    if (data / "learned").exists():
        verify_learned(data / "learned")


async def test_a_killed_refresh_is_gone_on_with_and_nobody_notices(
    taught: World, nursery: Nursery, tmp_path: Path
) -> None:
    expected = await undisturbed_id(taught, nursery, tmp_path / "copy")
    taught.account.releases = ["rel0000", expected]
    serving = f"I am {expected}/{expected}/{expected}."
    await taught.start()
    kills = 0
    async with taught.customers(3, pause_s=0.02):
        for _ in range(KILLS):
            kills += await nursery.killed(taught.data, TAKES_S, taught.moments.uniform(0.0, 1.1 * TAKES_S))
            assert_whole(taught.data, {"rel0000", expected})
        said = await nursery.undisturbed(taught.data)
        assert said[:2] == ["ended", "0"]
        assert said[2] in ("promoted", "nothing_new")
        assert said[3] == expected
        await taught.until(lambda: serving in {one.text for one in taught.receiver.taken})
    await taught.settled()

    assert kills
    assert taught.refusals == []
    assert taught.broken() == {}
    assert_whole(taught.data, {expected})
    assert len(read_origins(taught.data / "learned")) == len(LABELS)
    with KnowledgeStore(taught.data / "knowledge.db") as store:
        answers = {pair.id: pair.questions for pair in store.pairs()}
    assert answers["review-3"] == ("do you have a cat",)
    assert answers["h02"][-1] == "tell me what it costs"
    assert (await nursery.undisturbed(taught.data))[2:4] == ["nothing_new", expected]


async def test_what_stops_a_refresh_is_said_and_what_serves_stays(taught: World, nursery: Nursery) -> None:
    said = await nursery.undisturbed(taught.data, SMALL_BYTES)  # as on a full disk, a file cannot be written
    assert said[:2] == ["ended", "1"]
    assert_whole(taught.data, {"rel0000"})

    shutil.move(taught.data / "releases", taught.data / "moved")
    (taught.data / "releases").write_text("in the way", "utf-8")
    said = await nursery.undisturbed(taught.data)
    assert said[:2] == ["ended", "1"]
    (taught.data / "releases").unlink()
    shutil.move(taught.data / "moved", taught.data / "releases")
    assert_whole(taught.data, {"rel0000"})

    begun = await nursery.begin(taught.data, TAKES_S)
    second, first = await nursery.begin(taught.data), await nursery.line()
    assert " ".join(second).startswith(f"ended 1 A refresh of {taught.data} is under way, in process {begun[1]}.")
    assert first[:3] == ["ended", "0", "promoted"]
    assert_whole(taught.data, {first[3]})
