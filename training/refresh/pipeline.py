"""A refresh from top to bottom: validate, limits, doubts, train, measure, gate, and then promote or keep.

Whatever ends it, what serves is what served before, and the next refresh goes on from what was done: results of steps
are kept by their inputs, a training goes on from its last epoch, a release that was made is found by its id. Nothing of
what was learned is published before the gate has let it pass: the past answers, the learned files and `CURRENT` change
in the last step alone, each in one go, and to do that step twice changes nothing.

There is no retriever to train yet: past answers are found by the encoder that understands messages. So their index is
built anew with each release, and the weights of the ranking are fitted to it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from configs.assistant import Assistant, read_assistant
from configs.learned import LEARNED_FOLDER
from configs.taught import Taught
from retrieval.knowledge_store import KnowledgeStore
from retrieval.pair import Pair
from training.frozen import frozen_words, has_own, set_aside, without_set_aside
from training.gate.verdict import Verdict
from training.learned import learned_files, lesson_of, publish_learned, read_trained_with, write_files
from training.manifest import Release, ReleaseError
from training.progress import Progress, Report
from training.promotions import How
from training.refresh.answers import apply_edits, planned_edits, with_edits
from training.refresh.doubts import Embed
from training.refresh.judging import judged
from training.refresh.lock import REFRESH_FOLDER
from training.refresh.outcome import Came, Outcome, counted, doubtful, quarantined, told
from training.refresh.sifting import Before, Sifted, sift
from training.refresh.start import Start, chosen_start
from training.refresh.steps import Steps
from training.releases import KNOWLEDGE_FILE, Releases
from training.trainer import WARM_FOLDER, gather_knowledge, noted_nowhere, train_assistant
from training.warm_start import FACTS_FILE, WarmFacts

STAGES = ("sifting what was taught", "training", "measuring and judging", "promoting")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a refresh is to do.

    Attributes:
        root: The assistant's folder.
        rows: What people have said.
        collected: How much there was, for the outcome.
        accepted: Ids of quarantined rows that an admin has let through.
        keep_candidate: Promote nothing, whatever the gate says.
        dry_run: End before the training, and change nothing.
    """

    root: Path
    rows: tuple[Taught, ...]
    collected: dict[str, int]
    accepted: frozenset[str] = frozenset()
    from_nothing: bool = False
    keep_candidate: bool = False
    dry_run: bool = False


def refresh(
    order: Order,
    releases: Releases,
    report: Report,
    note: Callable[[str], None] = noted_nowhere,
    now: Callable[[], float] = time.time,
) -> Outcome:
    """Learns what `order` says; one at a time, see `training.refresh.lock`.

    Args:
        note: Told in a sentence each what an owner should know.
        now: Unix time.

    Raises:
        KefuError: A file of the assistant, what was learned, the knowledge store or a release cannot be used.
        OSError: The data folder cannot be written; what serves is as it was.
    """
    return _Refresh(order, releases, report, note, now).run()


class _Refresh:
    """One refresh; its methods in the order in which they run."""

    def __init__(
        self,
        order: Order,
        releases: Releases,
        report: Report,
        note: Callable[[str], None],
        now: Callable[[], float],
    ) -> None:
        self.order, self.releases, self.report, self.note, self.now = order, releases, report, note, now
        self.data = releases.data_dir
        self.steps = Steps(self.data / REFRESH_FOLDER)
        self.owner = read_assistant(order.root)
        self.current = self._current()
        self.told: dict[str, Any] = {
            "started_at": now(),
            "collected": order.collected,
            "current": self.current.id if self.current else "",
        }

    def run(self) -> Outcome:
        self._stage(0)
        pairs, seq = gather_knowledge(self.owner, self.releases, self.note, with_files=not self.order.dry_run)
        sifted = self._sift(pairs)
        lesson = lesson_of(sifted.kept, {*self.owner.domain.intents, *(e.intent for e in self.owner.examples)})
        with KnowledgeStore(self.data / KNOWLEDGE_FILE) as store:
            edits = planned_edits(store, sifted.kept)
        self.told["learned"] = {
            "examples": sum(map(len, lesson.examples.values())),
            "new_intents": list(lesson.new_intents),
            "unanswered": list(lesson.unanswered),
            "past_answers": len(edits),
        }
        if self.order.dry_run:
            return self._ended(Came.DRY_RUN, "Nothing was trained and nothing changed, as was asked for.")
        if lesson.examples:
            set_aside(self.owner, self.data)
        files = learned_files(lesson)
        self._stage(1)
        baseline = self._baseline((pairs, seq)) if lesson.examples else None
        candidate = self._train(files, (with_edits(pairs, edits), seq), baseline)
        self.told["release"] = candidate.id
        if self.current is not None and candidate.id == self.current.id:
            self._publish(sifted.kept, files)
            return self._ended(
                Came.NOTHING_NEW, f"There is nothing new since the release {candidate.id}, which serves."
            )
        verdict = self._judge(candidate, baseline or self.current, with_edits(pairs, edits))
        return self._end(candidate, verdict, sifted, files)

    def _sift(self, pairs: tuple[Pair, ...]) -> Sifted:
        before = Before(
            owner=self.owner,
            pairs=pairs,
            set_aside=frozen_words(self.owner, self.data),
            learned=read_trained_with(self.current) if self.current else {},
            accepted=self.order.accepted,
        )
        sifted = sift(self.order.rows, before, self.steps, self._embed)
        self.told["left_out"] = counted(sifted.left_out)
        self.told["quarantined"] = quarantined(sifted.left_out)
        self.told["doubtful"] = doubtful(sifted.left_out)
        return sifted

    def _embed(self) -> Embed:
        from training.data_checks import frozen_embed  # noqa: PLC0415 - loads the encoder's libraries

        return frozen_embed(self.owner)

    def _baseline(self, knowledge: tuple[tuple[Pair, ...], int]) -> Release | None:
        """What stands in for a release that was taught the very questions it is to be tested with; None for none."""
        tested = without_set_aside(self.owner, self.data)
        taught = self.current.manifest.fingerprints.get("set_aside", "") if self.current else ""
        if self.current is None or tested.set_aside == taught or has_own(self.owner):
            return None
        self.note("The release that serves was taught some of the test questions; one that was not is made to compare.")
        trained = train_assistant(tested, self.releases, self.report, candidate=knowledge, note=self.note)
        return trained.release

    def _train(
        self, files: dict[str, bytes], knowledge: tuple[tuple[Pair, ...], int], baseline: Release | None
    ) -> Release:
        folder = self.steps.place("lesson", [content.decode("utf-8") for content in files.values()])
        write_files(folder, files)
        assistant = without_set_aside(read_assistant(self.order.root, folder), self.data)
        for line in assistant.notices:
            self.note(line)
        start = self._start(assistant, baseline or self.current)
        self.told["start"] = start.sentence
        trained = train_assistant(
            assistant, self.releases, self.report, warm=start.base, candidate=knowledge, note=self.note
        )
        (self.steps.done if trained.fresh else self.steps.skipped).append("train")
        return trained.release

    def _start(self, assistant: Assistant, base: Release | None) -> Start:
        kept = None
        if base is not None:
            path = self.data / WARM_FOLDER / base.id / FACTS_FILE
            try:
                kept = WarmFacts.model_validate_json(path.read_bytes())
            except (OSError, ValidationError):
                kept = None
        method = assistant.config.training.intent.method
        base_id = base.id if base else None
        return chosen_start(assistant.examples, base_id, kept, method, from_nothing=self.order.from_nothing)

    def _judge(self, candidate: Release, current: Release | None, pairs: tuple[Pair, ...]) -> Verdict:
        self._stage(2)
        found = judged(candidate, current, self.owner, pairs, self.data, self.steps, self.note)
        self.told["reasons"] = told(found.verdict.reasons)
        self.told["report"] = str(found.report.relative_to(self.data))
        return found.verdict

    def _end(self, candidate: Release, verdict: Verdict, sifted: Sifted, files: dict[str, bytes]) -> Outcome:
        if not verdict.passed:
            return self._ended(Came.KEPT, verdict.sentence)
        if self.order.keep_candidate:
            return self._ended(Came.CANDIDATE, f"{verdict.sentence} It is not promoted, as was asked for.")
        if _was_rolled_back(self.releases, candidate.id):
            said = f"The release {candidate.id} was promoted before and rolled back; it is not promoted again."
            return self._ended(Came.KEPT, f"{said} Take labels back, or `kefu releases promote {candidate.id}`.")
        self._stage(3)
        self._publish(sifted.kept, files)
        self.releases.promote(candidate, instead_of=self.current.id if self.current else None)
        return self._ended(Came.PROMOTED, f"{verdict.sentence} It is promoted.")

    def _publish(self, rows: Sequence[Taught], files: dict[str, bytes]) -> None:
        """Makes of the past answers and the learned files what the release was trained with."""
        with KnowledgeStore(self.data / KNOWLEDGE_FILE) as store:
            _, conflicts = apply_edits(store, rows)
        if conflicts:
            self.note(f"{conflicts} past answers were edited meanwhile and stay so until the next refresh.")
        if rows or (self.data / LEARNED_FOLDER).exists():
            publish_learned(self.data, files)

    def _ended(self, came: Came, sentence: str) -> Outcome:
        steps = {"done": self.steps.done, "skipped": self.steps.skipped}
        seconds = self.now() - self.told["started_at"]
        outcome = Outcome(came=came, sentence=sentence, seconds=seconds, steps=steps, **self.told)
        if came is not Came.DRY_RUN:
            outcome.save(self.data)
            self.steps.sweep()
        return outcome

    def _current(self) -> Release | None:
        try:
            current = self.releases.current_id()
            return None if current is None else self.releases.open(current)
        except ReleaseError as error:
            self.note(f"{error} The new release is not compared with it.")
            return None

    def _stage(self, number: int) -> None:
        self.report(Progress(stage=f"{number + 1}/{len(STAGES)} {STAGES[number]}"))


def _was_rolled_back(releases: Releases, release_id: str) -> bool:
    """Whether an owner has gone back from a release since it was promoted last."""
    back = False
    for one in releases.promotions():
        if one.release_id == release_id:
            back = False
        elif one.how is How.ROLLED_BACK and one.before == release_id:
            back = True
    return back
