"""From a response's name to words: variations, channels and slots."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import BotMessage
from bot.responses import DEFAULT_TEXTS, Responses, fill
from configs import Button, Domain, Variation


def responses(*variations: Variation, seed: int = 1) -> Responses:
    return Responses(Domain(responses={"utter_x": variations}), random.Random(seed))


def texts(*variations: Variation, slots: dict[str, object] | None = None, channel: str = "rest") -> set[str | None]:
    """Every text that can be picked."""
    said = (responses(*variations, seed=seed).say("utter_x", slots or {}, channel) for seed in range(30))
    return {message.text for message in said if message is not None}


def test_every_variation_is_picked_in_time() -> None:
    assert texts(Variation(text="a"), Variation(text="b"), Variation(text="c")) == {"a", "b", "c"}


def test_the_same_choice_gives_the_same_words() -> None:
    variations = [Variation(text=str(number)) for number in range(50)]

    first = [responses(*variations, seed=7).say("utter_x", {}, "rest") for _ in range(3)]

    assert first[0] == first[1] == first[2]


def test_a_variation_for_the_channel_wins_over_general_ones() -> None:
    variations = (Variation(text="all"), Variation(text="here", channel="rest"), Variation(text="there", channel="x"))

    assert texts(*variations, channel="rest") == {"here"}
    assert texts(*variations, channel="x") == {"there"}
    assert texts(*variations, channel="other") == {"all"}


def test_a_response_only_for_other_channels_says_nothing() -> None:
    assert responses(Variation(text="there", channel="x")).say("utter_x", {}, "rest") is None


def test_a_response_that_the_domain_lacks_says_nothing() -> None:
    assert responses(Variation(text="a")).say("utter_y", {}, "rest") is None


@pytest.mark.parametrize("name", ["utter_default", "utter_clarify"])
def test_what_the_bot_cannot_do_without_has_words_of_its_own(name: str) -> None:
    said = Responses(Domain(), random.Random(1)).say(name, {}, "rest")
    own = Responses(Domain(responses={name: (Variation(text="mine"),)}), random.Random(1)).say(name, {}, "rest")

    assert said == BotMessage(text=DEFAULT_TEXTS[name])
    assert own == BotMessage(text="mine")


def test_a_variation_whose_slots_are_all_set_wins() -> None:
    variations = (Variation(text="Hello {name}"), Variation(text="Hello"))

    assert texts(*variations, slots={"name": "Ann"}) == {"Hello Ann", "Hello"}
    assert texts(*variations, slots={}) == {"Hello"}
    assert texts(*variations, slots={"name": None}) == {"Hello"}


def test_slots_in_button_titles_count_too() -> None:
    with_button = Variation(text="Choose", buttons=(Button(title="Order {number}", payload="/order"),))

    assert texts(with_button, Variation(text="plain"), slots={}) == {"plain"}


def test_where_no_variation_can_be_filled_the_placeholder_stays() -> None:
    assert texts(Variation(text="Hello {name}"), slots={}) == {"Hello {name}"}


def test_all_parts_of_a_variation_are_said() -> None:
    variation = Variation(
        text="Hi {name}",
        buttons=(Button(title="For {name}", payload="/go{name}"),),
        image="https://shop.example/a.png",
        attachment={"a": 1},
        custom={"b": [2]},
        elements=({"title": "T"},),
    )

    assert responses(variation).say("utter_x", {"name": "Ann"}, "rest") == BotMessage(
        text="Hi Ann",
        buttons=(Button(title="For Ann", payload="/go{name}"),),
        image="https://shop.example/a.png",
        attachment={"a": 1},
        custom={"b": [2]},
        elements=({"title": "T"},),
    )


@pytest.mark.parametrize(
    ("text", "slots", "expected"),
    [
        ("Hi {name}!", {"name": "Ann"}, "Hi Ann!"),
        ("{a}{b}{a}", {"a": "1", "b": "2"}, "121"),
        ("{count} left", {"count": 0}, "0 left"),
        ("{flag}", {"flag": False}, "False"),
        ("{名字}", {"名字": "小明"}, "小明"),
        ("{x.__class__}", {"x": "v"}, "{x.__class__}"),
        ("{x[0]}", {"x": "v"}, "{x[0]}"),
        ("{x!r}", {"x": "v"}, "{x!r}"),
        ("{0}", {"x": "v"}, "{0}"),
        ("{}", {"": "v"}, "{}"),
        ("{a:>9}", {"a": "v"}, "{a:>9}"),
        ("{a:>99999999}", {"a": "v"}, "{a:>99999999}"),
        ("{ a }", {"a": "v"}, "{ a }"),
        ("{{a}}", {"a": "v"}, "{v}"),
        ("%s ${jndi:ldap} {{7*7}}", {}, "%s ${jndi:ldap} {{7*7}}"),
        ("{a}", {"a": "{b}", "b": "secret"}, "{b}"),
        ("{a}", {"a": "{a}"}, "{a}"),
        ("{a}{b}", {"a": "{", "b": "c}"}, "{c}"),
        ("{a}", {"a": r"\1 \g<0>"}, r"\1 \g<0>"),
    ],
)
def test_only_bare_slot_names_are_filled_and_only_once(text: str, slots: dict[str, object], expected: str) -> None:
    assert fill(text, slots) == expected


@given(text=st.text(max_size=60), value=st.text(max_size=30))
def test_text_without_placeholders_and_values_are_never_interpreted(text: str, value: str) -> None:
    plain = text.replace("{", "(").replace("}", ")")

    assert fill(plain + "{slot}" + plain, {"slot": value}) == plain + value + plain
