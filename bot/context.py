"""Follow-ups: "can it go in the dishwasher?", "and to Norway?", "the second one", "那退款呢". Pure functions.

A message that leans on the question before is read as it stands and with what that question was about put in, all in
one batch, and the evidence chooses. A message that is clear by itself keeps its plain reading.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.context_words import Lean, choice_of, is_fragment, is_grounded, lean_of, put_in
from bot.policy import AskBack, Decision, PastAnswer, Reason, Template
from bot.topic import Option, Topic
from configs.assistant_config import ContextConfig

MAX_FOLLOW_UP_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """What a message may mean after the question before.

    Attributes:
        chosen: The offered option that it names; then nothing has to be read.
        rewritten: The message with the subject put in; none where it does not lean on anything.
    """

    lean: Lean = Lean.NONE
    chosen: Option | None = None
    rewritten: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One reading and what would be done by it."""

    text: str
    decision: Decision


def follow_up(text: str, topic: Topic, config: ContextConfig, now: float, *, in_form: bool = False) -> FollowUp:
    """How `text` may be read after `topic`.

    Args:
        now: Unix time; a topic that is too old counts as none.
        in_form: Whether a form asks for something: then a message may choose a button, but follows nothing up.
    """
    stripped = text.strip()
    if chosen := _chosen(stripped, topic.options):
        return FollowUp(lean=Lean.STRONG, chosen=chosen)
    old = topic.at is None or now - topic.at > 60 * config.max_age_minutes
    if in_form or not config.follow_ups or old or not topic.question or len(stripped) > MAX_FOLLOW_UP_CHARS:
        return FollowUp()
    lean = lean_of(stripped)
    return FollowUp(lean=lean, rewritten=_rewritten(stripped, topic, lean) if lean else ())


def choose_reading(follow: FollowUp, topic: Topic, candidates: Sequence[Candidate]) -> int:
    """The place of the candidate to go by; the plain reading is the first.

    An answer wins over asking back, and that over nothing. Of two answers the surer one wins, unless the one before is
    a stored question word for word, or a past answer about the topic's subject while the surer one is not. A message
    that leans only weakly is rewritten for a past answer about the subject alone, and where it has an answer of its own
    only for a stored question word for word.
    """
    best = 0
    for place in range(1, len(candidates)):
        if _is_better(candidates[place].decision, candidates[best].decision, follow.lean, topic.subject):
            best = place
    return best


def _is_better(new: Decision, old: Decision, lean: Lean, subject: str) -> bool:
    if lean is Lean.WEAK and not _is_about(new, subject):
        return False
    if _worth(new) != _worth(old):
        return _worth(new) > _worth(old)
    if not isinstance(new, Template | PastAnswer) or not isinstance(old, Template | PastAnswer):
        return False
    if _is_same_question(old) or (_is_about(old, subject) and not _is_about(new, subject)):
        return False
    return new.confidence > old.confidence if lean is Lean.STRONG else _is_same_question(new)


def _is_about(decision: Decision, subject: str) -> bool:
    """Whether it is a past answer whose question or answer names the subject."""
    name = subject.partition(" ")[0].casefold()
    if not name or not isinstance(decision, PastAnswer):
        return False
    return name in f"{decision.pair.question} {decision.pair.answer}".casefold()


def _worth(decision: Decision) -> int:
    match decision:
        case Template() | PastAnswer():
            return 2
        case AskBack():
            return 1
    return 0


def _is_same_question(decision: Decision) -> bool:
    return isinstance(decision, PastAnswer) and decision.reason is Reason.SAME_QUESTION


def _chosen(text: str, options: Sequence[Option]) -> Option | None:
    said = _bare(text)
    if named := next((option for option in options if _bare(option.title) == said), None):
        return named
    place = choice_of(text, len(options))
    return None if place is None else options[place]


def _bare(text: str) -> str:
    return text.casefold().strip(" ?!.。？！")


def _rewritten(text: str, topic: Topic, lean: Lean) -> tuple[str, ...]:
    """With the subject put in, and behind the whole question where the subject is not known or the verb is missing."""
    texts = [put_in(topic.subject, text)] if topic.subject else []
    lacks = topic.pair_id is None or not topic.subject or is_fragment(text)
    if lean is Lean.STRONG and lacks and is_grounded(text, topic.answer):
        texts.append(f"{topic.question.rstrip()} {text}")
    return tuple(dict.fromkeys(texts))
