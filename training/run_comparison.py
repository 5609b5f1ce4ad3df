"""Trainings side by side: where their settings, data and code differ, their figures, and a picture of their curves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.pictures import draw_curves
from training.run_record import RunRecord

CURVES = ("measured/validation_accuracy", "measured/validation_loss", "measured/train_loss")

Row = tuple[Any, ...]


def differences(records: Sequence[RunRecord]) -> dict[str, Row]:
    """By name, the settings, versions and counts that are not the same for all, one value for each record."""
    facts = [_facts(record) for record in records]
    names = dict.fromkeys(name for each in facts for name in each)
    rows = {name: tuple(each.get(name) for each in facts) for name in names}
    return {name: row for name, row in rows.items() if any(value != row[0] for value in row)}


def figures(records: Sequence[RunRecord]) -> dict[str, tuple[float | None, ...]]:
    """By name, the figures of each record; None where it has none of that name."""
    names = dict.fromkeys(name for record in records for name in record.figures)
    found = {"seconds": tuple[float | None, ...](record.seconds for record in records)}
    return found | {name: tuple(record.figures.get(name) for record in records) for name in names}


def compared(records: Sequence[RunRecord]) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "releases": [record.release for record in records],
        "differences": {name: list(row) for name, row in differences(records).items()},
        "figures": {name: list(row) for name, row in figures(records).items()},
        "curves": [record.curves for record in records],
    }


def draw_comparison(records: Sequence[RunRecord], path: Path) -> None:
    """A picture of the learning curves of all records."""
    draw_curves({record.release: record.curves for record in records}, CURVES, path)


def _facts(record: RunRecord) -> dict[str, Any]:
    return {
        **record.flat_settings(),
        **{f"data: {name}": count for name, count in record.data.items()},
        **{f"fingerprint: {name}": value[:12] for name, value in record.fingerprints.items()},
        **{f"version: {name}": value for name, value in record.versions.items()},
        "begun from": record.warm_from or "nothing",
        "encoder taken over from": record.encoder_from or "none",
    }
