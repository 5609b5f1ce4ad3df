"""Which release serves: the current one, else the newest that can; never one that cannot be loaded."""

import gc
import json
import shutil
import weakref
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.engine import Engine
from bot.model_host import ModelHost
from nlu import Understander
from training.releases import Release, ReleaseError, Releases


def add_release(data_dir: Path, release_id: str, changed: dict[str, bytes] | None = None) -> Release:
    """Another release beside the trained one, sealed as the training seals it, with some files replaced."""
    releases = Releases(data_dir)
    first = releases.open(releases.history()[-1])
    with releases.writing(release_id) as part:
        for name in first.manifest.files:
            shutil.copyfile(first.folder / name, part / name)
        for name, content in (changed or {}).items():
            (part / name).write_bytes(content)
        facts = first.manifest.model_dump(exclude={"files", "format_version", "created_at"})
        return releases.seal(part, {**facts, "id": release_id})


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def current(data_dir: Path) -> str:
    return (data_dir / "CURRENT").read_text().strip()


def test_the_current_release_is_served(data_dir: Path) -> None:
    host = ModelHost(Releases(data_dir))

    assert host.engine.id == current(data_dir)
    assert host.engine.read(["hello"])[0].understanding.intent.name == "greet"
    assert host.refused == {}


def test_reading_nothing_gives_nothing(host: ModelHost) -> None:
    assert host.engine.read([]) == []


def test_readings_come_in_the_order_of_their_texts_and_do_not_depend_on_the_batch(host: ModelHost) -> None:
    texts = ["when are you open", "thanks a lot, that was really very kind of you", "hello", "Do you deliver abroad?"]

    together = host.engine.read(texts)
    alone = [host.engine.read([text])[0] for text in texts]

    assert [reading.understanding.text for reading in together] == texts
    for batched, single in zip(together, alone, strict=True):
        assert batched.understanding.intent.name == single.understanding.intent.name
        assert batched.understanding.intent.probability == pytest.approx(
            single.understanding.intent.probability, abs=1e-4
        )
        assert [hit.pair.id for hit in batched.hits] == [hit.pair.id for hit in single.hits]
    assert together[3].hits[0].pair.id == "h01"
    assert together[3].hits[0].cosine == pytest.approx(1.0, abs=1e-3)


def test_without_any_release_the_message_says_to_train(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"There is no release in .*data\. Run `kefu train` first\."):
        ModelHost(Releases(tmp_path / "data"))


def test_a_damaged_current_release_gives_way_to_the_newest_earlier_one(data_dir: Path) -> None:
    good = current(data_dir)
    newer = add_release(data_dir, "0000-newer")
    Releases(data_dir).promote(newer)
    flip_a_byte(newer.folder / "encoder.onnx")

    with capture_logs() as logs:
        host = ModelHost(Releases(data_dir))

    assert host.engine.id == good
    assert [(line["event"], line["release"]) for line in logs] == [
        ("release_refused", "0000-newer"),
        ("serving_earlier_release", good),
    ]
    assert "encoder.onnx does not have its recorded SHA-256" in logs[0]["reason"]


def test_where_every_release_is_damaged_all_reasons_are_given(data_dir: Path) -> None:
    release = current(data_dir)
    (data_dir / "releases" / release / "tokenizer.json").unlink()

    with pytest.raises(ReleaseError) as error:
        ModelHost(Releases(data_dir))

    assert "tokenizer.json is missing" in str(error.value)
    assert "kefu train --force" in str(error.value)


@pytest.mark.parametrize("content", ["", "../../etc", "no such release", "0000-gone"])
def test_a_wrong_pointer_gives_way_to_the_last_release_that_was_good(data_dir: Path, content: str) -> None:
    good = current(data_dir)
    (data_dir / "CURRENT").write_text(content)

    with capture_logs() as logs:
        host = ModelHost(Releases(data_dir))

    assert host.engine.id == good
    assert logs[0]["event"] in ("current_unreadable", "release_refused")
    assert logs[-1] == {"event": "serving_earlier_release", "log_level": "warning", "release": good}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("encoder.onnx", b"not a graph", "encoder.onnx"),
        ("tokenizer.json", b"not a tokenizer", "expected"),
        ("index.faiss", b"not an index", "index.faiss is not an index that Kefu wrote"),
        ("knowledge.jsonl", b"null\n", "knowledge.jsonl does not hold a pair at byte 0"),
        ("assistant.json", b"{}", "validation errors for BotSpec"),
        ("intents.json", b'{"labels": ["a", "b"], "temperature": 1.0}', "the intents or the scope are damaged"),
        (
            "intents.json",
            b'{"labels": ["a", "b"], "temperature": 1.0, "tags": [], "scripts": {}}',
            "encoder, intents, entity tags and scope do not fit together",
        ),
        ("scope.safetensors", b"not tensors", "the intents or the scope are damaged"),
        ("intents.json", b'{"labels": [], "temperature": 0}', "temperature is 0"),
        ("smoke.json", b'[{"text": "hello", "intent": "goodbye"}]', "answers a smoke question wrong"),
        ("smoke.json", b'[{"text": "hello", "pair_id": "h99"}]', "answers a smoke question wrong"),
        ("smoke.json", b"[1]", "cannot be loaded"),
    ],
)
def test_a_release_whose_hashes_are_right_but_which_cannot_work_is_refused(
    data_dir: Path, name: str, content: bytes, reason: str
) -> None:
    release = add_release(data_dir, "0000-broken", {name: content})

    with pytest.raises(ReleaseError, match=reason) as error:
        Engine(Releases(data_dir).open(release.id))

    assert "0000-broken" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_release_without_smoke_questions_can_be_served(data_dir: Path) -> None:
    release = add_release(data_dir, "0000-silent", {"smoke.json": b"[]"})

    assert Engine(release).read(["hello"])[0].understanding.intent.name == "greet"


def test_a_promoted_release_is_followed(data_dir: Path) -> None:
    host = ModelHost(Releases(data_dir))
    old = host.engine
    assert host.follow() is False
    spec: dict[str, Any] = json.loads((old.release.folder / "assistant.json").read_text())
    spec["name"] = "renamed"
    Releases(data_dir).promote(add_release(data_dir, "0000-next", {"assistant.json": json.dumps(spec).encode()}))

    with capture_logs() as logs:
        assert host.follow() is True

    assert (host.engine.id, host.engine.spec.name) == ("0000-next", "renamed")
    assert logs == [{"event": "release_swapped", "log_level": "info", "old": old.id, "new": "0000-next"}]
    assert host.follow() is False
    assert old.read(["hello"])[0].engine is old, "what the old release began it can finish"


def test_a_release_that_is_refused_is_tried_and_named_once_and_the_old_one_stays(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = ModelHost(Releases(data_dir))
    good = host.engine
    bad = add_release(data_dir, "0000-next", {"encoder.onnx": b"not a graph"})
    Releases(data_dir).promote(bad)
    opened = []
    open_release = host.releases.open
    monkeypatch.setattr(host.releases, "open", lambda name: (opened.append(name), open_release(name))[1])

    with capture_logs() as logs:
        assert [host.follow() for _ in range(3)] == [False, False, False]

    assert host.engine is good
    assert opened == ["0000-next"], "hashing it again each time would cost as much as serving"
    assert list(host.refused) == ["0000-next"]
    assert "encoder.onnx" in host.refused["0000-next"]
    assert [(line["event"], line["release"], line["serving"]) for line in logs] == [
        ("release_refused", "0000-next", good.id)
    ]
    Releases(data_dir).promote(add_release(data_dir, "0000-third"))
    assert host.follow() is True
    assert host.engine.id == "0000-third"


def test_a_pointer_that_cannot_be_read_leaves_the_old_release(data_dir: Path) -> None:
    host = ModelHost(Releases(data_dir))
    (data_dir / "CURRENT").write_text("../../etc/passwd")

    with capture_logs() as logs:
        assert [host.follow(), host.follow()] == [False, False]

    assert "not a release id" in host.refused["CURRENT"]
    assert len(logs) == 1
    assert host.engine.id in host.releases.history()


def test_an_engine_understands_as_its_release_was_trained(host: ModelHost) -> None:
    assert isinstance(host.engine.understander, Understander)
    assert "opening_hours" in host.engine.understander.intents.labels
    assert host.engine.pair("h01") == host.engine.retriever.base[0]
    assert "greet" in host.engine.flows.answerable


def test_an_engine_that_nobody_uses_any_more_is_gone_at_once(data_dir: Path) -> None:
    """Waiting for the garbage collector would keep two models in memory for minutes."""
    engine = ModelHost(Releases(data_dir)).engine_of(add_release(data_dir, "0000-other").id)
    engine.read(["hello"])
    gone = weakref.ref(engine)
    gc.disable()
    try:
        del engine
        assert gone() is None
    finally:
        gc.enable()
