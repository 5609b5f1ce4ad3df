"""The starter's own actions: orders looked up and returns opened, in conversations with the real database."""

import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scripted_bot import ScriptedInference, scripted_engine

from bot.actions.in_process import InProcessActions
from bot.dialogue import DialogueManager
from bot.messages import UserMessage
from bot.stores.sqlite import SqliteStore
from configs import STARTER, read_assistant
from configs.bot_spec import BotSpec
from nlu.builtin import find_order_numbers
from nlu.builtin_context import BuiltinContext

PATIENCE_S = 30
ASSISTANT = read_assistant(STARTER)
SPEC = replace(BotSpec.of(ASSISTANT), trust_slash_intents=True)
RETURNABLE, ON_ITS_WAY, PACKING = "FW-514790", "FW-482913", "FW-210774"
RETURNED, TOO_OLD, UNKNOWN = "FW-602284", "FW-337120", "FW-000001"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the shop's database is made."""
    monkeypatch.setenv("SHOP_DATABASE_DIR", str(tmp_path / "shop"))
    return tmp_path / "shop"


@pytest.fixture
async def actions() -> AsyncIterator[InProcessActions]:
    actions = InProcessActions(STARTER, timeout_s=PATIENCE_S, now=lambda: 1.0)
    yield actions
    await actions.close()


class Customer:
    """Talks to the starter; what it says are commands, so that nothing depends on what a model makes of words."""

    def __init__(self, store: SqliteStore, actions: InProcessActions) -> None:
        inference: Any = ScriptedInference(SimpleNamespace(engine=scripted_engine(SPEC)))
        self.dialogue = DialogueManager(inference, store, actions=actions, choose=random.Random(1))
        self.store = store
        self.buttons: list[str] = []

    async def says(self, text: str) -> list[str]:
        """The names of the responses that the bot gives."""
        before = len(await self.store.events("ann"))
        turn = await self.dialogue.handle(UserMessage(conversation_id="ann", text=text, channel="rest"))
        self.buttons = [button.payload for message in turn.messages for button in message.buttons]
        events = (await self.store.events("ann"))[before:]
        return [event["metadata"]["utter_action"] for event in events if event["event"] == "bot"]

    async def means(self, intent: str, number: str | None = None) -> list[str]:
        return await self.says(f'/{intent}{{"order_number": "{number}"}}' if number else f"/{intent}")

    async def state(self) -> dict[str, Any]:
        conversation = await self.dialogue.tracker("ann")
        slots = {name: value for name, value in conversation.slots.items() if value is not None}
        return {"loop": conversation.loop and conversation.loop.name, **slots}


@pytest.fixture
def customer(store: SqliteStore, actions: InProcessActions, folder: Path) -> Customer:
    return Customer(store, actions)


def returns_in(folder: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(folder / "shop.db") as database:
        found = database.execute("SELECT order_number, reason FROM returns ORDER BY id").fetchall()
    database.close()
    return found


def move_delivery(folder: Path, number: str, days: int) -> None:
    """Has the order delivered `days` ago."""
    with sqlite3.connect(folder / "shop.db") as database:
        day = (date.today() - timedelta(days=days)).isoformat()
        database.execute("UPDATE orders SET delivery_day = ? WHERE number = ?", (day, number))
    database.close()


async def test_its_actions_are_those_that_the_domain_lists(actions: InProcessActions) -> None:
    assert actions.names == set(ASSISTANT.domain.actions)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (PACKING, "utter_order_packing"),
        (ON_ITS_WAY, "utter_order_on_its_way"),
        (RETURNABLE, "utter_order_delivered"),
        (RETURNED, "utter_order_delivered"),
        (UNKNOWN, "utter_order_unknown"),
        (None, "utter_track_order"),
    ],
)
async def test_an_order_is_looked_up_where_its_number_is_given(
    customer: Customer, number: str | None, said: str
) -> None:
    assert await customer.means("track_order", number) == [said]


async def test_a_number_may_be_written_in_several_ways(customer: Customer) -> None:
    for written in ("fw-482913", "FW 482913", "fw482913"):
        assert await customer.means("track_order", written) == ["utter_order_on_its_way"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FW-482913 - any news?", ["FW-482913"]),
        ("where's fw482913", ["fw482913"]),
        ("from FW 482913 and FW-210774", ["FW 482913", "FW-210774"]),
        ("FW-4829131", []),
        ("my order 482913", []),
    ],
)
def test_numbers_are_found_in_messages(text: str, found: list[str]) -> None:
    pattern = SPEC.entities.order_number_pattern
    context = BuiltinContext(now=datetime.now(UTC), language="en", order_number_pattern=pattern)
    assert [entity.value for entity in find_order_numbers(text, context)] == found


async def test_the_order_that_can_be_sent_back_has_a_button_for_it(customer: Customer, folder: Path) -> None:
    await customer.means("track_order", RETURNABLE)
    (button,) = customer.buttons

    assert await customer.says(button) == ["utter_ask_return_reason"]
    assert await customer.says("It is too heavy for me") == ["utter_return_opened"]

    assert returns_in(folder) == [(RETURNED, "It is too small."), (RETURNABLE, "It is too heavy for me")]
    assert await customer.state() == {"loop": None, "shop_name": "Fernway"}


@pytest.mark.parametrize("number", [ON_ITS_WAY, RETURNED, TOO_OLD])
async def test_other_orders_have_none(customer: Customer, number: str) -> None:
    await customer.means("track_order", number)
    assert customer.buttons == []


async def test_a_return_without_a_number_is_explained_as_before(customer: Customer) -> None:
    assert await customer.means("return_item") == ["utter_return_item"]
    assert (await customer.state())["loop"] is None


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (ON_ITS_WAY, "utter_return_too_early"),
        (RETURNED, "utter_return_exists"),
        (TOO_OLD, "utter_return_too_late"),
    ],
)
async def test_an_order_that_cannot_be_sent_back_ends_the_form_with_the_reason(
    customer: Customer, folder: Path, number: str, said: str
) -> None:
    assert await customer.means("return_item", number) == [said]
    assert await customer.state() == {"loop": None, "shop_name": "Fernway"}
    assert len(returns_in(folder)) == 1


@pytest.mark.parametrize(("days", "said"), [(30, "utter_ask_return_reason"), (31, "utter_return_too_late")])
async def test_thirty_days_are_enough_and_thirty_one_are_not(
    customer: Customer, folder: Path, days: int, said: str
) -> None:
    await customer.means("track_order", RETURNABLE)
    move_delivery(folder, RETURNABLE, days)
    assert await customer.means("return_item", RETURNABLE) == [said]


async def test_a_number_that_is_unknown_is_asked_for_again(customer: Customer, folder: Path) -> None:
    assert await customer.means("return_item", UNKNOWN) == ["utter_order_unknown", "utter_ask_order_number"]
    assert await customer.means("track_order", RETURNABLE) == ["utter_ask_return_reason"]
    assert await customer.says("!?") == ["utter_ask_return_reason"]
    assert await customer.says("Wrong colour") == ["utter_return_opened"]
    assert returns_in(folder)[1:] == [(RETURNABLE, "Wrong colour")]


async def test_another_question_is_answered_and_the_form_goes_on(customer: Customer) -> None:
    await customer.means("return_item", UNKNOWN)
    assert await customer.means("opening_hours") == ["utter_opening_hours", "utter_ask_order_number"]
    assert (await customer.state())["loop"] == "return_form"


async def test_a_customer_may_stop_it(customer: Customer, folder: Path) -> None:
    await customer.means("return_item", RETURNABLE)
    assert await customer.means("deny") == ["utter_return_stopped"]
    assert (await customer.state())["loop"] is None
    assert len(returns_in(folder)) == 1


async def test_a_return_is_opened_once(customer: Customer, folder: Path) -> None:
    for _ in range(2):
        await customer.means("return_item", RETURNABLE)
        await customer.says("Too heavy")
    assert returns_in(folder)[1:] == [(RETURNABLE, "Too heavy")]


def make_a_folder_in_its_place(folder: Path) -> None:
    (folder / "shop.db").mkdir(parents=True)


def make_a_file_of_its_folder(folder: Path) -> None:
    folder.write_text("A file.", "utf-8")


def overwrite(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "shop.db").write_bytes(b"Not a database at all. " * 100)


@pytest.mark.parametrize("damage", [overwrite, make_a_folder_in_its_place, make_a_file_of_its_folder])
async def test_a_database_that_cannot_be_read_is_said_to_be(
    customer: Customer, folder: Path, damage: Callable[[Path], None]
) -> None:
    damage(folder)

    assert await customer.means("track_order", RETURNABLE) == ["utter_shop_unavailable"]
    assert await customer.means("return_item", RETURNABLE) == ["utter_shop_unavailable"]
    assert (await customer.state())["loop"] is None


async def test_a_database_that_breaks_while_the_form_is_filled_opens_nothing(customer: Customer, folder: Path) -> None:
    await customer.means("return_item", RETURNABLE)
    overwrite(folder)
    assert await customer.says("Too heavy") == ["utter_shop_unavailable"]
    assert (await customer.state())["loop"] is None


async def test_words_of_a_customer_are_only_ever_a_value(customer: Customer, folder: Path) -> None:
    await customer.means("return_item", RETURNABLE)
    await customer.says("'); DROP TABLE returns; --")
    assert returns_in(folder)[1:] == [(RETURNABLE, "'); DROP TABLE returns; --")]


async def test_without_a_folder_of_its_own_it_lies_in_the_working_folder(
    store: SqliteStore, actions: InProcessActions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHOP_DATABASE_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    await Customer(store, actions).means("track_order", RETURNABLE)
    assert is_made(STARTER / ".kefu") or is_made(tmp_path / ".kefu")


def is_made(folder: Path) -> bool:
    return (folder / "shop.db").exists()
