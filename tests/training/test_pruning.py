"""What may go to make room, and what never does."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_release import facts, write_small_release

from training.manifest import Release
from training.promotions import How
from training.pruning import made_at, plan_pruning, prune
from training.releases import Releases

NOW = made_at("2036-01-01T00:00:00Z")
DAY_S = 86_400.0


def going(releases: Releases, **options: object) -> list[str]:
    plan = plan_pruning(releases, **{"keep": 1, "now": NOW, **options})  # type: ignore[arg-type]
    return [one.release_id for one in plan.goes]


def names(releases: Releases) -> list[str]:
    return sorted(path.name for path in releases.folder.iterdir())


@pytest.fixture
def many(releases: Releases) -> Releases:
    """Five releases that were promoted in their order, and one that never was."""
    for number in range(5):
        write_small_release(releases, f"rel{number}")
    write_small_release(releases, "never", promote=False)
    return releases


def test_what_lies_behind_the_last_promotions_may_go(many: Releases) -> None:
    assert going(many, keep=1) == ["never", "rel0", "rel1", "rel2", "rel3"]
    assert going(many, keep=3) == ["never", "rel0", "rel1"]
    assert going(many, keep=9) == ["never"]


def test_what_is_served_and_what_is_tried_stays_with_its_reason(many: Releases) -> None:
    plan = plan_pruning(many, keep=1, spared={"never": "shadowed", "gone-long-ago": "shadowed"}, now=NOW)

    assert dict(plan.stays) == {"rel4": "served", "never": "shadowed"}


def test_after_a_rollback_what_it_went_to_and_what_lies_before_it_stays(many: Releases) -> None:
    many.promote(many.open("rel1"), How.ROLLED_BACK)

    assert going(many, keep=2) == ["never", "rel2", "rel3"]  # rel4 and rel1 were promoted last; rel0 lies before rel1


def test_what_is_not_old_enough_stays(many: Releases) -> None:
    made = made_at(many.manifest("rel0").created_at)

    assert going(many, now=made + DAY_S, older_than_s=2 * DAY_S) == []
    assert len(going(many, now=made + 3 * DAY_S, older_than_s=2 * DAY_S)) == 5


def test_what_goes_takes_what_belongs_to_it_alone_along(many: Releases) -> None:
    data = many.data_dir
    for folder in ("runs/rel0", "runs/rel4", "warm/rel0", "warm/rel4", "runs/other"):
        (data / folder).mkdir(parents=True)
        (data / folder / "file").write_text("12345")

    plan = plan_pruning(many, keep=4, now=NOW)
    (first,) = [one for one in plan.goes if one.release_id == "rel0"]
    gone = prune(many, plan.goes, keep=4)

    assert first.size_bytes == 10 + sum(
        path.stat().st_size for path in (many.folder / "rel1").rglob("*") if path.is_file()
    )
    assert gone == ["never", "rel0"]
    assert names(many) == ["rel1", "rel2", "rel3", "rel4"]
    assert sorted(str(path.relative_to(data)) for path in data.glob("*/*") if path.parent.name in ("runs", "warm")) == [
        *("runs/other", "runs/rel4", "warm/rel4")
    ]


def write_with_intents(releases: Releases, release_id: str, intents: str) -> Release:
    with releases.writing(release_id) as part:
        for name in releases.open("rel0").manifest.files:
            (part / name).write_text("x", "utf-8")
        made = {**facts(release_id), "fingerprints": {"intents": intents, "all": "b"}}
        return releases.seal(part, made)


def test_what_a_stopped_training_kept_goes_with_the_last_release_of_its_examples(many: Releases) -> None:
    work = many.data_dir / "work"
    for intents in ("1" * 64, "2" * 64):
        write_with_intents(many, f"of-{intents[:4]}", intents)
        (work / intents[:16]).mkdir(parents=True)
    write_with_intents(many, "of-2222-again", "2" * 64)

    plan = plan_pruning(many, keep=5, spared={"of-2222-again": "shadowed"}, now=NOW)
    prune(many, plan.goes, keep=5)

    assert [path.name for path in work.iterdir()] == ["2" * 16]


def test_what_a_running_training_keeps_stays(many: Releases) -> None:
    write_with_intents(many, "of-1111", "1" * 64)
    own = many.data_dir / "work" / ("1" * 16)
    own.mkdir(parents=True)
    with (own / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        prune(many, plan_pruning(many, keep=1, now=NOW).goes, keep=1)

    assert own.is_dir()


def test_what_somebody_loads_stays(many: Releases) -> None:
    plan = plan_pruning(many, keep=1, now=NOW)
    hold = many.hold("rel1")
    try:
        assert "rel1" not in prune(many, plan.goes, keep=1)
        assert many.open("rel1").id == "rel1"
    finally:
        hold.close()
    assert prune(many, plan_pruning(many, keep=1, now=NOW).goes, keep=1) == ["rel1"]


def test_what_was_promoted_after_the_plan_stays(many: Releases) -> None:
    plan = plan_pruning(many, keep=1, now=NOW)
    many.promote(many.open("rel0"))

    assert "rel0" not in prune(many, plan.goes, keep=1)
    assert many.open("rel0").id == many.current_id() == "rel0"


def test_what_another_has_removed_meanwhile_is_not_missed(many: Releases) -> None:
    plan = plan_pruning(many, keep=1, now=NOW)
    prune(many, plan.goes, keep=1)

    assert prune(many, plan.goes, keep=1) == []


def test_damaged_releases_may_go_too(many: Releases) -> None:
    (many.folder / "rel0" / "manifest.json").write_text("{")
    (many.folder / "rel1" / "manifest.json").unlink()

    assert {"rel0", "rel1"} <= set(going(many))


KILLED_WHILE_REMOVING = """
import os, signal, sys
from pathlib import Path
import training.pruning
from training.releases import Releases
from training.pruning import plan_pruning, prune

calls = []

def die_at(owner, name, limit):
    call = getattr(owner, name)
    def counted(*given, **named):
        calls.append(name)
        if len(calls) == limit:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*given, **named)
    setattr(owner, name, counted)

for folder in map(Path, sys.argv[1:]):
    child = os.fork()
    if child == 0:
        for name in ("rename", "fsync", "unlink", "rmdir"):
            die_at(os, name, int(folder.name))
        releases = Releases(folder)
        prune(releases, plan_pruning(releases, keep=1, now=4e9).goes, keep=1)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_kill_at_any_moment_of_pruning_leaves_whole_releases_and_the_one_served(tmp_path: Path) -> None:
    stores = [Releases(tmp_path / str(number)) for number in range(1, 30, 3)]
    for store in stores:
        for name in ("first", "second", "third"):
            write_small_release(store, name)
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_REMOVING, *(str(store.data_dir) for store in stores)],
        env=os.environ | {"PYTHONPATH": f"{here}{os.pathsep}{here.parents[1]}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) == {"-9"}  # every one of them was met

    for store in stores:
        assert store.current_id() == "third"
        for name in store.ids():
            assert store.open(name).id == name
        write_small_release(store, "fourth")  # and the next training clears away what is left
        assert not list(store.folder.glob(".*"))
