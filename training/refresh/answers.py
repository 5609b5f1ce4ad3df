"""Edits of the past answers that follow from labels: other wordings of a pair, and answers that reviewers wrote.

What a label has added goes again with the label. What a person has changed since stays as it was left: a wording that
was taken out is not put in again, a mended answer is not overwritten, a pair that was removed is not made anew.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from configs.taught import Meaning, Taught
from retrieval.checked_pair import MAX_ALSO_ASKED, MAX_ALSO_ASKED_CHARS
from retrieval.knowledge_edits import Edit, Put, Remove, Revision, Stored, VersionConflict
from retrieval.knowledge_store import KnowledgeStore
from retrieval.pair import Pair

BY = "review"
SOURCE = "review"
OF_FILES = "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What labels want of one pair.

    Attributes:
        wordings: Questions that it answers, in the order in which they were taught.
        answer: Markdown; "" where the pair is somebody else's.
        labels: Their numbers.
    """

    wordings: tuple[str, ...]
    answer: str
    labels: tuple[int, ...]


def wanted_of(rows: Iterable[Taught]) -> dict[str, Wanted]:
    """By the pair's id, what rows want: an answer that was written several times is one pair."""
    by_pair: dict[str, list[Taught]] = {}
    of_answer: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: row.order):
        if row.meaning is Meaning.PAIR:
            by_pair.setdefault(row.value, []).append(row)
        elif row.meaning is Meaning.ANSWER and not row.intent:
            same = " ".join(row.value.split()).casefold()
            by_pair.setdefault(of_answer.setdefault(same, f"{SOURCE}-{row.number}"), []).append(row)
    return {pair_id: _wanted(found) for pair_id, found in sorted(by_pair.items())}


def planned_edits(store: KnowledgeStore, rows: Sequence[Taught]) -> list[Edit]:
    """The edits that make of the store what `rows` want; none where it is so already.

    Raises:
        KnowledgeStoreError: It cannot be read.
    """
    wanted = wanted_of(rows)
    edits = []
    for pair_id in sorted({*wanted, *store.changed_by(BY)}):
        edit = _edit(pair_id, store.get(pair_id), store.history(pair_id), wanted.get(pair_id))
        if edit is not None:
            edits.append(edit)
    return edits


def apply_edits(store: KnowledgeStore, rows: Sequence[Taught]) -> tuple[int, int]:
    """Makes the edits; returns how many pairs were changed, and how many somebody else was changing meanwhile.

    Raises:
        KnowledgeStoreError: It cannot be written; nothing was.
    """
    made = store.change_each(planned_edits(store, rows))
    conflicts = sum(isinstance(one, VersionConflict) for one in made)
    return sum(one is not None for one in made) - conflicts, conflicts


def with_edits(pairs: Iterable[Pair], edits: Iterable[Edit]) -> tuple[Pair, ...]:
    """The pairs as they would be after `edits`, in the order of their ids."""
    found = {pair.id: pair for pair in pairs}
    for edit in edits:
        if isinstance(edit, Put):
            found[edit.pair_id] = edit.pair
        else:
            found.pop(edit.pair_id, None)
    return tuple(found[pair_id] for pair_id in sorted(found))


def _wanted(rows: Sequence[Taught]) -> Wanted:
    texts = {row.text.casefold(): row.text for row in reversed(rows)}
    return Wanted(
        wordings=tuple(reversed(texts.values())),
        answer=next((row.value.strip() for row in rows if row.meaning is Meaning.ANSWER), ""),
        labels=tuple(row.number for row in rows),
    )


def _edit(pair_id: str, stored: Stored | None, history: Sequence[Revision], wanted: Wanted | None) -> Edit | None:
    if stored is None:
        return _new_pair(pair_id, history, wanted)
    if wanted is None and _is_ours(history):
        return Remove(pair_id, BY, stored.version, "its labels were taken back")
    pair = stored.pair
    ours, refused = _ours_and_refused(history)
    asked_for = wanted.wordings if wanted else ()
    there = {text.casefold() for text in pair.questions}
    gone = {text.casefold() for text in ours} - {text.casefold() for text in asked_for}
    kept = [text for text in pair.also_asked if text.casefold() not in gone]
    added = [text for text in asked_for if text.casefold() not in there | {text.casefold() for text in refused}]
    wordings = _within_limits(kept, added)
    if wordings == pair.also_asked:
        return None
    return Put(pair.with_values(also_asked=wordings), BY, stored.version, _note(wanted))


def _new_pair(pair_id: str, history: Sequence[Revision], wanted: Wanted | None) -> Edit | None:
    if wanted is None or not wanted.answer or (history and history[-1].by not in (BY, OF_FILES)):
        return None
    question, *others = wanted.wordings
    also_asked = _within_limits([], others)
    pair = Pair(id=pair_id, question=question, answer=wanted.answer, also_asked=also_asked, source=SOURCE)
    return Put(pair, BY, 0, _note(wanted))


def _is_ours(history: Sequence[Revision]) -> bool:
    """Whether labels alone have made a pair."""
    return all(revision.by == BY for revision in history)


def _ours_and_refused(history: Sequence[Revision]) -> tuple[set[str], set[str]]:
    """The wordings that labels have added and nobody else has, and those that a person has taken out again."""
    ours: set[str] = set()
    refused: set[str] = set()
    before: set[str] = set()
    for revision in history:
        now = set(revision.pair.also_asked) if revision.pair else set()
        if revision.by == BY:
            ours |= now - before
        elif revision.by != OF_FILES:
            refused |= (before - now) & ours
            refused -= now
        ours &= now | refused
        before = now
    return ours - refused, refused


def _within_limits(kept: Sequence[str], added: Sequence[str]) -> tuple[str, ...]:
    """The wordings that a pair may hold; what is too many is left out from the end."""
    wordings = list(kept)
    chars = sum(len(text) + 1 for text in wordings)
    for text in added:
        chars += len(text) + 1
        if len(wordings) >= MAX_ALSO_ASKED or chars > MAX_ALSO_ASKED_CHARS:
            break
        wordings.append(text)
    return tuple(wordings)


def _note(wanted: Wanted | None) -> str:
    if wanted is None:
        return "its labels were taken back"
    shown = ", ".join(str(number) for number in wanted.labels[:5])
    return f"labels {shown}{', ...' if len(wanted.labels) > 5 else ''}"
