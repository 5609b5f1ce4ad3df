"""Rasa's HTTP API over models: which one serves, its domain, trainings and tests."""

import asyncio
import io
import json
import os
import signal
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from configs import MINIMAL, Assistant
from configs.domain import read_domain
from training.releases import Releases

WEBHOOK = "/webhooks/rest/webhook"
YAML = {"Content-Type": "application/x-yaml"}
in_shop = pytest.mark.asyncio(loop_scope="module")


async def call(client: TestClient, method: str, path: str, **options: Any) -> tuple[int, Any]:
    response = await client.request(method, path, **options)
    return response.status, await response.json() if response.content_type == "application/json" else None


def minimal_files() -> dict[str, Any]:
    """All of the minimal assistant's YAML in one mapping, as Rasa's clients send it."""
    merged: dict[str, Any] = {}
    for path in (MINIMAL / "config.yml", MINIMAL / "domain.yml", *sorted((MINIMAL / "data").glob("*.yml"))):
        merged |= yaml.safe_load(path.read_text("utf-8"))
    return merged


def changed(answer: str) -> dict[str, Any]:
    """The minimal assistant with one other answer, so that a training has no encoder to fit."""
    files = minimal_files()
    files["responses"]["utter_thank"] = [{"text": answer}]
    return files


# What serves


@in_shop
async def test_the_domain_comes_as_json_or_as_yaml(shop: TestClient, minimal: Assistant, tmp_path: Path) -> None:
    as_json = await shop.get("/domain", headers={"Accept": "application/json"})
    as_yaml = await shop.get("/domain", headers={"Accept": "application/x-yml"})
    as_any = await shop.get("/domain", headers={"Accept": "*/*"})

    source = await as_json.json()
    assert source == yaml.safe_load((MINIMAL / "domain.yml").read_text("utf-8"))
    assert (as_yaml.status, as_yaml.content_type) == (200, "application/x-yml")
    (tmp_path / "domain.yml").write_text(await as_yaml.text(), "utf-8")
    assert read_domain([tmp_path / "domain.yml"])[0] == minimal.domain
    assert as_any.content_type == "application/json"


@in_shop
@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/html", 406),
        ("image/png, text/plain;q=0.5", 406),
        ("text/yaml", 200),
        ("text/html, application/json;q=0.9", 200),
        ("x" * 1_000, 406),
    ],
)
async def test_only_these_two_are_offered(shop: TestClient, accept: str, expected: int) -> None:
    status, body = await call(shop, "GET", "/domain", headers={"Accept": accept})

    assert status == expected
    if status == 406:
        assert body["reason"] == "NotAcceptable"


async def test_without_a_model_only_what_needs_none_answers(serve: Any, data_dir: Path) -> None:
    client = await serve(data_dir)
    release = Releases(data_dir).current_id()

    assert (await client.delete("/model")).status == 204
    needing = [
        ("GET", "/status", None),
        ("GET", "/domain", None),
        ("POST", "/model/parse", {"text": "hello"}),
        ("POST", "/model/predict", [{"event": "restart"}]),
        ("GET", "/conversations/x/tracker", None),
        ("POST", "/conversations/x/trigger_intent", {"name": "greet"}),
        ("POST", WEBHOOK, {"message": "hello"}),
    ]
    for method, path, body in needing:
        status, said = await call(client, method, path, json=body)
        assert (status, said["reason"]) == (409, "Conflict"), path
    assert (await client.get("/version")).status == 200
    assert (await call(client, "GET", "/ready"))[0] == 503
    await asyncio.sleep(0.2)  # longer than the server looks for another release
    assert (await call(client, "GET", "/status"))[0] == 409

    assert (await client.put("/model")).status == 204
    assert (await call(client, "GET", "/status"))[1]["model_id"] == release
    assert (await call(client, "POST", WEBHOOK, json={"message": "hello"}))[0] == 200


async def test_a_release_is_loaded_by_name_and_promoted(serve: Any, data_dir: Path) -> None:
    releases = Releases(data_dir)
    old = releases.open(releases.current_id() or "")
    new = copied(releases, "another-release")
    client = await serve(data_dir)

    for name in (new, f"models/{old.id}.tar.gz", f"/some/where/{new}"):
        assert (await client.put("/model", json={"model_file": name})).status == 204
        serving = (await call(client, "GET", "/status"))[1]["model_id"]
        assert serving == releases.current_id() == name.rpartition("/")[2].removesuffix(".tar.gz")


@pytest.mark.parametrize(
    ("body", "field", "expected"),
    [
        ({"model_file": "gone-release"}, "model_file", 400),
        ({"model_file": "../../etc"}, "model_file", 400),
        ({"model_file": ".."}, "model_file", 400),
        ({"model_file": ""}, "model_file", 422),
        ({"model_file": 5}, "model_file", 422),
        ({"model_file": "a\x00"}, "model_file", 422),
        ({"model_server": {"url": "http://169.254.169.254/"}}, "model_server", 400),
        ({"remote_storage": "aws"}, "remote_storage", 400),
        ([], "body", 422),
    ],
)
async def test_another_model_than_a_release_is_refused_and_the_old_one_serves(
    serve: Any, data_dir: Path, body: Any, field: str, expected: int
) -> None:
    client = await serve(data_dir)
    serving = Releases(data_dir).current_id()

    status, said = await call(client, "PUT", "/model", json=body)

    assert (status, said["details"]["field"]) == (expected, field)
    assert (await call(client, "GET", "/status"))[1]["model_id"] == serving == Releases(data_dir).current_id()


async def test_a_damaged_release_is_neither_loaded_nor_promoted(serve: Any, data_dir: Path) -> None:
    releases = Releases(data_dir)
    serving, damaged = releases.current_id(), copied(releases, "damaged-release")
    with (releases.folder / damaged / "index.faiss").open("r+b") as file:
        file.seek(100)
        file.write(b"\xff\xff")
    client = await serve(data_dir)

    status, said = await call(client, "PUT", "/model", json={"model_file": damaged})

    assert (status, said["reason"]) == (400, "BadRequest")
    assert "index.faiss" in said["message"]
    assert (await call(client, "GET", "/status"))[1]["model_id"] == serving == releases.current_id()


def copied(releases: Releases, release_id: str) -> str:
    """A second release like the current one."""
    current = releases.open(releases.current_id() or "")
    with releases.writing(release_id) as part:
        for name in current.manifest.files:
            (part / name).write_bytes((current.folder / name).read_bytes())
        facts = current.manifest.model_dump(exclude={"files", "format_version", "created_at"})
        return releases.seal(part, {**facts, "id": release_id}).id


# Trainings


async def test_a_training_answers_the_release_and_does_not_promote_it(serve: Any, data_dir: Path) -> None:
    client = await serve(data_dir)
    releases = Releases(data_dir)
    serving = releases.current_id()

    training = asyncio.create_task(client.post("/model/train", data=yaml.safe_dump(changed("Any time!")), headers=YAML))
    while (await call(client, "GET", "/status"))[1]["num_active_training_jobs"] == 0:
        assert not training.done()
    second = await call(client, "POST", "/model/train", data="language: en", headers=YAML)
    answered = (await call(client, "POST", WEBHOOK, json={"message": "hello"}))[0]
    response = await training

    assert (second[0], second[1]["reason"]) == (409, "TrainingUnderWay")
    assert answered == 200
    assert response.status == 200, await response.text()
    name = response.headers["filename"]
    made = name.removesuffix(".tar.gz")
    with tarfile.open(fileobj=io.BytesIO(await response.read())) as archive:
        assert {path.partition("/")[0] for path in archive.getnames()} == {made}
        assert f"{made}/manifest.json" in archive.getnames()
    assert (await call(client, "GET", "/status"))[1]["num_active_training_jobs"] == 0
    assert releases.current_id() == serving
    release = releases.open(made)
    assert release.manifest.pair_count == releases.open(serving or "").manifest.pair_count

    assert (await client.put("/model", json={"model_file": name})).status == 204
    (reply,) = (await call(client, "POST", WEBHOOK, json={"message": "thanks a lot", "sender": "t"}))[1]
    assert reply["text"] == "Any time!"


async def under_way(logs: list[Any]) -> int:
    """The process of the training that has just begun."""
    async with asyncio.timeout(60):
        while not (started := [line["pid"] for line in logs if line["event"] == "training_started"]):  # noqa: ASYNC110
            await asyncio.sleep(0)
    return int(started[-1])


async def test_a_training_that_is_killed_harms_nothing_and_another_may_begin(serve: Any, data_dir: Path) -> None:
    client = await serve(data_dir)
    before = sorted(path.name for path in Releases(data_dir).folder.iterdir())

    with capture_logs() as logs:
        training = asyncio.create_task(client.post("/model/train", data=yaml.safe_dump(changed("Hm.")), headers=YAML))
        pid = await under_way(logs)
        assert os.getpriority(os.PRIO_PROCESS, pid) == 19
        os.kill(pid, signal.SIGKILL)
        response = await training

    assert (response.status, (await response.json())["reason"]) == (503, "TrainingFailed")
    assert (await call(client, "GET", "/status"))[1]["num_active_training_jobs"] == 0
    assert sorted(path.name for path in Releases(data_dir).folder.iterdir()) == before
    assert (await call(client, "POST", "/model/train", data="x: y", headers=YAML))[0] == 422


async def test_a_training_ends_with_its_server(serve: Any, data_dir: Path) -> None:
    client = await serve(data_dir)
    query = {"callback_url": "http://127.0.0.1:9/nobody"}

    with capture_logs() as logs:
        raw = yaml.safe_dump(changed("Hm."))
        assert (await client.post("/model/train", params=query, data=raw, headers=YAML)).status == 204
        pid = await under_way(logs)
        await client.close()

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_what_cannot_be_trained_on_is_a_422_that_says_where(serve: Any, data_dir: Path) -> None:
    client = await serve(data_dir)
    wrong = {"language": "en", "intents": ["a"], "nlu": [{"intent": "a"}]}
    cases: list[tuple[bytes, dict[str, str], str]] = [
        (yaml.safe_dump(wrong).encode(), YAML, "training.yml"),
        (
            json.dumps({"domain": "intents: [a", "nlu": "x"}).encode(),
            {"Content-Type": "application/json"},
            "domain.yml:",
        ),
        (b"a: !!python/object/apply:os.system [ls]", YAML, "sent.yml:1"),
        (b"[]", YAML, "must be a mapping"),
    ]

    for raw, headers, place in cases:
        status, said = await call(client, "POST", "/model/train", data=raw, headers=headers)
        assert (status, said["reason"]) == (422, "TrainingError")
        assert place in said["message"]
        assert "kefu-training" not in said["message"], "the server's own folders are nobody's business"
    assert (await call(client, "GET", "/status"))[1]["num_active_training_jobs"] == 0


@in_shop
@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "http://metadata.example/",
        "http://0x7f.1/",
        "http://127.0.0.1.evil.example/",
        "http://user@127.0.0.1/",
        "http://127.0.0.1@evil.example/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "//127.0.0.1/",
        "127.0.0.1",
        "http://[::ffff:169.254.169.254]/",
        "http://",
        "",
    ],
)
async def test_a_result_is_sent_nowhere_but_where_the_owner_allows(shop: TestClient, url: str) -> None:
    status, said = await call(
        shop, "POST", "/model/train", params={"callback_url": url}, data="language: en", headers=YAML
    )

    assert (status, said["details"]) == (400, {"field": "callback_url"})


class Callbacks:
    """A server that notes what is sent to it."""

    def __init__(self) -> None:
        self.got: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    async def take(self, request: web.Request) -> web.Response:
        await self.got.put((request.headers.get("filename", ""), await request.read()))
        return web.Response()


@pytest.fixture
async def callbacks() -> AsyncIterator[tuple[Callbacks, str]]:
    taken = Callbacks()
    app = web.Application(client_max_size=0)
    app.router.add_post("/done", taken.take)
    async with TestServer(app) as server:
        yield taken, str(server.make_url("/done"))


async def test_a_result_goes_to_the_callback_an_error_too(
    serve: Any, data_dir: Path, callbacks: tuple[Callbacks, str]
) -> None:
    taken, url = callbacks
    client = await serve(data_dir)
    query = {"callback_url": url, "save_to_default_model_directory": "false"}

    started = await client.post("/model/train", params=query, data=yaml.safe_dump(changed("Sure!")), headers=YAML)
    async with asyncio.timeout(300):
        name, archive = await taken.got.get()
        assert started.status == 204
        assert (await client.post("/model/train", params=query, data="language: en", headers=YAML)).status == 204
        _, error = await taken.got.get()

    assert name.endswith(".tar.gz")
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        assert f"{name.removesuffix('.tar.gz')}/manifest.json" in packed.getnames()
    assert not (Releases(data_dir).folder / name.removesuffix(".tar.gz")).exists(), "it was not to be kept"
    assert json.loads(error)["reason"] == "TrainingError"


@in_shop
@pytest.mark.parametrize(
    ("query", "raw", "headers", "expected"),
    [
        ("", b"", YAML, 400),
        ("", b"x: y", {"Content-Type": "text/html"}, 415),
        ("?force_training=maybe", b"x: y", YAML, 400),
        ("?num_threads=many", b"x: y", YAML, 400),
        ("", b"x" * (16 * 1024 * 1024 + 1), YAML, 413),
    ],
)
async def test_a_training_that_is_asked_for_wrongly_is_refused(
    shop: TestClient, query: str, raw: bytes, headers: dict[str, str], expected: int
) -> None:
    assert (await call(shop, "POST", f"/model/train{query}", data=io.BytesIO(raw), headers=headers))[0] == expected


# Tests

TEST_DATA = {
    "version": "3.1",
    "nlu": [
        {"intent": "greet", "examples": "- hello there\n- hi\n"},
        {"intent": "thank", "examples": "- thanks a lot\n- when are you open\n"},
    ],
}
OLDER = {
    "rasa_nlu_data": {
        "common_examples": [
            {"text": text, "intent": intent, "entities": []}
            for intent, text in (
                ("greet", "hello there"),
                ("greet", "hi"),
                ("thank", "thanks a lot"),
                ("thank", "when are you open"),
            )
        ]
    }
}


@in_shop
async def test_intents_are_tested_with_yaml_or_json_of_either_kind(shop: TestClient) -> None:
    path = "/model/test/intents"
    status, found = await call(shop, "POST", path, data=yaml.safe_dump(TEST_DATA), headers=YAML)
    assert status == 200
    assert await call(shop, "POST", path, json=TEST_DATA) == (200, found)
    assert await call(shop, "POST", path, json=OLDER) == (200, found)

    assert set(found) == {"intent_evaluation", "entity_evaluation", "response_selection_evaluation"}
    assert found["entity_evaluation"] is found["response_selection_evaluation"] is None
    intents = found["intent_evaluation"]
    assert [(p["intent"], p["predicted"]) for p in intents["predictions"]] == [
        ("greet", "greet"),
        ("greet", "greet"),
        ("thank", "thank"),
        ("thank", "opening_hours"),
    ]
    assert intents["accuracy"] == 0.75
    assert intents["report"]["thank"] == {
        "precision": 1.0,
        "recall": 0.5,
        "f1-score": pytest.approx(2 / 3),
        "support": 2,
        "confused_with": {"opening_hours": 1},
    }
    assert [error["text"] for error in intents["errors"]] == ["when are you open"]


@in_shop
@pytest.mark.parametrize(
    ("query", "raw", "kind", "expected"),
    [
        ("", b"", "application/x-yaml", 400),
        ("", b"\xff\xfe", "application/x-yaml", 400),
        ("", b"nlu: [", "application/x-yaml", 400),
        ("", b"nlu: \x00", "application/x-yaml", 400),
        ("", b"{", "application/json", 400),
        ("", b"[]", "application/json", 422),
        ("", b"{}", "application/json", 422),
        ("", b'{"nlu": 5}', "application/json", 422),
        ("", b'{"nlu": [5]}', "application/json", 422),
        ("", b'{"nlu": [{"intent": "a", "examples": "- \\u0000"}]}', "application/json", 422),
        ("", b'{"nlu": [{"intent": "a", "examples": "- \\ud800"}]}', "application/json", 422),
        ("", b'{"rasa_nlu_data": 5}', "application/json", 422),
        ("", b'{"rasa_nlu_data": {"common_examples": [{"text": 5}]}}', "application/json", 422),
        ("", b"a: &a [*a]", "application/x-yaml", 422),
        ("", b"a: !!python/name:os.system", "application/x-yaml", 422),
        ("", b"x: y", "text/html", 415),
        ("", b"x" * 1_100_000, "application/x-yaml", 413),
        ("?model=other", b"x: y", "application/x-yaml", 400),
        ("?cross_validation_folds=5", b"x: y", "application/x-yaml", 400),
        ("?callback_url=http://evil.example", b"x: y", "application/x-yaml", 400),
    ],
)
async def test_test_data_that_cannot_be_used_are_refused(
    shop: TestClient, query: str, raw: bytes, kind: str, expected: int
) -> None:
    status, said = await call(
        shop, "POST", f"/model/test/intents{query}", data=io.BytesIO(raw), headers={"Content-Type": kind}
    )

    assert status == expected, said
    assert said["status"] == "failure"


STORIES = """
stories:
- story: as it is
  steps:
  - user: hello
    intent: greet
  - action: utter_greet
  - intent: opening_hours
  - action: utter_opening_hours
- story: as it is not
  steps:
  - intent: thank
  - action: utter_goodbye
"""


@in_shop
async def test_stories_are_tested_step_by_step(shop: TestClient) -> None:
    status, found = await call(shop, "POST", "/model/test/stories", data=STORIES, headers=YAML)
    as_json = await call(shop, "POST", "/model/test/stories", json=yaml.safe_load(STORIES))

    assert status == 200
    assert as_json == (200, found)
    assert [(one["action"], one["predicted"]) for one in found["actions"]] == [
        ("utter_greet", "utter_greet"),
        ("action_listen", "action_listen"),
        ("utter_opening_hours", "utter_opening_hours"),
        ("action_listen", "action_listen"),
        ("utter_goodbye", "utter_thank"),
        ("action_listen", "action_listen"),
    ]
    assert found["accuracy"] == pytest.approx(5 / 6)
    assert found["report"]["conversation_accuracy"] == {"accuracy": 0.5, "correct": 1, "total": 2}
    assert found["report"]["utter_goodbye"]["confused_with"] == {"utter_thank": 1}


@in_shop
@pytest.mark.parametrize(
    ("query", "raw", "expected"),
    [
        ("", b"stories: [", 400),
        ("", b"nlu: []", 422),
        ("", b"stories: 5", 422),
        ("", b"stories: [{story: a, steps: []}]", 422),
        ("", b"stories: [{story: a, steps: [{user: words}]}]", 422),
        ("", b"stories: [{story: a, steps: [{checkpoint: gone}, {action: b}]}]", 422),
        ("?e2e=true", b"stories: []", 400),
    ],
)
async def test_stories_that_cannot_be_followed_are_refused(
    shop: TestClient, query: str, raw: bytes, expected: int
) -> None:
    status, said = await call(shop, "POST", f"/model/test/stories{query}", data=raw, headers=YAML)

    assert (status, said["status"]) == (expected, "failure")
