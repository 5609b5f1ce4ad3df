import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from small_release import FILES, ID, PICTURE, facts, write_small_release

from training.releases import How, Release, ReleaseError, Releases


def test_a_whole_release_opens_with_its_manifest(releases: Releases, release: Release) -> None:
    opened = releases.open(ID)

    assert opened.manifest == release.manifest
    assert (opened.id, opened.folder) == (ID, releases.folder / ID)
    assert opened.manifest.figures == {"validation_accuracy": 0.9}
    assert set(opened.manifest.files) == set(FILES)
    assert opened.manifest.files[PICTURE].bytes == len(f"content of {PICTURE}")


def test_a_release_folder_that_is_a_link_is_refused(releases: Releases, release: Release) -> None:
    release.folder.rename(releases.data_dir / "elsewhere")
    release.folder.symlink_to(releases.data_dir / "elsewhere")

    with pytest.raises(ReleaseError, match=f"{ID} is missing"):
        releases.open(ID)


def test_a_release_under_another_name_is_refused(releases: Releases, release: Release) -> None:
    release.folder.rename(releases.folder / "another-id")

    with pytest.raises(ReleaseError, match=f"another-id says it is '{ID}'"):
        releases.open("another-id")


def test_a_release_that_is_not_there_is_refused_by_name(releases: Releases) -> None:
    with pytest.raises(ReleaseError, match=f"{ID} is missing"):
        releases.open(ID)


BAD_IDS = [
    "",
    ".",
    "..",
    "../../etc",
    "/etc/passwd",
    "UPPERCASE",
    "abc",
    "a b c d",
    "abcd\n",
    f"{ID}/",
    "a" * 65,
    "\xe9abcd",
]


@pytest.mark.parametrize("bad", BAD_IDS)
def test_what_is_no_release_id_is_never_opened(releases: Releases, bad: str) -> None:
    with pytest.raises(ReleaseError, match="is not a release id"):
        releases.open(bad)


def test_before_the_first_release_nothing_is_current(releases: Releases) -> None:
    assert releases.current_id() is None
    assert releases.history() == []
    assert list(releases.candidates()) == []


def test_what_was_promoted_last_is_current_and_earlier_ones_follow(releases: Releases) -> None:
    for release_id in ("first", "second", "third"):
        write_small_release(releases, release_id)

    assert releases.current_id() == "third"
    assert list(releases.candidates()) == ["third", "second", "first"]


def test_promoting_an_earlier_release_again_makes_it_current_and_keeps_the_others(releases: Releases) -> None:
    first = write_small_release(releases, "first")
    write_small_release(releases, "second")
    releases.promote(first)

    assert releases.current_id() == "first"
    assert list(releases.candidates()) == ["first", "second"]


def test_a_release_that_was_not_promoted_is_no_candidate(releases: Releases, release: Release) -> None:
    write_small_release(releases, "another", promote=False)

    assert list(releases.candidates()) == [ID]


def current_as_folder(path: Path) -> None:
    path.mkdir()


def current_as_link_loop(path: Path) -> None:
    path.symlink_to(path)


def current_as_link_to_nowhere(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def current_as_pipe(path: Path) -> None:
    os.mkfifo(path)


def current_as_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\n", b"../../etc", b"..", b"UPPERCASE", b"first\nsecond", b"\xff\xfe\x00", b"first\x00", b"x" * 5_000),
        *(current_as_folder, current_as_link_loop, current_as_link_to_nowhere, current_as_pipe, current_as_device),
    ],
    ids=lambda content: ascii(content[:12]) if isinstance(content, bytes) else content.__name__,
)
def test_a_spoilt_current_is_refused_by_name_and_history_stands_in_for_it(
    releases: Releases, content: bytes | Callable[[Path], None]
) -> None:
    write_small_release(releases, "first")
    write_small_release(releases, "second")
    path = releases.data_dir / "CURRENT"
    path.unlink()
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)

    with pytest.raises(ReleaseError, match=str(path)):
        releases.current_id()
    assert list(releases.candidates()) == ["second", "first"]


def test_without_current_history_stands_in_for_it(releases: Releases, release: Release) -> None:
    (releases.data_dir / "CURRENT").unlink()

    assert releases.current_id() is None
    assert list(releases.candidates()) == [ID]


def test_lines_of_history_that_are_no_ids_are_passed_over(releases: Releases, release: Release) -> None:
    with (releases.data_dir / "HISTORY").open("ab") as file:
        file.write(b"\n../../etc\n\xff\xfe\nUPPER\n\x00\nsecond\n")

    assert releases.history() == ["second", ID]


def test_a_line_of_history_that_was_torn_spoils_only_itself(releases: Releases, release: Release) -> None:
    """A power cut may leave half a line; the next promotion must not continue it."""
    with (releases.data_dir / "HISTORY").open("ab") as file:
        file.write(b"torn-")
    write_small_release(releases, "second")
    write_small_release(releases, "third")

    assert [found for found in releases.history() if found != "torn-"] == ["third", "second", ID]


def test_a_first_release_is_named_by_its_fingerprint_and_repeats_are_numbered(releases: Releases) -> None:
    fingerprint = "0123456789abcdef" * 4

    ids = [write_small_release(releases, releases.new_id(fingerprint)).id for _ in range(3)]

    assert ids == ["0123456789ab", "0123456789ab-2", "0123456789ab-3"]
    assert releases.new_id("f" * 64) == "f" * 12
    assert [releases.open(found).id for found in ids] == ids


def test_a_release_that_lacks_a_required_file_is_not_sealed(releases: Releases) -> None:
    with releases.writing(ID) as part:
        for name in set(FILES) - {"index.faiss", "smoke.json"}:
            (part / name).write_bytes(b"x")
        with pytest.raises(ReleaseError, match=r"lacks index\.faiss, smoke\.json"):
            releases.seal(part, facts(ID))

    assert list(releases.folder.iterdir()) == []


def test_a_release_is_never_written_over_another(releases: Releases, release: Release) -> None:
    """Two trainings of the same inputs at once: the second to finish is refused, the first stays whole."""
    with pytest.raises(ReleaseError, match=f"{ID} .*another training"):
        write_small_release(releases, ID)

    assert releases.open(ID).manifest == release.manifest
    assert [path.name for path in releases.folder.iterdir()] == [ID]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_writing_that_does_not_end_well_leaves_nothing(releases: Releases, error: type[BaseException]) -> None:
    def write_and_fail() -> None:
        with releases.writing(ID) as part:
            (part / "encoder.onnx").write_bytes(b"half")
            raise error

    with pytest.raises(error):
        write_and_fail()

    assert list(releases.folder.iterdir()) == []


def test_what_a_dead_training_left_is_removed_and_what_a_running_one_writes_is_kept(releases: Releases) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    leftover = releases.folder / f".part-{ID}-{dead.pid}"
    running = releases.folder / f".part-{ID}-{os.getppid()}"
    for folder in (leftover, running):
        (folder / "report").mkdir(parents=True)

    write_small_release(releases, ID)

    assert not leftover.exists()
    assert running.exists()


@pytest.mark.parametrize("pid", [str(os.getpid()), "x", "", "0", "9" * 30])
def test_a_leftover_of_a_training_with_the_same_or_no_process_id_is_removed(releases: Releases, pid: str) -> None:
    """In a container every training has the same process id, so a killed one's folder bears the next one's name."""
    leftover = releases.folder / f".part-{ID}-{pid}"
    (leftover / "report").mkdir(parents=True)
    (leftover / "encoder.onnx").write_bytes(b"half")

    release = write_small_release(releases, ID)

    assert not leftover.exists()
    assert releases.open(ID).manifest == release.manifest


# For each folder named: seals and promotes in a process that dies at the nth call that flushes or moves a file, n being
# the folder's name, before the call takes effect; prints what became of the process.
KILLED_WHILE_SEALING = """
import os, signal, sys
from pathlib import Path
from training.releases import Releases
from small_release import write_small_release

calls = []

def die_at(limit, name):
    call = getattr(os, name)
    def counted(*given, **named):
        calls.append(name)
        if len(calls) == limit:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*given, **named)
    setattr(os, name, counted)

for folder in map(Path, sys.argv[1:]):
    child = os.fork()
    if child == 0:
        for name in ("fsync", "rename", "replace"):
            die_at(int(folder.name), name)
        write_small_release(Releases(folder), "second")
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_kill_at_any_moment_of_sealing_and_promoting_leaves_only_whole_releases(
    small_release_dir: Path, tmp_path: Path
) -> None:
    count = 32
    stores = [Releases(tmp_path / str(number)) for number in range(1, count + 1)]
    for store in stores:
        shutil.copytree(small_release_dir, store.data_dir)
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_SEALING, *(str(store.data_dir) for store in stores)],
        env=os.environ | {"PYTHONPATH": f"{here}{os.pathsep}{here.parents[1]}"},
        capture_output=True,
        text=True,
        check=True,
    )
    ends = [int(line) for line in done.stdout.split()]
    kills = ends.count(-9)
    assert ends == [-9] * kills + [0] * (count - kills)
    assert len(FILES) + 7 < kills < count  # every moment was met: beyond the last one nothing is left to kill

    for number, store in enumerate(stores, start=1):
        current = store.current_id()
        # Only the flush behind the new CURRENT comes after it took effect.
        assert current == (ID if number < kills else "second"), f"killed at call {number} of {kills}"
        assert next(store.open(found).id for found in store.candidates()) == current
        finished = [path.name for path in store.folder.iterdir() if not path.name.startswith(".")]
        assert sorted(store.open(name).id for name in finished) == sorted(finished)

        write_small_release(store, "third")
        assert store.current_id() == "third"
        assert not list(store.folder.glob(".*"))


def test_a_promotion_says_when_and_instead_of_what(tmp_path: Path) -> None:
    store = Releases(tmp_path, now=lambda: 1_764_087_462.0)
    first, second = (write_small_release(store, name) for name in ("first", "second"))
    store.promote(second)  # nothing changes
    store.promote(first, How.ROLLED_BACK)

    assert (tmp_path / "HISTORY").read_text().splitlines() == [
        "first 2025-11-25T16:17:42Z promoted -",
        "second 2025-11-25T16:17:42Z promoted first",
        "first 2025-11-25T16:17:42Z rolled_back second",
    ]
    assert (store.current_id(), store.trail(), store.earlier()) == ("first", ["first"], [])


def test_a_rollback_leads_past_what_was_gone_back_from(releases: Releases) -> None:
    made = [write_small_release(releases, name) for name in ("first", "second", "third")]

    assert releases.earlier() == ["second", "first"]
    releases.promote(made[1], How.ROLLED_BACK)
    assert releases.earlier() == ["first"]
    assert list(releases.candidates()) == ["second", "first", "third"]


def test_the_same_release_promoted_again_writes_current_anew(releases: Releases, release: Release) -> None:
    path = releases.data_dir / "CURRENT"
    before = path.stat()
    releases.promote(release)

    assert path.stat().st_ino != before.st_ino or path.stat().st_mtime_ns != before.st_mtime_ns
    assert releases.history() == [ID]


def test_a_release_that_was_removed_or_overtaken_is_not_promoted(releases: Releases) -> None:
    first, second = (write_small_release(releases, name) for name in ("first", "second"))
    third = write_small_release(releases, "third", promote=False)
    with pytest.raises(ReleaseError, match="Meanwhile second has come to be served instead of first"):
        releases.promote(third, instead_of="first")
    shutil.rmtree(first.folder)
    with pytest.raises(ReleaseError, match="first has been removed"):
        releases.promote(first)

    assert releases.current_id() == second.id
    assert releases.history() == ["second", "first"]


KILLED_WHILE_PROMOTING = """
import os, signal, sys
from pathlib import Path
from training.releases import How, Releases

calls = []

def die_at(limit, name):
    call = getattr(os, name)
    def counted(*given, **named):
        calls.append(name)
        if len(calls) == limit:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*given, **named)
    setattr(os, name, counted)

for folder in map(Path, sys.argv[1:]):
    child = os.fork()
    if child == 0:
        limit, _, how = folder.name.partition("-")
        for name in ("fsync", "replace"):
            die_at(int(limit), name)
        releases = Releases(folder)
        releases.promote(releases.open("second" if how == "rolled_back" else "fourth"), How(how))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_kill_at_any_moment_of_promoting_or_going_back_never_confuses_the_next_rollback(tmp_path: Path) -> None:
    """HISTORY and CURRENT are as one: what was cut off leaves no trace in where a rollback leads."""
    kinds = [(limit, how) for limit in range(1, 6) for how in ("promoted", "rolled_back")]
    stores = [Releases(tmp_path / f"{limit}-{how}") for limit, how in kinds]
    for store in stores:
        for name in ("first", "second", "third"):
            write_small_release(store, name)
        write_small_release(store, "fourth", promote=False)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_PROMOTING, *(str(store.data_dir) for store in stores)],
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    # line, new CURRENT, its name, its folder; beyond the last one nothing is left to kill
    assert [int(line) for line in done.stdout.split()] == [-9] * 8 + [0] * 2

    for store, (limit, how) in zip(stores, kinds, strict=True):
        took_effect = limit > 3
        after = {"promoted": ("fourth", ["third", "second", "first"]), "rolled_back": ("second", ["first"])}[how]
        current, earlier = after if took_effect else ("third", ["second", "first"])
        assert (store.current_id(), store.earlier()) == (current, earlier), (limit, how)
        assert store.history()[0] == current
        store.promote(store.open("first"), instead_of=current)
        assert store.earlier()[0] == current
