"""The files of a folder that are read as a whole, such as help pages; none from outside it."""

import os
from collections.abc import Iterator
from pathlib import Path

from retrieval.files.rows import BadRow


def files_under(root: Path, endings: frozenset[str]) -> tuple[list[Path], list[BadRow]]:
    """The files under `root` that end in one of `endings`, in lower case, sorted; and those that may not be read.

    Hidden files and folders are passed over. So is a link to another file of the folder, which is read where it
    stands; a link that leads outside is refused.
    """
    home = root.resolve()
    found: list[Path] = []
    refused: list[BadRow] = []
    for path in _walk(root):
        if path.suffix.lower() not in endings:
            continue
        if not path.is_symlink():
            found.append(path)
        elif not path.resolve().is_relative_to(home):
            refused.append(
                BadRow(
                    line=1,
                    problem="is a link that leads outside the folder",
                    fix="Copy the file into the folder.",
                    file=path.relative_to(root).as_posix(),
                )
            )
    return sorted(found), sorted(refused, key=lambda bad: bad.file)


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(folder) / name for name in files if not name.startswith("."))
        # A link to a folder is not followed; as a file with an ending it would be refused or passed over like one.
        yield from (path for name in folders if (path := Path(folder) / name).is_symlink())
