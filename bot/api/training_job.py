"""Trainings that were asked for over HTTP: one at a time, each in a child process that gives way to the server."""

import asyncio
import json
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import structlog

from bot.errors import Refused
from training.releases import ReleaseError, Releases

LOWEST_PRIORITY = 19
MAX_TRAINING_S = 6 * 3_600
SHOWN_ERROR_CHARS = 2_000
COMPRESSION = 3  # of 9: a model hardly shrinks

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOrder:
    """What is to be trained.

    Attributes:
        file_name: `sent.yml` or `sent.json`.
        body: What was sent.
        force: Train although nothing has changed.
        keep: Leave the release in the data folder.
    """

    file_name: str
    body: bytes
    force: bool = False
    keep: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A release as one file, which is gone when it is closed."""

    name: str
    size_bytes: int
    file: IO[bytes]


class TrainingJobs:
    """Runs trainings.

    Args:
        releases: Where what they make is kept.
    """

    def __init__(self, releases: Releases) -> None:
        self._releases = releases
        self._under_way = False
        self._process: asyncio.subprocess.Process | None = None

    @property
    def active(self) -> int:
        """How many trainings are under way."""
        return int(self._under_way)

    def begin(self) -> None:
        """Takes the one place there is; `train` gives it back.

        Raises:
            Refused: 409; it is taken.
        """
        if self._under_way:
            raise Refused(409, "TrainingUnderWay", "A training is under way; try again when it has ended.")
        self._under_way = True

    async def train(self, order: TrainingOrder, assistant: str) -> Archive:
        """Trains, and gives the release as an archive; `begin` comes first.

        Args:
            assistant: What the release is to be named after.

        Raises:
            Refused: What was sent cannot be trained on, or the training did not end well.
        """
        try:
            with tempfile.TemporaryDirectory(prefix="kefu-training-") as scratch:
                folder = Path(scratch) / "sent" / assistant
                folder.mkdir(parents=True)
                (folder / order.file_name).write_bytes(order.body)
                outcome = await self._run(folder, force=order.force)
            release_id = _release_id(outcome)
            archive = await asyncio.to_thread(archived, self._releases.folder / release_id)
            if outcome["fresh"] and not order.keep:
                await asyncio.to_thread(shutil.rmtree, self._releases.folder / release_id, ignore_errors=True)
            return archive
        finally:
            self._under_way = False

    async def close(self) -> None:
        """Ends the training that is under way."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def _run(self, folder: Path, *, force: bool) -> Mapping[str, Any]:
        command = [sys.executable, "-m", "bot.training_child", str(folder), str(self._releases.data_dir.resolve())]
        with (folder.parents[1] / "stderr").open("wb") as errors:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                *(["--force"] if force else []),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=_environment(),
            )
            with suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, self._process.pid, LOWEST_PRIORITY)
            _log.info("training_started", pid=self._process.pid)
            try:
                async with asyncio.timeout(MAX_TRAINING_S):
                    printed, _ = await self._process.communicate()
            finally:
                await self.close()
        said = (folder.parents[1] / "stderr").read_text("utf-8", errors="replace")
        _log.info("training_ended", exit_code=self._process.returncode)
        return _outcome(printed, said)


def archived(folder: Path) -> Archive:
    """A release's folder as a `.tar.gz` that no name leads to.

    Raises:
        ReleaseError: It cannot be read.
    """
    file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    try:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=COMPRESSION) as archive:
            archive.add(folder, arcname=folder.name)
    except OSError as error:
        file.close()
        raise ReleaseError(f"The release {folder.name} cannot be packed: {error.strerror}.") from error
    size_bytes = file.tell()
    file.seek(0)
    return Archive(name=f"{folder.name}.tar.gz", size_bytes=size_bytes, file=file)


def _outcome(printed: bytes, said: str) -> Mapping[str, Any]:
    """What the child says came of it.

    Raises:
        Refused: It crashed or was killed.
    """
    try:
        outcome = json.loads(printed.splitlines()[-1])
    except (IndexError, ValueError) as error:
        _log.error("training_crashed", stderr=said[-SHOWN_ERROR_CHARS:])
        raise Refused(503, "TrainingFailed", "The training has crashed; the log says why.", retry_after_s=60) from error
    return dict(outcome)


def _release_id(outcome: Mapping[str, Any]) -> str:
    if "missing" in outcome:
        raise Refused(501, "NotInstalled", f"{outcome['missing']} is not installed. Run `pip install 'kefu[train]'`.")
    if "error" in outcome:
        raise Refused(422, "TrainingError", str(outcome["error"])[:SHOWN_ERROR_CHARS], field="body")
    return str(outcome["release"])


def _environment() -> dict[str, str]:
    """The server's, without its settings and secrets, and with half of the cores."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEFU_")}
    return {**kept, "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 2) // 2))}
