"""Labels and feedback in the store become plain rows that a training reads.

What two people say differently of one turn is left out until they agree, and what was to be ignored teaches nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from bot.refresh.praise import confirmed
from bot.stores.labels import Label, LabelKind, disagree, standing_labels
from bot.stores.praised_turns import PraisedTurn, praised_turns
from configs.taught import Meaning, Taught
from nlu.masking import Regions
from nlu.text import prepare_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What was said.

    Attributes:
        rows: In their order.
        labels: How many labels stand.
        disagreeing: Turns of which people say different things.
        praised: Turns that customers call right and no reviewer has looked at.
    """

    rows: tuple[Taught, ...]
    labels: int = 0
    disagreeing: int = 0
    praised: int = 0


def collect(connection: Connection, regions: Regions, since: float = 0.0) -> Collected:
    """What people have said since a time, as rows.

    Args:
        regions: Where phone numbers may be from; by them customers' messages are masked that no reviewer has seen.
        since: Unix time; labels from before teach nothing.
    """
    given = [label for label in standing_labels(connection) if label.at >= since]
    turns = list(_by_turn(given))
    agreeing = [said for said in turns if not disagree(said)]
    praised = list(_praised(connection, since))
    rows = [row for said in agreeing for row in _rows(said)] + confirmed(praised, regions)
    return Collected(
        rows=tuple(sorted(rows, key=lambda row: row.order)),
        labels=len(given),
        disagreeing=len(turns) - len(agreeing),
        praised=len(praised),
    )


def _praised(connection: Connection, since: float) -> Iterator[PraisedTurn]:
    after = 0
    while found := praised_turns(connection, since, after):
        yield from found
        after = found[-1].feedback_id


def _by_turn(given: Iterable[Label]) -> Iterable[list[Label]]:
    turns: dict[tuple[str, int], list[Label]] = {}
    for label in given:
        turns.setdefault((label.conversation_id, label.turn_seq), []).append(label)
    return turns.values()


def _rows(said: Sequence[Label]) -> Iterator[Taught]:
    """What the labels of one turn teach, which agree; each meaning once."""
    named = next((label.meaning[1] for label in said if label.meaning[0] is LabelKind.INTENT), "")
    by_meaning: dict[tuple[LabelKind, str], list[Label]] = {}
    for label in said:
        by_meaning.setdefault(label.meaning, []).append(label)
    for (kind, value), labels in by_meaning.items():
        if kind in (LabelKind.INTENT, LabelKind.PAIR, LabelKind.ANSWER):
            yield _row(labels, Meaning(kind.value), value, named if kind is LabelKind.ANSWER else "")


def _row(labels: Sequence[Label], meaning: Meaning, value: str, intent: str) -> Taught:
    first = min(labels, key=lambda label: label.id)
    return Taught(
        number=first.id,
        conversation=first.conversation_id,
        turn=first.turn_seq,
        text=prepare_text(first.text),
        meaning=meaning,
        value=value,
        intent=intent,
        who=", ".join(sorted({label.who for label in labels})),
        at=first.at,
        new=any(label.kind is LabelKind.NEW_INTENT for label in labels),
    )
