"""What one refresh may learn at most: of one sender, of texts that are alike, and with links that nobody knows."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from ngram_embed import ngram_embed
from refresh_rows import answered, linked, said

from configs.assistant_config import RefreshConfig
from configs.nlu_data import Example
from configs.taught import Taught
from training.refresh.contacts import contacts, known_contacts, new_contacts
from training.refresh.doubts import doubted
from training.refresh.left_out import LeftOut, Why
from training.refresh.limits import Known, limited, quarantine_id

CONFIG = RefreshConfig()
WORDS = ["apple", "banana", "cherry", "damson", "elder", "fig", "grape", "hazel", "iris", "jasmine", "kiwi", "lemon"]
WORDS += ["mango", "nutmeg", "olive", "peach", "quince", "rose"]
NOTHING = Known(contacts=frozenset(), learned=(), examples={}, accepted=())


def known(**more: object) -> Known:
    return Known(**{"contacts": frozenset(), "learned": (), "examples": {}, "accepted": (), **more})  # type: ignore[arg-type]


def why(rows: Sequence[Taught], before: Known = NOTHING, config: RefreshConfig = CONFIG) -> list[str]:
    kept, left_out = limited(rows, before, config)
    reasons = {id(one.row): one.why.value for one in left_out}
    assert len(kept) + len(left_out) == len(rows)
    return [reasons.get(id(row), "kept") for row in rows]


def unlike(count: int) -> list[str]:
    """Texts of which no two are nearly the same."""
    return [
        f"{WORDS[n % 18]} {WORDS[(5 * n + n // 18 + 1) % 18]} {WORDS[(7 * n + 3) % 18] * (1 + n // 18)}"
        for n in range(count)
    ]


def test_one_sender_teaches_five_of_an_intent_and_twenty_in_all() -> None:
    same = [said(n, text, "greet", conversation="a") for n, text in enumerate(unlike(8))]
    assert why(same) == ["kept"] * 5 + [Why.SENDER.value] * 3

    spread = [said(n, text, f"intent{n // 4}", conversation="a") for n, text in enumerate(unlike(24))]
    assert why(spread) == ["kept"] * 20 + [Why.SENDER.value] * 4
    assert why([said(n, text, "greet") for n, text in enumerate(unlike(8))]) == ["kept"] * 8


def test_many_senders_with_nearly_the_same_text_count_as_one() -> None:
    texts = ["Cancel my order 1", "cancel my order 22!", "my order: CANCEL", "cancel my orders", "cancel my order #7"]
    assert why([said(n, text, "greet") for n, text in enumerate(texts)]) == ["kept"] * 3 + [Why.ALIKE.value] * 2
    assert why([said(n, text, f"intent{n}") for n, text in enumerate(texts)]) == ["kept"] * 5


def test_an_intent_takes_fifty_new_rows_or_doubles() -> None:
    rows = [said(n, text, "greet") for n, text in enumerate(unlike(54))]
    assert why(rows).count("kept") == 50
    assert why(rows, known(examples={"greet": 52})).count("kept") == 52
    learned = [f"label {n}" for n in range(10)]
    assert why(rows, known(learned=learned)).count("kept") == 54


LINKS = [
    ("see https://evil.example/pay?x=1", "host:evil.example"),
    ("go to WWW.Evil-Shop.com.", "host:evil-shop.com"),
    ("it is at evil-shop.top/now", "host:evil-shop.top"),
    ("evil [dot] com", "host:evil.com"),
    ("evil(.)com and hxxps://bad.example", "host:bad.example"),
    ("evil dot com", "host:evil.com"),
    ("e\u200bvil.com", "host:evil.com"),
    ("\uff45\uff56\uff49\uff4c\uff0e\uff43\uff4f\uff4d", "host:evil.com"),
    ("call +49 151 2345 6789 today", "phone:3456789"),
    ("\u6253\u7535\u8bdd13812345678", "phone:2345678"),
    ("\u52a0\u5fae\u4fe1\uff1akefu_2026", "chat:kefu_2026"),
    ("add my vx abc12345", "chat:abc12345"),
    ("WeChat ID: shop-help8", "chat:shop-help8"),
    ("telegram @helper_bot", "chat:helper_bot"),
    ("write me at me@evil.com", "email:me@evil.com"),
    ("[here](//evil.com/x)", "host:evil.com"),
]


@pytest.mark.parametrize(("text", "found"), LINKS)
def test_ways_out_are_seen_however_they_are_written(text: str, found: str) -> None:
    assert found in contacts(text, ("US", "CN"))


@pytest.mark.parametrize(
    "text",
    [
        "We open at 9 a.m. and close at 5 p.m., e.g. on Mondays.",
        "It costs EUR 4.90 and takes 4-7 working days.",
        "Yes. No. Version 2.10.3 is fine",
        "\u8ba2\u53d1\u8d27\u540e\u4e09\u5929\u5230\u8d27\u3002\u8c22\u8c22",
        "Line 4 of the form, please",
    ],
)
def test_what_is_no_way_out_is_left_alone(text: str) -> None:
    assert contacts(text, ("US", "CN")) == frozenset()


def test_what_the_owner_writes_is_no_news() -> None:
    owned = known_contacts(["Track it at https://shop.example/track or call 0151 2345 6789."], ("DE",))

    assert new_contacts("www.shop.example/returns, +49 151 23456789", owned, ("DE",)) == ()
    assert new_contacts("shop.example.evil.com", owned) == ("host:shop.example.evil.com",)


def test_an_answer_with_a_new_link_waits_until_an_admin_accepts_it() -> None:
    row = answered(1, "where do i pay", "At pay.evil.top")
    intent = answered(2, "crypto", "At pay.evil.top", "crypto")
    wording = linked(3, "is it www.evil.top", "p1")
    example = said(4, "is evil.top yours", "greet")
    assert why([row, intent, wording, example]) == [Why.QUARANTINED.value] * 3 + ["kept"]

    assert why([row], known(accepted={quarantine_id(row)})) == ["kept"]
    assert why([row], known(contacts={"host:pay.evil.top"})) == ["kept"]
    other = answered(1, "where do i pay", "At pay.evil.top, now")
    assert why([other], known(accepted={quarantine_id(row)})) == [Why.QUARANTINED.value]


TOPICS = ("parcel delivery tracking", "refund money back", "opening hours shop")


def labelled(count: int) -> list[Example]:
    """Examples of three intents, in turn."""
    random = np.random.default_rng(5)
    texts = [f"{TOPICS[n % 3]} {WORDS[random.integers(18)]} {WORDS[random.integers(18)]}" for n in range(count)]
    return [Example(text=text, intent=f"i{n % 3}", path=Path("x"), line=1) for n, text in enumerate(texts)]


def test_a_row_among_examples_of_another_intent_is_doubted() -> None:
    *examples, moved = labelled(61)

    def doubts(*rows: Taught, examples: Sequence[Example] = examples) -> list[LeftOut]:
        kept, left_out = doubted(rows, examples, ngram_embed)
        assert [*kept, *(one.row for one in left_out)] == list(rows)
        return left_out

    (one,) = doubts(said(1, moved.text, "i1"))
    assert (one.why, one.detail) == (Why.DOUBTFUL, "looks like i0")
    assert doubts(said(1, moved.text, "i0")) == []
    assert doubts(said(1, moved.text, "i1", who="anna, bob")) == []
    assert doubts(said(1, moved.text, "brand_new", new=True)) == []
    assert doubts(answered(1, moved.text, "Yes.")) == []
    assert doubts(said(1, moved.text, "i1"), examples=examples[:1]) == []


def test_wrong_labels_among_many_are_mostly_doubted() -> None:
    examples = labelled(120)
    rows = [said(n, e.text, f"i{(n + (n % 10 == 0)) % 3}") for n, e in enumerate(examples[60:])]
    _, left_out = doubted(rows, examples[:60], ngram_embed)

    wrong = {n for n in range(60) if n % 10 == 0}
    found = {one.row.number for one in left_out}
    assert len(found & wrong) >= 4
    assert len(found - wrong) <= 1
