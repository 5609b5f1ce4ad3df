"""Writes down what Rasa Open Source itself does in the conversations of this folder.

    python3.10 -m venv rasa-venv && rasa-venv/bin/pip install rasa==3.6.21 "setuptools<71"
    rasa-venv/bin/python tests/rasa/record.py [PROJECT ...]

The customer's side of each `conversations/*.yml` is read and played to a Rasa agent that was trained on the project
(what is understood stands in the file), and everything under `bot`, `events` and `end` is written anew. What stands
under `kefu` is left alone, and so are conversations with `rasa: false`: there Kefu does something else on purpose.
Needs no Kefu, and runs where Rasa runs.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")
os.environ.setdefault("RASA_CACHE_DIRECTORY", tempfile.mkdtemp())

import structlog  # noqa: E402
from rasa.core import jobs  # noqa: E402
from rasa.core.agent import Agent  # noqa: E402
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage  # noqa: E402
from rasa.core.lock_store import InMemoryLockStore  # noqa: E402
from rasa.core.tracker_store import SQLTrackerStore  # noqa: E402
from rasa.model_training import train  # noqa: E402
from rasa.shared.core.domain import Domain  # noqa: E402
from rasa.utils.endpoints import EndpointConfig  # noqa: E402
from ruamel.yaml import YAML  # noqa: E402

HERE = Path(__file__).resolve().parent
SENDER = "ann"
yaml = YAML()
yaml.width = 140
yaml.preserve_quotes = True
yaml.indent(mapping=2, sequence=4, offset=2)
OLD_BOOLEANS = {"yes", "no", "on", "off", "y", "n", "true", "false"}


def quoted(representer: Any, text: str) -> Any:
    """A text; in quotes where YAML 1.1 would take it for something else."""
    style = '"' if text.lower() in OLD_BOOLEANS else None
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


yaml.representer.add_representer(str, quoted)
real_time = time.time
ahead_s = 0.0


def moved_time() -> float:
    """The time, as far ahead as the conversation has waited."""
    return real_time() + ahead_s


class Channel(CollectingOutputChannel):
    """Collects what is said, under the name of another channel."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.called = name

    def name(self) -> str:
        """The channel that responses are chosen for."""
        return self.called


class Reminders:
    """In place of the scheduler: reminders wait until the conversation does."""

    def __init__(self) -> None:
        self.jobs: dict[str, Any] = {}

    def add_job(self, run: Any, _: str, *, run_date: Any, args: list[Any], **known: Any) -> None:
        """Keeps one; one of the same id is replaced."""
        self.jobs[known["id"]] = (run, run_date, args, known["name"])

    def get_jobs(self) -> list[Any]:
        """Those that wait."""
        return [type("Job", (), {"name": job[3], "id": key}) for key, job in self.jobs.items()]

    def remove_job(self, job_id: str) -> None:
        """Forgets one."""
        self.jobs.pop(job_id, None)

    async def run_due(self) -> None:
        """Runs those whose time has come."""
        for key, (run, run_date, args, _) in list(self.jobs.items()):
            if run_date.timestamp() <= moved_time():
                del self.jobs[key]
                await run(*args)


def parsed(text: str, understood: dict[str, Any]) -> dict[str, Any]:
    """Rasa's parse data for what the file says is understood."""
    intent = {"name": understood["intent"], "confidence": understood.get("confidence", 0.95)}
    ranking = [intent] + [{"name": name, "confidence": value} for name, value in understood.get("ranking", {}).items()]
    entities = [
        {"start": 0, "end": len(text), "extractor": "scripted", **entity} for entity in understood.get("entities", [])
    ]
    data: dict[str, Any] = {"text": text, "intent": intent, "entities": entities, "intent_ranking": ranking}
    key = understood.get("response_key")
    if key:
        retrieval = key.split("/")[0]
        selected = {"response": {"intent_response_key": key, "utter_action": f"utter_{key}", "confidence": 1.0}}
        data["response_selector"] = {"all_retrieval_intents": [retrieval], retrieval: selected}
        data["intent"] = {**intent, "full_retrieval_intent_name": key}
    return data


def named(event: dict[str, Any]) -> str | None:
    """An event in one line; None for those that say nothing of the conversation."""
    kind, name = event["event"], event.get("name")
    response = (event.get("metadata") or {}).get("utter_action") or ""
    lines = {
        "user": lambda: f"user {(event['parse_data'].get('intent') or {}).get('name')}",
        "action": lambda: f"action {name or event['action_text']}",
        "bot": lambda: f"bot {response}" if response.startswith("utter_") else "bot",
        "slot": lambda: f"slot {name}={json.dumps(event['value'], ensure_ascii=False)}",
        "action_execution_rejected": lambda: f"rejected {name}",
        "active_loop": lambda: f"active_loop {name or 'null'}",
        "followup": lambda: f"followup {name or 'null'}",
        "loop_interrupted": lambda: f"loop_interrupted {json.dumps(event['is_interrupted'])}",
        "reminder": lambda: f"reminder {event['intent']}",
        "user_featurization": lambda: None,
    }
    return lines.get(kind, lambda: kind)()


def said(event: dict[str, Any]) -> dict[str, Any]:
    """What a bot event holds, without what is empty; an image that Rasa repeats as attachment counts once."""
    data = dict(event.get("data") or {})
    if data.get("attachment") == data.get("image"):
        data.pop("attachment", None)
    return {key: value for key, value in {"text": event.get("text"), **data}.items() if value}


def server_of(project: Path) -> tuple[subprocess.Popen[bytes] | None, EndpointConfig | None]:
    """An action server for the project's `actions/`, if it has any."""
    if not (project / "actions").is_dir():
        return None, None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (Path(tempfile.gettempdir()) / "record-actions.log").open("wb")
    command = [sys.executable, "-m", "rasa_sdk", "--actions", "actions", "--port", str(port)]
    process = subprocess.Popen(command, cwd=project, stdout=log, stderr=log)
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1)
            break
        except OSError:
            time.sleep(0.1)
    return process, EndpointConfig(url=f"http://127.0.0.1:{port}/webhook")


def trained(project: Path, folder: Path) -> Path:
    """A model of the project; its pipeline is the project's own, and is never asked what a text means."""
    domain = project / "domain.yml" if (project / "domain.yml").exists() else project / "domain"
    config = folder / "config.yml"
    config.write_text((project / "config.yml").read_text("utf-8") + "\nassistant_id: recorded\n", "utf-8")
    result = train(str(domain), str(config), [str(project / "data")], str(folder), fixed_model_name="model")
    assert result.model, f"{project.name} could not be trained"
    return Path(result.model)


class Player:
    """One conversation with an agent."""

    def __init__(self, model: Path, endpoint: EndpointConfig | None, channel: str) -> None:
        self.agent = Agent(action_endpoint=endpoint, lock_store=InMemoryLockStore())
        self.agent.load_model(str(model))
        domain: Domain = self.agent.processor.domain
        self.store = SQLTrackerStore(domain, dialect="sqlite", db="")
        self.agent.tracker_store = self.store
        self.agent.processor.tracker_store = self.store
        self.channel = channel
        self.seen = 0

    async def take(self, turn: dict[str, Any]) -> None:
        """Plays one turn and writes down what came of it."""
        global ahead_s  # noqa: PLW0603 - the clock that Rasa reads
        channel = Channel(self.channel)
        processor = self.agent.processor
        ahead_s += 60 * (turn.get("after_minutes") or 0)
        await reminders.run_due()
        if "user" in turn:
            text = turn["user"]
            data = parsed(text, turn["understood"]) if "understood" in turn else None
            message = UserMessage(
                text, channel, SENDER, parse_data=data, input_channel=self.channel, metadata=turn.get("metadata")
            )
            await processor.handle_message(message)
        elif "trigger" in turn:
            tracker = await processor.fetch_tracker_and_update_session(SENDER, channel)
            entities = [dict(each) for each in turn.get("entities") or []]
            await processor.trigger_external_user_uttered(turn["trigger"], entities, tracker, channel)
        tracker = await self.store.retrieve_full_tracker(SENDER)
        events = [event.as_dict() for event in tracker.events] if tracker else []
        new, self.seen = events[self.seen :], len(events)
        turn["bot"] = [plain(said(event)) for event in new if event["event"] == "bot"]
        turn["events"] = [line for line in map(named, new) if line]

    async def end(self) -> dict[str, Any]:
        """Slots and form when all is said."""
        tracker = await self.agent.processor.get_tracker(SENDER)
        slots = {key: value for key, value in tracker.current_slot_values().items() if value is not None}
        return {"slots": plain(slots), "loop": tracker.active_loop_name}


def plain(value: Any) -> Any:
    """A copy of plain dicts and lists."""
    return json.loads(json.dumps(value))


async def record(project: Path) -> None:
    """Plays every conversation of a project."""
    global ahead_s, reminders
    process, endpoint = server_of(project)
    try:
        with tempfile.TemporaryDirectory() as folder:
            model = await asyncio.to_thread(trained, project, Path(folder))
            for path in sorted((project / "conversations").glob("*.yml")):
                conversation = yaml.load(path)
                if conversation.get("rasa") is False:
                    continue
                ahead_s, reminders = 0.0, Reminders()
                random.seed(1)
                player = Player(model, endpoint, conversation.get("channel", "rest"))
                for turn in conversation["turns"]:
                    await player.take(turn)
                kept = {key: value for key, value in conversation.get("end", {}).items() if key == "kefu"}
                conversation["end"] = {**await player.end(), **kept}
                with path.open("w", encoding="utf-8") as file:
                    yaml.dump(conversation, file)
                sys.stdout.write(f"{project.name}/{path.stem}: {len(conversation['turns'])} turns\n")
    finally:
        if process:
            process.terminate()
            process.wait(10)


reminders = Reminders()


async def scheduler() -> Reminders:
    """What Rasa asks for in place of APScheduler's."""
    return reminders


async def main() -> None:
    """Records the projects that are named, or all."""
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    time.time = moved_time
    jobs.scheduler = scheduler
    names = sys.argv[1:] or sorted(path.parent.name for path in HERE.glob("*/config.yml"))
    for name in names:
        try:
            await record(HERE / name)
        except Exception as error:  # the others can be recorded all the same
            sys.stderr.write(f"{name}: {type(error).__name__}: {error}\n")


if __name__ == "__main__":
    asyncio.run(main())
