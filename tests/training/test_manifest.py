import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_release import FILES, ID, PICTURE

from training.manifest import MANIFEST_FILE, REQUIRED_FILES, file_sha256
from training.releases import Release, ReleaseError, Releases


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip_one_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def remove(path: Path) -> None:
    path.unlink()


def symlink_to_a_faithful_copy(path: Path) -> None:
    elsewhere = path.parents[3] / f"copy-of-{path.name}"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def replace_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGES = [
    truncate,
    empty,
    flip_one_bit,
    lengthen,
    remove,
    symlink_to_a_faithful_copy,
    replace_by_a_folder,
    replace_by_a_pipe,
]


def test_a_file_s_hash_is_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")

    # The example of FIPS 180-2, appendix B.1.
    wanted = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_sha256(tmp_path / "abc") == wanted


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_a_release_with_a_damaged_file_is_refused_and_both_are_named(
    releases: Releases, release: Release, name: str, damage: Callable[[Path], None]
) -> None:
    damage(release.folder / name)

    with pytest.raises(ReleaseError) as refused:
        releases.open(ID)

    assert ID in str(refused.value)
    assert name in str(refused.value)


# A flipped bit or a blank more may leave a manifest that means the same; the tests below see to those.
@pytest.mark.parametrize("damage", [damage for damage in DAMAGES if damage not in (flip_one_bit, lengthen)])
def test_a_release_with_a_damaged_manifest_is_refused_and_both_are_named(
    releases: Releases, release: Release, damage: Callable[[Path], None]
) -> None:
    damage(release.folder / MANIFEST_FILE)

    with pytest.raises(ReleaseError, match=rf"{ID}.*manifest\.json"):
        releases.open(ID)


def test_no_flipped_bit_of_a_manifest_makes_another_file_pass(releases: Releases, release: Release) -> None:
    """Whatever a flipped bit does to the manifest, opening gives a release with the same files or a ReleaseError."""
    path = release.folder / MANIFEST_FILE
    content = path.read_bytes()
    outcomes = []
    for position in range(0, len(content), 7):
        flipped = bytearray(content)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        try:
            outcomes.append(releases.open(ID).manifest.files)
        except ReleaseError as error:
            outcomes.append(str(error))

    refusals = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert all(ID in refusal for refusal in refusals)
    assert all(outcome == release.manifest.files for outcome in outcomes if not isinstance(outcome, str))
    assert len(refusals) > len(outcomes) / 2


def changed_manifest(release: Release, change: Callable[[dict[str, Any]], object]) -> None:
    path = release.folder / MANIFEST_FILE
    manifest = json.loads(path.read_text("utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), "utf-8")


INDEX = "index.faiss"
MANIFEST_CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "wrong id": (lambda m: m.update(id="ffffffffffff"), "says it is 'ffffffffffff'"),
    "future format": (lambda m: m.update(format_version=5), "has format 5, this Kefu reads 4"),
    "future format with a new field": (lambda m: m.update(format_version=5, signed=True), "has format 5"),
    "future format without an old field": (
        lambda m: (m.update(format_version=5), m.pop("figures")),
        "has format 5",
    ),
    "format that is no number": (lambda m: m.update(format_version="1"), "format_version"),
    "no format": (lambda m: m.pop("format_version"), "format_version"),
    "unknown field": (lambda m: m.update(signed=True), "signed"),
    "field missing": (lambda m: m.pop("fingerprints"), "fingerprints"),
    "required file not listed": (lambda m: m["files"].pop(INDEX), INDEX),
    "optional file not listed": (lambda m: m["files"].pop(PICTURE), PICTURE),
    "size -1": (lambda m: m["files"][INDEX].update(bytes=-1), INDEX),
    "size too large": (lambda m: m["files"][INDEX].update(bytes=10**18), INDEX),
    "size that is no number": (lambda m: m["files"][INDEX].update(bytes="19"), INDEX),
    "hash in upper case": (lambda m: m["files"][INDEX].update(sha256=m["files"][INDEX]["sha256"].upper()), INDEX),
    "hash with a line break": (
        lambda m: m["files"][INDEX].update(sha256=m["files"][INDEX]["sha256"] + "\n"),
        INDEX,
    ),
    "hash too short": (lambda m: m["files"][INDEX].update(sha256="ab"), INDEX),
    "hash of another file": (lambda m: m["files"].update({INDEX: m["files"]["smoke.json"]}), INDEX),
}


@pytest.mark.parametrize("what", MANIFEST_CHANGES)
def test_a_release_with_an_altered_manifest_is_refused_and_the_reason_named(
    releases: Releases, release: Release, what: str
) -> None:
    change, said = MANIFEST_CHANGES[what]
    changed_manifest(release, change)
    with pytest.raises(ReleaseError) as refused:
        releases.open(ID)

    assert ID in str(refused.value)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "name", ["../../secret", "/etc/hostname", "report/../curve.png", ".curve.png", "a/b/curve.png", "", "..", "a\nb"]
)
def test_a_manifest_that_names_a_file_outside_is_refused_even_if_size_and_hash_are_right(
    releases: Releases, release: Release, name: str
) -> None:
    shutil.move(release.folder / PICTURE, releases.data_dir / "secret")
    changed_manifest(release, lambda m: m["files"].update({name: m["files"].pop(PICTURE)}))

    with pytest.raises(ReleaseError) as refused:
        releases.open(ID)

    assert str(refused.value) == f"The release {ID} names a file {name!r} that no release holds."


@pytest.mark.parametrize("name", sorted(REQUIRED_FILES))
def test_a_release_that_neither_has_nor_lists_a_required_file_is_refused(
    releases: Releases, release: Release, name: str
) -> None:
    (release.folder / name).unlink()
    changed_manifest(release, lambda m: m["files"].pop(name))

    with pytest.raises(ReleaseError, match=f"{ID} is incomplete: its manifest lacks {name}"):
        releases.open(ID)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"id": NaN}'])
def test_a_manifest_that_is_not_one_is_refused(releases: Releases, release: Release, content: bytes) -> None:
    (release.folder / MANIFEST_FILE).write_bytes(content)

    with pytest.raises(ReleaseError, match=rf"{ID} has a damaged manifest\.json"):
        releases.open(ID)


def test_a_huge_manifest_is_refused_without_being_read(releases: Releases, release: Release) -> None:
    with (release.folder / MANIFEST_FILE).open("r+b") as file:
        file.truncate(1 << 40)

    with pytest.raises(ReleaseError, match=rf"{ID} has a manifest\.json that is too large"):
        releases.open(ID)


@pytest.mark.parametrize(
    "name", ["extra.bin", "report/extra.png", ".hidden", "report/deep/er.txt", "__pycache__/x.pyc"]
)
def test_a_file_more_than_in_the_manifest_is_refused_and_named(releases: Releases, release: Release, name: str) -> None:
    (release.folder / name).parent.mkdir(exist_ok=True)
    (release.folder / name).write_bytes(b"")

    with pytest.raises(ReleaseError, match=f"{ID} was altered: {name}"):
        releases.open(ID)


@pytest.mark.parametrize("target", ["/etc/passwd", "nowhere", "."])
def test_a_link_more_than_in_the_manifest_is_refused_and_named(
    releases: Releases, release: Release, target: str
) -> None:
    (release.folder / "link").symlink_to(target)

    with pytest.raises(ReleaseError, match=f"{ID} was altered: link"):
        releases.open(ID)


def test_a_report_folder_that_is_a_link_is_refused(releases: Releases, release: Release) -> None:
    shutil.move(release.folder / "report", releases.data_dir / "elsewhere")
    (release.folder / "report").symlink_to(releases.data_dir / "elsewhere")

    with pytest.raises(ReleaseError, match=f"{ID} was altered: report"):
        releases.open(ID)
