"""Takes a release in that another machine has made: a folder, or an archive of one. It is verified, and not promoted.

What comes from elsewhere is hostile until every hash is right: an archive may name paths outside, links and devices,
and may be larger than any disk.
"""

import os
import shutil
import stat
import tarfile
from pathlib import Path

from training.releases import Release, ReleaseError, Releases

MAX_BYTES = 4 * 1024**3
MAX_FILES = 300


def import_release(source: Path, releases: Releases, *, max_bytes: int = MAX_BYTES) -> Release:
    """The release that `source` holds, now among `releases`.

    Args:
        source: A release's folder, or a `.tar`, `.tar.gz` or the like with one in it.
        max_bytes: Of all its files.

    Raises:
        ReleaseError: It is no release, is damaged or too large, or another release here has its id.
        OSError: The data folder cannot be written.
    """
    releases.folder.mkdir(parents=True, exist_ok=True)
    scratch = releases.folder / f".part-import-{os.getpid()}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        if source.is_dir():
            _copy(source, scratch, max_bytes)
        elif source.is_file():
            _unpack(source, scratch, max_bytes)
        else:
            raise ReleaseError(f"There is no {source}. Name a release's folder, or an archive of one.")
        return releases.take_in(_only_release(scratch, source))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _copy(source: Path, scratch: Path, max_bytes: int) -> None:
    found = [path for path in source.rglob("*") if not stat.S_ISDIR(path.lstat().st_mode)]
    for path in found:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise ReleaseError(f"{path} is no plain file. A release holds nothing else.")
    _check_size(source, len(found), sum(path.lstat().st_size for path in found), max_bytes)
    shutil.copytree(source, scratch / source.resolve().name)


def _unpack(source: Path, scratch: Path, max_bytes: int) -> None:
    try:
        with tarfile.open(source) as archive:
            members, size = [], 0
            for member in archive:  # one by one: an archive's own list may never end
                if not (member.isreg() or member.isdir()):
                    raise ReleaseError(f"{source} holds {member.name[:80]!r}, which is no plain file.")
                members.append(member)
                size += member.size
                _check_size(source, len(members), size, max_bytes)
            archive.extractall(scratch, members, filter="data")
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise ReleaseError(f"{source} cannot be unpacked: {error}.") from error


def _check_size(source: Path, files: int, size_bytes: int, max_bytes: int) -> None:
    if files > MAX_FILES:
        raise ReleaseError(f"{source} holds more than {MAX_FILES} files. A release has fewer.")
    if size_bytes > max_bytes:
        raise ReleaseError(f"{source} holds more than {max_bytes:,} bytes.")


def _only_release(scratch: Path, source: Path) -> Path:
    found = list(scratch.iterdir())
    if len(found) != 1 or not found[0].is_dir():
        raise ReleaseError(f"{source} is no release: it must hold one folder, named as the release is.")
    return found[0]
