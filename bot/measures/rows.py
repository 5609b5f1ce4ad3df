"""Figures as CSV: a row for each day or hour."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from bot.measures.measures import Measures
from bot.measures.written import bucket_json
from bot.outcome import Outcome

CSV_COLUMNS = (
    "since",
    "until",
    "conversations",
    "asked",
    "with_person",
    "left",
    "messages",
    "questions",
    *(outcome.value for outcome in Outcome if outcome is not Outcome.EXTERNAL),
    "unrecorded",
    "negative",
    "neutral",
    "positive",
    "judged",
    "wrong",
    "p50_ms",
    "p90_ms",
    "p99_ms",
)


def measures_csv(measures: Measures) -> str:
    """A row for each day or hour of the period; a figure that is not known is left empty."""
    out = io.StringIO()
    rows = csv.DictWriter(out, CSV_COLUMNS, lineterminator="\r\n", extrasaction="ignore")
    rows.writeheader()
    for bucket in measures.parts:
        rows.writerow(_flat(bucket_json(measures, bucket)))
    return out.getvalue()


def _flat(bucket: Mapping[str, Any]) -> dict[str, Any]:
    groups = ("conversations", "messages", "moods", "time")
    flat = {name: value for group in groups for name, value in bucket[group].items()}
    return {
        **flat,
        "since": bucket["since"],
        "until": bucket["until"],
        "conversations": bucket["conversations"]["count"],
        "messages": bucket["messages"]["count"],
        "judged": bucket["wrong"]["of"],
        "wrong": bucket["wrong"]["count"],
    }
