"""From a response's name to words: variations, channels and slots."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import BotMessage
from bot.responses import DEFAULT_TEXTS, Responses, as_words, fill
from configs import Button, Domain, Variation
from configs.flows import SlotStep
from configs.slots import MappingType, Slot, SlotMapping


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


@pytest.mark.parametrize("name", list(DEFAULT_TEXTS))
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
        buttons=(Button(title="For {name}", payload='/go{"x": "{name}"}'),),
        image="https://shop.example/{name}.png",
        attachment={"a": 1},
        custom={"b": [2, "{name}"]},
        elements=({"title": "{name}"},),
    )

    assert responses(variation).say("utter_x", {"name": 'A"n'}, "rest") == BotMessage(
        text='Hi A"n',
        buttons=(Button(title='For A"n', payload='/go{"x": "A\\"n"}'),),
        image='https://shop.example/A"n.png',
        attachment={"a": 1},
        custom={"b": [2, 'A"n']},
        elements=({"title": 'A"n'},),
    )


def condition(slot: str, value: object) -> tuple[SlotStep, ...]:
    return (SlotStep(slot=slot, value=value),)


def test_a_variation_whose_conditions_hold_wins_over_those_without_and_others_are_never_said() -> None:
    variations = (
        Variation(text="for all"),
        Variation(text="for vips", conditions=condition("vip", True)),
        Variation(text="for others", conditions=condition("vip", False)),
        Variation(text="here", channel="web"),
        Variation(text="vips here", channel="web", conditions=condition("vip", True)),
    )

    assert texts(*variations, slots={"vip": True}) == {"for vips"}
    assert texts(*variations, slots={"vip": 1}) == {"for all"}
    assert texts(*variations) == {"for all"}
    assert texts(*variations, slots={"vip": True}, channel="web") == {"vips here"}
    assert texts(*variations, slots={"vip": False}, channel="web") == {"here"}
    assert responses(variations[1]).say("utter_x", {}, "rest") is None


def test_a_retrieval_response_is_said_by_what_was_asked() -> None:
    said = Responses(Domain(responses={"utter_faq/hours": (Variation(text="At nine."),)}), random.Random(1))

    message = said.say("utter_faq", {}, "rest", intent="faq/hours")
    assert message is not None
    assert message.text == "At nine."
    assert said.say("utter_faq", {}, "rest", intent="faq/price") is None
    assert said.say("utter_faq", {}, "rest", intent=None) is None


def test_a_custom_action_says_its_own_words_or_a_response_and_more_over_it() -> None:
    said = responses(Variation(text="Hi {name}", buttons=(Button(title="A", payload="/a"),), image="i.png"))

    own = said.of_action({"text": "Mine", "buttons": [{"title": "B", "payload": "/b"}], "custom": {}}, {}, "rest")
    both = said.of_action({"response": "utter_x", "name": "Bo", "buttons": [{"title": "B"}], "image": None}, {}, "rest")
    over = said.of_action({"response": "utter_x", "text": "Mine", "custom": {"a": 1}}, {"name": "Ann"}, "rest")

    assert own == BotMessage(text="Mine", buttons=(Button(title="B", payload="/b"),))
    assert both == BotMessage(
        text="Hi Bo", buttons=(Button(title="A", payload="/a"), Button(title="B", payload="B")), image="i.png"
    )
    assert over is not None
    assert (over.text, over.custom, over.image) == ("Mine", {"a": 1}, "i.png")
    assert said.of_action({"text": None, "buttons": [], "elements": [], "custom": {}}, {}, "rest") is None


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


APART = "\N{WORD JOINER}"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Ann", "Ann"),
        ("a < b and c<3", "a < b and c<3"),
        ("[a] (b)", "[a] (b)"),
        ("<!channel>", f"<{APART}!channel>"),
        ("<@U1> </a>", f"<{APART}@U1> <{APART}/a>"),
        ("[bank](https://evil.example)", f"[bank]{APART}(https://evil.example)"),
        ("\u202etxt.exe\u202c", "txt.exe"),
    ],
)
def test_what_a_customer_said_is_no_markup(said: str, words: str) -> None:
    assert as_words(said) == words


def test_only_what_customers_say_is_kept_apart() -> None:
    said = Slot(name="said", mappings=(SlotMapping(type=MappingType.FROM_TEXT),))
    found = Slot(name="found", mappings=(SlotMapping(type=MappingType.CUSTOM),))
    variation = Variation(
        text="{said} {found}",
        buttons=(Button(title="{said}", payload='/x{"y": "{said}"}'),),
        custom={"text": ["{said}"]},
        image="https://a.example/{said}",
    )
    domain = Domain(slots={"said": said, "found": found}, responses={"utter_x": (variation,)})

    message = Responses(domain, random.Random(1)).say("utter_x", {"said": "<b>", "found": "<b>"}, "rest")

    assert message == BotMessage(
        text=f"<{APART}b> <b>",
        buttons=(Button(title=f"<{APART}b>", payload='/x{"y": "<b>"}'),),
        custom={"text": [f"<{APART}b>"]},
        image="https://a.example/<b>",
    )


def test_what_an_action_puts_in_a_slot_s_place_stays() -> None:
    said = Slot(name="said", mappings=(SlotMapping(type=MappingType.FROM_TEXT),))
    domain = Domain(slots={"said": said}, responses={"utter_x": (Variation(text="{said}"),)})
    item = {"response": "utter_x", "said": "[here](https://shop.example)"}

    message = Responses(domain, random.Random(1)).of_action(item, {"said": "<b>"}, "rest")

    assert message == BotMessage(text="[here](https://shop.example)")
