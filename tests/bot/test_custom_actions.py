"""Custom actions in this process and on rasa_sdk's own action server: the same actions, the same outcome."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.actions import ActionFailed, ActionRejected, ActionResult, CustomActions, custom_actions
from bot.actions.in_process import InProcessActions
from bot.actions.remote import RemoteActions

NOW = 1_700_000_000.0
PATIENCE_S = 30

SHOP = """
from rasa_sdk import Action, FormValidationAction
from rasa_sdk.events import AllSlotsReset, FollowupAction, SlotSet
from rasa_sdk.interfaces import ActionExecutionRejection

from actions.words import GREETING


class Greet(Action):
    def name(self):
        return "action_greet"

    async def run(self, dispatcher, tracker, domain):
        name = tracker.get_slot("name")
        dispatcher.utter_message(text=f"{GREETING}, {name}!", buttons=[{"title": "Bye", "payload": "/bye"}])
        dispatcher.utter_message(response="utter_more", name=name)
        return [SlotSet("greeted", True), FollowupAction("action_listen")]


class Plain(Action):
    def name(self):
        return "action_plain"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(json_message={"sender": tracker.sender_id, "responses": list(domain["responses"])})
        return [AllSlotsReset(timestamp=5.0)]


class Silent(Action):
    def name(self):
        return "action_silent"

    def run(self, dispatcher, tracker, domain):
        return None


class Unwilling(Action):
    def name(self):
        return "action_unwilling"

    def run(self, dispatcher, tracker, domain):
        raise ActionExecutionRejection(self.name(), "a secret word")


class Crashes(Action):
    def name(self):
        return "action_crashes"

    def run(self, dispatcher, tracker, domain):
        raise ValueError("a secret word")


class Odd(Action):
    def name(self):
        return "action_odd"

    def run(self, dispatcher, tracker, domain):
        return [{"event": "slott", "name": "city"}]


class Spoils(Action):
    def name(self):
        return "action_spoils"

    async def run(self, dispatcher, tracker, domain):
        seen = [tracker.slots.get("name"), len(tracker.events), sorted(domain["forms"])]
        tracker.slots["name"] = "spoilt"
        tracker.events.clear()
        domain["forms"].clear()
        dispatcher.utter_message(json_message={"seen": seen})
        return []


class ValidateBookForm(FormValidationAction):
    def name(self):
        return "validate_book_form"

    def validate_city(self, value, dispatcher, tracker, domain):
        if value.casefold() == "leeds":
            return {"city": "Leeds"}
        dispatcher.utter_message(response="utter_wrong_city", city=value)
        return {"city": None}

    async def validate_count(self, value, dispatcher, tracker, domain):
        return {"count": int(value), "city": self.validate_city("leeds", dispatcher, tracker, domain)["city"]}
"""

DOMAIN = {
    "version": "3.1",
    "responses": {"utter_more": [{"text": "More?"}]},
    "slots": {"city": {"type": "text", "mappings": [{"type": "from_text"}]}, "count": {"type": "any"}},
    "forms": {"book_form": {"required_slots": ["city", "count"]}},
}


def response(**given: Any) -> dict[str, Any]:
    """What rasa_sdk's dispatcher writes."""
    empty = {"text": None, "image": None, "attachment": None, "template": None, "response": None}
    return {**empty, "buttons": [], "elements": [], "custom": {}, **given}


def slot(name: str, value: Any) -> dict[str, Any]:
    return {"event": "slot", "timestamp": NOW, "name": name, "value": value}


def tracker(events: list[dict[str, Any]] | None = None, **slots: Any) -> dict[str, Any]:
    return {
        "sender_id": "c1",
        "slots": slots,
        "latest_message": {"text": "hi", "intent": {"name": "greet"}, "entities": []},
        "events": events or [{"event": "action", "name": "action_listen", "timestamp": 1.0}],
        "paused": False,
        "followup_action": None,
        "active_loop": {},
        "latest_action_name": "action_listen",
    }


def write(root: Path, **files: str) -> Path:
    """Puts modules into the folder's `actions/`, each named without its ending."""
    (root / "actions").mkdir(parents=True, exist_ok=True)
    for name, text in {"__init__": "", **files}.items():
        (root / "actions" / f"{name}.py").write_text(text, "utf-8")
    return root


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("shop"), orders=SHOP, words='GREETING = "Hello"\n')


@pytest.fixture(scope="module")
def served(shop: Path) -> Iterator[str]:
    """The address of rasa_sdk's own server with the shop's actions."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "rasa_sdk", "--actions", "actions", "--port", str(port)]
    log = (shop / "server.log").open("wb")
    process = subprocess.Popen(command, cwd=shop, env={"SANIC_HOST": "127.0.0.1"}, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}/webhook"
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
        log.close()


async def until_healthy(url: str) -> None:
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url.replace("/webhook", "/health")) as answer:
                    assert await answer.json() == {"status": "ok"}
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)


class CustomActionsContract:
    """What both ways to run actions must do."""

    async def test_events_and_responses_come_back_as_the_action_gave_them(self, actions: CustomActions) -> None:
        result = await actions.run("action_greet", tracker(name="Ada"), DOMAIN)

        assert result == ActionResult(
            events=(
                slot("greeted", True),
                {"event": "followup", "timestamp": NOW, "name": "action_listen"},
            ),
            responses=(
                response(text="Hello, Ada!", buttons=[{"title": "Bye", "payload": "/bye"}]),
                response(template="utter_more", response="utter_more", name="Ada"),
            ),
        )

    async def test_an_action_that_is_no_coroutine_gets_tracker_and_domain_too(self, actions: CustomActions) -> None:
        result = await actions.run("action_plain", tracker(), DOMAIN)

        assert result.responses == (response(custom={"sender": "c1", "responses": ["utter_more"]}),)
        assert result.events == ({"event": "reset_slots", "timestamp": 5.0},)

    async def test_an_action_may_do_nothing(self, actions: CustomActions) -> None:
        assert await actions.run("action_silent", tracker(), DOMAIN) == ActionResult()

    async def test_an_action_may_decline(self, actions: CustomActions) -> None:
        with pytest.raises(ActionRejected) as caught:
            await actions.run("action_unwilling", tracker(), DOMAIN)
        assert caught.value.action == "action_unwilling"
        assert "secret" not in str(caught.value)

    async def test_a_crash_is_told_without_its_message(self, actions: CustomActions) -> None:
        with pytest.raises(ActionFailed) as caught:
            await actions.run("action_crashes", tracker(), DOMAIN)
        assert caught.value.action == "action_crashes"
        assert "secret" not in str(caught.value)

    async def test_an_unknown_action_is_said_to_be_none(self, actions: CustomActions) -> None:
        with pytest.raises(ActionFailed, match=r"action_gret: .*of this name"):
            await actions.run("action_gret", tracker(), DOMAIN)

    async def test_an_unknown_event_is_named(self, actions: CustomActions) -> None:
        with pytest.raises(ActionFailed, match=r"action_odd: events\[0\] is of the type 'slott'"):
            await actions.run("action_odd", tracker(), DOMAIN)

    async def test_what_an_action_does_to_its_tracker_and_domain_no_other_sees(self, actions: CustomActions) -> None:
        state = tracker(name="Ada")

        for _ in range(2):
            result = await actions.run("action_spoils", state, DOMAIN)
            assert result.responses == (response(custom={"seen": ["Ada", 1, ["book_form"]]}),)

        assert state == tracker(name="Ada")

    async def test_a_form_is_validated(self, actions: CustomActions) -> None:
        events = [{"event": "action", "name": "action_listen"}, slot("city", "leeds"), slot("count", "3")]
        state = tracker(events, city="leeds", count="3")

        result = await actions.run("validate_book_form", state, DOMAIN)

        assert result.events == (slot("city", "Leeds"), slot("count", 3))
        assert result.responses == ()

    async def test_a_value_that_a_form_refuses_is_taken_out_with_a_word_to_the_customer(
        self, actions: CustomActions
    ) -> None:
        state = tracker([slot("city", "Ur")], city="Ur")

        result = await actions.run("validate_book_form", state, DOMAIN)

        assert result.events == (slot("city", None),)
        assert result.responses == (response(template="utter_wrong_city", response="utter_wrong_city", city="Ur"),)

    async def test_an_empty_domain_is_given_as_one_that_is_not_null(self, actions: CustomActions) -> None:
        assert await actions.run("validate_book_form", tracker(), {}) == ActionResult()

    async def test_many_at_once_keep_to_their_own_conversation(self, actions: CustomActions) -> None:
        names = [f"n{index}" for index in range(40)]

        results = await asyncio.gather(
            *(actions.run("action_greet", tracker(name=name), DOMAIN) for name in names),
            *(actions.run("action_plain", tracker(), DOMAIN) for _ in names),
        )

        said = [result.responses[0].get("text") for result in results]
        assert said == [*(f"Hello, {name}!" for name in names), *[None] * len(names)]


class TestInProcess(CustomActionsContract):
    @pytest.fixture
    async def actions(self, shop: Path) -> AsyncIterator[CustomActions]:
        actions = InProcessActions(shop, timeout_s=PATIENCE_S, now=lambda: NOW)
        yield actions
        await actions.close()


class TestRemote(CustomActionsContract):
    @pytest.fixture
    async def actions(self, served: str) -> AsyncIterator[CustomActions]:
        await until_healthy(served)
        actions = RemoteActions(served, timeout_s=PATIENCE_S, now=lambda: NOW)
        yield actions
        await actions.close()


class TestRemoteSparingTheDomain(CustomActionsContract):
    """The domain goes along once; rasa_sdk keeps it, and what an action does to it, so that one test is left out."""

    @pytest.fixture
    async def actions(self, served: str) -> AsyncIterator[CustomActions]:
        await until_healthy(served)
        actions = RemoteActions(served, timeout_s=PATIENCE_S, now=lambda: NOW, spare_domain=True)
        yield actions
        await actions.close()

    test_what_an_action_does_to_its_tracker_and_domain_no_other_sees = None  # type: ignore[assignment]


class TestWhichActions:
    def made(self, root: Path, url: str | None = None) -> CustomActions | None:
        return custom_actions(root, url, timeout_s=1, now=lambda: NOW)

    async def test_an_endpoint_wins_over_the_folder(self, shop: Path) -> None:
        assert isinstance(self.made(shop, "http://localhost:5055/webhook"), RemoteActions)

    async def test_without_an_endpoint_they_are_those_of_the_folder(self, shop: Path, tmp_path: Path) -> None:
        (tmp_path / "actions.py").write_text("", "utf-8")
        for root in (shop, tmp_path):
            actions = self.made(root)
            assert isinstance(actions, InProcessActions)
            await actions.close()

    async def test_an_assistant_without_actions_has_none(self, tmp_path: Path) -> None:
        (tmp_path / "actions").mkdir()
        assert self.made(tmp_path) is None


def test_rasa_sdk_is_only_imported_for_actions_in_this_process() -> None:
    program = "import sys, bot.actions, bot.app; sys.exit('rasa_sdk' in sys.modules or 'sanic' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0
