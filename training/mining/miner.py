"""Mines conversations for pairs worth proposing: from transcripts to ranked proposals.

Nothing here decides: a proposal carries what speaks for and against it, and waits for a person.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from nlu.encoder import FloatArray
from nlu.masking import find_private, regions_of
from retrieval.pair import Pair
from retrieval.proposals import MAX_ALSO_ASKED, Filed, Proposal, State, proposal_id
from training.data_checks.words import same_text_key
from training.mining import phrases
from training.mining.conversation import BadRecord, Conversation, Read, Role
from training.mining.extraction import Exchange, exchanges
from training.mining.grouping import ANCHORS_EN, ANCHORS_ZH, SAME_ANSWER, Scale, group, spread
from training.mining.judging import (
    Gathered,
    best_answer,
    best_question,
    differs_by_case,
    evidence,
    is_pieced,
    score,
    unfit,
    warnings_for,
)
from training.mining.masking import PublicValues, masked, names_in
from training.mining.sentences import on_one_line, without
from training.mining.wordings import Embed, Wordings
from training.progress import Progress, Report, silent

EMBED_BATCH = 256
# From this similarity on another wording says nothing new.
EQUAL_WORDING = 0.97
CONTRADICTED_QUESTION = 0.80
MAX_RIVALS = 3
PAIRS_BATCH = 2_048
KEPT_BAD_RECORDS = 100

_HAN = re.compile("[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class MiningOptions:
    """What is proposed.

    Attributes:
        min_count: Conversations in which a question must have been answered.
        language: Of the assistant; says where phone numbers without a country code may be from.
        public: Addresses and numbers that are the company's own.
        bot_answers: Take what a bot said for answers as well.
    """

    min_count: int = 2
    language: str = "en"
    public: frozenset[str] = frozenset()
    bot_answers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mined:
    """What came of mining.

    Attributes:
        proposals: The most frequent first.
        conversation_count: Conversations that were read.
        exchange_count: Questions that were answered in them.
        bot_only_count: Conversations in which no agent wrote, and a bot did.
        bad_records: The first `KEPT_BAD_RECORDS` of the records that were passed over.
        bad_record_count: How many were passed over in all.
        left_out: Exchanges or groups that were not proposed, by the reason.
    """

    proposals: tuple[Proposal, ...]
    conversation_count: int
    exchange_count: int
    bot_only_count: int
    bad_records: tuple[BadRecord, ...]
    bad_record_count: int
    left_out: Mapping[str, int]


def mine(
    conversations: Iterable[Read],
    embed: Embed,
    options: MiningOptions | None = None,
    *,
    existing: Iterable[Pair] = (),
    known: Sequence[Filed] = (),
    report: Report = silent,
) -> Mined:
    """Proposes pairs.

    Args:
        embed: The encoder as it is before any training, so that what groups today groups tomorrow.
        existing: The pairs that are live: what they answer already is not proposed.
        known: Earlier proposals: what was decided is not proposed again, what is pending keeps its id.
    """
    options = options or MiningOptions()
    miner = _Miner(embed, regions_of(options.language), report)
    miner.read(conversations, options.public, bot_answers=options.bot_answers)
    proposals = miner.proposals(options.min_count)
    proposals = miner.without_answered(proposals, existing)
    proposals = miner.without_decided(proposals, known)
    return miner.mined(proposals)


class _Miner:
    """One run: what was read, and why what is missing was left out."""

    def __init__(self, embed: Embed, regions: Sequence[str | None], report: Report) -> None:
        self._embed = embed
        self._regions = regions
        self._report = report
        self._bad: list[BadRecord] = []
        self._bad_count = 0
        self._left_out: Counter[str] = Counter()
        self._conversation_count = self._exchange_count = self._bot_only_count = 0
        self._gathered: list[Gathered] = []
        self._scale = Scale(unrelated=0.0)

    def read(self, conversations: Iterable[Read], public: Iterable[str], *, bot_answers: bool) -> None:
        """Takes the exchanges out of all conversations, and personal data out of the exchanges."""
        values = PublicValues(self._regions, public)
        found: list[tuple[Exchange, frozenset[str]]] = []
        for read in conversations:
            if isinstance(read, BadRecord):
                self._bad_count += 1
                if len(self._bad) < KEPT_BAD_RECORDS:
                    self._bad.append(read)
                continue
            self._conversation_count += 1
            self._bot_only_count += _is_bot_only(read)
            values.count(read)
            names = names_in(read)
            found += [(exchange, names) for exchange in exchanges(read, bot_answers=bot_answers)]
        self._exchange_count = len(found)
        own = values.values()
        gathered: dict[tuple[str, str], Gathered] = {}
        for place, (exchange, names) in enumerate(found):
            if place % 1_000 == 0:
                self._report(Progress(stage="taking out personal data", done=place, total=len(found)))
            question = masked(exchange.question, find_private(exchange.question, self._regions, names), own)
            question = on_one_line(without(question, phrases.identifies) or question)
            answer = masked(exchange.answer, find_private(exchange.answer, self._regions, names), own)
            answer = phrases.without_greeting(answer)
            if reason := unfit(exchange, question, answer):
                self._left_out[reason] += 1
                continue
            key = (same_text_key(question).rstrip("?？.。!！ "), same_text_key(answer))
            gathered.setdefault(key, Gathered(question=question, answer=answer)).exchanges.append(exchange)
        self._gathered = list(gathered.values())

    def proposals(self, min_count: int) -> list[Proposal]:
        """A proposal for each group that is large enough, the most frequent first."""
        if not self._gathered:
            return []
        texts = [one.question for one in self._gathered] + [one.answer for one in self._gathered]
        chinese = 2 * sum(bool(_HAN.search(one.question)) for one in self._gathered) > len(self._gathered)
        anchors = ANCHORS_ZH if chinese else ANCHORS_EN
        rows = self._embedded([*anchors, *texts], "embedding")
        self._scale = Scale.of(rows[: len(anchors)])
        count = len(self._gathered)
        questions, answers = rows[len(anchors) :][:count], rows[len(anchors) + count :]
        weights = np.array([len(one.conversations) for one in self._gathered], np.int64)

        def progress(done: int) -> None:
            self._report(Progress(stage="grouping", done=done, total=2 * count))

        made: list[tuple[Proposal, FloatArray, FloatArray]] = []
        for members in group(questions, answers, weights, self._scale, progress):
            conversations = {id_ for member in members for id_ in self._gathered[member].conversations}
            if len(conversations) < min_count:
                self._left_out["asked too seldom"] += 1
                continue
            proposal, question, answer = self._proposal(members, questions, answers)
            if differs_by_case([self._gathered[member] for member in members], proposal.answer):
                self._left_out["answered differently from case to case"] += 1
                continue
            made.append((proposal, question, answer))
        made.sort(key=lambda one: _rank(one[0]))
        return self._with_rivals(made)

    def without_answered(self, proposals: list[Proposal], existing: Iterable[Pair]) -> list[Proposal]:
        """Those whose question no stored pair answers; a stored pair that answers otherwise is named."""
        pairs = iter(existing)
        answered: set[int] = set()
        contradicted: dict[int, tuple[float, str]] = {}
        own: Wordings | None = None
        while proposals and (batch := list(islice(pairs, PAIRS_BATCH))):
            own = own or Wordings.of(proposals, self._embedded)
            theirs = Wordings.of(batch, self._embedded)
            for place, pair, question, answer in own.alike(theirs, self._scale):
                if answer >= SAME_ANSWER:
                    answered.add(place)
                elif question >= CONTRADICTED_QUESTION and question > contradicted.get(place, (0.0, ""))[0]:
                    contradicted[place] = (question, batch[pair].id)
        self._left_out["answered by a stored pair"] += len(answered)
        return [
            _contradicting(proposal, contradicted[place][1]) if place in contradicted else proposal
            for place, proposal in enumerate(proposals)
            if place not in answered
        ]

    def without_decided(self, proposals: list[Proposal], known: Sequence[Filed]) -> list[Proposal]:
        """Those that nobody has decided yet; what is pending already keeps its id."""
        if not proposals or not known:
            return proposals
        earlier = [filed.proposal for filed in known]
        decided: set[int] = set()
        renamed: dict[int, str] = {}
        alike = Wordings.of(proposals, self._embedded).alike(Wordings.of(earlier, self._embedded), self._scale)
        for place, other, _, answer in alike:
            same = proposals[place].id == earlier[other].id
            if (same or answer >= SAME_ANSWER) and known[other].state is not State.PENDING:
                decided.add(place)
            elif answer >= SAME_ANSWER and earlier[other].id not in renamed.values():
                renamed.setdefault(place, earlier[other].id)
        self._left_out["decided before"] += len(decided)
        kept = {
            renamed.get(place, proposal.id): replace(proposal, id=renamed.get(place, proposal.id))
            for place, proposal in reversed(list(enumerate(proposals)))
            if place not in decided
        }
        return list(reversed(kept.values()))

    def mined(self, proposals: list[Proposal]) -> Mined:
        """The result of the run."""
        return Mined(
            proposals=tuple(proposals),
            conversation_count=self._conversation_count,
            exchange_count=self._exchange_count,
            bot_only_count=self._bot_only_count,
            bad_records=tuple(self._bad),
            bad_record_count=self._bad_count,
            left_out={reason: count for reason, count in self._left_out.items() if count},
        )

    def _embedded(self, texts: Sequence[str], stage: str = "comparing") -> FloatArray:
        """Unit rows, shape (n, d); each different text is embedded once."""
        numbers: dict[str, int] = {}
        places = [numbers.setdefault(text, len(numbers)) for text in texts]
        different = list(numbers)
        parts = []
        for start in range(0, len(different), EMBED_BATCH):
            self._report(Progress(stage=stage, done=start, total=len(different)))
            parts.append(self._embed(different[start : start + EMBED_BATCH]))
        return np.ascontiguousarray(np.concatenate(parts)[places], np.float32)

    def _proposal(
        self, members: NDArray[np.int64], questions: FloatArray, answers: FloatArray
    ) -> tuple[Proposal, FloatArray, FloatArray]:
        gathered = [self._gathered[member] for member in members]
        weights = [float(len(one.conversations)) for one in gathered]
        best = best_question(gathered, weights, questions[members])
        answer = best_answer(gathered, weights, answers[members])
        order = sorted(
            range(len(gathered)), key=lambda place: (place != best, is_pieced(gathered[place]), -weights[place], place)
        )
        near = spread(questions[members], order, 1 + MAX_ALSO_ASKED, self._scale.cosine(EQUAL_WORDING))
        conversations = tuple(dict.fromkeys(id_ for one in gathered for id_ in one.conversations))
        all_exchanges = [exchange for one in gathered for exchange in one.exchanges]
        question, said = gathered[best].question, gathered[answer]
        warnings = tuple(warnings_for(all_exchanges, said))
        proposal = Proposal(
            id=proposal_id(question, said.answer),
            question=question,
            answer=said.answer,
            also_asked=tuple(gathered[place].question for place in near if place != best),
            count=len(conversations),
            conversations=conversations,
            score=round(sum(score(one) for one in all_exchanges) / len(all_exchanges), 3),
            evidence=evidence(gathered, said),
            warnings=warnings,
            doubtful=bool(warnings),
        )
        return proposal, questions[members[best]], answers[members[answer]]

    def _with_rivals(self, made: list[tuple[Proposal, FloatArray, FloatArray]]) -> list[Proposal]:
        """Each proposal with a warning where the same question was also answered otherwise."""
        if not made:
            return []
        questions = np.stack([question for _, question, _ in made])
        answers = np.stack([answer for _, _, answer in made])
        same, other = self._scale.cosine(CONTRADICTED_QUESTION), self._scale.cosine(SAME_ANSWER)
        warned = []
        for place, (proposal, question, answer) in enumerate(made):
            rivals = np.flatnonzero((questions @ question >= same) & (answers @ answer < other))
            others = [made[rival][0] for rival in rivals if rival != place]
            said = [f"also answered otherwise: see {one.id}" for one in others[:MAX_RIVALS]]
            outnumbered = sum(one.count for one in others) > proposal.count
            doubtful = proposal.doubtful or outnumbered
            warned.append(replace(proposal, warnings=(*proposal.warnings, *said), doubtful=doubtful))
        return sorted(warned, key=_rank)


def _rank(proposal: Proposal) -> tuple[bool, int, float, str]:
    """The order of proposals: doubtful ones last, then the most frequent first, and of equals the better ones."""
    return proposal.doubtful, -proposal.count, -proposal.score, proposal.id


def _is_bot_only(conversation: Conversation) -> bool:
    roles = {turn.role for turn in conversation.turns}
    return Role.BOT in roles and Role.AGENT not in roles


def _contradicting(proposal: Proposal, pair_id: str) -> Proposal:
    warning = f"the stored pair {pair_id} answers the same question otherwise"
    return replace(proposal, contradicts=pair_id, warnings=(warning, *proposal.warnings))
