"""From conversations to ranked proposals, with a small deterministic encoder."""

from collections.abc import Sequence

import pytest
from ngram_embed import ngram_embed

from retrieval.pair import Pair
from retrieval.proposals import Filed, Proposal, State
from training.mining import BadRecord, Conversation, MiningOptions, Role, Turn, mine
from training.progress import Progress

REFUND = "Refunds reach your bank within 5 working days after the parcel is back."
ABROAD = "We deliver to Norway, it takes 4 to 7 working days and costs 12 euros."


def asked(id_: str, question: str, answer: str, reaction: str = "thanks!") -> Conversation:
    turns = ((Role.CUSTOMER, question), (Role.AGENT, answer), (Role.CUSTOMER, reaction))
    return Conversation(id=id_, turns=tuple(Turn(role=role, text=text) for role, text in turns))


REFUNDS = [
    asked("r1", "How long does a refund take?", REFUND),
    asked(
        "r2", "how long does the refund take", "Refunds reach your bank within 5 working days, after the parcel is back"
    ),
    asked("r3", "How long does my refund take?", REFUND),
]
ABROADS = [asked("d1", "Do you deliver to Norway?", ABROAD), asked("d2", "do you deliver to norway", ABROAD)]


def proposed(conversations: Sequence[Conversation | BadRecord], min_count: int = 2, **more: object) -> list[Proposal]:
    return list(mine(conversations, ngram_embed, MiningOptions(min_count=min_count), **more).proposals)  # type: ignore[arg-type]


def test_the_most_frequent_question_comes_first_with_its_most_frequent_answer() -> None:
    first, second = proposed([*ABROADS, *REFUNDS])

    assert first.count == 3
    assert set(first.conversations) == {"r1", "r2", "r3"}
    assert first.answer == REFUND
    assert first.question in {
        "How long does a refund take?",
        "how long does the refund take",
        "How long does my refund take?",
    }
    assert (second.question, second.answer, second.count) == ("Do you deliver to Norway?", ABROAD, 2)
    assert first.evidence["thanked"] == 3
    assert (first.evidence["this answer"], first.evidence["wordings of the answer"]) == (2, 2)


def test_a_question_is_counted_once_a_conversation() -> None:
    twice = Conversation(id="r1", turns=REFUNDS[0].turns * 2)

    assert proposed([twice]) == []
    assert [one.count for one in proposed([twice, REFUNDS[2]])] == [2]


def test_what_was_asked_once_is_proposed_only_if_wanted() -> None:
    assert proposed(ABROADS[:1]) == []
    assert [one.question for one in proposed(ABROADS[:1], min_count=1)] == ["Do you deliver to Norway?"]


def test_the_same_conversations_give_the_same_proposals_in_any_order() -> None:
    there, back = proposed([*ABROADS, *REFUNDS]), proposed([*reversed(REFUNDS), *reversed(ABROADS)])

    assert [(one.count, one.answer) for one in there] == [(one.count, one.answer) for one in back]
    assert proposed([*ABROADS, *REFUNDS]) == there


def test_personal_data_is_never_proposed() -> None:
    found = proposed(
        [
            asked(
                "c1",
                "Hi, my name is Laura Bennett. How long does a refund take for order 4471928?",
                f"Hi Laura, {REFUND}",
            ),
            asked("c2", "How long does a refund take? My mail is jo.fox@mailbox.org", REFUND),
        ]
    )

    text = repr(found)
    assert len(found) == 1
    assert found[0].answer == REFUND
    assert not any(private in text for private in ("Laura", "Bennett", "4471928", "jo.fox"))


def test_an_answer_that_holds_a_customers_own_data_is_marked_or_left_out() -> None:
    long = "Please write to jo.fox@mailbox.org from the address that you used when you made the order with us."
    short = "Write to jo.fox@mailbox.org about it."
    marked = proposed(
        [asked("c1", "How can I change the invoice?", long), asked("c2", "How can I change the invoice?", long)]
    )
    left_out = mine([asked("c1", "How can I change the invoice?", short)], ngram_embed, MiningOptions(min_count=1))

    assert "[email]" in marked[0].answer
    assert marked[0].doubtful
    assert marked[0].warnings == ("the answer holds one customer's own: email",)
    assert left_out.proposals == ()
    assert left_out.left_out == {"an answer for one customer": 1}


def test_the_companys_own_address_stays() -> None:
    answer = "Please write to service@lumen-shop.org and we will correct the invoice within one day."
    found = proposed([asked(f"c{number}", "How can I change the invoice?", answer) for number in range(3)])

    assert found[0].answer == answer


def test_answers_that_differ_from_case_to_case_are_not_proposed() -> None:
    answers = [f"The next train to Graz leaves at {hour}:{hour} from platform {hour}." for hour in (11, 12, 13, 14)]
    mined = mine(
        [asked(f"c{place}", "When is the next train to Graz?", one) for place, one in enumerate(answers)], ngram_embed
    )

    assert mined.proposals == ()
    assert mined.left_out == {"answered differently from case to case": 1}


def test_a_doubtful_proposal_comes_last() -> None:
    moved_on = [
        asked(
            f"m{number}",
            "Can I pay by invoice?",
            "You can pay by invoice from the third order on.",
            "My uncle has one of these too",
        )
        for number in range(4)
    ]
    first, last = proposed([*moved_on, *ABROADS])

    assert (first.doubtful, last.doubtful) == (False, True)
    assert (first.count, last.count) == (2, 4)
    assert last.warnings == ("no customer said that it helped, and all went on about something",)


def test_the_same_question_with_two_answers_says_so() -> None:
    other = "Sadly that is impossible: gift vouchers alone can be posted there."
    found = proposed(
        [*ABROADS, asked("n1", "Do you deliver to Norway?", other), asked("n2", "do you deliver to Norway?", other)]
    )

    assert len(found) == 2
    assert found[0].warnings == (f"also answered otherwise: see {found[1].id}",)


def pair(question: str, answer: str) -> Pair:
    return Pair(id="h1", question="Something else entirely", answer=answer, also_asked=(question,))


def test_what_a_stored_pair_answers_is_not_proposed() -> None:
    mined = mine([*ABROADS, *REFUNDS], ngram_embed, existing=[pair("do you deliver to Norway", ABROAD)])

    assert [one.count for one in mined.proposals] == [3]
    assert mined.left_out["answered by a stored pair"] == 1


def test_a_stored_pair_that_answers_otherwise_is_named() -> None:
    (found,) = proposed(ABROADS, existing=[pair("Do you deliver to Norway?", "No. Never! Ask the post.")])

    assert found.contradicts == "h1"
    assert found.warnings[0] == "the stored pair h1 answers the same question otherwise"


@pytest.mark.parametrize("state", [State.ACCEPTED, State.REJECTED])
def test_what_was_decided_is_not_proposed_again_even_in_other_words(state: State) -> None:
    known = [Filed(proposal=one, state=state, by="anna") for one in proposed(ABROADS)]
    again = [
        asked("x1", "do you deliver to norway please", ABROAD),
        asked("x2", "Do you also deliver to Norway?", ABROAD),
    ]

    mined = mine([*again, *REFUNDS], ngram_embed, known=known)

    assert [one.count for one in mined.proposals] == [3]
    assert mined.left_out["decided before"] == 1


def test_what_is_pending_keeps_its_id_when_more_conversations_come() -> None:
    (pending,) = proposed(ABROADS)
    more = [
        asked("x1", "Do you deliver to Norway at all?", ABROAD),
        asked("x2", "Do you deliver to Norway at all?", ABROAD),
    ]

    (found,) = proposed(
        [*more, asked("x3", "do you deliver to Norway at all", ABROAD)],
        known=[Filed(proposal=pending, state=State.PENDING)],
    )

    assert found.id == pending.id
    assert found.count == 3


def test_counts_bad_records_and_progress_are_told() -> None:
    bot_only = Conversation(id="b", turns=(Turn(role=Role.CUSTOMER, text="hi"), Turn(role=Role.BOT, text="Hello!")))
    steps: list[Progress] = []
    bad = [BadRecord(number=number, message="broken") for number in range(1, 151)]

    mined = mine([*bad, *REFUNDS, bot_only], ngram_embed, report=steps.append)

    assert (mined.conversation_count, mined.exchange_count, mined.bot_only_count) == (4, 3, 1)
    assert (mined.bad_record_count, len(mined.bad_records)) == (150, 100)
    assert [step.stage for step in steps if step.done == 0] == ["taking out personal data", "embedding"]
    assert steps[-1] == Progress(stage="grouping", done=6, total=6)


def test_nothing_gives_nothing() -> None:
    mined = mine([], ngram_embed, existing=[pair("x y", "z")])

    assert mined.proposals == ()
    assert mined.left_out == {}
