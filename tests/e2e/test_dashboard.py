"""The dashboard in a real browser: for everyone who may look, and for nobody without a token."""

import random
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.base import AXE_SCRIPT
from data_folders import linked
from e2e_review import PICTURES, TOKENS, ReviewSite
from e2e_visitor import MANNERS, Visit, Visitor
from plain_measures import PlainTurn
from playwright.async_api import expect
from random_turns import survey_row, write
from sqlalchemy import Connection

from bot.stores.location import DATABASE_FILE
from bot.stores.sqlite import SqliteStore
from bot.stores.tables import events

pytestmark = pytest.mark.asyncio(loop_scope="session")

DAYS, DAY_S, HOUR_S = 30, 86_400.0, 3_600.0
BUSY = (1, 1, 0, 0, 0, 1, 2, 4, 7, 10, 12, 11, 9, 9, 10, 11, 10, 8, 7, 8, 9, 6, 4, 2)
INTENTS = {"track_order": 9, "return_item": 5, "opening_hours": 4, "delivery_cost": 3, "greet": 3, "nlu_fallback": 2}
CAME_TO = {"answered": 74, "asked_back": 9, "fell_back": 8, "handed_over": 4, "person": 3, "form": 2}
MANY = 3_000


def shop_turns(now: float) -> list[PlainTurn]:
    """A month of a shop: busy days, quiet nights, one intent that rises in the last week."""
    rng = random.Random(3)
    return [shop_turn(rng, number, now) for number in range(MANY)]


def shop_turn(rng: random.Random, number: int, now: float) -> PlainTurn:
    ago = DAYS * rng.random() ** 1.2
    at = now - ago * DAY_S
    hour = rng.choices(range(24), BUSY)[0]
    at = min(at // DAY_S * DAY_S + (hour + rng.random()) * HOUR_S, now - 1)
    weights = {**INTENTS, "delivery_cost": 14 if ago < 7 else 3}
    outcome = rng.choices([*CAME_TO], [*CAME_TO.values()])[0]
    is_past = rng.random() < 0.4
    pair = f"q{min(rng.randrange(12), rng.randrange(12))}"
    decision = {"kind": "past_answer", "pair": pair} if is_past else {"kind": "template", "intent": "greet"}
    judged = rng.random() < 0.12
    return PlainTurn(
        conversation=f"shop{number // 3}",
        seq=number,
        at=at,
        reason="near_question" if is_past else "sure_intent",
        outcome=outcome,
        channel=["widget", "telegram", "whatsapp"][number // 3 % 5 % 3],
        intent=rng.choices([*weights], [*weights.values()])[0],
        sentiment=rng.choices(["negative", "neutral", "positive"], [2, 9, 3])[0],
        took_ms=rng.lognormvariate(3.6, 0.5),
        decision=decision,
        feedback=(("customer", "wrong" if rng.random() < 0.06 else "right"),) if judged else (),
    )


def fill(connection: Connection, every: list[PlainTurn]) -> None:
    write(connection, every)
    rng = random.Random(4)
    scores = [(turn, rng.choices([1, 2, 3, 4, 5], [1, 1, 2, 6, 10])[0]) for turn in every[::37]]
    rows = [survey_row(turn.conversation, turn.at, {"score": score, "comment": None}) for turn, score in scores]
    connection.execute(events.insert(), rows)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site(trained_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ReviewSite]:
    """A bot of a shop that has been busy for a month."""
    data = linked(trained_dir, tmp_path_factory.mktemp("dashboard") / "data")
    store = SqliteStore(data / DATABASE_FILE)
    await store.open()
    await store.write(partial(fill, every=shop_turns(time.time())))
    await store.close()
    site = ReviewSite(data, Path())
    await site.start()
    try:
        yield site
    finally:
        await site.stop()


async def looking(visit: Visit, site: ReviewSite, role: str, address: str = "/dashboard", **manner: Any) -> Visitor:
    """Somebody with a role, who has opened the dashboard."""
    anna = await visit(f"{site.origin}{address}", **manner)
    await anna.page.get_by_label("Your token").fill(TOKENS[role])
    await anna.page.keyboard.press("Enter")
    await expect(anna.page.get_by_role("heading", level=1)).to_have_text("Dashboard")
    return anna


@pytest.mark.parametrize("manner", MANNERS)
async def test_a_viewer_sees_it_and_axe_finds_nothing_wrong(visit: Visit, site: ReviewSite, manner: str) -> None:
    anna = await looking(visit, site, "viewer", **MANNERS[manner])
    if manner == "right-to-left":
        await anna.page.evaluate("document.documentElement.dir = 'rtl'")

    await anna.page.get_by_text("The same as a table").first.click()
    PICTURES.mkdir(parents=True, exist_ok=True)
    await anna.page.screenshot(path=PICTURES / f"dashboard-{manner}.png", full_page=True)
    assert await found_by_axe(anna) == []
    assert await anna.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert anna.wrong == []
    await expect(anna.page.get_by_role("img")).to_have_count(5)


async def found_by_axe(anna: Visitor) -> list[str]:
    """What axe finds wrong, by rule and place."""
    await anna.page.evaluate(AXE_SCRIPT)
    found = await anna.page.evaluate("() => axe.run(document)")
    return [f"{one['id']}: {node['target']}" for one in found["violations"] for node in one["nodes"]]


async def test_filters_and_periods_lead_to_other_figures(visit: Visit, site: ReviewSite) -> None:
    anna = await looking(visit, site, "viewer")
    await anna.page.get_by_role("combobox", name="Channel").select_option("telegram")
    await anna.page.get_by_role("button", name="Show").click()
    await expect(anna.page.get_by_role("combobox", name="Channel")).to_have_value("telegram")
    await expect(anna.page.get_by_role("region", name="Channels").get_by_role("rowheader")).to_have_text("telegram")
    await anna.page.get_by_role("link", name="24 hours").click()
    await expect(anna.page.get_by_role("heading", name="Messages by hour, and what came of them")).to_be_visible()
    await expect(anna.page.get_by_role("combobox", name="Channel")).to_have_value("telegram")


async def test_nobody_without_a_token_sees_it(visit: Visit, site: ReviewSite) -> None:
    eve = await visit(f"{site.origin}/dashboard")
    await expect(eve.page.get_by_role("heading", level=1)).to_have_text("Sign in")
    await expect(eve.page.locator("svg, table")).to_have_count(0)
