"""`kefu releases`: what is shown, what is served afterwards, and what is refused in one line."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stub_engine import FACTS, StubEngine, damage, spec, write_stub_release
from typer.testing import CliRunner

import bot.engine
from bot.experiment_commands import releases_app
from bot.experiments.experiment import read_experiment
from bot.release_diff import diff_releases
from configs import PolicyConfig, Variation
from configs.bot_spec import BotSpec
from configs.errors import KefuError
from training.manifest import REQUIRED_FILES
from training.releases import Release, Releases

Run = Callable[..., str]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with three releases; the last is served."""
    monkeypatch.setattr(bot.engine, "Engine", StubEngine)
    monkeypatch.setenv("COLUMNS", "300")
    for name in ("first", "second", "third"):
        write_stub_release(tmp_path, name)
    return tmp_path


@pytest.fixture
def run(data: Path) -> Run:
    """Runs a command on the data folder; an error comes as what `kefu` says of it."""

    def call(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(releases_app, [*arguments, "--data", str(data)])
        if isinstance(result.exception, KefuError):
            assert code == 1
            return str(result.exception)
        assert result.exit_code == code, result.output
        return result.output

    return call


def current(data: Path) -> str | None:
    return Releases(data).current_id()


def test_the_list_says_which_is_served_tried_and_damaged(run: Run, data: Path) -> None:
    write_stub_release(data, "fourth", promote=False)
    (data / "releases" / "first" / "manifest.json").write_text("{")
    run("shadow", "second")

    rows = {one["id"]: one for one in json.loads(run("list", "--json"))}
    shown = run("list")

    assert set(rows) == {"first", "second", "third", "fourth"}
    assert [name for name, one in rows.items() if one["is_current"]] == ["third"]
    assert {name: one["promoted"] for name, one in rows.items()} == {"first": 1, "second": 1, "third": 1, "fourth": 0}
    assert {name: one["tried"] for name, one in rows.items() if one["tried"]} == {"second": "shadow"}
    assert "damaged manifest.json" in rows["first"]["damage"]
    size = sum(path.stat().st_size for path in (data / "releases" / "third").rglob("*") if path.is_file())
    assert rows["third"]["size_bytes"] == size
    assert "shadowed, promoted" in shown
    assert "damaged: The release first has a damaged manifest.json" in shown
    assert shown.splitlines()[-1] == "4 releases."


def test_show_says_what_the_manifest_says_and_whether_it_is_true(run: Run, data: Path) -> None:
    whole = json.loads(run("show", "third", "--json"))
    assert whole["verified"] == "every file is as it was written"
    assert (whole["id"], whole["is_current"], whole["encoder"]) == ("third", True, "none")
    assert set(whole["files"]) == set(REQUIRED_FILES)

    damage(Releases(data).open("third"), 1)
    assert "does not have its recorded SHA-256" in run("show", "third")
    assert "nowhere is missing" in run("show", "nowhere", code=1)
    assert "is not a release id" in run("show", "../../etc", code=1)


def test_promote_serves_what_is_whole_and_refuses_what_is_not(run: Run, data: Path) -> None:
    assert "first is served now, instead of third." in run("promote", "first")
    assert current(data) == "first"
    assert "is served already" in run("promote", "first")

    damage(Releases(data).open("second"), 0)
    assert "second is damaged or altered" in run("promote", "second", code=1)
    assert current(data) == "first"


def test_promote_asks_the_smoke_questions_first(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refusing(release: Release, **options: Any) -> None:
        asked.append((release.id, options))
        raise KefuError("a smoke question came out wrong")

    monkeypatch.setattr(bot.engine, "Engine", refusing)
    assert run("promote", "first", code=1) == "a smoke question came out wrong"
    assert asked == [("first", {"live": False})]
    assert current(data) == "third"


def test_rollbacks_go_further_and_further_back(run: Run, data: Path) -> None:
    assert "Back to release second, from third." in run("rollback")
    assert "Back to release first, from second." in run("rollback")
    assert "no release to go back to from first" in run("rollback", code=1)
    assert current(data) == "first"
    run("promote", "third")
    run("rollback")
    assert current(data) == "first"


def test_a_rollback_passes_over_what_is_damaged(run: Run, data: Path) -> None:
    damage(Releases(data).open("second"), 1)

    assert "Back to release first, from third." in run("rollback")
    assert current(data) == "first"


def test_prune_only_shows_until_it_is_told_to(run: Run, data: Path) -> None:
    write_stub_release(data, "fourth")
    run("shadow", "second")

    shown = run("prune", "--keep", "1")
    assert "would go: first" in shown
    assert "stays: second, shadowed" in shown
    assert "stays: fourth, served" in shown
    assert len(Releases(data).ids()) == 4

    hold = Releases(data).hold("third")
    done = json.loads(run("prune", "--keep", "1", "--yes", "--json"))
    hold.close()
    assert [one["id"] for one in done["goes"]] == ["first", "third"]
    assert done["removed"] == ["first"]
    assert Releases(data).ids() == ["fourth", "second", "third"]


def test_nothing_is_old_enough_to_go_on_its_first_day(run: Run) -> None:
    assert "0 would go" in run("prune", "--keep", "1", "--older-than", "1")


def test_a_shadow_is_begun_and_ended(run: Run, data: Path) -> None:
    assert "first reads 25% of the conversations from now on, beside third." in run(
        "shadow", "first", "--share", "0.25"
    )
    begun = read_experiment(data)
    assert begun is not None
    assert (begun.kind, begun.release, begun.base, begun.share, begun.ended) == ("shadow", "first", "third", 0.25, None)

    assert "End that with `kefu releases shadow --off`" in run("ab", "second", code=1)
    assert "Nothing of the kind" in run("ab", "--off")
    assert "is not tried any more" in run("shadow", "--off")
    ended = read_experiment(data)
    assert ended is not None
    assert ended.ended is not None
    assert "second answers 50%" in run("ab", "second")


def test_what_cannot_be_tried_is_refused(run: Run, data: Path) -> None:
    damage(Releases(data).open("second"), 1)

    assert "is served to everybody" in run("shadow", "third", code=1)
    assert "damaged or altered" in run("shadow", "second", code=1)
    assert "above 0 and at most 1" in run("shadow", "first", "--share", "0", code=2)
    assert "nothing to compare" in run("ab", "first", "--share", "1", code=2)
    assert "Give one of" in run("ab", code=2)
    assert "Give one of" in run("shadow", "first", "--off", code=2)
    assert "There is nothing to report" in run("ab", "--report", code=1)
    assert read_experiment(data) is None


def test_a_report_without_conversations_says_so(run: Run) -> None:
    run("shadow", "first")

    assert "does not exist. Run `kefu run` first." in run("shadow", "--report", code=1)


def write_release(data: Path, release_id: str, own: BotSpec, files: Mapping[str, str], **facts: Any) -> Release:
    """A release that says what differs."""
    releases = Releases(data)
    with releases.writing(release_id) as part:
        for name in REQUIRED_FILES:
            (part / name).write_text("{}", "utf-8")
        (part / "assistant.json").write_bytes(own.to_json())
        for name, content in files.items():
            (part / name).write_text(content, "utf-8")
        return releases.seal(part, {**FACTS, **facts, "id": release_id})


def lines(*values: Any) -> str:
    return "".join(f"{json.dumps(value)}\n" for value in values)


def test_the_difference_of_two_releases_names_what_came_went_and_changed(run: Run, data: Path) -> None:
    own = spec("x")
    responses = {
        **own.domain.responses,
        "utter_echo": (Variation(text="Otherwise."),),
        "utter_new": (Variation(text="n"),),
    }
    other = replace(
        own,
        domain=replace(own.domain, responses=responses, intents=("echo", "fresh")),
        rules=own.rules[:1],
        policy=PolicyConfig(template_threshold=0.9),
    )
    examples = [{"text": "hi", "intent": "echo"}, {"text": "ho", "intent": "slow"}]
    pair = {"id": "p1", "question": "q", "answer": "a"}
    write_release(
        data,
        "old1",
        own,
        {"examples.jsonl": lines(*examples), "knowledge.jsonl": lines(pair, {**pair, "id": "p2"})},
        figures={"ece": 0.1, "gone": 1.0},
    )
    write_release(
        data,
        "new1",
        other,
        {
            "examples.jsonl": lines(examples[0], {"text": "hey", "intent": "echo"}),
            "knowledge.jsonl": lines({**pair, "answer": "b"}, {**pair, "id": "p3"}),
        },
        figures={"ece": 0.2},
        encoder="another",
    )

    found = json.loads(run("diff", "old1", "new1", "--json"))
    parts = {kind: {word: names for word, names in one.items() if names} for kind, one in found["parts"].items()}

    assert parts == {
        "intents": {"gone": ["slow"], "added": ["fresh"]},
        "examples": {"gone": ["slow: 1"], "added": ["echo: 1"]},
        "pairs": {"gone": ["p2"], "added": ["p3"], "changed": ["p1"]},
        "responses": {"added": ["utter_new"], "changed": ["utter_echo"]},
        "rules": {"gone": ["slow is answered"]},
        "stories": {},
        "slots": {},
        "titles": {},
    }
    assert found["figures"] == {"ece": [0.1, 0.2], "gone": [1.0, None]}
    assert found["config"]["policy.template_threshold"] == [PolicyConfig().template_threshold, 0.9]
    assert found["config"]["encoder"] == ["none", "another"]
    assert set(found["config"]) == {"encoder", "policy.template_threshold"}
    assert "pairs changed (1): p1" in run("diff", "old1", "new1")


def test_releases_that_have_not_kept_their_examples_are_compared_without(data: Path) -> None:
    made = [write_release(data, name, spec("x"), {"knowledge.jsonl": ""}) for name in ("old1", "new1")]

    found = diff_releases(*made)

    assert found.without_examples
    assert not any(found.parts.values())
    assert found.config == {}


def test_a_damaged_release_is_not_compared(run: Run, data: Path) -> None:
    damage(Releases(data).open("second"), 1)

    assert "second is damaged or altered" in run("diff", "first", "second", code=1)
