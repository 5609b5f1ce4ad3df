"""An assistant with a release, and refreshes of it: all of a refresh but for what is learned, and how it is judged.

A training writes a release of a few bytes, under the id and with the facts that the real one would give it.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ngram_embed import ngram_embed
from refresh_rows import answered, linked, said
from small_release import facts

import training.data_checks
from configs.assistant import Assistant, read_assistant
from configs.bot_spec import BotSpec
from configs.learned import read_origins
from configs.taught import Taught
from retrieval.pair import Pair
from training.gate import Measured, Promised, Reason, Rule, Verdict
from training.learned import LEARNED_FILE, trained_with
from training.manifest import ASSISTANT_FILE, REQUIRED_FILES, Release
from training.progress import Progress, Report, silent
from training.refresh import judging, pipeline
from training.refresh.outcome import Outcome
from training.refresh.pipeline import Order, refresh
from training.releases import Releases
from training.trainer import Trained, _made_before, gather_knowledge

TAUGHT = (
    said(1, "pay with bitcoin", "crypto", new=True),
    said(2, "do you take crypto coins", "crypto", new=True),
    answered(3, "pay with bitcoin", "No coins.", "crypto"),
    answered(4, "do you have a cat", "Yes, Tom."),
    linked(5, "tell me what it costs", "h02"),
)
PROMISED = Promised(rate=None, confidence=0.0, asked_for=False, sentence="")
FROZEN = '{"text": "hello to you all", "accept": {"intents": ["greet"]}}\n'


class World:
    """A data folder and the assistant that it belongs to."""

    def __init__(self, root: Path, data: Path) -> None:
        self.root, self.data = root, data
        self.releases = Releases(data)
        self.notes: list[str] = []

    def refresh(self, *rows: Taught, report: Report = silent, **options: Any) -> Outcome:
        order = Order(root=self.root, rows=rows or TAUGHT, collected={"rows": len(rows)})
        return refresh(replace(order, **options), self.releases, report, self.notes.append)

    def train(self) -> Release:
        """As `kefu train` would."""
        owner = read_assistant(self.root)
        trained = write_release(owner, self.releases, silent, candidate=gather_knowledge(owner, self.releases, print))
        self.releases.promote(trained.release)
        return trained.release


def write_release(
    assistant: Assistant,
    releases: Releases,
    report: Report,
    *,
    warm: str | None = None,
    candidate: tuple[tuple[Pair, ...], int],
    note: Callable[[str], None] = print,
) -> Trained:
    """In the place of `train_assistant`."""
    del note
    spec = BotSpec.of(assistant)
    examples = [[example.text, example.intent] for example in assistant.examples]
    made_of = [examples, spec.to_json().decode(), [pair.to_dict() for pair in candidate[0]], warm]
    whole = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
    current = releases.current_id()
    if current and releases.open(current).manifest.fingerprints["all"] == whole:
        return Trained(release=releases.open(current), fitted=False, fresh=False, seconds=0.0)
    if made := _made_before(releases, whole, whole):
        return Trained(release=made, fitted=False, fresh=False, seconds=0.0)
    origins = read_origins(assistant.learned) if assistant.learned else []
    release_id = releases.new_id(whole)
    with releases.writing(release_id) as part:
        for number, name in enumerate(sorted(REQUIRED_FILES)):
            report(Progress(stage=f"writing {number}"))
            (part / name).write_text(f"content of {name}", "utf-8")
        labels = sorted({example.intent for example in assistant.examples})
        (part / "intents.json").write_text(json.dumps({"labels": labels}), "utf-8")
        (part / ASSISTANT_FILE).write_bytes(spec.to_json())
        if origins:
            (part / LEARNED_FILE).write_bytes(trained_with(origins))
        fingerprints = {"intents": "a", "all": whole, "set_aside": assistant.set_aside}
        sealed = {**facts(release_id), "fingerprints": fingerprints, "trained_with": len(origins)}
        release = releases.seal(part, sealed)
    return Trained(release=release, fitted=True, fresh=True, seconds=0.0)


def measure(releases: Sequence[Release], questions: Sequence[Any], golden: Sequence[Any]) -> list[Measured]:
    """In the place of `side_by_side`."""
    del questions, golden
    return [
        Measured(
            release=release.id,
            labels=(),
            questions=(),
            golden=(),
            p50_ms=1.0,
            p95_ms=1.0,
            size_bytes=1,
            promised=PROMISED,
        )
        for release in releases
    ]


def tell_gate(*, passes: bool) -> Callable[[Measured, Measured | None, object], Verdict]:
    """A gate that says so, whatever it is asked."""

    def judge(candidate: Measured, current: Measured | None, _: object) -> Verdict:
        reason = Reason(rule=Rule.UNDERSTOOD, passed=passes, figures={}, sentence="So it was told.")
        current_id = current.release if current else None
        return Verdict(candidate=candidate.release, current=current_id, reasons=(reason,))

    return judge


def write_page(path: Path, *_: object, **__: object) -> None:
    """In the place of `write_gate_report`."""
    path.write_text("the page", "utf-8")


def no_changes(current: Release, candidate: Release) -> None:
    """In the place of `changes`."""
    del current, candidate


def embed_of(assistant: Assistant) -> Callable[[Sequence[str]], Any]:
    """In the place of `frozen_embed`."""
    del assistant
    return ngram_embed


STAND_INS: dict[tuple[Any, str], object] = {
    (pipeline, "train_assistant"): write_release,
    (judging, "side_by_side"): measure,
    (judging, "judge"): tell_gate(passes=True),
    (judging, "write_gate_report"): write_page,
    (judging, "changes"): no_changes,
    (training.data_checks, "frozen_embed"): embed_of,
}


def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has a refresh learn and judge in a moment."""
    for (module, name), instead in STAND_INS.items():
        monkeypatch.setattr(module, name, instead)
