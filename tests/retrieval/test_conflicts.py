import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval import Pair
from retrieval.conflicts import NEAR, Conflict, ConflictKind, find_conflicts, question_key
from retrieval.near_questions import grams_of, near_pairs, numbers_in


def asked(number: int, question: str, answer: str = "a", *also_asked: str, **values: str) -> Pair:
    return Pair(id=str(number), question=question, answer=answer, also_asked=also_asked, **values)  # type: ignore[arg-type]


def kinds(*pairs: Pair) -> list[tuple[str, str, str]]:
    return [(conflict.kind.value, conflict.first_id, conflict.second_id) for conflict in find_conflicts(pairs)]


def test_one_question_with_two_answers_is_a_contradiction() -> None:
    assert find_conflicts([asked(1, "Open when?", "9"), asked(2, "x"), asked(3, "OPEN  WHEN", "10")]) == [
        Conflict(
            kind=ConflictKind.CONTRADICTION,
            first_id="1",
            second_id="3",
            first_question="Open when?",
            second_question="OPEN  WHEN",
            similarity=1.0,
            same_answer=False,
        )
    ]


def test_chinese_wordings_are_compared_without_blanks_and_punctuation() -> None:
    assert kinds(asked(1, "多久 能退款？", "三天"), asked(2, "多久能退款", "五天")) == [("contradiction", "1", "2")]
    long = "我昨天在你们网店买的那件红色外套什么时候能发货"
    (conflict,) = find_conflicts([asked(1, long), asked(2, f"{long}呢")])
    assert (conflict.kind, conflict.same_answer) == (ConflictKind.NEAR_DUPLICATE, True)
    # 22 signs are 24 bigrams with both ends; one sign more leaves 23 of them and adds 2
    assert conflict.similarity == pytest.approx((len(long)) / (len(long) + 3))


def test_other_wordings_count_too_and_a_pair_is_no_conflict_with_itself() -> None:
    assert kinds(asked(1, "when", "9", "open when", "open when?"), asked(2, "hours", "10", "Open when")) == [
        ("contradiction", "1", "2")
    ]
    assert kinds(asked(1, "when", "9", "When?")) == []


def test_a_question_given_twice_with_one_answer_is_a_duplicate() -> None:
    assert kinds(asked(1, "when"), asked(2, "when"), asked(3, "when", "b")) == [
        ("contradiction", "1", "3"),
        ("duplicate", "1", "2"),
    ]


def test_many_answers_to_one_question_give_one_conflict_each() -> None:
    found = kinds(*(asked(number, "when", str(number)) for number in range(2_000)))
    assert found == [("contradiction", "0", str(number)) for number in range(1, 2_000)]


@pytest.mark.parametrize(
    ("left", "right", "meet"),
    [
        ({"locale": "en"}, {"locale": "de"}, False),
        ({"locale": "en"}, {"locale": "EN"}, True),
        ({"locale": "en"}, {}, True),
        ({"valid_until": "2026-03-31"}, {"valid_from": "2026-04-01"}, False),
        ({"valid_until": "2026-03-31"}, {"valid_from": "2026-03-31"}, True),
    ],
)
def test_only_pairs_for_one_locale_and_time_meet(left: dict[str, str], right: dict[str, str], meet: bool) -> None:
    questions = ("how long does a parcel take to Norway", "how long does a parcel take to Norway now")
    assert bool(kinds(asked(1, "when", "9", **left), asked(2, "when", "10", **right))) is meet
    assert bool(kinds(asked(1, questions[0], **left), asked(2, questions[1], **right))) is meet


def test_questions_with_other_numbers_or_signs_are_other_questions() -> None:
    assert kinds(asked(1, "what does the iphone 14 cost today"), asked(2, "what does the iphone 15 cost today")) == []
    assert question_key("C#") != question_key("C++") != question_key("C")
    assert question_key("？！") == "?!"
    assert question_key("ＡＢＣ １２") == "abc12"


WORDS = ["how", "long", "does", "shipping", "take", "refund", "to", "norway", "退款", "多久", "能", "到账", "7", "12"]


def oracle(keys: list[str], near: float) -> list[tuple[int, int, float]]:
    found = []
    for (a, left), (b, right) in combinations(enumerate(keys), 2):
        x, y = grams_of(left), grams_of(right)
        similarity = len(x & y) / len(x | y)
        if similarity >= near - 1e-9 and numbers_in(left) == numbers_in(right):
            found.append((a, b, similarity))
    return found


@settings(max_examples=150, deadline=None)
@given(
    keys=st.lists(st.lists(st.sampled_from(WORDS), max_size=8).map("".join) | st.text(max_size=8), max_size=25),
    near=st.sampled_from([0.3, 0.5, 0.75, NEAR, 1.0]),
)
def test_near_questions_are_what_comparing_all_with_all_finds(keys: list[str], near: float) -> None:
    found = {(min(a, b), max(a, b)): similarity for a, b, similarity in near_pairs(keys, near)}
    expected = {(a, b): similarity for a, b, similarity in oracle(keys, near)}
    assert found == pytest.approx(expected)


def test_near_questions_of_six_hundred_perturbed_ones_are_all_found() -> None:
    random.seed(4)
    keys = []
    for _ in range(600):
        words = random.Random(random.randrange(60)).choices(WORDS, k=9)  # one of 60 sentences
        words[random.randrange(9)] += random.choice(["", "s", "吗", "ing"])
        keys.append("".join(words))
    found = {(min(a, b), max(a, b)) for a, b, _ in near_pairs(keys, NEAR)}
    expected = {(a, b) for a, b, _ in oracle(keys, NEAR)}
    assert len(expected) > 1_000
    assert found == expected


settings_of_pairs = st.fixed_dictionaries({"locale": st.sampled_from(["", "en", "de"])})


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.lists(st.sampled_from(WORDS), min_size=1, max_size=5), st.sampled_from("ab"), settings_of_pairs),
        max_size=14,
    )
)
def test_conflicts_are_what_comparing_all_with_all_finds(
    rows: list[tuple[list[str], str, dict[str, str]]],
) -> None:
    pairs = [asked(n, " ".join(words), answer, **values) for n, (words, answer, values) in enumerate(rows)]
    expected = set()
    for at, pair in enumerate(pairs):
        key = question_key(pair.question)
        met = [p for p in pairs[:at] if not (p.locale and pair.locale and p.locale != pair.locale)]
        same_key = [p for p in met if question_key(p.question) == key]
        twins = [p for p in same_key if (p.answer, p.locale) == (pair.answer, pair.locale)]
        for kind, others in (
            (ConflictKind.DUPLICATE, twins or [p for p in same_key if p.answer == pair.answer]),
            (ConflictKind.CONTRADICTION, [p for p in same_key if p.answer != pair.answer] if not twins else []),
        ):
            expected.update((kind, p.id, pair.id) for p in others[:1])
        stands = [p for p in pairs[:at] if (question_key(p.question), p.locale) == (key, pair.locale)]
        near = []
        for p in met:
            other = question_key(p.question)
            first = next(q for q in pairs if (question_key(q.question), q.locale) == (other, p.locale))
            ((_, _, similarity),) = oracle([other, key], 0.8) or [(0, 0, 0.0)]
            if other != key and similarity and first is p:
                near.append((-similarity, pairs.index(p), p))
        if near and not stands:
            expected.add((ConflictKind.NEAR_DUPLICATE, min(near)[2].id, pair.id))
    assert {(c.kind, c.first_id, c.second_id) for c in find_conflicts(pairs)} == expected


def test_no_pairs_have_no_conflicts() -> None:
    assert find_conflicts([]) == []
