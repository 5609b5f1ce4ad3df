"""A PostgreSQL server of the tests' own, in a temporary folder and on a free port of the loopback address."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import URL

PATIENCE_S = 30
_FOLDERS = ("/usr/lib/postgresql", "/usr/local/pgsql")


def server_binaries() -> Path | None:
    """The folder of `initdb` and `pg_ctl`, the newest where there are several."""
    if (found := shutil.which("initdb")) is not None:
        return Path(found).resolve().parent
    every = [path.parent for folder in _FOLDERS for path in Path(folder).glob("**/bin/initdb")]
    return max(every, key=lambda path: [int(part) if part.isdigit() else 0 for part in path.parts], default=None)


class PostgresServer:
    """A server with databases for tests, which may stop and start it; one that is not durable is faster."""

    def __init__(self, binaries: Path, *, durable: bool = False) -> None:
        self._binaries = binaries
        self._fsync = "on" if durable else "off"
        self._user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
        self.folder = Path(tempfile.mkdtemp(prefix="kefu-postgres-"))
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._numbers = count()
        self._run("initdb", "--pgdata", self._data, "--username=kefu", "--auth=trust", "--encoding=UTF8", "--no-sync")
        self.start()

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=60"
        self._control("start", "-l", str(self.folder / "log"), "-o", f"{options} -c fsync={self._fsync}")

    def stop(self, mode: str = "fast") -> None:
        self._control("stop", "-m", mode)

    def remove(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder)

    def url(self, database: str = "postgres") -> URL:
        return URL.create("postgresql", username="kefu", host="127.0.0.1", port=self.port, database=database)

    def new_database(self) -> URL:
        """A database with nothing in it."""
        name = f"kefu_{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def sql(self, statement: str, database: str = "postgres") -> list[str]:
        """What another program does or reads; a row a line, columns apart by `|`."""
        target = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "kefu", "-d", database]
        done = subprocess.run(
            [str(self._binaries / "psql"), *target, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement],
            check=True,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        return done.stdout.splitlines()

    def _control(self, command: str, *options: str) -> None:
        self._run("pg_ctl", command, "-D", self._data, "-w", "-t", str(PATIENCE_S), *options)

    def _run(self, program: str, *arguments: str) -> None:
        as_user = {"user": self._user, "group": self._user, "extra_groups": []} if self._user else {}
        done = subprocess.run(
            [str(self._binaries / program), *arguments],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,  # the server would keep a pipe open
            stderr=subprocess.STDOUT,
            timeout=PATIENCE_S,
            check=False,
            **as_user,
        )
        assert done.returncode == 0, f"{program}: {done.stdout or (self.folder / 'log').read_text()}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running PostgreSQL server. Who stops it starts it again."""
    binaries = server_binaries()
    if binaries is None:
        pytest.skip("There is no PostgreSQL server on this machine; `apt-get install postgresql` brings one.")
    server = PostgresServer(binaries)
    yield server
    server.remove()
