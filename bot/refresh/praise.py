"""What customers' thumbs teach: little, for anybody can press them, and what was right the bot knew already.

A thumbs-up counts as weak evidence, and only where several conversations agree: the same words, taken for the same
thing, called right in each of them. What is learned so is one example.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.stores.praised_turns import PraisedTurn
from configs.taught import Meaning, Taught
from nlu.masking import Regions, mask
from nlu.text import prepare_text

CONVERSATIONS = 3


def confirmed(praised: Sequence[PraisedTurn], regions: Regions) -> list[Taught]:
    """A row for each wording that at least `CONVERSATIONS` conversations call right, taken for one thing in all."""
    by_words: dict[str, list[tuple[PraisedTurn, str, tuple[Meaning, str]]]] = {}
    for turn in praised:
        meant = _meant(turn.decision)
        if meant is not None:
            text = prepare_text(mask(turn.message, regions))
            by_words.setdefault(text.casefold(), []).append((turn, text, meant))
    rows = []
    for said in by_words.values():
        conversations = {turn.conversation_id for turn, _, _ in said}
        if len(conversations) >= CONVERSATIONS and len({meant for _, _, meant in said}) == 1:
            rows.append(_row(*said[0]))
    return rows


def _meant(decision: Mapping[str, Any]) -> tuple[Meaning, str] | None:
    """What the bot took a message for, where it answered with it."""
    for meaning in (Meaning.INTENT, Meaning.PAIR):
        if isinstance(decision.get(meaning.value), str):
            return meaning, decision[meaning.value]
    return None


def _row(turn: PraisedTurn, text: str, meant: tuple[Meaning, str]) -> Taught:
    return Taught(
        number=turn.feedback_id,
        conversation=turn.conversation_id,
        turn=turn.seq,
        text=text,
        meaning=meant[0],
        value=meant[1],
        who="customers",
        at=turn.at,
        weak=True,
    )
