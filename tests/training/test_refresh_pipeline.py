"""A refresh as a whole: what passes the gate serves with all that belongs to it, and what does not changes nothing."""

import json
import shutil
from pathlib import Path

import pytest
from refresh_rows import answered, said
from refresh_world import FROZEN, TAUGHT, World, stand_in, tell_gate

from configs.assistant import read_assistant
from configs.bot_spec import BotSpec
from configs.errors import AssistantError
from configs.learned import read_origins
from nlu.saved import load_understander
from retrieval.knowledge_store import KnowledgeStore
from training.frozen import without_set_aside
from training.learned import read_trained_with
from training.releases import How


@pytest.fixture
def world(minimal_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A release of the minimal assistant, and an owner who has written a test set."""
    stand_in(monkeypatch)
    world = World(Path(shutil.copytree(minimal_folder, tmp_path / "minimal")), tmp_path / "data")
    (world.root / "tests" / "frozen.jsonl").write_text(FROZEN, "utf-8")
    world.train()
    return world


def refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.refresh.judging.judge", tell_gate(passes=False))


def answers(world: World) -> dict[str, tuple[str, ...]]:
    with KnowledgeStore(world.data / "knowledge.db") as store:
        return {pair.id: pair.questions for pair in store.pairs()}


def untouched(world: World) -> dict[str, object]:
    """What customers and other trainings would notice."""
    return {
        "current": world.releases.current_id(),
        "answers": answers(world),
        "learned": (world.data / "learned").exists(),
    }


def test_what_passes_serves_with_all_that_belongs_to_it(world: World) -> None:
    before, rows = world.releases.current_id(), TAUGHT
    outcome = world.refresh(*rows)

    assert (outcome.came, outcome.current) == ("promoted", before)
    assert world.releases.current_id() == outcome.release
    release = world.releases.open(outcome.release)
    assert release.manifest.trained_with == len(rows) == len(read_trained_with(release))
    assert "crypto" in release.read_json("intents.json")["labels"]
    spec = release.read_json("assistant.json")
    assert spec["domain"]["responses"]["utter_crypto"][0]["text"] == "No coins."
    assert answers(world)["review-4"] == ("do you have a cat",)
    assert answers(world)["h02"][-1] == "tell me what it costs"
    assert [origin.row for origin in read_origins(world.data / "learned")] == [f"label {n}" for n in range(1, 6)]
    saved = json.loads((world.data / "refresh" / "last.json").read_text("utf-8"))
    assert (saved["came"], saved["release"]) == ("promoted", outcome.release)
    assert (world.data / saved["report"]).is_file()

    again = world.refresh(*rows)
    assert (again.came, again.release) == ("nothing new", outcome.release)
    assert world.refresh(*rows).steps["done"] == []


def test_what_the_gate_refuses_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch)
    before = untouched(world)
    outcome = world.refresh()

    assert outcome.came == "kept"
    assert "So it was told." in outcome.sentence
    assert untouched(world) == before
    again = world.refresh()
    assert (again.release, again.steps["done"]) == (outcome.release, [])


def test_a_candidate_waits_where_that_was_asked_for_and_is_promoted_by_the_next_refresh(world: World) -> None:
    before = untouched(world)
    candidate = world.refresh(keep_candidate=True)
    assert (candidate.came, untouched(world)) == ("candidate", before)

    promoted = world.refresh()
    assert (promoted.came, promoted.release) == ("promoted", candidate.release)
    assert "train" in promoted.steps["skipped"]


def test_what_an_owner_has_gone_back_from_is_not_promoted_again(world: World) -> None:
    before = world.releases.current_id()
    assert before is not None
    outcome = world.refresh()
    world.releases.promote(world.releases.open(before), How.ROLLED_BACK)
    again = world.refresh()

    assert (again.came, again.release, world.releases.current_id()) == ("kept", outcome.release, before)
    assert "rolled back" in again.sentence
    more = world.refresh(*TAUGHT, said(9, "is ethereum fine", "crypto", new=True))
    assert more.came == "promoted"


def test_a_dry_run_says_what_would_be_learned(world: World) -> None:
    before = untouched(world)
    link = answered(6, "where do i pay", "At https://pay.evil-example.top now")
    outcome = world.refresh(*TAUGHT[:4], link, said(7, "x y", "no_such"), dry_run=True)

    assert (outcome.came, untouched(world)) == ("dry run", before)
    assert outcome.learned == {"examples": 2, "new_intents": ["crypto"], "unanswered": [], "past_answers": 1}
    assert outcome.left_out == {"waits for an admin": 1, "unknown intent": 1}
    (waiting,) = outcome.quarantined
    assert (waiting["label"], waiting["found"]) == (6, "host:pay.evil-example.top")
    accepted = frozenset({waiting["id"]})
    assert world.refresh(link, dry_run=True, accepted=accepted).learned["past_answers"] == 1
    assert not (world.data / "refresh" / "last.json").exists()


def test_test_questions_are_set_aside_once_and_never_taught(world: World) -> None:
    (world.root / "tests" / "frozen.jsonl").unlink()
    world.refresh()
    content = (world.data / "frozen.jsonl").read_bytes()
    questions = [json.loads(line)["text"] for line in content.splitlines()]
    release = world.releases.open(world.releases.current_id() or "")
    taught = without_set_aside(read_assistant(world.root, world.data / "learned"), world.data).examples
    assert len(questions) >= 8
    assert not set(questions) & {example.text for example in taught}
    assert {example.intent for example in taught} > {"crypto"}
    assert release.manifest.fingerprints["set_aside"]
    assert sum("one that was not is made to compare" in note for note in world.notes) == 1

    world.refresh(*TAUGHT[:2])
    assert (world.data / "frozen.jsonl").read_bytes() == content
    assert sum("one that was not is made to compare" in note for note in world.notes) == 1


@pytest.mark.parametrize("damaged", ["validate-*/result.json", "measure-*/result.json", "lesson-*/nlu.yml"])
def test_a_damaged_result_is_made_anew(world: World, monkeypatch: pytest.MonkeyPatch, damaged: str) -> None:
    refuse(monkeypatch)
    first = world.refresh()
    (path,) = (world.data / "refresh").glob(damaged)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"crypto", b"krypto") if b"crypto" in whole else whole[:-9])
    again = world.refresh()

    assert again.release == first.release
    assert path.read_bytes() == whole or damaged.startswith("measure")
    assert again.steps["done"] in ([damaged.partition("-")[0]], [])


def test_a_damaged_release_is_made_anew_under_its_id(world: World) -> None:
    first = world.refresh(keep_candidate=True)
    graph = world.releases.folder / first.release / "encoder.onnx"
    whole = graph.read_bytes()
    graph.write_bytes(whole[:-1])
    again = world.refresh()

    assert (again.came, again.release) == ("promoted", first.release)
    assert world.releases.open(first.release).id == world.releases.current_id()


def test_a_wrong_test_question_is_named(world: World) -> None:
    (world.root / "golden.jsonl").write_text('{"text": "hello", "intent": "no_such"}\n', "utf-8")
    before = untouched(world)

    with pytest.raises(AssistantError, match=r"golden.jsonl:1: .*no_such"):
        world.refresh()
    assert untouched(world) == before


def test_a_first_release_can_come_from_a_refresh_and_knows_what_was_taught(
    quick_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one training here that is real, with a gate that is only told what to say."""
    monkeypatch.setattr("training.refresh.judging.judge", tell_gate(passes=True))
    config = (quick_folder / "config.yml").read_text("utf-8")
    quick = config.replace("{intent: {max_epochs: 1}}", "{intent: {method: head}, precision: float32}")
    (quick_folder / "config.yml").write_text(quick, "utf-8")
    world = World(quick_folder, tmp_path / "data")
    outcome = world.refresh(*TAUGHT)

    assert outcome.came == "promoted"
    release = world.releases.open(outcome.release)
    understander = load_understander(release.folder, BotSpec.of(read_assistant(world.root)).entities)
    assert "crypto" in understander.intents.labels
    assert release.manifest.trained_with == len(TAUGHT)
    assert (world.data / outcome.report).stat().st_size > 1_000
    assert world.refresh(*TAUGHT).came == "nothing new"
