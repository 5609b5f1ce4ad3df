"""What leans on the question before is read with its subject; what does not, is left alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.context import MAX_FOLLOW_UP_CHARS, Candidate, FollowUp, choose_reading, follow_up
from bot.context_words import Lean, choice_of, is_fragment, is_grounded, lean_of, put_in, subject_of
from bot.policy import AskBack, Decision, FallBack, PastAnswer, Reason, Template
from bot.topic import Option, Topic
from configs.assistant_config import ContextConfig
from retrieval.pair import Pair

CONFIG = ContextConfig()
PAN = Pair(
    id="h1",
    question="does the Forge 26 work on induction?",
    answer="Yes, the Forge 26 works on every hob.",
    tags=("kitchen", "cookware"),
)
CHAIR = Pair(id="h2", question="How much do the chairs carry?", answer="Each Alder chair carries 120 kg.")
WOK = Pair(id="z1", question="铸铁锅能用电磁炉吗", answer="石臼铸铁锅都能用。", tags=("厨具", "铸铁锅", "炉灶"))
OPTIONS = (
    Option(title="Where is my order?", payload="/track_order"),
    Option(title="Send something back", payload="/return_item"),
    Option(title="查物流", payload="/track"),
)
PAN_TOPIC = Topic(question=PAN.question, pair_id="h1", subject="Forge 26", answer=PAN.answer, at=100.0)
POINTS_TOPIC = Topic(
    question="How do I earn points?", intent="points", answer="Points lapse after 24 months.", at=100.0
)


def template(confidence: float, intent: str = "order") -> Template:
    return Template(intent=intent, confidence=confidence, reason=Reason.SURE_INTENT)


def past(confidence: float, pair: Pair = PAN, reason: Reason = Reason.NEAR_QUESTION) -> PastAnswer:
    return PastAnswer(pair=pair, confidence=confidence, reason=reason)


def read(text: str, topic: Topic, now: float = 101.0, **config: Any) -> FollowUp:
    return follow_up(text, topic, CONFIG.model_copy(update=config), now)


# Words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("and can it go in the dishwasher?", Lean.STRONG),
        ("What about refunds?", Lean.STRONG),
        ("how long does that take?", Lean.STRONG),
        ("what are its dimensions", Lean.STRONG),
        ("the red ones?", Lean.STRONG),
        ("free of charge?", Lean.WEAK),
        ("size chart", Lean.WEAK),
        ("that song is great", Lean.NONE),
        ("is it possible to pay by card?", Lean.NONE),
        ("is it going to rain tomorrow?", Lean.NONE),
        ("what time is it?", Lean.NONE),
        ("where is my order?", Lean.NONE),
        ("android phones can charge", Lean.NONE),  # "and" begins no word of its own here
        ("那退款呢", Lean.STRONG),
        ("它多重", Lean.STRONG),
        ("专票呢", Lean.STRONG),
        ("会掉色吗", Lean.WEAK),
        ("那部电影好看吗", Lean.NONE),
        ("我要退货", Lean.NONE),
        ("你们实体店在哪几点开门", Lean.NONE),
    ],
)
def test_words_that_point_back_make_a_message_lean(text: str, expected: Lean) -> None:
    assert lean_of(text) is expected


@pytest.mark.parametrize(
    ("subject", "text", "expected"),
    [
        ("Forge 26", "and can it go in the oven?", "and can the Forge 26 go in the oven?"),
        ("Forge 26", "what are its dimensions?", "what are the Forge 26's dimensions?"),
        ("Pebble", "the ones with a gold rim?", "the Pebble with a gold rim?"),
        ("Mill One", "can I grind pepper?", "can I grind pepper with the Mill One?"),
        ("铸铁锅", "那能放洗碗机吗", "铸铁锅能放洗碗机吗"),
        ("铸铁锅", "它的盖子呢？", "铸铁锅盖子"),
        ("四件套", "会掉色吗", "四件套会掉色吗"),
    ],
)
def test_the_subject_takes_the_place_of_the_word_that_stands_for_it(subject: str, text: str, expected: str) -> None:
    assert put_in(subject, text) == expected


@pytest.mark.parametrize(
    ("question", "pair", "expected"),
    [
        ("does the forge 26 work on induction", PAN, "Forge 26"),
        ("can i put my forge on the stove", PAN, "Forge"),
        ("what weight do Alder chairs take", CHAIR, "Alder chairs"),
        ("is the seat of my garden chair strong", CHAIR, "garden chair strong"),
        ("how much", CHAIR, ""),
        ("铸铁锅能用电磁炉吗", WOK, "铸铁锅"),
        ("铸铁锅能用电磁炉吗", WOK.with_values(tags=()), "铸铁锅"),
        ("行不行", WOK.with_values(tags=()), ""),
    ],
)
def test_the_subject_is_a_name_a_tag_or_a_phrase(question: str, pair: Pair, expected: str) -> None:
    assert subject_of(question, pair) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the second one", 1),
        ("Second", 1),
        ("1", 0),
        ("2.", 1),
        ("option three please", 2),
        ("number 3", 2),
        ("the last one", 2),
        ("I'd like the first", 0),
        ("第二个", 1),
        ("选第一个吧", 0),
        ("最后一个", 2),
        ("前者", 0),
        ("3", 2),
        ("三", 2),
        ("0", None),
        ("4", None),
        ("the fifth one", None),
        ("12", None),
        ("the second time my parcel is late", None),
        ("first I want to know what it costs", None),
        ("两", None),
        ("", None),
        ("²", None),
    ],
)
def test_a_choice_among_three_is_understood(text: str, expected: int | None) -> None:
    assert choice_of(text, 3) == expected


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        ("and when do they lapse?", "Points lapse after 24 months.", True),
        ("how long does that take?", "Within 5 working days.", True),  # words that fit anything
        ("and who won the match?", "Points lapse after 24 months.", False),
        ("do I have to send it back?", "You needn't send it.", True),
        ("那新疆呢", "新疆、西藏满 199 元包邮。", True),
        ("那今天是星期几", "满 59 元包邮。", False),
        ("一般要多久", "", True),
    ],
)
def test_a_follow_up_belongs_to_an_answer_that_holds_its_words(text: str, answer: str, expected: bool) -> None:
    assert is_grounded(text, answer) is expected


def test_a_fragment_has_no_verb() -> None:
    assert [is_fragment(text) for text in ("and to Norway?", "can it float?", "那新疆呢", "那能不能放进洗碗机")] == [
        True,
        False,
        True,
        False,
    ]


@given(st.text(max_size=60), st.text(max_size=20))
def test_no_text_is_too_strange(text: str, subject: str) -> None:
    lean_of(text)
    choice_of(text, 3)
    is_grounded(text, subject)
    put_in(subject, text)
    subject_of(text, PAN.with_values(answer=subject))
    read(text, PAN_TOPIC)


@pytest.mark.parametrize("text", ["it " * 50_000, "a" * 200_000, "那" * 100_000, "'" * 100_000, "A " * 50_000])
def test_long_texts_take_no_time(text: str) -> None:
    assert read(text, PAN_TOPIC) == FollowUp()
    subject_of(text, PAN)
    subject_of(text, WOK)


# What a message may mean


def test_a_question_about_a_thing_gets_the_thing_put_in() -> None:
    assert read("can it go in the oven?", PAN_TOPIC).rewritten == ("can the Forge 26 go in the oven?",)


def test_where_no_thing_is_known_the_whole_question_stands_before() -> None:
    found = read("and when do they lapse?", POINTS_TOPIC)
    assert found.rewritten == ("How do I earn points? and when do they lapse?",)


def test_what_has_nothing_to_do_with_the_answer_is_not_put_behind_its_question() -> None:
    assert read("and who won the match?", POINTS_TOPIC).rewritten == ()


def test_without_a_verb_that_of_the_question_before_is_tried_too() -> None:
    found = read("and on the other hob?", PAN_TOPIC)
    assert found.rewritten == (
        "and on the other hob with the Forge 26?",
        "does the Forge 26 work on induction? and on the other hob?",
    )


@pytest.mark.parametrize(
    ("text", "topic", "config"),
    [
        ("where is my order?", PAN_TOPIC, {}),
        ("can it go in the oven?", Topic(), {}),
        ("can it go in the oven?", PAN_TOPIC, {"follow_ups": False}),
        ("can it go in the oven?" + "!" * MAX_FOLLOW_UP_CHARS, PAN_TOPIC, {}),
    ],
)
def test_nothing_is_put_in_where_nothing_is_followed_up(text: str, topic: Topic, config: dict[str, Any]) -> None:
    assert read(text, topic, **config).rewritten == ()


def test_in_a_form_a_button_may_be_chosen_and_nothing_is_followed_up() -> None:
    topic = Topic(question="How?", pair_id="h1", subject="Forge 26", answer="So.", options=OPTIONS, at=100.0)
    assert follow_up("the second", topic, CONFIG, 101.0, in_form=True).chosen == OPTIONS[1]
    assert follow_up("can it float?", topic, CONFIG, 101.0, in_form=True) == FollowUp()


def test_a_topic_grows_old() -> None:
    assert read("can it go in the oven?", PAN_TOPIC, now=100.0 + 1_800).rewritten
    assert not read("can it go in the oven?", PAN_TOPIC, now=100.0 + 1_801).rewritten


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the second one", "/return_item"),
        ("SEND SOMETHING BACK", "/return_item"),
        ("where is my order", "/track_order"),
        ("查物流？", "/track"),
        ("第二个", "/return_item"),
        ("the ninth one", None),
        ("back", None),
    ],
)
def test_an_offered_option_is_chosen_by_its_place_or_its_words(text: str, expected: str | None) -> None:
    found = read(text, Topic(options=OPTIONS), follow_ups=False)
    assert (found.chosen.payload if found.chosen else None) == expected


# Which reading counts

STRONG, WEAK = FollowUp(lean=Lean.STRONG), FollowUp(lean=Lean.WEAK)
OTHER = Pair(id="h9", question="Is the blanket itchy?", answer="No.")


@pytest.mark.parametrize(
    ("follow", "plain", "rewritten", "expected"),
    [
        (STRONG, FallBack(confidence=0.0), past(0.8), 1),
        (STRONG, AskBack(options=(template(0.4),), confidence=0.4), template(0.9), 1),
        (STRONG, FallBack(confidence=0.0), AskBack(options=(template(0.4),), confidence=0.4), 1),
        (STRONG, FallBack(confidence=0.2), FallBack(confidence=0.3), 0),
        (STRONG, AskBack(options=(template(0.4),), confidence=0.4), FallBack(confidence=0.0), 0),
        (STRONG, template(0.9), FallBack(confidence=0.0), 0),
        (STRONG, template(0.9), past(0.95), 1),
        (STRONG, template(0.99), past(0.95), 0),
        (STRONG, template(0.9), template(0.9), 0),
        (STRONG, past(0.96, OTHER, Reason.SAME_QUESTION), past(0.99), 0),
        (STRONG, past(0.7), template(0.9), 0),  # the plain answer is about the pan that was asked for
        (STRONG, past(0.7, OTHER), template(0.9), 1),
        (STRONG, past(0.7), past(0.9), 1),
        (WEAK, template(0.75), past(0.99), 0),
        (WEAK, template(0.75), past(0.99, reason=Reason.SAME_QUESTION), 1),
        (WEAK, FallBack(confidence=0.0), past(0.8), 1),
    ],
)
def test_the_evidence_chooses(follow: FollowUp, plain: Decision, rewritten: Decision, expected: int) -> None:
    candidates = [Candidate(text="plain", decision=plain), Candidate(text="rewritten", decision=rewritten)]
    assert choose_reading(follow, PAN_TOPIC, candidates) == expected


def test_the_plain_reading_alone_is_the_one() -> None:
    assert choose_reading(FollowUp(), Topic(), [Candidate(text="x", decision=FallBack(confidence=0.0))]) == 0


def test_of_several_readings_the_best_counts() -> None:
    decisions: list[Decision] = [FallBack(confidence=0.0), template(0.8), template(0.9, "points")]
    candidates = [Candidate(text=str(n), decision=decision) for n, decision in enumerate(decisions)]
    assert choose_reading(STRONG, POINTS_TOPIC, candidates) == 2
