"""Refreshes that may be killed: `python refresh_nursery.py ASSISTANT`, then a line `refresh DATA SECONDS [BYTES]` each.

Each runs in a process of its own that is forked from this one, which has loaded everything. It says `begun PID` once it
has the lock, and when it has ended `ended CODE WHAT`. All is real but for the training and the gate: the one writes a
release for the engine of `stub_engine.py`, the other lets everything pass. It takes about SECONDS, spread over its
steps, and can write no file of more than BYTES.
"""

import hashlib
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ngram_embed import ngram_embed
from stub_engine import FACTS, spec

import bot.refresh.taught
import training.data_checks
from bot.refresh_command import refresh_once
from configs.assistant import Assistant, read_assistant
from configs.errors import KefuError
from configs.learned import read_origins
from training.gate import Reason, Rule, Verdict
from training.learned import LEARNED_FILE, trained_with
from training.manifest import ASSISTANT_FILE, REQUIRED_FILES, SMOKE_FILE, Release
from training.refresh import pipeline
from training.refresh.judging import Judged
from training.refresh.steps import Steps
from training.releases import Releases
from training.trainer import Trained, _made_before

STEPS = 26  # moments at which it pauses, about


def train(assistant: Assistant, releases: Releases, report: object, *, candidate: Any, **_: object) -> Trained:
    """In the place of `train_assistant`."""
    del report
    examples = [[example.text, example.intent] for example in assistant.examples]
    inputs = [examples, [pair.to_dict() for pair in candidate[0]], assistant.set_aside]
    whole = hashlib.sha256(json.dumps(inputs).encode()).hexdigest()
    current = releases.current_id()
    if current and releases.open(current).manifest.fingerprints.get("all") == whole:
        return Trained(release=releases.open(current), fitted=False, fresh=False, seconds=0.0)
    if made := _made_before(releases, whole, whole):
        return Trained(release=made, fitted=False, fresh=False, seconds=0.0)
    release_id = releases.new_id(whole)
    origins = read_origins(assistant.learned) if assistant.learned else []
    with releases.writing(release_id) as part:
        for name in sorted(REQUIRED_FILES):
            (part / name).write_text(release_id, "utf-8")
            pause()
        (part / ASSISTANT_FILE).write_bytes(spec(release_id).to_json())
        (part / SMOKE_FILE).write_text(json.dumps([{"text": "hello"}]), "utf-8")
        (part / LEARNED_FILE).write_bytes(trained_with(origins))
        pause()
        facts = {**FACTS, "id": release_id, "trained_with": len(origins)}
        release = releases.seal(part, {**facts, "fingerprints": {"all": whole, "set_aside": assistant.set_aside}})
    pause()
    return Trained(release=release, fitted=True, fresh=True, seconds=0.0)


def judge(candidate: Release, current: Release | None, *rest: Any) -> Judged:
    """In the place of `judged`."""
    data, steps = rest[2], rest[3]
    steps.of("gate", candidate.id, lambda _: "passed")
    reason = Reason(rule=Rule.UNDERSTOOD, passed=True, figures={}, sentence="Anything passes.")
    verdict = Verdict(candidate=candidate.id, current=current.id if current else None, reasons=(reason,))
    return Judged(verdict=verdict, report=data / "refresh" / "report.html")


def pausing(owner: Any, name: str) -> None:
    """Has a function or method pause before and after."""
    work: Callable[..., Any] = getattr(owner, name)

    def paused(*args: Any, **kwargs: Any) -> Any:
        pause()
        result = work(*args, **kwargs)
        pause()
        return result

    setattr(owner, name, paused)


PAUSE_S = 0.0


def pause() -> None:
    time.sleep(PAUSE_S)


def say(*words: object) -> None:
    """One line in one write: several processes write to the same pipe."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def refresh(root: Path, data: Path, seconds: float) -> int:
    """One refresh; its exit code."""
    global PAUSE_S  # noqa: PLW0603 - this process is for this refresh alone
    PAUSE_S = seconds / STEPS
    collect = bot.refresh.taught.taught_of

    def begun(*args: Any) -> Any:
        say("begun", os.getpid())
        return collect(*args)

    bot.refresh.taught.taught_of = begun
    try:
        outcome = refresh_once(read_assistant(root), data, data, since=0.0, accept=())
    except (KefuError, OSError) as error:
        say("ended", 1, error)
        return 1
    say("ended", 0, outcome.came.value.replace(" ", "_"), outcome.release, ",".join(outcome.steps["done"]))
    return 0


def main() -> None:
    root = Path(sys.argv[1])
    training.data_checks.frozen_embed = lambda _: ngram_embed
    pipeline.train_assistant = train  # type: ignore[assignment]
    pipeline.judged = judge  # type: ignore[assignment]
    pausing(Steps, "of")
    for name in ("write_files", "publish_learned", "apply_edits", "set_aside"):
        pausing(pipeline, name)
    pausing(Releases, "promote")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who was killed is gone at once
    say("ready")
    for line in sys.stdin:
        _, data, seconds, *limit = line.split()
        if os.fork() == 0:
            if limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit[0]), int(limit[0])))
            os._exit(refresh(root, Path(data), float(seconds)))


if __name__ == "__main__":
    main()
