"""The dialogues that follow-ups are measured by name intents and pairs that there are, and enough of each kind."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from configs import STARTERS, read_assistant

DATA = Path(__file__).resolve().parents[1] / "data" / "shop_dialogues.jsonl"
DIALOGUES: list[dict[str, Any]] = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()]


def test_there_are_enough_of_each_kind_and_no_id_twice() -> None:
    counts = Counter((dialogue["assistant"], dialogue["kind"]) for dialogue in DIALOGUES)
    assert counts["shop", "follow_up"] >= 60
    assert counts["shop", "topic_change"] >= 60
    assert counts["shop-zh", "follow_up"] >= 20
    assert counts["shop-zh", "topic_change"] >= 20
    assert len({dialogue["id"] for dialogue in DIALOGUES}) == len(DIALOGUES)


@pytest.mark.parametrize("name", ["shop", "shop-zh"])
def test_what_is_right_exists_and_pairs_with_the_same_answer_stand_together(name: str) -> None:
    intents = {example.intent for example in read_assistant(STARTERS[name]).examples}
    with (STARTERS[name] / "knowledge" / "history.csv").open(encoding="utf-8", newline="") as file:
        answers = {row["id"]: row["answer"] for row in csv.DictReader(file)}
    for turn in (turn for dialogue in DIALOGUES if dialogue["assistant"] == name for turn in dialogue["turns"]):
        if turn["accept"] == "out_of_scope":
            continue
        assert set(turn["accept"]) == {"intents", "pairs"}
        assert turn["accept"]["intents"] or turn["accept"]["pairs"]
        assert intents.issuperset(turn["accept"]["intents"])
        accepted = {answers[pair] for pair in turn["accept"]["pairs"]}
        assert {pair for pair, answer in answers.items() if answer in accepted} == set(turn["accept"]["pairs"])
