"""`kefu run` as a user runs it: a process of its own, its address on standard output, its log on standard error."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from data_folders import linked

from bot.stores.sqlite import SqliteStore
from training.releases import Releases

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 90
WORDS = "my-secret-parcel-4711"
# What training needs and serving must do without.
HEAVY = (
    "torch",
    "transformers",
    "sentence_transformers",
    "sklearn",
    "matplotlib",
    "onnx",
    "onnxscript",
    "scipy",
    "pandas",
)

CHILD = """
import asyncio, json, os, signal, sys, threading, urllib.request
from pathlib import Path
import bot.cli
from bot.logging import set_up_logging
from bot.server import serve
from configs.settings import load_settings
from training.releases import Releases

def ready(address, seconds):
    def talk():
        try:
            body = json.dumps({"sender": "ann", "message": "when are you open"}).encode()
            request = urllib.request.Request(address + "/webhooks/rest/webhook", body, {"Content-Type": "text/plain"})
            with urllib.request.urlopen(request, timeout=30) as reply:
                answered = json.load(reply)
            print(json.dumps({"answered": answered, "modules": sorted(sys.modules), "seconds": seconds}))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
    threading.Thread(target=talk).start()

settings = load_settings(port=0)
set_up_logging(settings)
asyncio.run(serve(settings, Releases(Path(sys.argv[1])), Path.cwd(), ready))
"""


@dataclass
class Running:
    """A server process and what it has said."""

    process: "subprocess.Popen[bytes]"
    out: Path
    err: Path
    port: int = 0
    started_s: float = field(default_factory=time.monotonic)

    @property
    def printed(self) -> str:
        return self.out.read_text("utf-8")

    @property
    def log(self) -> str:
        return self.err.read_text("utf-8")

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        with closing(self.connect()) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            raw = response.read()
        return response.status, json.loads(raw) if raw.startswith((b"{", b"[")) else raw.decode()

    def say(self, text: str, sender: str = "ann") -> tuple[int, Any]:
        body = json.dumps({"sender": sender, "message": text}).encode()
        return self.ask("POST", "/webhooks/rest/webhook", body, **{"Content-Type": "application/json"})

    def log_lines(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.splitlines()]
        return [line for line in lines if line["event"] == event]

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}


def kefu_run(assistant: Path, data: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "bot.cli", "run", str(assistant), "--data", str(data), "--port", "0", *more]


@contextmanager
def running(folder: Path, command: list[str]) -> Iterator[Running]:
    """The process of `command`, once it has said where it answers; killed at the end if it still runs."""
    out, err = folder / "out.txt", folder / "err.txt"
    with out.open("wb") as out_file, err.open("wb") as err_file:
        process = subprocess.Popen(command, stdout=out_file, stderr=err_file, cwd=folder, env=environment())
    server = Running(process, out, err)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while (found := re.search(r"answers at http://127\.0\.0\.1:(\d+),", server.printed)) is None:
            assert process.poll() is None, server.log
            assert time.monotonic() < deadline, server.log
            time.sleep(0.02)
        server.port = int(found[1])
        yield server
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE_S)


def failed(folder: Path, command: list[str]) -> str:
    """The one line that a server says which cannot start."""
    ended = subprocess.run(command, capture_output=True, check=False, cwd=folder, env=environment(), timeout=PATIENCE_S)
    err = ended.stderr.decode()
    assert ended.returncode == 1, err
    assert "Traceback" not in err
    (line,) = [line for line in err.splitlines() if line.startswith("kefu: ")]
    return line


@pytest.fixture(scope="module")
def server(minimal_folder: Path, trained_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("running")
    with running(
        folder, kefu_run(minimal_folder, linked(trained_dir, folder / "data"), "--log-format", "json")
    ) as server:
        yield server


def test_it_prints_where_it_answers_and_answers_there(server: Running) -> None:
    code, reply = server.say("when are you open")

    assert code == 200
    assert reply[0]["text"]
    assert re.search(r"Kefu answers at http://127\.0\.0\.1:\d+, \d+\.\d\d s after process start\.", server.printed)
    assert f"http://127.0.0.1:{server.port}/chat" in server.printed
    assert server.ask("GET", "/health") == (200, {"status": "ok"})


def test_its_log_is_json_line_by_line_and_never_holds_what_customers_write(server: Running) -> None:
    webhook, kind = "/webhooks/rest/webhook", {"Content-Type": "application/json"}
    before = len(server.log_lines("request"))
    bodies: list[tuple[str, bytes, dict[str, str]]] = [
        (webhook, json.dumps({"sender": WORDS, "message": WORDS, "metadata": {"a": WORDS}}).encode(), kind),
        (webhook, json.dumps({"message": f"\x00{WORDS}"}).encode(), kind),
        (webhook, json.dumps({"message": 5, WORDS: WORDS}).encode(), kind),
        (webhook, WORDS.encode(), kind),
        (webhook, WORDS.encode(), {**kind, "Content-Encoding": "gzip"}),
        (webhook, b'{"metadata": {"a": "\\ud800"}, "message": "' + WORDS.encode() + b'"}', kind),
        (webhook, WORDS.encode() * 10_000, kind),
        (webhook, WORDS.encode(), {"Content-Type": "text/html"}),
        (f"{webhook}?stream={WORDS}", json.dumps({"message": WORDS}).encode(), kind),
        ("/model/parse", json.dumps({"text": WORDS}).encode(), kind),
        ("/model/parse", json.dumps({"text": [WORDS]}).encode(), kind),
    ]

    codes = [server.ask("POST", path, body, **headers)[0] for path, body, headers in bodies]
    for raw in (
        f"{WORDS}\r\n\r\n",
        f"POST {webhook} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{WORDS}\r\n",
        f"POST {webhook} HTTP/1.1\r\nHost: a\r\nX: {WORDS * 1000}\r\n\r\n",
    ):
        with closing(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S)) as connection:
            connection.sendall(raw.encode())
            assert b" 400 " in connection.recv(1000)
    assert server.say("hello")[0] == 200

    assert codes == [200, 422, 422, 400, 400, 422, 413, 415, 400, 200, 422]
    requests = server.log_lines("request")[before:]
    assert [line["status"] for line in requests][: len(codes)] == codes
    assert set(requests[0]["stages"]) == {"parse", "store", "encode", "search", "decide", "render"}
    assert server.log_lines("library_message"), "the library's complaints are there, without the words"
    assert WORDS not in server.log
    assert WORDS not in server.printed


def test_a_second_server_on_the_same_port_is_told_so(
    server: Running, minimal_folder: Path, trained_dir: Path, tmp_path: Path
) -> None:
    command = kefu_run(minimal_folder, linked(trained_dir, tmp_path / "data"), "--port", str(server.port))

    line = failed(tmp_path, command)

    assert f"Cannot listen on 127.0.0.1:{server.port}" in line
    assert "--port" in line
    assert server.say("hello")[0] == 200


def test_serving_loads_nothing_that_only_training_needs(trained_dir: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(linked(trained_dir, tmp_path / "data"))]

    ended = subprocess.run(
        command, capture_output=True, check=False, cwd=tmp_path, env=environment(), timeout=PATIENCE_S
    )

    assert ended.returncode == 0, ended.stderr.decode()
    said = json.loads(ended.stdout)
    assert said["answered"][0]["recipient_id"] == "ann"
    assert {"onnxruntime", "faiss", "bot.app"} <= set(said["modules"]), "it has really answered"
    assert [name for name in said["modules"] if name.split(".")[0] in HEAVY] == []
    assert 0 < said["seconds"] < PATIENCE_S


def test_sigterm_answers_what_is_under_way_and_ends_well(
    minimal_folder: Path, trained_dir: Path, tmp_path: Path
) -> None:
    data = linked(trained_dir, tmp_path / "data")
    body = json.dumps({"sender": "ann", "message": "when are you open"}).encode()
    with running(tmp_path, kefu_run(minimal_folder, data)) as server:
        under_way = [server.connect() for _ in range(30)]
        for connection in under_way:
            connection.request("POST", "/webhooks/rest/webhook", body, {"Content-Type": "application/json"})
        first = under_way[0].getresponse()  # one conversation: the others wait for their turn
        server.process.send_signal(signal.SIGTERM)
        replies = [first, *(connection.getresponse() for connection in under_way[1:])]
        answered = [(reply.status, json.loads(reply.read())[0]["recipient_id"]) for reply in replies]
        for connection in under_way:
            connection.close()
        code = server.process.wait(PATIENCE_S)
        log = server.log

    assert answered == [(200, "ann")] * 30
    assert code == 0
    assert "Traceback" not in log
    assert sorted(path.name for path in data.iterdir() if path.name.startswith("conv")) == ["conversations.db"]


async def test_what_was_answered_before_the_end_is_in_the_store(
    minimal_folder: Path, trained_dir: Path, tmp_path: Path
) -> None:
    data = linked(trained_dir, tmp_path / "data")
    with running(tmp_path, kefu_run(minimal_folder, data)) as server:
        assert [server.say(f"message {number}")[0] for number in range(5)] == [200] * 5
        server.process.kill()
        server.process.wait(PATIENCE_S)

    store = SqliteStore(data / "conversations.db")
    await store.open()
    events = await store.events("ann")
    await store.close()

    assert [event["text"] for event in events if event["event"] == "user"] == [f"message {n}" for n in range(5)]


def test_ctrl_c_ends_it_well_too_and_a_second_signal_changes_nothing(
    minimal_folder: Path, trained_dir: Path, tmp_path: Path
) -> None:
    with running(tmp_path, kefu_run(minimal_folder, linked(trained_dir, tmp_path / "data"))) as server:
        server.process.send_signal(signal.SIGTERM)
        assert server.end(signal.SIGINT) == 0


def test_without_a_release_it_ends_and_says_to_train(minimal_folder: Path, tmp_path: Path) -> None:
    line = failed(tmp_path, kefu_run(minimal_folder, tmp_path / "data"))

    assert f"There is no release in {tmp_path}/data. Run `kefu train` first." in line


def test_a_damaged_store_is_named_and_left_as_it_is(minimal_folder: Path, trained_dir: Path, tmp_path: Path) -> None:
    data = linked(trained_dir, tmp_path / "data")
    (data / "conversations.db").write_text("not a database, but somebody's notes\n" * 50)
    before = (data / "conversations.db").read_bytes()

    line = failed(tmp_path, kefu_run(minimal_folder, data))

    assert f"{data}/conversations.db cannot be opened: file is not a database" in line
    assert (data / "conversations.db").read_bytes() == before


def test_a_damaged_release_gives_way_to_the_older_one_and_the_log_says_why(
    minimal_folder: Path, trained_dir: Path, tmp_path: Path
) -> None:
    data = linked(trained_dir, tmp_path / "data")
    releases = Releases(data)
    older = releases.open(releases.history()[0])
    with releases.writing("0000-newer") as part:
        shutil.copytree(older.folder, part, dirs_exist_ok=True, ignore=shutil.ignore_patterns("manifest.json"))
        facts = older.manifest.model_dump(exclude={"files", "format_version", "created_at"})
        newer = releases.seal(part, {**facts, "id": "0000-newer"})
    releases.promote(newer)
    (newer.folder / "tokenizer.json").write_text("{}")

    with running(tmp_path, kefu_run(minimal_folder, data, "--log-format", "json")) as server:
        serving = server.ask("GET", "/status")[1]["model_id"]
        answered = server.say("hello")[0]
        refused = server.log_lines("release_refused")
        earlier = server.log_lines("serving_earlier_release")

    assert (serving, answered) == (older.id, 200)
    assert refused[0]["release"] == "0000-newer"
    assert "tokenizer.json" in refused[0]["reason"]
    assert earlier[0]["release"] == older.id


def test_customers_at_once_are_all_answered(server: Running) -> None:
    codes: list[int] = []

    def talk(sender: str) -> None:
        codes.extend(server.say(text, sender)[0] for text in ("hello", "when are you open", "thanks"))

    threads = [threading.Thread(target=talk, args=(f"customer {number}",)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)

    assert codes == [200] * 36
