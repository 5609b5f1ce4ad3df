"""Finds in one conversation what was asked, and the answer that settled it.

The customer's messages in a row are one block, the agent's another. From the customer's blocks courtesies and numbers
are taken out; what is left and asks for something opens a question. From the agent's blocks courtesies and pleas for
patience are taken out; what is left is an answer, unless it asks the customer for something: then the customer's reply
belongs to the question. How the customer goes on says what the answer was worth.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby

from training.data_checks.words import word_overlap, words_of
from training.mining import phrases
from training.mining.conversation import Conversation, Role, Turn
from training.mining.phrases import Asking
from training.mining.sentences import joined, sentences, without, word_count

MAX_QUESTION_CHARS = 600
MAX_ANSWER_CHARS = 4_000
MAX_STORY_WORDS = 25  # a question of more words is cut to the sentences that ask
MIN_QUESTION_WORDS = 2
MIN_ANSWER_WORDS = 3
SHORT_STATEMENT_WORDS = 8  # before a question, that many words are no answer yet
REPEATED_OVERLAP = 0.6


class Outcome(StrEnum):
    """How the customer went on after an answer, the best first."""

    THANKED = "thanked"
    ENDED = "ended"
    MOVED_ON = "moved on"
    WENT_ON = "went on"
    OBJECTED = "objected"


_RANK = {outcome: rank for rank, outcome in enumerate(Outcome)}
SETTLED = frozenset({Outcome.THANKED, Outcome.ENDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A question and the answer that it got, as they were written.

    Attributes:
        question: Messages and replies that it is put together from stand on lines of their own.
        asking: How the question asks.
        outcome: How the customer went on.
        clarifications: How often the agent had to ask back.
        identified: Whether the customer had to say who they are, so that the answer may be theirs alone.
        acted: Whether the answer tells what was done or found for this one customer.
        leans: Whether the question came later, and may not be understood without what was said before.
        attempts: Answers that were given before this one.
    """

    conversation_id: str
    question: str
    answer: str
    asking: Asking
    outcome: Outcome
    clarifications: int
    identified: bool
    acted: bool
    leans: bool
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """What a block of the customer's says.

    Attributes:
        content: What of it asks for something, or tells more.
        reaction: How it takes the answer before it; None where it neither thanks, nor ends, nor objects.
    """

    content: str
    reaction: Outcome | None

    @property
    def asking(self) -> Asking:
        return phrases.asking(self.content) if self.content else Asking.STATED


@dataclass(slots=True)
class _Question:
    """A question that waits for an answer, or whose answer waits for the customer's word.

    Attributes:
        asked_back: Whether the agent waits for the customer's reply; `for_identity`, and for what.
        answers: Those that the customer has taken one way or the other.
        unjudged: The answer that the customer has not taken yet.
    """

    text: str
    asking: Asking
    leans: bool = False
    clarifications: int = 0
    identified: bool = False
    asked_back: bool = False
    for_identity: bool = False
    answers: list[tuple[str, Outcome]] = field(default_factory=list)
    unjudged: str | None = None

    def judge(self, outcome: Outcome) -> None:
        if self.unjudged is not None:
            self.answers.append((self.unjudged, outcome))
            self.unjudged = None

    def add(self, heard: _Heard) -> None:
        self.text = joined([self.text, heard.content])[:MAX_QUESTION_CHARS]
        if self.asking is Asking.STATED:
            self.asking = heard.asking


class _Dialogue:
    """Listens to the blocks of a conversation in order; `questions` is what was asked so far."""

    def __init__(self) -> None:
        self.questions: list[_Question] = []
        self._open: _Question | None = None

    def hear(self, block: list[Turn]) -> None:
        """Takes in what the customer says."""
        heard, question = _heard(block), self._open
        if question is None:
            self._begin(heard)
        elif question.asked_back:
            self._take_reply(question, heard)
        elif question.unjudged is not None:
            self._judge(question, heard)
        elif question.answers and heard.asking is not Asking.STATED:
            self._begin(heard)
        elif heard.content:  # nobody has answered yet
            question.add(heard)

    def answer(self, block: list[Turn]) -> None:
        """Takes in what the agent says to the open question."""
        question = self._open
        if question is None:
            return
        content, asks = _agent_content([turn for turn in block if turn.answers and not phrases.is_helpless(turn.text)])
        if content:  # the customer said no more than "ok" to what there is already: the answer goes on
            question.unjudged = joined([question.unjudged or "", content])[:MAX_ANSWER_CHARS]
        elif asks and question.unjudged is None:
            question.asked_back = True
            question.for_identity = any(phrases.requests_identity(sentence) for sentence in asks)
            question.clarifications += 1
            question.identified = question.identified or question.for_identity

    def end(self) -> None:
        """The conversation is over."""
        if self._open is not None:
            self._open.judge(Outcome.ENDED)

    def _begin(self, heard: _Heard) -> None:
        self._open = None
        if word_count(heard.content) >= MIN_QUESTION_WORDS:
            parts = sentences(heard.content)
            leans = bool(self.questions) and any(phrases.leans_on_context(part.strip()) for part in parts)
            self._open = _Question(text=heard.content[:MAX_QUESTION_CHARS], asking=heard.asking, leans=leans)
            self.questions.append(self._open)

    def _take_reply(self, question: _Question, heard: _Heard) -> None:
        question.asked_back = False
        if heard.content and not question.for_identity:
            question.add(heard)
        elif not heard.content and heard.reaction is Outcome.THANKED:
            self._open = None

    def _judge(self, question: _Question, heard: _Heard) -> None:
        if heard.reaction is Outcome.OBJECTED or (heard.content and _repeats(heard.content, question.text)):
            question.judge(Outcome.OBJECTED)
        elif heard.content and heard.asking is Asking.STATED and heard.reaction is None:
            question.judge(Outcome.WENT_ON)
        elif heard.content:
            question.judge(heard.reaction or Outcome.MOVED_ON)
            self._begin(heard)
        elif heard.reaction is not None:
            question.judge(heard.reaction)
            self._open = None


def exchanges(conversation: Conversation, *, bot_answers: bool = False) -> list[Exchange]:
    """Each question of a conversation that was answered, with its best answer.

    Args:
        bot_answers: Take what a bot said for answers as well.
    """
    turns = [turn for turn in conversation.turns if turn.role is not Role.BOT or bot_answers]
    dialogue = _Dialogue()
    for is_customer, block in groupby(turns, key=lambda turn: turn.role is Role.CUSTOMER):
        (dialogue.hear if is_customer else dialogue.answer)(list(block))
    dialogue.end()
    found = (_exchange(conversation.id, question) for question in dialogue.questions)
    return [one for one in found if one is not None]


def _heard(block: list[Turn]) -> _Heard:
    kept: list[str] = []
    reaction: Outcome | None = None
    for turn in block:
        parts = []
        for raw in sentences(phrases.without_sign_off(turn.text)):
            sentence = phrases.without_lead(raw.strip())
            if phrases.objects(sentence):
                reaction = Outcome.OBJECTED
            elif phrases.thanks(sentence) and not _asks_too(sentence):
                reaction = reaction or Outcome.THANKED
                continue
            elif phrases.closes(sentence):
                reaction = reaction or Outcome.ENDED
                continue
            if not _says_nothing(sentence):
                parts.append(sentence if sentence != raw.strip() else raw)
        kept.append("".join(part if part[-1:].isspace() else f"{part} " for part in parts).strip())
    return _Heard(content=joined(kept), reaction=reaction)


def _asks_too(sentence: str) -> bool:
    return phrases.asking(sentence) is Asking.ASKED


def _says_nothing(sentence: str) -> bool:
    return (
        phrases.is_greeting(sentence)
        or phrases.acknowledges(sentence)
        or phrases.asks_nothing_yet(sentence)
        or phrases.identifies(sentence)
    )


def _agent_content(block: list[Turn]) -> tuple[str, list[str]]:
    """What of a block answers, and the sentences that ask the customer for something where nothing does."""
    kept = []
    asks: list[str] = []
    for turn in block:
        text = phrases.without_greeting(phrases.without_sign_off(turn.text))
        text = without(text, lambda one: phrases.is_courtesy(one) or phrases.makes_wait(one))
        asks += [part.strip() for part in sentences(text) if phrases.requests(part.strip())]
        kept.append(without(text, phrases.requests))
    content = joined(kept)
    if content and not block[0].text.startswith(content[:20]):  # something stood before it
        content = f"{content[0].upper()}{content[1:]}"
    words = word_count(content)
    if words < MIN_ANSWER_WORDS or (asks and words < SHORT_STATEMENT_WORDS):
        content = ""
    return content, asks


def _repeats(content: str, question: str) -> bool:
    left, right = ({word.form for word in words_of(text)} for text in (content, question))
    return word_overlap(frozenset(left), frozenset(right)) >= REPEATED_OVERLAP


def _exchange(conversation_id: str, question: _Question) -> Exchange | None:
    """The question with its best answer, the later of equals; None where no answer stood."""
    standing = [
        (place, answer, outcome)
        for place, (answer, outcome) in enumerate(question.answers)
        if outcome is not Outcome.OBJECTED
    ]
    if not standing:
        return None
    place, answer, outcome = min(standing, key=lambda one: (_RANK[one[2]], -one[0]))
    if question.asking is Asking.STATED and outcome is not Outcome.THANKED:
        return None
    told = [phrases.reports_what_was_done(sentence) for sentence in sentences(answer)]
    if 2 * sum(told) >= len(told):
        return None
    return Exchange(
        conversation_id=conversation_id,
        question=_shortened(question.text),
        answer=answer,
        asking=question.asking,
        outcome=outcome,
        clarifications=question.clarifications,
        identified=question.identified,
        acted=any(told),
        leans=question.leans,
        attempts=place,
    )


def _shortened(question: str) -> str:
    """A long story without the sentences that neither ask nor tell of a problem."""
    if word_count(question) <= MAX_STORY_WORDS:
        return question
    asked = [part for part in sentences(question) if phrases.asking(part) is not Asking.STATED]
    return "".join(asked).strip() or question
