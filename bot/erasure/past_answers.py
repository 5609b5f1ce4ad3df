"""Erases what past answers have of a sender: mined proposals, wordings that labels added, pairs made of both.

A pair that only the sender's messages made goes. One with other sources loses the sender's wordings, also in its
history. What others said in the same words stays.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from bot.erasure.traces import Traces
from retrieval.knowledge_edits import Revision
from retrieval.knowledge_erasure import Forgotten, forget, wordings_by
from retrieval.knowledge_store import KnowledgeStore
from retrieval.proposals import PROPOSALS_FILE, Filed, Proposal, ProposalStore, State
from training.releases import KNOWLEDGE_FILE

REVIEW = "review"  # whom the store names for edits that follow from labels


def erase_past_answers(data_dir: Path, traces: Traces) -> tuple[dict[str, Forgotten], int]:
    """Takes the sender out of both files; gives what went of each pair, and how many proposals were changed.

    The pairs come first: the proposals say which of them were mined from whom.

    Raises:
        KefuError: A file cannot be read or written.
    """
    proposals = data_dir / PROPOSALS_FILE
    if not proposals.exists():
        return _erase_pairs(data_dir, [], traces), 0
    store = ProposalStore(proposals)
    try:
        forgotten = _erase_pairs(data_dir, store.list(State.ACCEPTED), traces)
        return forgotten, store.rewrite(lambda filed: _left_of(filed, traces))
    finally:
        store.close()


def derived_lines(forgotten: dict[str, Forgotten], proposals: int) -> list[str]:
    """What had been derived, in words."""
    lines = [
        f"past answer {pair_id}: {'removed' if one.wholly else f'wordings removed: {len(one.wordings)}'}"
        for pair_id, one in sorted(forgotten.items())
    ]
    return [*lines, *([f"{proposals} mined proposals"] if proposals else [])]


def planned(store: KnowledgeStore, accepted: Sequence[Filed], traces: Traces) -> dict[str, Forgotten]:
    """What is to go of each pair.

    Raises:
        KnowledgeStoreError: The file cannot be read.
    """
    mined = {filed.pair_id: filed.proposal for filed in accepted if _is_in(filed.proposal, traces)}
    found = {}
    for pair_id in sorted({*mined, *store.changed_by(REVIEW)}):
        if (one := _forgotten(store.history(pair_id), mined.get(pair_id), traces)) is not None:
            found[pair_id] = one
    return found


def _erase_pairs(data_dir: Path, accepted: Sequence[Filed], traces: Traces) -> dict[str, Forgotten]:
    path = data_dir / KNOWLEDGE_FILE
    if not path.exists():
        return {}
    with KnowledgeStore(path) as store:
        forgotten = planned(store, accepted, traces)
        if forgotten:
            forget(store, forgotten)
        return forgotten


def _forgotten(history: Sequence[Revision], proposal: Proposal | None, traces: Traces) -> Forgotten | None:
    """What goes of a pair with this history; None where nothing does."""
    if proposal is not None and all(map(traces.has_mined, proposal.conversations)):
        return Forgotten(wordings=frozenset(proposal.questions), since=history[0].seq if history else 0, wholly=True)
    learned = wordings_by(history, lambda revision: revision.by == REVIEW)
    mined = wordings_by(history[:1], lambda _: True) if proposal is not None else {}
    theirs = {text: seq for text, seq in {**mined, **learned}.items() if traces.has_said(text)}
    others = {text for revision in history if revision.pair for text in revision.pair.questions} - set(theirs)
    if proposal is not None and not others:  # several conversations asked in these very words
        theirs.pop(proposal.question, None)
    if not theirs:
        return None
    return Forgotten(wordings=frozenset(theirs), since=min(theirs.values()), wholly=not others and proposal is None)


def _left_of(filed: Filed, traces: Traces) -> Proposal | None:
    """A proposal without the sender; None where nobody else is in it, or mining can make it anew of the others."""
    proposal = filed.proposal
    if not _is_in(proposal, traces):
        return proposal
    others = tuple(name for name in proposal.conversations if not traces.has_mined(name))
    if not others or filed.state is State.PENDING:
        return None
    left = _unsaid(proposal.questions, traces) or (proposal.question,)
    return replace(proposal, question=left[0], also_asked=left[1:], conversations=others, count=len(others))


def _unsaid(wordings: Iterable[str], traces: Traces) -> tuple[str, ...]:
    return tuple(text for text in wordings if not traces.has_said(text))


def _is_in(proposal: Proposal, traces: Traces) -> bool:
    return any(map(traces.has_mined, proposal.conversations))
