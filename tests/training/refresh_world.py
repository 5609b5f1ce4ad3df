"""An assistant with a release, and refreshes of it: real trainings of a tiny encoder, and a gate that says what it is told."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from refresh_rows import answered, linked, said

from configs.taught import Taught
from training.gate import Measured, Reason, Rule, Verdict
from training.progress import silent
from training.refresh.outcome import Outcome
from training.refresh.pipeline import Order, refresh
from training.releases import Releases

TAUGHT = (
    said(1, "pay with bitcoin", "crypto", new=True),
    said(2, "do you take crypto coins", "crypto", new=True),
    answered(3, "pay with bitcoin", "No coins.", "crypto"),
    answered(4, "do you have a cat", "Yes, Tom."),
    linked(5, "what is the delivery time", "shipping-time"),
)


class World:
    """A data folder and the assistant that it belongs to."""

    def __init__(self, root: Path, data: Path) -> None:
        self.root, self.data = root, data
        self.releases = Releases(data)
        self.notes: list[str] = []

    def refresh(self, *rows: Taught, **options: Any) -> Outcome:
        order = Order(root=self.root, rows=rows or TAUGHT, collected={"rows": len(rows)})
        return refresh(replace(order, **options), self.releases, silent, self.notes.append)


def tell_gate(monkeypatch: pytest.MonkeyPatch, *, passes: bool) -> None:
    """Has the gate say so, whatever it is asked."""

    def judge(candidate: Measured, current: Measured | None, _: object) -> Verdict:
        reason = Reason(rule=Rule.UNDERSTOOD, passed=passes, figures={}, sentence="So it was told.")
        current_id = current.release if current else None
        return Verdict(candidate=candidate.release, current=current_id, reasons=(reason,))

    monkeypatch.setattr("training.refresh.judging.judge", judge)
