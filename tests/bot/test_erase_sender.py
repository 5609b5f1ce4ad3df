"""A customer is erased from every store; what others have said stays, and what cannot be reached is named."""

import fcntl
import json
import shutil
from pathlib import Path

import pytest
from sender_world import ANN, ASKED, BEN, NONCE, OTHERS, OWN_INTENT, build, files_with
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.stores.process_lock import ProcessLock
from configs.errors import KefuError
from configs.learned import read_learned, read_origins
from retrieval.knowledge_store import KnowledgeStore
from retrieval.proposals import PROPOSALS_FILE, ProposalStore, State


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("sender") / "data")


@pytest.fixture
def data(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "data", symlinks=True))


def erase(data: Path, *options: str, sender: str = ANN) -> Result:
    arguments = ["erase", "--sender", sender, "--yes", "--data", str(data), *options]
    return CliRunner().invoke(app, arguments, catch_exceptions=True)


def test_nothing_of_the_customer_is_left_in_any_file(data: Path) -> None:
    assert len(files_with(data, NONCE)) == 10

    result = erase(data)

    assert result.exit_code == 0, result.output
    assert files_with(data, NONCE) == []
    assert files_with(data, OTHERS) == [
        f"{(data / 'learned').resolve().name}/nlu.yml",
        "conversations.db",
        "knowledge.db",
        "proposals.db",
    ]
    assert not (data / "erasures").exists()
    assert (data / "refresh" / "accepted.json").exists(), "it names nobody"


def test_what_was_derived_and_which_releases_hold_it_is_listed(data: Path) -> None:
    said = erase(data).output

    assert said.splitlines()[:4] == [
        "1 conversation erased.",
        "  and 1 folder of files sent",
        "  and 1 export",
        "  and 2 workspaces of trainings",
    ]
    assert "  and 3 learned rows" in said
    for line in (
        "hands: wordings removed: 1",
        "review-1: removed",
        "mined-alone: removed",
        "mined-both: wordings removed: 1",
    ):
        assert f"derived: past answer {line}" in said
    assert f"intent {OWN_INTENT}: no examples are left" in said
    assert "trained with rows of the sender, or hold wordings: rel0000. " in said


def test_a_pair_of_several_sources_keeps_the_others_wordings_and_its_history_holds_none_of_hers(data: Path) -> None:
    erase(data)

    with KnowledgeStore(data / "knowledge.db") as store:
        hands, both = store.get("hands"), store.get("mined-both")
        assert hands is not None
        assert both is not None
        assert hands.pair.questions == ("Which hand is it for?", OTHERS)
        assert both.pair.questions == (OTHERS,)
        assert store.get("review-1") is None
        assert store.get("mined-alone") is None
        told = [revision.pair for id_ in ("hands", "review-1", "mined-alone") for revision in store.history(id_)]
        assert ASKED not in str(told)
        assert store.history("hands")[-1].by == "erasure"


def test_proposals_forget_her_and_keep_what_was_decided(data: Path) -> None:
    erase(data)

    store = ProposalStore(data / PROPOSALS_FILE)
    left = {filed.proposal.id: filed for filed in store.list()}
    store.close()
    assert sorted(left) == ["ben", "both"]
    assert left["both"].state is State.ACCEPTED
    assert (left["both"].proposal.question, left["both"].proposal.conversations) == (OTHERS, (BEN,))


def test_the_learned_files_are_whole_and_hold_the_others_rows(data: Path) -> None:
    erase(data)

    learned, _ = read_learned(data / "learned", {"hand"}, data)
    assert [(example.intent, example.text) for example in learned.examples] == [("hand", OTHERS)]
    assert (learned.intents, dict(learned.responses)) == ((), {})
    assert [origin.conversation for origin in read_origins(data / "learned")] == [BEN]


def test_what_others_said_in_the_same_words_stays(data: Path) -> None:
    erase(data, sender=BEN)

    with KnowledgeStore(data / "knowledge.db") as store:
        hands = store.get("hands")
    assert hands is not None
    assert hands.pair.questions == ("Which hand is it for?", ASKED)


def test_an_id_must_be_met_exactly_unless_a_prefix_is_asked_for(data: Path) -> None:
    assert "0 conversations erased." in erase(data, sender="widget").output
    assert (data / "work" / "0123").exists(), "an id that nobody has ends no training"
    assert "0 conversations erased." in erase(data, "--prefix", sender="widg").output
    assert "0 conversations erased." in erase(data, "--prefix", sender="WIDGET").output
    assert "1 conversation erased." in erase(data, "--prefix", sender="widget").output
    assert files_with(data, NONCE) == []


@pytest.mark.parametrize("broken", ["knowledge.db", "proposals.db", "learned/nlu.yml", "conversations.db"])
def test_a_store_that_cannot_be_reached_is_named_and_the_next_run_finishes(data: Path, broken: str) -> None:
    whole = (data / broken).read_bytes()
    (data / broken).write_bytes(b"no database of Kefu's at all" * 100)

    failed = erase(data)

    assert failed.exit_code == 1
    assert Path(broken).name in failed.stderr
    assert not any((data / "uploads").iterdir()), "what could be reached is erased"
    (data / broken).write_bytes(whole)
    assert files_with(data, NONCE) != []

    finished = erase(data)

    assert finished.exit_code == 0, finished.output
    assert files_with(data, NONCE) == []
    assert "rel0000" in finished.output


def test_a_training_under_way_is_named(data: Path) -> None:
    with (data / "work" / "0123" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        failed = erase(data)

    assert failed.exit_code == 1
    assert "workspaces" in failed.stderr
    assert files_with(data, NONCE) == ["work/0123/rows.jsonl"]
    assert erase(data).exit_code == 0
    assert files_with(data, NONCE) == []


def test_while_a_server_has_the_file_nothing_is_erased_and_the_way_is_told(data: Path) -> None:
    before = files_with(data, NONCE)
    lock = ProcessLock(data / "conversations.db")
    lock.take()
    try:
        refused = erase(data)
    finally:
        lock.release()

    assert isinstance(refused.exception, KefuError)
    assert "--server http://127.0.0.1:5005" in str(refused.exception)
    assert files_with(data, NONCE) == before


def test_it_asks_first(data: Path) -> None:
    result = CliRunner().invoke(app, ["erase", "--sender", ANN, "--data", str(data)], input="n\n")

    assert result.exit_code == 1
    assert files_with(data, NONCE) != []


def export(data: Path, target: Path, sender: str = ANN) -> dict[str, object]:
    arguments = ["export", "--sender", sender, "--output", str(target), "--data", str(data)]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    read: dict[str, object] = json.loads((target if target.suffix else target / "sender.json").read_text("utf-8"))
    return read


def test_the_export_holds_all_that_is_held_and_the_files(data: Path, tmp_path: Path) -> None:
    held = export(data, tmp_path / "ann")

    (conversation,) = held["conversations"]  # type: ignore[misc]
    assert conversation["id"] == ANN
    assert conversation["events"][0]["data"]["text"] == ASKED
    assert conversation["turns"][0]["evidence"] == {"x": ASKED}
    assert (conversation["labels"][0]["text"], conversation["feedback"][0]["comment"]) == (ASKED, ASKED)
    assert conversation["outbox"][0]["payload"] == {"text": f"You said {ASKED}"}
    assert [row["row"] for row in held["learned"]] == ["label 1", "label 3", "label 4"]  # type: ignore[attr-defined]
    assert {one["id"] for one in held["proposals"]} == {"alone", "both", "waits"}  # type: ignore[attr-defined]
    assert {one["pair"] for one in held["past_answers"]} == {"hands", "mined-alone", "mined-both", "review-1"}  # type: ignore[attr-defined]
    assert held["releases"] == ["rel0000"]
    assert (tmp_path / "ann" / "uploads" / "f00").read_text() == NONCE
    assert OTHERS not in json.dumps(conversation)


def test_an_export_overwrites_nothing_and_only_its_owner_may_read_it(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "ann.json"
    export(data, target)

    again = CliRunner().invoke(app, ["export", "--sender", ANN, "--output", str(target), "--data", str(data)])

    assert "exists. Name a new one." in str(again.exception)
    assert target.stat().st_mode & 0o077 == 0


def test_after_an_erasure_an_export_holds_nothing(data: Path, tmp_path: Path) -> None:
    erase(data)

    held = export(data, tmp_path / "ann.json")

    assert {name: value for name, value in held.items() if value == []}.keys() == {
        "conversations", "uploads", "learned", "proposals", "past_answers"
    }  # fmt: skip
