"""From the turns of a store to the owner: what is usual is learned quietly, a surge is told once, and is posted."""

import random
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pytest
import structlog
from fakes.helpdesk import FakeHelpDesk
from fakes.vendor import Fault
from scripted_bot import Clock
from sqlalchemy import Connection

from bot.monitor import MoodMonitor, alert_webhook, alerts
from bot.monitor.webhook import AlertWebhook
from bot.stores.sqlite import SqliteStore
from bot.stores.tables import turns
from configs.assistant_config import MonitorConfig
from configs.errors import SettingsError
from configs.settings import Settings

DAY_S, HOUR_S = 86_400.0, 3_600.0
TODAY = 20_000 * DAY_S
SURGE_AT = TODAY + 12 * HOUR_S
SHARES = {"delivery": 0.1, "refund": 0.15}


def turn(number: int, at: float, intent: str, sentiment: str | None) -> dict[str, Any]:
    return {
        "conversation_id": f"c{number}",
        "seq": 1,
        "at": at,
        "release_id": "r1",
        "reason": "sure_intent",
        "evidence": "{}",
        "intent": intent,
        "outcome": "answered",
        "sentiment": sentiment,
    }


def history(days: int, until: float, *, per_hour: int = 6) -> Iterator[dict[str, Any]]:
    """Calm days up to `until`, in which each topic has so many customers an hour."""
    chance, number = random.Random(1), 0
    at = TODAY - days * DAY_S
    while at < until:
        for intent, share in SHARES.items():
            number += 1
            yield turn(number, at, intent, "negative" if chance.random() < share else "neutral")
        at += HOUR_S / per_hour


def surge(customers: int = 40, *, intent: str = "delivery", sender: str | None = None) -> Iterator[dict[str, Any]]:
    """Angry messages, one every minute and a half."""
    for number in range(customers):
        row = turn(1_000_000 + number, SURGE_AT + 90 * number, intent, "negative")
        yield row if sender is None else {**row, "conversation_id": sender, "seq": number + 1}


async def fill(store: SqliteStore, *rows: Iterator[dict[str, Any]]) -> None:
    every = [row for some in rows for row in some]

    def write(connection: Connection) -> None:
        connection.execute(turns.insert(), every)

    await store.write(write)


def monitor_of(store: SqliteStore, clock: Clock, webhook: AlertWebhook | None = None, **config: Any) -> MoodMonitor:
    async def sleep(_: float) -> None:
        pass

    return MoodMonitor(store, lambda: MonitorConfig(**config), webhook=webhook, now=clock, sleep=sleep)


@pytest.fixture
async def desk() -> AsyncIterator[FakeHelpDesk]:
    desk = FakeHelpDesk()
    await desk.start()
    yield desk
    await desk.close()


def webhook_to(desk: FakeHelpDesk, clock: Clock) -> AlertWebhook:
    desk.now = clock
    webhook = alert_webhook(Settings(alert_url=f"{desk.url}/kefu", alert_secret=desk.secret))
    assert webhook is not None
    webhook._now = clock
    return webhook


async def test_a_surge_is_alerted_within_the_hour_and_told_once(store: SqliteStore) -> None:
    await fill(store, history(35, SURGE_AT + 3 * HOUR_S), surge(80))
    clock = Clock(SURGE_AT - HOUR_S)
    monitor = monitor_of(store, clock)
    with structlog.testing.capture_logs() as logs:
        while clock.now < SURGE_AT + 2 * HOUR_S:
            await monitor.look()
            clock.now += 300

    found = {alert.topic: alert for alert in await alerts(store, TODAY)}
    assert set(found) == {"delivery", "*"}
    delivery = found["delivery"]
    assert abs(delivery.began_at - SURGE_AT) <= 600
    assert delivery.found_at - SURGE_AT <= HOUR_S
    assert delivery.detail["share"] == round(delivery.detail["negative"] / delivery.detail["customers"], 4)
    assert sorted(line["topic"] for line in logs if line["event"] == "mood_surge") == ["*", "delivery"]
    assert monitor.shown()["state"] == "watching"
    assert {one["topic"] for one in monitor.shown()["alerts"]} == {"delivery", "*"}


async def test_a_monitor_that_is_started_anew_or_beside_another_says_nothing_twice(store: SqliteStore) -> None:
    await fill(store, history(35, SURGE_AT + 2 * HOUR_S), surge(60))
    clock = Clock(SURGE_AT + 90 * 60)
    await monitor_of(store, clock).look()
    told = await alerts(store, TODAY)
    assert told

    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            clock.now += 600
            await monitor_of(store, clock).look()

    assert logs == []
    assert await alerts(store, TODAY) == told


async def test_calm_days_and_one_angry_customer_give_no_alert(store: SqliteStore) -> None:
    await fill(store, history(35, SURGE_AT + 2 * HOUR_S), surge(80, sender="angry"))
    monitor = monitor_of(store, Clock(SURGE_AT + 2 * HOUR_S))
    await monitor.look()

    assert await alerts(store, 0) == []
    assert monitor.shown() == {
        "state": "watching",
        "learned_days": 28,
        "looked_at": SURGE_AT + 2 * HOUR_S - 300,
        "alerts": [],
    }


async def test_a_bot_that_is_new_learns_quietly_and_says_so(store: SqliteStore) -> None:
    await fill(store, history(5, SURGE_AT + 2 * HOUR_S), surge(80))
    monitor = monitor_of(store, Clock(SURGE_AT + 2 * HOUR_S))
    await monitor.look()

    assert await alerts(store, 0) == []
    assert (monitor.shown()["state"], monitor.shown()["learned_days"]) == ("learning", 4)


async def test_messages_whose_mood_was_not_read_do_not_count(store: SqliteStore) -> None:
    await fill(store, ({**row, "sentiment": None} for row in history(35, SURGE_AT + HOUR_S)))
    monitor = monitor_of(store, Clock(SURGE_AT + HOUR_S))
    await monitor.look()

    assert (monitor.shown()["state"], monitor.shown()["learned_days"]) == ("learning", 0)


async def test_a_surge_that_was_over_long_ago_is_no_news(store: SqliteStore) -> None:
    await fill(store, history(35, SURGE_AT + 9 * HOUR_S), surge(60))
    await monitor_of(store, Clock(SURGE_AT + 9 * HOUR_S)).look()

    assert await alerts(store, 0) == []


async def test_one_that_is_switched_off_reads_nothing(store: SqliteStore) -> None:
    await fill(store, history(35, SURGE_AT + 2 * HOUR_S), surge(80))
    monitor = monitor_of(store, Clock(SURGE_AT + 2 * HOUR_S), enabled=False)
    await monitor.look()

    assert await alerts(store, 0) == []
    assert monitor.shown()["state"] == "off"


async def test_an_alert_is_posted_signed_until_it_is_taken(store: SqliteStore, desk: FakeHelpDesk) -> None:
    await fill(store, history(35, SURGE_AT + 2 * HOUR_S), surge(60, intent="refund"))
    clock = Clock(SURGE_AT + HOUR_S)
    webhook = webhook_to(desk, clock)
    monitor = monitor_of(store, clock, webhook)
    desk.faults.extend([Fault.SERVER_ERROR, 302, Fault.HANG_UP, 410, Fault.LOST_ANSWER])
    for _ in range(5):
        await monitor.look()
        clock.now += 300
    await monitor.close()

    assert desk.refused == []
    assert [one.sent_at is None for one in await alerts(store, 0)] == [False, False]
    assert {one.event["data"]["topic"] for one in desk.taken} == {"refund", "*"}
    event = desk.taken[0].event
    assert event["type"] == "mood.surge"
    assert set(event["data"]) == {
        "id", "kind", "topic", "began_at", "found_at", "customers", "negative", "share", "usual_share",
    }  # fmt: skip
    assert len({one.id for one in desk.tries}) == 2


async def test_what_another_process_has_found_is_left_to_it_for_a_while(store: SqliteStore, desk: FakeHelpDesk) -> None:
    await fill(store, history(35, SURGE_AT + 2 * HOUR_S), surge(60))
    clock = Clock(SURGE_AT + HOUR_S)
    await monitor_of(store, clock).look()
    last = max(alert.found_at for alert in await alerts(store, 0))
    other = monitor_of(store, clock, webhook_to(desk, clock))

    clock.now = last + 600
    await other.look()
    assert desk.tries == []
    clock.now = last + 1_000
    await other.look()
    await other.close()
    assert len(desk.taken) == 2


async def test_it_goes_on_looking_although_the_store_fails(store: SqliteStore) -> None:
    class Enough(Exception):
        pass

    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise Enough

    await store.close()
    clock = Clock(TODAY + 360.0)
    monitor = MoodMonitor(store, MonitorConfig, now=clock, sleep=sleep)
    with structlog.testing.capture_logs() as logs, pytest.raises(Enough):
        await monitor.run()

    assert [line["event"] for line in logs] == ["mood_not_watched", "mood_not_watched"]
    assert slept == [301.0, 301.0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"alert_url": "https://shop.example/hook"}, "KEFU_ALERT_SECRET is not"),
        ({"alert_url": "file:///etc/passwd", "alert_secret": FakeHelpDesk.secret}, "begins with https"),
        ({"alert_url": "https://shop.example/hook", "alert_secret": "hunter2"}, "write whsec_"),
    ],
)
def test_an_address_or_a_secret_that_cannot_be_used_is_refused_and_not_shown(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message) as refused:
        alert_webhook(Settings(**given))
    assert "hunter2" not in str(refused.value)
    assert "passwd" not in str(refused.value)


def test_without_an_address_nothing_is_posted() -> None:
    assert alert_webhook(Settings()) is None
    assert partial(alert_webhook, Settings(alert_secret=FakeHelpDesk.secret))() is None
