"""Erases a sender step by step: what cannot be reached is named, and everything else is erased all the same."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from bot.erasure.files import erase_exports, erase_uploads, erase_workspaces
from bot.erasure.learned_rows import erase_learned
from bot.erasure.outcome import Erased, Failure
from bot.erasure.past_answers import derived_lines, erase_past_answers
from bot.erasure.pending import Pending, pending_of
from bot.erasure.releases import releases_with
from bot.erasure.traces import traces_of, traces_of_ids
from bot.stores.belongings import conversations_of
from bot.stores.store import ConversationStore
from configs.errors import KefuError
from nlu.masking import Regions

CONVERSATIONS = "conversations"


async def erase_sender(
    sender: str,
    store: ConversationStore,
    data_dir: Path,
    regions: Regions,
    *,
    erase: Callable[[str], Awaitable[bool]],
    prefix: bool = False,
) -> Erased:
    """Erases everything that is held of a sender.

    What an earlier run could not reach is looked for again. A message that comes meanwhile begins a new conversation.

    Args:
        store: Open, or one that cannot be opened: then all else is erased by the id alone.
        regions: Where phone numbers may be from; by them messages were masked before they were learned from.
        erase: Deletes one conversation from the store, kept apart from its turns.
        prefix: Take the conversations too whose ids go on behind the sender's and a colon.

    Raises:
        KefuError: What is still to be erased cannot be noted; nothing was erased.
    """
    run = _Run(await asyncio.to_thread(pending_of, data_dir, sender), data_dir)
    ids: list[str] = []
    try:
        ids = await store.read(partial(conversations_of, sender=sender, prefix=prefix))
        traces = await store.read(partial(traces_of, conversation_ids=[*ids, sender], regions=regions))
    except KefuError as error:
        run.fail(CONVERSATIONS, error)
        run.knows_texts = False
        traces = traces_of_ids([sender])
    run.pending = await asyncio.to_thread(run.pending.looking_for, traces)
    await run.erase_conversations(ids, erase)
    await asyncio.to_thread(run.erase_derived)
    return run.outcome()


class _Run:
    """One erasure under way."""

    def __init__(self, pending: Pending, data_dir: Path) -> None:
        self.pending, self._data_dir = pending, data_dir
        self.conversations = 0
        self.knows_texts = True
        self._may_be_learned = not pending.is_new
        self.failures: list[Failure] = []
        self._done: list[str] = []
        self._derived: list[str] = []

    def fail(self, store: str, error: Exception) -> None:
        """Notes a store that could not be reached."""
        self.failures.append(Failure(store=store, reason=str(error)))

    async def erase_conversations(self, ids: list[str], erase: Callable[[str], Awaitable[bool]]) -> None:
        """Deletes each of them."""
        self._may_be_learned |= bool(ids)
        for id_ in ids:
            try:
                self.conversations += await erase(id_)
            except KefuError as error:
                self.fail(CONVERSATIONS, error)
                return

    def erase_derived(self) -> None:
        """Erases what was made of the messages, each kind for itself."""
        traces, data_dir = self.pending.traces, self._data_dir
        self._try("uploads", lambda: erase_uploads(data_dir, traces))
        self._try("exports", lambda: erase_exports(data_dir, traces))
        if self._may_be_learned:  # an id that nobody has ends no training
            # First: a refresh that began before the conversations were gone may write what comes next anew.
            self._try("workspaces", lambda: erase_workspaces(data_dir))
        self._try("past answers", self._erase_past_answers)
        self._try("learned rows", self._erase_learned)
        self._try("releases", lambda: self._find_releases([]))
        if not self.failures:
            self.pending.clear()

    def outcome(self) -> Erased:
        """What came of it."""
        return Erased(
            conversations=self.conversations,
            done=tuple(self._done),
            derived=tuple(self._derived),
            releases=self.pending.releases,
            failures=tuple(self.failures),
        )

    def _try(self, store: str, work: Callable[[], str]) -> None:
        try:
            if said := work():
                self._done.append(said)
        except (KefuError, OSError) as error:
            self.fail(store, error)

    def _erase_past_answers(self) -> str:
        if not self.knows_texts:  # once a proposal has forgotten whose it is, its wordings are not found again
            raise KefuError("What the sender wrote stands in the conversations, and these cannot be read.")
        forgotten, proposals = erase_past_answers(self._data_dir, self.pending.traces)
        self._derived += derived_lines(forgotten, proposals)
        return self._find_releases([one.since for one in forgotten.values()])

    def _erase_learned(self) -> str:
        said, lost = erase_learned(self._data_dir, self.pending.traces)
        self._derived += lost
        return said

    def _find_releases(self, revisions: list[int]) -> str:
        self.pending = self.pending.holding(releases_with(self._data_dir, self.pending.traces, revisions))
        return ""
