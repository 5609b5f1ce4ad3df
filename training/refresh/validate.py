"""Keeps of what was taught only what fits the assistant, and of words with two meanings neither."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from configs.assistant import Assistant
from configs.rasa_names import DEFAULT_INTENTS, OUT_OF_SCOPE
from configs.taught import Meaning, Taught
from nlu.masking import PLACEHOLDER
from nlu.text import prepare_text
from retrieval.checked_pair import MAX_ANSWER_CHARS, MAX_QUESTION_CHARS
from training.refresh.left_out import LeftOut, Why

MAX_TEXT_CHARS = 1_000  # longer messages are stories, of which no one sentence is the question
_WORDS = re.compile(r"\w")
_NOT_TAUGHT = DEFAULT_INTENTS - {OUT_OF_SCOPE}


def validated(
    rows: Sequence[Taught], assistant: Assistant, pair_ids: Collection[str], set_aside: Collection[str] = ()
) -> tuple[list[Taught], list[LeftOut]]:
    """The rows that can be learned, in their order, and the others.

    Args:
        assistant: The owner's files alone.
        set_aside: Texts that a release is tested with, as `words_of` gives them.
    """
    check = _check(rows, assistant, pair_ids, set_aside)
    found = [(row, check(row)) for row in sorted(rows, key=lambda row: row.order)]
    kept = [row for row, why in found if why is None]
    return kept, [LeftOut(row=row, why=why) for row, why in found if why is not None]


def words_of(text: str) -> str:
    """By which texts are the same, whatever their case and white space."""
    return prepare_text(text).casefold()


def _check(
    rows: Sequence[Taught], assistant: Assistant, pair_ids: Collection[str], set_aside: Collection[str]
) -> Callable[[Taught], Why | None]:
    owned = {words_of(example.text): example.intent for example in assistant.examples}
    intents = {*assistant.domain.intents, *owned.values()}
    named = {row.value for row in rows if row.new}
    likeliest = _likeliest(rows)

    def check(row: Taught) -> Why | None:
        if not _is_usable(row):
            return Why.UNUSABLE
        if row.meaning is Meaning.PAIR:
            return None if row.value in pair_ids else Why.UNKNOWN_PAIR
        intent = row.value if row.meaning is Meaning.INTENT else row.intent
        if intent and (intent not in intents | named or intent in _NOT_TAUGHT):
            return Why.UNKNOWN_INTENT
        return check_example(row, words_of(row.text)) if row.meaning is Meaning.INTENT else None

    def check_example(row: Taught, words: str) -> Why | None:
        if words in owned:
            return Why.KNOWN if owned[words] == row.value else Why.OWNER
        if words in set_aside:
            return Why.SET_ASIDE
        return None if likeliest[words] == row.value else Why.CONTRADICTED

    return check


def _likeliest(rows: Sequence[Taught]) -> Mapping[str, str]:
    """By words, the intent that most rows give them; "" where two are given as often."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        if row.meaning is Meaning.INTENT:
            counts.setdefault(words_of(row.text), Counter())[row.value] += 1
    return {words: _first(found) for words, found in counts.items()}


def _first(counts: Counter[str]) -> str:
    (name, most), *others = counts.most_common(2)
    return "" if others and others[0][1] == most else name


def _is_usable(row: Taught) -> bool:
    bare = PLACEHOLDER.sub("", row.text)
    if not _WORDS.search(bare) or row.text.startswith("/"):  # the command of a button is no question
        return False
    if row.meaning is Meaning.ANSWER:
        return bool(row.value.strip()) and len(row.value) <= MAX_ANSWER_CHARS and len(row.text) <= MAX_QUESTION_CHARS
    return len(row.text) <= MAX_TEXT_CHARS
