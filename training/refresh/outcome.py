"""What came of a refresh, for a person, for a program, and for the next refresh."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from training.gate import Reason
from training.refresh.left_out import LeftOut, Why
from training.refresh.lock import REFRESH_FOLDER
from training.whole_file import replace_file

OUTCOME_FILE = "last.json"
FORMAT_VERSION = 1


class Came(StrEnum):
    """How a refresh ended."""

    PROMOTED = "promoted"
    NOTHING_NEW = "nothing new"
    KEPT = "kept"  # the release that serves; the gate let no other pass
    CANDIDATE = "candidate"  # it passed, and is not promoted as was asked for
    DRY_RUN = "dry run"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a refresh went.

    Attributes:
        sentence: In short, and why.
        collected: What there was: labels, turns of which people disagree, praised turns, rows.
        left_out: By reason, rows that are not learned.
        quarantined: Rows that wait for an admin: id, label, and what was found.
        doubtful: Rows that look as if their label were wrong: label, given intent, and what it looks like.
        learned: Examples, new intents, new intents without an answer, changed past answers.
        start: Whether the training was built on an earlier one, and why.
        release: What was made; "" for nothing.
        current: What served when it began; "" for nothing.
        reasons: What each rule of the gate says.
        report: The gate's page, from the data folder on; "" for none.
        steps: Those that were done, and those that were found done.
    """

    came: Came
    sentence: str
    started_at: float
    seconds: float
    collected: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    quarantined: Sequence[Mapping[str, Any]] = ()
    doubtful: Sequence[Mapping[str, Any]] = ()
    learned: Mapping[str, Any] = field(default_factory=dict)
    start: str = ""
    release: str = ""
    current: str = ""
    reasons: Sequence[Mapping[str, Any]] = ()
    report: str = ""
    steps: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def save(self, data_dir: Path) -> None:
        """Writes `<data>/refresh/last.json`."""
        content = {"format_version": FORMAT_VERSION, **asdict(self)}
        (data_dir / REFRESH_FOLDER).mkdir(parents=True, exist_ok=True)
        text = json.dumps(content, ensure_ascii=False, indent=1)
        replace_file(data_dir / REFRESH_FOLDER / OUTCOME_FILE, text.encode("utf-8", "replace"))


def counted(left_out: Sequence[LeftOut]) -> dict[str, int]:
    """By reason, how many rows are not learned."""
    return dict(Counter(one.why.value for one in left_out).most_common())


def quarantined(left_out: Sequence[LeftOut]) -> list[dict[str, Any]]:
    """The rows that wait for an admin."""
    waiting = [one for one in left_out if one.why is Why.QUARANTINED]
    return [
        {"id": one.detail.partition(": ")[0], "label": one.row.number, "found": one.detail.partition(": ")[2]}
        for one in waiting
    ]


def doubtful(left_out: Sequence[LeftOut]) -> list[dict[str, Any]]:
    """The rows whose labels look wrong."""
    return [
        {"label": one.row.number, "given": one.row.value, "detail": one.detail}
        for one in left_out
        if one.why is Why.DOUBTFUL
    ]


def told(reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    """What the gate's rules say, as plain values."""
    return [{"rule": one.rule.value, "passed": one.passed, "sentence": one.sentence} for one in reasons]
