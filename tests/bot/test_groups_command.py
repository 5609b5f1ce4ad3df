"""`kefu groups` shows kinds of customers from a store, and names nobody unless it is told to."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from typer.testing import CliRunner

from bot.cli import app
from bot.stores.customers import TopicOfCustomer, customers_days, customers_topics
from bot.stores.sqlite import SqliteStore
from bot.stores.tables import turns
from configs.errors import KefuError

DAY_S = 86_400.0
ROW = {"release_id": "r1", "reason": "sure_intent", "evidence": "{}", "outcome": "answered"}


def rows(now: float, customers: int = 30) -> list[dict[str, Any]]:
    """Two kinds of customers: some ask for sizes, others wait for parcels and are angry."""
    return [
        {
            **ROW,
            "conversation_id": f"{kind} {number}",
            "seq": seq,
            "at": now - (seq + 1) * DAY_S,
            "intent": intent,
            "sentiment": mood,
        }
        for number in range(customers)
        for kind, intent, mood in (("buyer", "size", "neutral"), ("waiting", "order_status", "negative"))
        for seq in range(3)
    ]


async def fill(path: Path, every: list[dict[str, Any]]) -> None:
    store = SqliteStore(path)
    await store.open()

    def write(connection: Connection) -> None:
        connection.execute(turns.insert(), every)

    await store.write(write)
    await store.close()


def run(data: Path, *options: str) -> Any:
    return CliRunner().invoke(app, ["groups", "--data", str(data), *options])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("groups")
    asyncio.run(fill(folder / "conversations.db", rows(time.time())))
    return folder


def test_groups_are_shown_by_what_they_come_with(data: Path) -> None:
    shown = run(data)

    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert [line.split()[:3] for line in lines[1:4]] == [["1", "30", "50%"], ["2", "30", "50%"], ["all", "60", "100%"]]
    assert "size 100%" in shown.stdout
    assert "order_status 100%" in shown.stdout
    assert "buyer" not in shown.stdout


def test_json_names_nobody_unless_it_is_told_to(data: Path) -> None:
    plain = json.loads(run(data, "--json").stdout)
    named = json.loads(run(data, "--json", "--ids").stdout)

    assert [one["size"] for one in plain["groups"]] == [30, 30]
    assert "ids" not in str(plain)
    assert sorted(named["groups"][0]["ids"]) == sorted(f"buyer {number}" for number in range(30))
    assert {**named["groups"][0], "ids": []} == {**plain["groups"][0], "ids": []}


def test_too_few_customers_are_said_to_be_too_few(data: Path) -> None:
    found = run(data, "--since", "1h")

    assert isinstance(found.exception, KefuError)
    assert "There are 0 customers" in str(found.exception)


def test_ids_without_json_are_refused(data: Path) -> None:
    assert run(data, "--ids").exit_code == 2


async def test_customers_are_counted_by_topic_and_day(tmp_path: Path) -> None:
    store, now = SqliteStore(None), 20_000 * DAY_S
    await store.open()
    more = [
        {"seq": 7, "at": now - 10, "intent": None, "sentiment": None},
        {"seq": 8, "at": now - 9, "intent": "size", "sentiment": "negative", "outcome": "fell_back"},
        {"seq": 9, "at": now - 8, "intent": "size", "sentiment": "negative", "outcome": "external"},
    ]
    every = [*rows(now, customers=1), *({**ROW, "conversation_id": "buyer 0", **one} for one in more)]
    for row in every:
        await store.write(lambda connection, row=row: connection.execute(turns.insert(), row))

    topics = await store.read(lambda connection: customers_topics(connection, 0, now))
    days = await store.read(lambda connection: customers_days(connection, 0, now))
    await store.close()

    assert topics == [
        TopicOfCustomer(conversation_id="buyer 0", topic="-", messages=1, negative=0, moods=0),
        TopicOfCustomer(conversation_id="buyer 0", topic="?", messages=1, negative=1, moods=1),
        TopicOfCustomer(conversation_id="buyer 0", topic="size", messages=3, negative=0, moods=3),
        TopicOfCustomer(conversation_id="waiting 0", topic="order_status", messages=3, negative=3, moods=3),
    ]
    assert days == {"buyer 0": 3, "waiting 0": 3}
