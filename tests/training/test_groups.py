"""Customers fall into the groups that they were made from, the same each time, and few of them into none."""

import random

import pytest
from sklearn.metrics import adjusted_rand_score

from training.groups import MIN_CUSTOMERS, MIN_OF_GROUP, Customer, TooFewCustomers, group

KINDS = {
    "buyers": ({"size": 6, "stock": 3}, 0.05, 2),
    "waiting": ({"order_status": 8, "delivery": 3}, 0.5, 3),
    "regulars": ({"size": 3, "points": 9, "order_status": 2}, 0.02, 40),
}


def customers(count: int, seed: int = 1) -> list[Customer]:
    chance, found = random.Random(seed), []
    for number in range(count):
        topics, negative, days = KINDS[list(KINDS)[number % len(KINDS)]]
        mix = {topic: max(0, n + chance.randint(-1, 1)) for topic, n in topics.items()}
        messages = sum(mix.values())
        bad = sum(chance.random() < negative for _ in range(messages))
        one = Customer(
            id=f"c{number}", topics=mix, negative=bad, moods=messages, days=max(1, days + chance.randint(-1, 1))
        )
        found.append(one)
    return found


def test_customers_fall_into_the_groups_they_were_made_from() -> None:
    every = customers(150)

    found = group(every)

    assert len(found.groups) == 3
    assert found.silhouette is not None
    assert found.silhouette > 0.4
    labels = {who: number for number, one in enumerate(found.groups) for who in one.ids}
    true = [number % 3 for number in range(150)]
    assert adjusted_rand_score(true, [labels[f"c{number}"] for number in range(150)]) == 1.0
    by_topic = {one.topics[0].topic: one for one in found.groups}
    assert set(by_topic) == {"size", "order_status", "points"}
    assert by_topic["order_status"].negative == pytest.approx(0.5, abs=0.1)
    assert by_topic["points"].days == pytest.approx(40, abs=1)


def test_a_group_is_described_by_plain_counts() -> None:
    every = customers(150)
    (waiting,) = [one for one in group(every).groups if one.topics[0].topic == "order_status"]
    theirs = [one for one in every if one.id in waiting.ids]
    total = sum(one.messages for one in theirs)

    assert waiting.size == len(theirs) == 50
    assert waiting.topics[0].share == sum(one.topics.get("order_status", 0) for one in theirs) / total
    everything = sum(one.messages for one in every)
    assert waiting.topics[0].of_all == sum(one.topics.get("order_status", 0) for one in every) / everything
    assert waiting.negative == sum(one.negative for one in theirs) / sum(one.moods for one in theirs)


def test_the_order_of_customers_changes_nothing() -> None:
    every = customers(90)

    assert group(every) == group(list(reversed(every)))


def test_where_nothing_stands_apart_there_is_one_group() -> None:
    same = [Customer(id=f"c{n}", topics={"hours": 3}, negative=0, moods=3, days=1) for n in range(60)]

    found = group(same)

    assert (len(found.groups), found.silhouette) == (1, None)
    assert found.groups[0] == found.everybody


def test_nobody_is_a_group_alone() -> None:
    odd = Customer(id="odd", topics={"nobody_else": 50}, negative=50, moods=50, days=90)

    assert all(one.size >= MIN_OF_GROUP for one in group([*customers(90), odd]).groups)


def test_moods_that_were_not_read_are_none() -> None:
    silent = [Customer(id=f"c{n}", topics={"a" if n % 2 else "b": 3}, negative=0, moods=0, days=1) for n in range(60)]

    assert [one.negative for one in group(silent).groups] == [None, None]


def test_too_few_customers_are_no_groups() -> None:
    with pytest.raises(TooFewCustomers, match=f"There are {MIN_CUSTOMERS - 1} customers"):
        group(customers(MIN_CUSTOMERS - 1))
