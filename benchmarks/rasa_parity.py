"""Feature by feature: does a Rasa project do in Kefu what it does in Rasa Open Source 3.6.21?

    python benchmarks/rasa_parity.py [--feature GROUP] [--explain]

Plays the conversations of `tests/rasa/`, whose replies, events, slots and forms were recorded with Rasa itself. A
feature passes if every conversation that shows it comes out the same; "on purpose" counts conversations in which Kefu
is meant to do something else, which the recording says with the reason.
"""

import argparse
import asyncio
import logging
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "rasa"))

from conversation_runner import Difference, play
from recorded_conversations import RecordedConversation, recorded_conversations

from benchmarks.measuring import Must, console, finish, progress

NAME = "rasa_parity"


def main() -> int:
    """Plays the conversations; the exit code says whether every feature passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feature", help="only those whose name holds this")
    parser.add_argument("--explain", action="store_true", help="say what came out differently")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)  # actions that crash are part of it
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    wanted = options.feature or ""
    conversations = [one for one in recorded_conversations() if any(wanted in feature for feature in one.features)]
    found = asyncio.run(played(conversations))
    if options.explain:
        explain(conversations, found)
    failing = [conversation.id for conversation in conversations if found[conversation.id]]
    console.print(f"came out differently: {', '.join(failing) or 'none'}", markup=False)
    figures = by_feature(conversations, found, wanted)
    failed = sum(not feature["passed"] for feature in figures.values())
    musts = [Must(name="features that fail", value=failed, limit=0, at_most=True)]
    return finish(NAME if not wanted else f"{NAME}-part", table(figures), {"features": figures}, musts)


async def played(conversations: Sequence[RecordedConversation]) -> dict[str, list[Difference]]:
    """By conversation, where it came out differently."""
    found = {}
    with progress() as bar:
        task = bar.add_task("conversations", total=len(conversations))
        for conversation in conversations:
            found[conversation.id] = await play(conversation)
            bar.advance(task)
    return found


def by_feature(
    conversations: Sequence[RecordedConversation], found: Mapping[str, Sequence[Difference]], wanted: str
) -> dict[str, Any]:
    """For each feature how many conversations show it, and which of them came out differently."""
    showing: dict[str, list[RecordedConversation]] = defaultdict(list)
    for conversation in conversations:
        for feature in conversation.features:
            if wanted in feature:
                showing[feature].append(conversation)
    return {
        feature: {
            "passed": not any(found[one.id] for one in showing[feature]),
            "conversations": len(showing[feature]),
            "turns": sum(len(one.turns) for one in showing[feature]),
            "failed": [one.id for one in showing[feature] if found[one.id]],
            "on_purpose": {one.id: one.differs for one in showing[feature] if one.differs},
        }
        for feature in sorted(showing)
    }


def explain(conversations: Sequence[RecordedConversation], found: Mapping[str, Sequence[Difference]]) -> None:
    """Says what came out differently."""
    for conversation in conversations:
        for difference in found[conversation.id]:
            console.print(f"{conversation.id}: {difference}", markup=False, highlight=False)


def table(figures: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A row for each feature."""
    rows = [("feature", "played", "on purpose", "result")]
    for name, feature in figures.items():
        purpose = str(len(feature["on_purpose"]) or "")
        rows.append((name, str(feature["conversations"]), purpose, "pass" if feature["passed"] else "FAIL"))
    passed = sum(feature["passed"] for feature in figures.values())
    return [*rows, (f"{passed} of {len(figures)} features pass", "", "", "")]


if __name__ == "__main__":
    sys.exit(main())
