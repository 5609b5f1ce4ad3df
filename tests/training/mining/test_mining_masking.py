"""Personal data becomes placeholders; what is the company's own stays."""

import pytest

from nlu.masking import find_private
from training.mining import Conversation, Role, Turn
from training.mining.masking import PublicValues, masked, names_in

REGIONS = ("US", "GB", "CN")


def hidden(text: str, names: frozenset[str] = frozenset()) -> str:
    return masked(text, find_private(text, REGIONS, names))


def test_names_are_those_that_are_said_greeted_or_signed() -> None:
    conversation = Conversation(
        id="c1",
        turns=(
            Turn(role=Role.CUSTOMER, text="Hello, my name is Laura Bennett. My wife, Zoe has the voucher."),
            Turn(role=Role.AGENT, text="Hi Laura,\nwe will see.\n\nBest regards,\nTom"),
            Turn(role=Role.AGENT, text="王女士您好"),
            Turn(role=Role.AGENT, text="What is your colleague's name?"),
            Turn(role=Role.CUSTOMER, text="Petra"),
        ),
    )

    assert names_in(conversation) == {"Laura", "Bennett", "Zoe", "Tom", "王", "Petra"}


def test_a_name_is_hidden_wherever_it_stands_and_left_out_where_it_is_only_called() -> None:
    names = frozenset({"Laura", "Bennett", "王"})

    assert hidden("Laura Bennett signed for the parcel", names) == "[name] signed for the parcel"
    assert hidden("You can return it, Laura.", names) == "You can return it."
    assert hidden("Laura, you can return it.", names) == "you can return it."
    assert hidden("My name is Laura and I want a refund", names) == "I want a refund"
    assert hidden("王先生可以退货", names) == "[name]可以退货"


def test_a_name_that_is_also_a_word_is_hidden_only_as_a_name() -> None:
    text = "Hi Will, will it rain? Will you come?"

    assert hidden(text, frozenset({"Will"})) == "Hi [name], will it rain? Will you come?"


def said(role: Role, text: str, times: int) -> list[Conversation]:
    turns = (Turn(role=role, text=text),)
    return [Conversation(id=str(number), turns=turns) for number in range(times)]


@pytest.mark.parametrize(
    ("by_agents", "by_customers", "public"), [(2, 0, False), (3, 0, True), (3, 1, True), (3, 2, False)]
)
def test_an_address_that_agents_give_and_customers_do_not_is_the_companys(
    by_agents: int, by_customers: int, public: bool
) -> None:
    values = PublicValues(REGIONS)
    text = "Write to service@lumen-shop.org"
    for conversation in said(Role.AGENT, text, by_agents) + said(Role.CUSTOMER, text, by_customers):
        values.count(conversation)

    shown = masked(text, find_private(text, REGIONS), values.values())

    assert shown == (text if public else "Write to [email]")


def test_a_code_that_many_conversations_hold_is_a_products() -> None:
    values = PublicValues(REGIONS)
    for conversation in said(Role.CUSTOMER, "Do you sell the WH-1000XM4?", 10):
        values.count(conversation)
    text = "Is the WH-1000XM4 better than the QX-2000?"

    assert masked(text, find_private(text, REGIONS), values.values()) == "Is the WH-1000XM4 better than the [number]?"
