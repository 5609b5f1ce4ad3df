"""What was learned is read beside the owner's files, which win; what is damaged is named."""

import shutil
from pathlib import Path

import pytest

from configs import MINIMAL
from configs.assistant import read_assistant
from configs.errors import AssistantError
from configs.flows import ActionStep, UserStep
from configs.learned import LEARNED_FILES, SUMS_FILE, read_origins
from configs.taught import Meaning, Taught
from training.learned import learned_files, lesson_of, publish_learned

KNOWN = {"greet", "track_order"}


def said(number: int, text: str, value: str, meaning: Meaning = Meaning.INTENT, **more: object) -> Taught:
    values = {"conversation": f"c{number}", "turn": 1, "who": "anna", "at": 1_000.0 + number, **more}
    return Taught(number=number, text=text, value=value, meaning=meaning, **values)


def learn(folder: Path, *rows: Taught) -> Path:
    return publish_learned(folder, learned_files(lesson_of(rows, KNOWN)))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MINIMAL, tmp_path / "bot"))


def test_learned_examples_stand_behind_the_owners(root: Path, tmp_path: Path) -> None:
    learned = learn(tmp_path, said(1, "hiya you there", "greet"))
    before, after = read_assistant(root), read_assistant(root, learned)

    assert [e.text for e in after.examples] == [*(e.text for e in before.examples), "hiya you there"]
    assert after.examples[-1].intent == "greet"
    assert after.learned == learned
    assert after.notices == before.notices
    assert read_assistant(root, tmp_path / "none") == before


def test_a_new_intent_is_answered_by_what_was_written_for_it(root: Path, tmp_path: Path) -> None:
    rows = [
        said(1, "can i pay in bitcoin", "pay_bitcoin", new=True),
        said(2, "do you take crypto", "pay_bitcoin", new=True),
        said(3, "do you take crypto", "No: **only** cards. 1e3", Meaning.ANSWER, intent="pay_bitcoin"),
        said(4, "a rocket please", "buy_rocket", new=True),
    ]
    assistant = read_assistant(root, learn(tmp_path, *rows))

    assert "pay_bitcoin" in assistant.domain.intents
    assert assistant.domain.source["intents"][-2:] == ["buy_rocket", "pay_bitcoin"]
    (variation,) = assistant.domain.responses["utter_pay_bitcoin"]
    assert variation.text == "No: **only** cards. 1e3"
    rule = next(rule for rule in assistant.rules if rule.name == "utter_pay_bitcoin")
    assert rule.steps == (UserStep(intent="pay_bitcoin"), ActionStep(action="utter_pay_bitcoin"))
    assert rule.where.startswith("learned/nlu.yml:")
    assert any("buy_rocket has neither a rule" in notice for notice in assistant.notices)


def test_examples_of_an_intent_that_the_owner_has_removed_are_passed_over(root: Path, tmp_path: Path) -> None:
    learned = publish_learned(tmp_path, learned_files(lesson_of([said(1, "weird thing", "gone")], {*KNOWN, "gone"})))
    assistant = read_assistant(root, learned)

    assert "gone" not in {example.intent for example in assistant.examples}
    assert any("1 learned examples of gone are passed over" in notice for notice in assistant.notices)


def test_the_owners_files_win(root: Path, tmp_path: Path) -> None:
    owner = read_assistant(root)
    example = next(e for e in owner.examples if e.intent != "greet")
    response = next(name for name in owner.domain.responses if name.removeprefix("utter_") not in KNOWN)
    intent = response.removeprefix("utter_")
    rows = [
        said(1, example.text, "greet"),
        said(2, "no such words", intent, new=True),
        said(3, "no such words", "Mine.", Meaning.ANSWER, intent=intent),
    ]
    assistant = read_assistant(root, learn(tmp_path, *rows))

    assert {e.intent for e in assistant.examples if e.text == example.text} == {example.intent}
    assert assistant.domain.responses[response] == owner.domain.responses[response]
    assert sum("is not used as an example of greet" in notice for notice in assistant.notices) == 1
    assert any(f"{response} is not said as it was learned" in notice for notice in assistant.notices)


HOSTILE = [
    "- dash",
    "# hash",
    "no",
    "1e3",
    'see [this](https://evil.example) and [that]{"entity": "x"} or [a][{"entity": 1}]',
    "{order} {{x}} %s",
    "tab\tand \x85 and \u2028 and \x7f",
    "\U0001f600 null",
    "a: b",
    "'\"`",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_a_customer_writes_is_an_example_without_entities(root: Path, tmp_path: Path, text: str) -> None:
    example = read_assistant(root, learn(tmp_path, said(1, text, "greet"))).examples[-1]

    assert example.entities == ()
    assert example.text.replace("] ", "]") == text.removeprefix("- ").replace("] ", "]")


@pytest.mark.parametrize("name", [*LEARNED_FILES, SUMS_FILE])
@pytest.mark.parametrize("change", [None, b"", b"]["])
def test_a_damaged_file_is_named(root: Path, tmp_path: Path, name: str, change: bytes | None) -> None:
    learned = learn(tmp_path, said(1, "hiya", "greet"))
    if change is None:
        (learned / name).unlink()
    else:
        (learned / name).write_bytes(change)

    with pytest.raises(AssistantError, match=f"{name}.*kefu refresh"):
        read_assistant(root, learned)


def test_each_row_says_where_it_comes_from(tmp_path: Path) -> None:
    learned = learn(tmp_path, said(1, "hiya", "greet"), said(2, "hello?", "greet", weak=True))

    assert [(o.row, o.conversation, o.meaning, o.value) for o in read_origins(learned)] == [
        ("label 1", "c1", "intent", "greet"),
        ("feedback 2", "c2", "intent", "greet"),
    ]
    assert read_origins(tmp_path / "none") == []
    assert b"hiya" not in (learned / "provenance.jsonl").read_bytes()
