"""Under which answers questions are offered, and which. Pure.

Nothing is offered while a form or a person has the conversation, under an answer that has buttons of its own, or on
what must not be wrong; never the question that was just answered, and only what would be answered if asked for now.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from bot.default_actions import DEFAULT_INTENTS
from bot.events import LISTEN
from bot.next_action import flow_action
from bot.parse_data import named_parse_data
from bot.policy import Answer, PastAnswer, Reason, Template
from bot.stores.turn import Suggested
from bot.topic import SMALL_TALK
from bot.turn import TurnUnderWay
from configs import rasa_names
from configs.assistant_config import SuggestionsConfig
from retrieval.pair import Pair
from retrieval.retriever import Hit

RELATED, NEXT = "related", "next"
MIN_RELATED_COS = 0.4
SILENT = frozenset({Reason.PERSON, Reason.FORM, Reason.MEDIA, Reason.EXTERNAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A question that may be offered, and why."""

    kind: str
    answer: Answer

    @property
    def suggested(self) -> Suggested:
        """As it is kept."""
        return Suggested(kind=self.kind, answer=topic_of(self.answer))


def topic_of(answer: Answer) -> str:
    """The answer in one word, as turns are counted by it."""
    return f"intent:{answer.intent}" if isinstance(answer, Template) else f"pair:{answer.pair.id}"


def place_for_buttons(turn: TurnUnderWay) -> int | None:
    """Under which of the messages of a turn questions may be offered; None where they may not."""
    conversation, decision = turn.conversation, turn.decision
    if not isinstance(decision, Template | PastAnswer) or turn.reason in SILENT:
        return None
    if isinstance(decision, Template) and SMALL_TALK.fullmatch(decision.intent):
        return None
    if conversation.is_silent or conversation.loop is not None or conversation.now.action != LISTEN:
        return None
    if any(message.buttons or message.elements or message.custom for message in turn.messages):
        return None
    return max((place for place, message in enumerate(turn.messages) if message.text), default=None)


def related_pairs(hits: Iterable[Hit], given: Answer, *, answer_threshold: float) -> list[PastAnswer]:
    """Stored questions near the one that was asked, the nearest first, without those that ask the same."""
    same = given.pair.answer if isinstance(given, PastAnswer) else None
    intent = given.intent if isinstance(given, Template) else None
    near = [
        hit
        for hit in hits
        if hit.cosine >= MIN_RELATED_COS
        and hit.probability < answer_threshold
        and hit.pair.answer != same
        and (not intent or hit.pair.intent != intent)
    ]
    return [_past(hit.pair) for hit in sorted(near, key=lambda hit: -hit.cosine)]


def would_be_given(turn: TurnUnderWay, answer: Answer) -> bool:
    """Whether `answer` would be given if it was asked for now, and nothing speaks against offering it."""
    handoff = turn.engine.spec.handoff
    if isinstance(answer, PastAnswer):
        begins, ends = answer.pair.valid_seconds
        named = {answer.pair.intent, *answer.pair.tags}
        return begins <= turn.now < ends and not named & set(handoff.sensitive)
    intent = answer.intent
    unfit = {*DEFAULT_INTENTS, *rasa_names.DEFAULT_INTENTS, *handoff.intents, *handoff.sensitive}
    if intent in unfit or SMALL_TALK.fullmatch(intent):
        return False
    meant = {"event": "user", "timestamp": turn.now, "text": "", "parse_data": named_parse_data("", intent, {})}
    found = flow_action(turn.conversation.after([meant], turn.domain), turn.engine.spec, turn.engine.flows)
    return found is not None and found.action not in {LISTEN, *rasa_names.HANDOFF_ACTIONS}


def chosen(
    nexts: Sequence[Answer], related: Sequence[Answer], given: Answer, config: SuggestionsConfig
) -> list[Candidate]:
    """What is offered: by turns what may come next and what is near, each once, the best first."""
    by_kind = (
        [Candidate(kind=NEXT, answer=answer) for answer in (nexts if config.next else ())],
        [Candidate(kind=RELATED, answer=answer) for answer in related[: config.related]],
    )
    every = [one for one in chain.from_iterable(zip_longest(*by_kind)) if one is not None]
    found: dict[str, Candidate] = {}
    for one in every:
        topic = topic_of(one.answer)
        if topic != topic_of(given):
            found.setdefault(topic, one)
    return list(found.values())[: config.most]


def answer_named(topic: str, pair: Pair | None) -> Answer | None:
    """The answer that a topic stands for; None where it is gone.

    Args:
        pair: The past answer that it names, where it names one.
    """
    kind, _, name = topic.partition(":")
    if kind == "intent":
        return Template(intent=name, confidence=1.0, reason=Reason.BUTTON)
    return None if pair is None else _past(pair)


def _past(pair: Pair) -> PastAnswer:
    return PastAnswer(pair=pair, confidence=1.0, reason=Reason.BUTTON)
