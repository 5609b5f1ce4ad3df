"""A release from elsewhere is taken in whole or not at all, whatever an archive tries."""

import io
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from stub_engine import damage, write_stub_release

from bot.api.training_job import archived
from bot.refresh.release_import import import_release
from bot.refresh.training_export import export_for_training
from configs import MINIMAL
from configs.assistant import read_assistant
from configs.errors import SettingsError
from configs.taught import Meaning, Taught, read_taught
from retrieval.knowledge import read_knowledge
from retrieval.knowledge_store import KnowledgeStore
from retrieval.knowledge_sync import sync_files
from training.releases import Release, ReleaseError, Releases

ID = "abcdef012345"


@pytest.fixture
def made(tmp_path: Path) -> Release:
    return write_stub_release(tmp_path / "elsewhere", ID)


@pytest.fixture
def here(tmp_path: Path) -> Releases:
    write_stub_release(tmp_path / "here", "rel0000")
    return Releases(tmp_path / "here")


def packed(release: Release, path: Path) -> Path:
    archive = archived(release.folder)
    path.write_bytes(archive.file.read())
    archive.file.close()
    return path


def nothing_came(here: Releases) -> bool:
    return [path.name for path in here.folder.iterdir()] == ["rel0000"] and here.current_id() == "rel0000"


@pytest.mark.parametrize("as_archive", [True, False])
def test_a_whole_release_is_taken_in_and_not_promoted(
    made: Release, here: Releases, tmp_path: Path, as_archive: bool
) -> None:
    source = packed(made, tmp_path / "release.tar.gz") if as_archive else made.folder

    assert import_release(source, here).id == ID
    assert here.open(ID).manifest == made.manifest
    assert (here.current_id(), made.folder.is_dir()) == ("rel0000", True)
    assert import_release(source, here).id == ID  # once more changes nothing
    assert sorted(path.name for path in here.folder.iterdir()) == [ID, "rel0000"]


def test_a_damaged_one_is_refused(made: Release, here: Releases, tmp_path: Path) -> None:
    damage(made, 1)
    for source in (made.folder, packed(made, tmp_path / "release.tar.gz")):
        with pytest.raises(ReleaseError, match="does not have its recorded SHA-256"):
            import_release(source, here)
    assert nothing_came(here)


def test_another_release_of_the_same_id_is_refused(made: Release, here: Releases, tmp_path: Path) -> None:
    import_release(made.folder, here)
    shutil.rmtree(made.folder)
    with Releases(tmp_path / "elsewhere").writing(ID) as part:
        for path in here.open(ID).folder.iterdir():
            if path.is_file() and path.name != "manifest.json":
                (part / path.name).write_bytes(path.read_bytes() + b" ")
        facts = here.open(ID).manifest.model_dump(exclude={"files", "format_version", "created_at"})
        other = Releases(tmp_path / "elsewhere").seal(part, facts)

    with pytest.raises(ReleaseError, match="is another one"):
        import_release(other.folder, here)


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 1) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, size if kind == tarfile.REGTYPE else 0
    return member


HOSTILE: list[tarfile.TarInfo] = [
    entry("../outside"),
    entry("/outside"),
    entry(f"{ID}/../../outside"),
    entry(f"{ID}/link", tarfile.SYMTYPE, "/etc/passwd"),
    entry(f"{ID}/link", tarfile.LNKTYPE, "../../here/CURRENT"),
    entry(f"{ID}/pipe", tarfile.FIFOTYPE),
    entry(f"{ID}/device", tarfile.CHRTYPE),
    entry("a folder more/file"),
    entry(f"{ID}/unlisted.bin"),
]


@pytest.mark.parametrize("member", HOSTILE, ids=lambda member: f"{member.name} {member.type!r}")
def test_an_archive_reaches_nothing_outside(
    made: Release, here: Releases, tmp_path: Path, member: tarfile.TarInfo
) -> None:
    path = tmp_path / "release.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(made.folder, arcname=ID)
        archive.addfile(member, io.BytesIO(b"x"))
    before = sorted(str(found) for found in tmp_path.rglob("*"))

    with pytest.raises(ReleaseError):
        import_release(path, here)
    assert nothing_came(here)
    assert sorted(str(found) for found in tmp_path.rglob("*")) == before


def _empty(path: Path, _: Release) -> None:
    tarfile.open(path, "w").close()


def _no_archive(path: Path, _: Release) -> None:
    path.write_bytes(b"no archive")


def _cut(path: Path, made: Release) -> None:
    content = packed(made, path).read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _many(path: Path, _: Release) -> None:
    with tarfile.open(path, "w") as archive:
        for number in range(400):
            archive.addfile(entry(f"{ID}/{number}"), io.BytesIO(b"x"))


@pytest.mark.parametrize("write", [_empty, _no_archive, _cut, _many])
def test_what_is_no_release_is_refused(
    made: Release, here: Releases, tmp_path: Path, write: Callable[[Path, Release], None]
) -> None:
    path = tmp_path / "release.tar"
    write(path, made)

    with pytest.raises(ReleaseError):
        import_release(path, here)
    with pytest.raises(ReleaseError):
        import_release(tmp_path / "missing", here)
    assert nothing_came(here)


def test_an_archive_that_is_too_large_is_refused_before_it_is_unpacked(
    made: Release, here: Releases, tmp_path: Path
) -> None:
    with pytest.raises(ReleaseError, match="more than 100 bytes"):
        import_release(packed(made, tmp_path / "r.tar.gz"), here, max_bytes=100)
    assert nothing_came(here)


def test_what_is_packed_for_a_training_is_enough_for_it_and_holds_no_secret(here: Releases, tmp_path: Path) -> None:
    root = Path(shutil.copytree(MINIMAL, tmp_path / "mybot"))
    (root / "credentials.yml").write_text("rest: {secret: hush}\n", "utf-8")
    (root / "data" / "link.yml").symlink_to("/etc/hostname")
    with KnowledgeStore(here.data_dir / "knowledge.db") as store:
        sync_files(store, read_knowledge(read_assistant(MINIMAL).knowledge_paths))
    row = Taught(number=1, conversation="a", turn=1, text="hi", meaning=Meaning.INTENT, value="greet", who="x", at=1.0)
    target = tmp_path / "out" / "mybot.tar"
    export_for_training(target, root, here, [row])
    with tarfile.open(target) as archive:
        archive.extractall(tmp_path / "there", filter="data")
    own, data = tmp_path / "there" / "mybot", tmp_path / "there" / "mybot-data"

    assert read_assistant(own).examples[0].text == read_assistant(MINIMAL).examples[0].text
    assert read_taught(data / "refresh" / "taught.jsonl") == [row]
    with KnowledgeStore(data / "knowledge.db") as store:
        assert store.count() == 15
    assert Releases(data).open("rel0000").id == Releases(data).current_id()
    assert b"hush" not in target.read_bytes()
    assert not (own / "data" / "link.yml").exists()
    with pytest.raises(SettingsError, match="exists already"):
        export_for_training(target, root, here, [])
