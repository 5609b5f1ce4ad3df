"""The release that is tried: who gets it, when it goes, and that one that cannot be loaded is never served."""

import gc
import weakref
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from stub_engine import StubEngine, damage, write_stub_release

import bot.model_host
from bot.experiments.candidate import CandidateHost
from bot.experiments.experiment import EXPERIMENT_FILE, Experiment, Kind, write_experiment
from bot.model_host import ModelHost
from training.releases import ReleaseError, Releases

NAMES = [f"c{number}" for number in range(200)]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with the release `base`, served, and `cand`."""
    monkeypatch.setattr(bot.model_host, "Engine", StubEngine)
    write_stub_release(tmp_path, "base")
    write_stub_release(tmp_path, "cand", promote=False)
    return tmp_path


def begin(data: Path, kind: Kind = Kind.AB, share: float = 0.5, release: str = "cand") -> Experiment:
    experiment = Experiment.of(kind, release, "base", share, 1.0)
    write_experiment(data, experiment)
    return experiment


def served(tried: CandidateHost) -> dict[str, str]:
    return {name: tried.engine_for(name).id for name in NAMES}


def test_without_an_experiment_everybody_gets_the_release_in_use(data: Path) -> None:
    tried = CandidateHost(ModelHost(Releases(data)))

    assert set(served(tried).values()) == {"base"}
    assert tried.shadow_for("c1") is None
    assert tried.shown() is None
    assert tried.follow() is False


def test_the_conversations_that_are_drawn_get_the_candidate(data: Path) -> None:
    experiment = begin(data)
    tried = CandidateHost(ModelHost(Releases(data)))

    assert served(tried) == {name: "cand" if experiment.takes(name) else "base" for name in NAMES}
    assert {tried.shadow_for(name) for name in NAMES} == {None}
    assert tried.shown() == {"kind": "ab", "release": "cand", "share": 0.5, "running": True, "reason": None}


def test_a_shadow_answers_nobody(data: Path) -> None:
    experiment = begin(data, Kind.SHADOW)
    tried = CandidateHost(ModelHost(Releases(data)))

    assert set(served(tried).values()) == {"base"}
    found = {name: tried.shadow_for(name) for name in NAMES}
    assert {name for name, engine in found.items() if engine is not None} == set(filter(experiment.takes, NAMES))
    assert {engine.id for engine in found.values() if engine is not None} == {"cand"}


def test_a_running_server_follows_the_file(data: Path) -> None:
    host = ModelHost(Releases(data))
    tried = CandidateHost(host)
    experiment = begin(data, share=1.0)
    assert tried.follow() is True
    assert tried.follow() is False
    assert tried.engine_for("c1").id == "cand"

    write_experiment(data, experiment.model_copy(update={"ended": 2.0}))
    assert tried.follow() is True
    assert tried.engine_for("c1").id == "base"
    assert tried.shown() is None


def test_a_candidate_is_let_go_of_at_once_when_it_ends(data: Path) -> None:
    tried = CandidateHost(ModelHost(Releases(data)))
    experiment = begin(data, share=1.0)
    tried.follow()
    gone = weakref.ref(tried.engine_for("c1"))
    gc.disable()
    try:
        write_experiment(data, experiment.model_copy(update={"ended": 2.0}))
        tried.follow()
        assert gone() is None
    finally:
        gc.enable()


def test_a_candidate_that_cannot_be_loaded_is_not_served_and_said_once(data: Path) -> None:
    damage(Releases(data).open("cand"), 1)
    begin(data, share=1.0)

    with capture_logs() as logs:
        tried = CandidateHost(ModelHost(Releases(data)))
        assert [tried.follow() for _ in range(3)] == [False] * 3

    assert set(served(tried).values()) == {"base"}
    shown = tried.shown()
    assert shown is not None
    assert shown["running"] is False
    assert "does not have its recorded SHA-256" in shown["reason"]
    assert [(line["event"], line["release"]) for line in logs] == [("candidate_not_served", "cand")]


def test_begun_anew_a_mended_candidate_is_tried_again(data: Path) -> None:
    releases = Releases(data)
    path = releases.folder / "cand" / "intents.json"
    whole = path.read_bytes()
    path.write_bytes(b"xxxx")
    begin(data, share=1.0)
    tried = CandidateHost(ModelHost(releases))
    path.write_bytes(whole)

    assert tried.follow() is False
    begin(data, share=1.0)
    assert tried.follow() is True
    assert tried.engine_for("c1").id == "cand"


def test_a_damaged_file_tries_nothing_and_says_so(data: Path) -> None:
    begin(data, share=1.0)
    tried = CandidateHost(ModelHost(Releases(data)))
    (data / EXPERIMENT_FILE).write_text("{")

    assert tried.follow() is True
    assert tried.follow() is False
    assert tried.engine_for("c1").id == "base"
    shown = tried.shown()
    assert shown is not None
    assert "EXPERIMENT is damaged" in shown["reason"]
    (data / EXPERIMENT_FILE).unlink()
    tried.follow()
    assert tried.shown() is None


def test_a_candidate_that_is_promoted_serves_everybody_and_is_not_loaded_twice(data: Path) -> None:
    releases = Releases(data)
    begin(data, share=1.0)
    host = ModelHost(releases)
    tried = CandidateHost(host)
    candidate = tried.engine_for("c1")

    releases.promote(releases.open("cand"))
    assert host.follow() is True
    tried.follow()

    assert host.engine is candidate
    shown = tried.shown()
    assert shown is not None
    assert (shown["running"], shown["reason"]) == (False, "The candidate cand is served to everybody by now.")
    releases.promote(releases.open("base"))
    host.follow()
    assert tried.follow() is True
    assert tried.engine_for("c1").id == "cand"


def test_a_release_that_is_in_use_cannot_be_removed_until_it_is_let_go_of(data: Path) -> None:
    releases = Releases(data)
    experiment = begin(data, share=1.0)
    tried = CandidateHost(ModelHost(releases))

    assert releases.remove("cand", lambda: True) is False
    write_experiment(data, experiment.model_copy(update={"ended": 2.0}))
    tried.follow()
    assert releases.remove("cand", lambda: True) is True
    with pytest.raises(ReleaseError, match="cand is missing"):
        releases.open("cand")


def test_a_release_that_was_refused_is_tried_again_once_it_is_promoted_again(data: Path) -> None:
    releases = Releases(data)
    host = ModelHost(releases)
    candidate = releases.open("cand")
    path = candidate.folder / "intents.json"
    whole = path.read_bytes()
    path.write_bytes(b"xxxx")
    releases.promote(candidate)
    assert [host.follow(), host.follow()] == [False, False]
    path.write_bytes(whole)
    assert host.follow() is False

    releases.promote(candidate)

    assert host.follow() is True
    assert (host.engine.id, host.refused) == ("cand", {})


def test_what_is_put_by_name_is_verified_also_where_it_serves_already(data: Path) -> None:
    releases = Releases(data)
    host = ModelHost(releases)
    damage(releases.open("cand"), 1)
    with pytest.raises(ReleaseError, match="cand is damaged or altered"):
        host.load("cand")
    assert (host.engine.id, releases.current_id()) == ("base", "base")

    damage(releases.open("base"), 1)
    with pytest.raises(ReleaseError, match="base is damaged or altered"):
        host.load("base")
    assert host.engine.id == "base"


def test_the_old_engine_is_let_go_of_when_another_takes_over(data: Path) -> None:
    releases = Releases(data)
    host = ModelHost(releases)
    gone = weakref.ref(host.engine)
    gc.disable()
    try:
        releases.promote(releases.open("cand"))
        assert host.follow() is True
        assert gone() is None
    finally:
        gc.enable()
