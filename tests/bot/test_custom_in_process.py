"""Custom actions in this process: how they are imported, that they never hold up the bot, and what a crash tells."""

import asyncio
import re
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.actions import ActionFailed, ActionResult
from bot.actions.in_process import InProcessActions
from bot.actions.package import has_actions
from configs import AssistantError

NOW = 1_700_000_000.0
PATIENCE_S = 10  # only ever waited for by a test that is about to fail
DOMAIN = {"forms": {"book_form": {"required_slots": ["city", "count"]}}}
TURN: ContextVar[str] = ContextVar("turn")

HEAD = "from rasa_sdk import Action, FormValidationAction\nfrom rasa_sdk.events import SlotSet\n"


def action(name: str, body: str, *, is_async: bool = False) -> str:
    """The source of an action; `body` is one line or several, of its `run`."""
    lines = "\n        ".join(body.splitlines())
    return f"""
class {name.title().replace("_", "")}(Action):
    def name(self):
        return "{name}"

    {"async " if is_async else ""}def run(self, dispatcher, tracker, domain):
        {lines}
"""


def tracker(**slots: Any) -> dict[str, Any]:
    events = [{"event": "slot", "name": name, "value": value} for name, value in slots.items()]
    return {"sender_id": "c1", "slots": slots, "events": events, "latest_message": {}, "active_loop": {}}


Load = Callable[..., InProcessActions]


@pytest.fixture
def probe() -> AsyncIterator[SimpleNamespace]:
    """A module that actions can import, by which a test holds on to them."""
    probe = SimpleNamespace(started=threading.Event(), may_end=threading.Event(), threads=[], turn=TURN, left=[])
    sys.modules["probe"] = probe  # type: ignore[assignment]
    yield probe
    probe.may_end.set()
    del sys.modules["probe"]


@pytest.fixture
async def load(tmp_path: Path) -> AsyncIterator[Load]:
    """Writes files into the assistant's folder and loads its actions: `load({"actions.py": "..."})`."""
    loaded: list[InProcessActions] = []

    def from_files(files: dict[str, str], **changed: Any) -> InProcessActions:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        actions = InProcessActions(tmp_path, **{"timeout_s": PATIENCE_S, "now": lambda: NOW, **changed})
        loaded.append(actions)
        return actions

    yield from_files
    for actions in loaded:
        await actions.close()


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*")]


def slot_set(result: ActionResult) -> dict[str, Any]:
    return {event["name"]: event["value"] for event in result.events}


ONE = HEAD + action("action_a", "return []")
CLASS = f"{HEAD}class A(Action):\n"


class TestImport:
    @pytest.mark.parametrize(
        "files",
        [
            {"actions.py": ONE},
            {"actions/__init__.py": ONE},
            {"actions/anything.py": ONE},
            {"actions/__init__.py": "", "actions/more/__init__.py": "", "actions/more/deep.py": ONE},
            {"actions.py": "from beside import ActionA\n", "beside.py": ONE},
            {"actions/__init__.py": "", "actions/one.py": "from .two import ActionA", "actions/two.py": ONE},
        ],
        ids=["one file", "package", "folder", "deeper", "beside", "each other"],
    )
    async def test_actions_are_found_where_an_owner_writes_them(self, load: Load, files: dict[str, str]) -> None:
        actions = load(files)
        assert actions.names == {"action_a"}
        assert await actions.run("action_a", tracker(), DOMAIN) == ActionResult()

    async def test_nothing_is_written_into_the_folder(self, load: Load, tmp_path: Path) -> None:
        load({"actions/__init__.py": "", "actions/a.py": ONE})
        assert sorted(names_in(tmp_path)) == ["__init__.py", "a.py", "actions"]

    async def test_a_base_class_that_is_abstract_is_no_action(self, load: Load) -> None:
        base = """
from abc import ABC, abstractmethod

class Base(Action, ABC):
    @abstractmethod
    def reply(self): ...
"""
        assert load({"actions.py": HEAD + base + action("action_a", "return []")}).names == {"action_a"}

    async def test_an_installed_module_keeps_its_place(self, load: Load) -> None:
        dumps = "import json, aiohttp\n" + HEAD + action("action_a", "return [SlotSet('x', json.dumps([1]))]")
        actions = load({"json.py": "raise RuntimeError", "aiohttp.py": "raise RuntimeError", "actions.py": dumps})
        assert slot_set(await actions.run("action_a", tracker(), DOMAIN)) == {"x": "[1]"}

    async def test_two_assistants_keep_their_own_actions(self, tmp_path: Path) -> None:
        made = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            text = f"NAME = '{name}'\n{HEAD}" + action(f"action_{name}", "return [SlotSet('name', NAME)]")
            (tmp_path / name / "actions.py").write_text(text, "utf-8")
            made.append(InProcessActions(tmp_path / name, timeout_s=PATIENCE_S, now=lambda: NOW))
        one, two = made

        assert (one.names, two.names) == ({"action_one"}, {"action_two"})
        assert slot_set(await one.run("action_one", tracker(), DOMAIN)) == {"name": "one"}
        assert slot_set(await two.run("action_two", tracker(), DOMAIN)) == {"name": "two"}

        for actions in made:
            await actions.close()
        assert "actions" not in sys.modules
        assert not {str(tmp_path / "one"), str(tmp_path / "two")}.intersection(sys.path)

    @pytest.mark.parametrize(
        ("files", "place", "said"),
        [
            ({"actions.py": "\n\nimport no_such_module"}, "actions.py:3", "No module named 'no_such_module'"),
            ({"actions.py": "a = 1\ndef b(:"}, "actions.py:2", "SyntaxError"),
            ({"actions/__init__.py": "", "actions/a.py": "\n1 / 0"}, "actions/a.py:2", "ZeroDivisionError"),
            ({"actions.py": "import sys\nsys.exit(3)"}, "actions.py:2", "it calls sys.exit"),
            ({"actions.py": "from lib import x", "lib.py": "\n\n\nx = y"}, "lib.py:4", "name 'y' is not defined"),
            ({"actions.py": f"{CLASS}    pass"}, "actions.py:3", "must implement a name"),
            ({"actions.py": f"{CLASS}    def name(self): return ''"}, "actions.py:3", "name() gives '', not a name"),
            ({"actions.py": f"{CLASS}    def name(self): return 1 / 0"}, "actions.py:4", "division"),
            ({"actions.py": f"{CLASS}    def __init__(self, x): pass"}, "actions.py:3", "argument: 'x'"),
            (
                {"actions.py": f"{CLASS}    name = lambda _: 'a'\n    def run(self): pass"},
                "actions.py:3",
                "3 parameters",
            ),
        ],
    )
    async def test_what_cannot_be_used_is_refused_with_file_and_line(
        self, load: Load, tmp_path: Path, files: dict[str, str], place: str, said: str
    ) -> None:
        with pytest.raises(AssistantError) as caught:
            load(files)
        assert str(caught.value).startswith(f"{tmp_path / place}: ")
        assert said in str(caught.value)
        assert str(tmp_path) not in sys.path
        assert "actions" not in sys.modules

    def test_an_assistant_without_python_files_has_none(self, tmp_path: Path) -> None:
        (tmp_path / "actions" / "notes").mkdir(parents=True)
        (tmp_path / "actions" / "notes" / "readme.md").write_text("Later.", "utf-8")
        assert not has_actions(tmp_path)


class TestEventLoop:
    async def test_a_plain_action_runs_in_a_thread_and_a_coroutine_on_the_loop(
        self, load: Load, probe: SimpleNamespace
    ) -> None:
        note = "import probe, threading\nprobe.threads.append(threading.current_thread())\n"
        actions = load(
            {
                "actions.py": HEAD
                + action("action_plain", note + "return []")
                + action("action_async", note + "return []", is_async=True)
            }
        )
        await actions.run("action_async", tracker(), DOMAIN)
        await actions.run("action_plain", tracker(), DOMAIN)

        assert [thread is threading.main_thread() for thread in probe.threads] == [True, False]
        assert probe.threads[1].daemon

    async def test_a_plain_action_that_waits_holds_up_nobody(self, load: Load, probe: SimpleNamespace) -> None:
        wait = f"import probe\nprobe.started.set()\nassert probe.may_end.wait({PATIENCE_S})\nreturn [SlotSet('x', 1)]"
        actions = load({"actions.py": HEAD + action("action_waits", wait) + action("action_a", "return []")})
        waiting = asyncio.create_task(actions.run("action_waits", tracker(), DOMAIN))
        assert await asyncio.to_thread(probe.started.wait, PATIENCE_S)

        assert await actions.run("action_a", tracker(), DOMAIN) == ActionResult()

        assert not waiting.done()
        probe.may_end.set()
        assert slot_set(await waiting) == {"x": 1}

    async def test_what_rasa_sdk_calls_of_a_validation_runs_in_a_thread_and_what_the_owner_calls_stays(
        self, load: Load, probe: SimpleNamespace
    ) -> None:
        form = """
import probe, threading

class Validate(FormValidationAction):
    def name(self):
        return "validate_book_form"

    async def required_slots(self, domain_slots, dispatcher, tracker, domain):
        return domain_slots + ["day"]

    def extract_day(self, dispatcher, tracker, domain):
        probe.threads.append(("day", threading.current_thread() is threading.main_thread()))
        return {"day": "Monday"}

    def validate_city(self, value, dispatcher, tracker, domain):
        probe.threads.append((value, threading.current_thread() is threading.main_thread()))
        return {"city": value.title()}

    async def validate_count(self, value, dispatcher, tracker, domain):
        return {"count": len(self.validate_city(value, dispatcher, tracker, domain)["city"])}

    def validate_day(self, value, dispatcher, tracker, domain):
        return {"day": value.upper()}
"""
        actions = load({"actions.py": HEAD + form})

        result = await actions.run("validate_book_form", tracker(city="leeds", count="seven"), DOMAIN)

        assert slot_set(result) == {"city": "Leeds", "count": 5, "day": "MONDAY", "requested_slot": None}
        assert probe.threads == [("day", False), ("leeds", False), ("seven", True)]

    @pytest.mark.usefixtures("probe")
    async def test_a_thread_knows_the_turn_that_it_works_for(self, load: Load) -> None:
        actions = load(
            {"actions.py": HEAD + action("action_a", "import probe\nreturn [SlotSet('turn', probe.turn.get())]")}
        )
        TURN.set("t7")
        assert slot_set(await actions.run("action_a", tracker(), DOMAIN)) == {"turn": "t7"}

    async def test_a_plain_function_may_hand_back_a_coroutine(self, load: Load) -> None:
        wrapped = "return self.later()\n\nasync def later(self):\n    return [SlotSet('x', 1)]"
        text = action("action_a", wrapped).replace("        async def later", "    async def later")
        actions = load({"actions.py": HEAD + text})
        assert slot_set(await actions.run("action_a", tracker(), DOMAIN)) == {"x": 1}


class TestTimeLimit:
    WAITS = f"import probe\nprobe.started.set()\nprobe.may_end.wait({PATIENCE_S})\nprobe.left.append(1)\nreturn []"
    SLEEPS = "import asyncio\nawait asyncio.Event().wait()"
    CLINGS = """
import asyncio, probe
while not probe.may_end.is_set():
    try:
        await asyncio.sleep(0.01)
    except asyncio.CancelledError:
        probe.left.append("told to go")
return []
"""

    SAYS_GOODBYE = """
import asyncio, probe
probe.started.set()
try:
    await asyncio.Event().wait()
finally:
    probe.left.append("ended")
"""

    async def test_an_action_that_takes_too_long_is_left(self, load: Load, probe: SimpleNamespace) -> None:
        actions = load(
            {
                "actions.py": HEAD
                + action("action_waits", self.WAITS)
                + action("action_sleeps", self.SLEEPS, is_async=True)
                + action("action_clings", self.CLINGS, is_async=True)
            },
            timeout_s=0.05,
        )
        for name in ("action_waits", "action_sleeps", "action_clings"):
            with pytest.raises(ActionFailed, match=f"{name}: did not end within 0.05 s"):
                await actions.run(name, tracker(), DOMAIN)
        await asyncio.sleep(0)
        assert probe.left == ["told to go"]

    @pytest.mark.parametrize(("body", "is_async"), [(WAITS, False), (CLINGS, True)], ids=["threads", "coroutines"])
    async def test_no_more_are_begun_while_too_many_that_were_left_go_on(
        self, load: Load, probe: SimpleNamespace, body: str, is_async: bool
    ) -> None:
        actions = load(
            {"actions.py": HEAD + action("action_waits", body, is_async=is_async)}, timeout_s=0.05, max_abandoned=2
        )
        for _ in range(2):
            with pytest.raises(ActionFailed, match="did not end"):
                await actions.run("action_waits", tracker(), DOMAIN)
        with pytest.raises(ActionFailed, match="not begun: 2 "):
            await actions.run("action_waits", tracker(), DOMAIN)

        probe.may_end.set()
        async with asyncio.timeout(PATIENCE_S):
            while not await self.is_begun(actions):  # noqa: ASYNC110 - a thread tells nobody when it ends
                await asyncio.sleep(0.01)

    async def is_begun(self, actions: InProcessActions) -> bool:
        try:
            return await actions.run("action_waits", tracker(), DOMAIN) == ActionResult()
        except ActionFailed:
            return False

    async def test_a_turn_that_is_cancelled_takes_its_action_along(self, load: Load, probe: SimpleNamespace) -> None:
        actions = load({"actions.py": HEAD + action("action_sleeps", self.SAYS_GOODBYE, is_async=True)})
        turn = asyncio.create_task(actions.run("action_sleeps", tracker(), DOMAIN))
        assert await asyncio.to_thread(probe.started.wait, PATIENCE_S)

        turn.cancel()

        with pytest.raises(asyncio.CancelledError):
            await turn
        await asyncio.sleep(0)
        assert probe.left == ["ended"]


class TestCrash:
    @pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])
    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ("x = 1\nraise KeyError(tracker.slots['word'])", "ended with KeyError at actions.py:10"),
            ("import sys\nsys.exit(tracker.slots['word'])", "ended with SystemExit at actions.py:10"),
            ("raise StopIteration", "ended with (RuntimeError|StopIteration)( at actions.py:9)?"),
            ("import asyncio\nraise asyncio.CancelledError", "ended with CancelledError"),
            ("raise TimeoutError", "ended with TimeoutError at actions.py:9"),
            ("return 5", r"ended with TypeError"),
            ("return [SlotSet('x', {1, 2})]", "answered what is not JSON: Object of type set is not JSON serializable"),
            ("return [SlotSet('x', float('nan'))]", "answered what cannot be used: .*NaN is not a JSON number"),
            ("return [SlotSet('x', '\\ud800')]", "half of a surrogate pair"),
            ("return [SlotSet('x', 'y' * 2_000_000)]", r"answered 2,000,\d\d\d bytes"),
        ],
    )
    async def test_the_reason_names_error_and_place_and_no_words(
        self, load: Load, body: str, reason: str, is_async: bool
    ) -> None:
        actions = load({"actions.py": HEAD + action("action_a", body, is_async=is_async)})
        with pytest.raises(ActionFailed) as caught:
            await actions.run("action_a", tracker(word="my secret"), DOMAIN)
        assert re.match(f".*{reason}", caught.value.reason)
        assert "secret" not in str(caught.value)
        assert caught.value.__cause__ is None or "secret" not in str(caught.value.__cause__)
