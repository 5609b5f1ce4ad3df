"""What comes next is counted as by hand, backs off where little was seen, and never tells of one customer alone."""

import pytest

from bot.suggestions.counting import counted
from bot.suggestions.next_topic import MIN_CUSTOMERS, NextTopics


def test_the_chances_are_those_worked_out_by_hand() -> None:
    model = NextTopics.counted([[["a", "b"]], [["a", "b"]], [["a", "c"]], [["c"]], [["c"]], [["b"]]])
    # asked: a 3, b 3, c 3. Besides a: b 2, c 1, each over 3, so 2/3 and 1/3 of those alike.
    popular = {"b": 0.7 / 3 + 0.3 * 2 / 3, "c": 0.7 / 3 + 0.3 * 1 / 3}
    # after a: b 2, c 1: two kinds in three steps leave 2/5
    expected = {"b": (2 + 2 * popular["b"]) / 5, "c": (1 + 2 * popular["c"]) / 5}

    found = model.likely(["a"])

    assert [topic for topic, _ in found] == ["b", "c"]
    assert dict(found) == pytest.approx(expected)


def test_the_last_two_say_more_than_the_last_one() -> None:
    sessions = [["x", "a", "b"]] * 5 + [["y", "a", "c"]] * 9
    model = NextTopics.counted([[session] for session in sessions])

    assert model.likely(["a"])[0][0] == "c"
    assert model.likely(["x", "a"])[0][0] == "b"


def test_a_customers_own_history_wins_as_it_grows() -> None:
    model = NextTopics.counted([[["a", "b"]]] * 20 + [[["a", "c"]]] * 5)

    assert model.likely(["a"])[0][0] == "b"
    assert model.likely(["a", "c"] * 12 + ["a"])[0][0] == "c"


def test_those_alike_tell_what_never_came_directly_after() -> None:
    model = NextTopics.counted([[["a"], ["z"]]] * 4 + [[["q"]]] * 5)

    assert model.likely(["a"])[0][0] == "z"


def test_what_too_few_customers_have_asked_is_never_named() -> None:
    rare = MIN_CUSTOMERS - 1
    model = NextTopics.counted([[["a", "secret"]]] * rare + [[["a", "b"]]] * 3 + [[["a", "secret2"] * 50]])

    assert {topic for topic, _ in model.likely(["a"])} == {"b"}
    assert "secret" not in str(model)


def test_the_same_topic_is_not_next_and_nothing_is_known_of_nothing() -> None:
    model = NextTopics.counted([[["a", "a", "b", "b"]]] * 3)

    assert [topic for topic, _ in model.likely(["a", "b"])] == ["a"]
    assert [topic for topic, _ in model.likely([])] == ["a", "b"]
    assert NextTopics().likely(["a"]) == []
    assert [topic for topic, _ in model.likely(["never heard of"])] == ["a", "b"]


def test_sessions_end_with_a_long_silence_and_turns_without_an_answer_do_not_count() -> None:
    hour, rows = 3_600.0, []
    for customer in ("ann", "bob", "cem"):
        for seq, (at, topic) in enumerate([(0, "a"), (1, "b"), (20, "c")]):
            rows.append((customer, seq, at * hour, f'{{"decision": {{"kind": "template", "intent": "{topic}"}}}}'))
        rows.append((customer, 9, 0.5 * hour, '{"decision": {"kind": "ask_back", "options": []}}'))
    rows.sort(key=lambda row: -row[2])

    model = counted(rows)

    assert model.after == {"intent:a": {"intent:b": 3}}
    assert model.besides["intent:a"] == {"intent:b": 3, "intent:c": 3}
