"""Packs what another machine needs to refresh an assistant: its files, what was taught, the past answers, what serves.

What customers wrote is in it only as far as it is learned from, with personal data masked; passwords and tokens, which
stand in `credentials.yml` and `endpoints.yml`, are not.
"""

import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from configs.assistant_files import KNOWLEDGE_ENDINGS
from configs.errors import SettingsError
from configs.learned import LEARNED_FOLDER
from configs.taught import TAUGHT_FILE, Taught, taught_lines
from training.releases import KNOWLEDGE_FILE, Releases

DATA = "data"
_FILES = ("config.yml", "domain.yml", "golden.jsonl", "calibration.jsonl")
_FOLDERS = {"data": {".yml", ".yaml"}, "domain": {".yml", ".yaml"}, "knowledge": KNOWLEDGE_ENDINGS, "tests": {".jsonl"}}


def export_for_training(target: Path, root: Path, releases: Releases, rows: Sequence[Taught]) -> None:
    """Writes the archive `target`, whole or not at all.

    Raises:
        SettingsError: `target` exists.
        ReleaseError: The release that serves is damaged.
        OSError: Something cannot be read or written.
    """
    if target.exists():
        raise SettingsError(f"{target} exists already. Name a file that does not.")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _lay_out(folder, root, releases, rows)
            with tarfile.open(part, "w:gz" if target.suffix in (".gz", ".tgz") else "w") as archive:
                for top in sorted(folder.iterdir()):
                    archive.add(top, arcname=top.name, filter=_nobodys)
        part.chmod(0o600)
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)


def _lay_out(folder: Path, root: Path, releases: Releases, rows: Sequence[Taught]) -> None:
    own, data, source = folder / root.resolve().name, folder / f"{root.resolve().name}-{DATA}", releases.data_dir
    own.mkdir()
    for path in _files_of(root):
        kept = own / path.relative_to(root)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, kept)
    (data / "refresh").mkdir(parents=True)
    (data / "refresh" / TAUGHT_FILE).write_bytes(taught_lines(rows))
    if (source / KNOWLEDGE_FILE).is_file():
        _copy_database(source / KNOWLEDGE_FILE, data / KNOWLEDGE_FILE)
    for name in ("frozen.jsonl", "refresh/accepted.json"):
        if (source / name).is_file():
            shutil.copyfile(source / name, data / name)
    if (source / LEARNED_FOLDER).is_dir():
        shutil.copytree(source / LEARNED_FOLDER, data / LEARNED_FOLDER)
    current = releases.current_id()
    if current is not None:
        release = releases.open(current)
        shutil.copytree(release.folder, data / "releases" / current)
        if (source / "warm" / current).is_dir():
            shutil.copytree(source / "warm" / current, data / "warm" / current)
        (data / "CURRENT").write_text(f"{current}\n", "ascii")


def _files_of(root: Path) -> list[Path]:
    """The files that a training reads; none that a link leads to from elsewhere."""
    found = [root / name for name in _FILES]
    for name, endings in _FOLDERS.items():
        found += [path for path in sorted((root / name).rglob("*")) if path.suffix in endings]
    return [path for path in found if path.is_file() and path.resolve().is_relative_to(root.resolve())]


def _copy_database(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as before:
        before.execute("VACUUM INTO ?", (str(target),))


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the names of who has made it."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
