"""Which questions and answers are taken out of a conversation, and how well that meets what a person takes out."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from nlu.masking import find_private, regions_of
from training.data_checks.words import word_overlap, words_of
from training.mining import Conversation, Exchange, Outcome, Role, Turn, exchanges
from training.mining.masking import masked, names_in
from training.mining.phrases import Asking

LABELLED = Path(__file__).parents[2] / "data" / "mined_conversations.jsonl"
ROLES = {"c": Role.CUSTOMER, "a": Role.AGENT, "b": Role.BOT}
SAME_TEXT_OVERLAP = 0.6


def talk(*lines: str) -> Conversation:
    """A conversation of lines such as "c: Do you deliver?"."""
    turns = tuple(Turn(role=ROLES[line[0]], text=line[3:]) for line in lines)
    return Conversation(id="c1", turns=turns)


def only(*lines: str) -> Exchange:
    (found,) = exchanges(talk(*lines))
    return found


def labelled() -> Iterator[tuple[Conversation, list[dict[str, str]]]]:
    for line in LABELLED.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        turns = tuple(Turn(role=Role(turn["role"]), text=turn["text"]) for turn in row["turns"])
        yield Conversation(id=row["conversation"], turns=turns), row["pairs"]


def alike(left: str, right: str) -> bool:
    words = [frozenset(word.form for word in words_of(text)) for text in (left, right)]
    return word_overlap(*words) >= SAME_TEXT_OVERLAP


def test_what_is_taken_out_is_what_a_person_takes_out() -> None:
    regions = (*regions_of("en"), *regions_of("zh"))
    hits = taken = wanted = 0
    for conversation, pairs in labelled():
        names = names_in(conversation)
        left = [
            tuple(masked(text, find_private(text, regions, names)) for text in (one.question, one.answer))
            for one in exchanges(conversation)
            if not one.leans
        ]
        taken += len(left)
        wanted += len(pairs)
        for pair in pairs:
            same = [one for one in left if alike(one[0], pair["question"]) and alike(one[1], pair["answer"])]
            if same:
                left.remove(same[0])
                hits += 1

    assert wanted == 21
    assert hits / taken >= 0.9  # precision
    assert hits / wanted >= 0.9  # recall


def test_courtesies_around_question_and_answer_are_left_out() -> None:
    found = only(
        "c: Hi Tom, I have a question. Do you repair watches?",
        "a: Hello! Thank you for contacting us. One moment please.",
        "a: Hi Anna, we repair all watches that we sell. Is there anything else I can do for you?",
        "c: No, that's all, thanks",
    )

    assert found.question == "Do you repair watches?"
    assert found.answer == "We repair all watches that we sell."
    assert found.outcome is Outcome.THANKED


@pytest.mark.parametrize(
    ("reaction", "outcome"),
    [
        ("c: thank you so much", Outcome.THANKED),
        ("c: 谢谢啦", Outcome.THANKED),
        ("c: goodbye", Outcome.ENDED),
        ("a: Have a nice day!", Outcome.ENDED),
        ("c: And do you sell straps as well?", Outcome.MOVED_ON),
        ("c: My grandmother gave me her watch once", Outcome.WENT_ON),
    ],
)
def test_the_outcome_is_how_the_customer_goes_on(reaction: str, outcome: Outcome) -> None:
    found = exchanges(talk("c: Do you repair watches?", "a: We repair all watches that we sell.", reaction))

    assert found[0].outcome is outcome


@pytest.mark.parametrize(
    "objection", ["That's not what I asked", "that doesn't work", "不对，我问的是保修", "do you repair watches??"]
)
def test_an_answer_that_the_customer_objects_to_is_not_taken(objection: str) -> None:
    assert exchanges(talk("c: Do you repair watches?", "a: We sell only the best watches.", f"c: {objection}")) == []


def test_of_two_answers_the_one_that_settled_the_question_is_taken() -> None:
    found = only(
        "c: How do I open the battery case?",
        "a: Turn the lid to the left with a coin.",
        "c: tried that, it does not move",
        "a: Then press the small button beside it while you turn.",
        "c: that worked, thanks",
    )

    assert found.answer == "Then press the small button beside it while you turn."
    assert found.attempts == 1


def test_the_reply_to_what_an_agent_asks_back_belongs_to_the_question() -> None:
    found = only(
        "c: How long does delivery take?",
        "a: Which country do you live in?",
        "c: Austria",
        "a: To Austria it takes four working days.",
        "c: thanks",
    )

    assert found.question == "How long does delivery take?\nAustria"
    assert found.clarifications == 1
    assert not found.identified


def test_a_reply_that_only_says_who_the_customer_is_does_not_belong_to_the_question() -> None:
    found = only(
        "c: Can I still change my hotel room?",
        "a: What is your booking number, please?",
        "c: it is 55 812 and my name is Anna",
        "a: A room can be changed until two days before you arrive.",
        "c: thanks",
    )

    assert found.question == "Can I still change my hotel room?"
    assert found.identified


def test_an_answer_goes_on_after_the_customer_has_only_nodded() -> None:
    found = only(
        "c: How do I clean the grinder?",
        "a: Take the upper ring out first.",
        "c: ok",
        "a: Then brush it dry.",
        "c: thx",
    )

    assert found.answer == "Take the upper ring out first.\nThen brush it dry."


@pytest.mark.parametrize(
    "answer",
    [
        "Your order has been shipped yesterday.",
        "I have cancelled your subscription.",
        "已为您取消订单。",
        "Let me check that for you.",
        "Could you send me your order number?",
    ],
)
def test_what_was_done_for_one_customer_or_asks_or_makes_wait_is_no_answer(answer: str) -> None:
    assert exchanges(talk("c: What about my order, can I cancel it?", f"a: {answer}", "c: thanks")) == []


def test_a_bots_answer_counts_only_if_asked_for() -> None:
    conversation = talk("c: Do you repair watches?", "b: We repair all watches that we sell.", "c: thanks")

    assert exchanges(conversation) == []
    assert [one.answer for one in exchanges(conversation, bot_answers=True)] == ["We repair all watches that we sell."]


def test_a_bots_fallback_is_no_answer() -> None:
    turns = (
        Turn(role=Role.CUSTOMER, text="Do you repair watches?"),
        Turn(role=Role.BOT, text="Please have a look at these topics.", answers=False),
    )

    assert exchanges(Conversation(id="c1", turns=turns), bot_answers=True) == []


def test_a_later_question_that_needs_what_was_said_before_is_marked() -> None:
    found = exchanges(
        talk(
            "c: Is the blue tent waterproof?",
            "a: The blue tent stands heavy rain.",
            "c: What about the red one?",
            "a: The red tent is the same.",
            "c: thanks",
        )
    )

    assert [one.leans for one in found] == [False, True]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Do you deliver abroad", Asking.ASKED),
        ("运费多少", Asking.ASKED),
        ("能不能开发票", Asking.ASKED),
        ("I would like to return my shoes", Asking.WISHED),
        ("我想退货", Asking.WISHED),
        ("the zip of my jacket is broken", Asking.PROBLEM),
        ("快递没收到", Asking.PROBLEM),
        ("we went there by train", Asking.STATED),
    ],
)
def test_how_a_text_asks(text: str, kind: Asking) -> None:
    assert only(f"c: {text}", "a: It is all in our help pages under Service.", "c: thanks").asking is kind


@pytest.mark.parametrize("piece", [".", "\n", "? ", "Hi Anna ", "all good ", "，", "请问", "thanks\n", "not ", "> x\n"])
def test_an_odd_text_of_full_length_is_read_in_no_time(piece: str) -> None:
    text = (piece * 20_000)[:20_000]
    turns = tuple(Turn(role=role, text=text) for role in (Role.CUSTOMER, Role.AGENT, Role.CUSTOMER))

    assert len(exchanges(Conversation(id="c1", turns=turns))) <= 1
