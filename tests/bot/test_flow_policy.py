"""What rules and stories say comes next, told situation by situation."""

from collections.abc import Sequence
from typing import Any

import pytest

from bot.flow_policy import RULES, STORIES, FlowPolicy, without_form_turns
from bot.situation import Situation, feature
from configs.flows import ActionStep, EntityPattern, LoopStep, Rule, SlotStep, Step, Story, UserStep
from configs.slots import Slot, SlotType

LISTEN = "action_listen"
SLOTS = {
    "vip": Slot(name="vip", type=SlotType.BOOL),
    "plan": Slot(name="plan", type=SlotType.CATEGORICAL, values=("basic", "pro")),
    "name": Slot(name="name", type=SlotType.TEXT),
    "quiet": Slot(name="quiet", type=SlotType.TEXT, influences=False),
}


def says(intent: str, *entities: str) -> UserStep:
    return UserStep(intent=intent, entities=tuple(EntityPattern(entity=name) for name in entities))


def does(action: str) -> ActionStep:
    return ActionStep(action=action)


def rule(*steps: Step, **changed: Any) -> Rule:
    return Rule(name="r", steps=steps, **changed)


def heard(intent: str, **changed: Any) -> Situation:
    """The customer has just said something."""
    return Situation(action=LISTEN, intent=intent, **changed)


def after(action: str, intent: str | None = None, **changed: Any) -> Situation:
    """The bot has just done something."""
    return Situation(action=action, intent=intent, **changed)


def next_of(
    situations: Sequence[Situation],
    rules: Sequence[Rule] = (),
    stories: Sequence[Story] = (),
    *,
    from_start: bool = False,
    max_history: int = 5,
) -> str | None:
    found = FlowPolicy(rules, stories, SLOTS, max_history=max_history).next(
        situations[:-1], situations[-1], from_start=from_start
    )
    return found.action if found else None


GREET = rule(says("greet"), does("utter_greet"), does("utter_menu"))


@pytest.mark.parametrize(
    ("situations", "action"),
    [
        ([heard("greet")], "utter_greet"),
        ([heard("greet"), after("utter_greet", "greet")], "utter_menu"),
        ([heard("greet"), after("utter_greet", "greet"), after("utter_menu", "greet")], LISTEN),
        ([after("utter_other", "bye"), after(LISTEN), heard("greet")], "utter_greet"),
        ([heard("bye")], None),
        ([heard("bye"), after("utter_greet", "bye")], None),
        ([heard("greet"), after("utter_other", "greet")], None),
    ],
)
def test_a_rule_is_followed_action_by_action_whatever_was_before(situations: list[Situation], action: str) -> None:
    assert next_of(situations, [GREET]) == action


def test_a_rule_that_does_not_wait_leaves_to_others_what_follows_its_last_action() -> None:
    going_on = rule(says("greet"), does("utter_greet"), waits_for_user=False)

    assert next_of([heard("greet"), after("utter_greet", "greet")], [going_on]) is None


def test_a_rule_for_the_start_holds_for_the_first_message_of_a_session_only() -> None:
    first = rule(says("greet"), does("utter_welcome"), starts_conversation=True)

    assert next_of([heard("greet")], [GREET, first], from_start=True) == "utter_welcome"
    assert next_of([heard("greet")], [first], from_start=False) is None
    assert next_of([heard("bye"), after("utter_bye", "bye"), heard("greet")], [first], from_start=True) is None


@pytest.mark.parametrize(
    ("condition", "slots", "holds"),
    [
        (SlotStep(slot="vip", value=True), {"vip": True}, True),
        (SlotStep(slot="vip", value=True), {"vip": False}, False),
        (SlotStep(slot="vip", value=True), {}, False),
        (SlotStep(slot="vip", value=None), {}, True),
        (SlotStep(slot="vip", value=None), {"vip": False}, False),
        (SlotStep(slot="vip", is_any=True), {"vip": False}, True),
        (SlotStep(slot="plan", value="Pro"), {"plan": "pro"}, True),
        (SlotStep(slot="plan", value="pro"), {"plan": "basic"}, False),
        (SlotStep(slot="name", value="Ann"), {"name": True}, True),  # of a text slot Rasa sees only that it is set
        (SlotStep(slot="name", value="Ann"), {}, False),
        (SlotStep(slot="quiet", value="x"), {}, True),
        (LoopStep(loop="order_form"), {}, False),
        (LoopStep(loop=None), {}, True),
    ],
)
def test_a_rule_holds_where_its_conditions_do(condition: Any, slots: dict[str, Any], holds: bool) -> None:
    conditional = rule(says("greet"), does("utter_greet"), conditions=(condition,))

    assert (next_of([heard("greet", slots=slots)], [conditional]) is not None) == holds


def test_of_two_rules_that_fit_the_one_that_says_more_is_followed() -> None:
    for_vips = rule(says("greet"), does("utter_vip"), conditions=(SlotStep(slot="vip", value=True),))
    with_city = rule(says("greet", "city"), does("utter_city"))

    assert next_of([heard("greet", slots={"vip": True})], [GREET, for_vips]) == "utter_vip"
    assert next_of([heard("greet", entities=frozenset({"city"}))], [with_city, GREET]) == "utter_city"
    assert next_of([heard("greet")], [with_city, GREET]) == "utter_greet"


def test_a_rule_of_a_retrieval_intent_holds_for_each_of_its_parts() -> None:
    faq = rule(says("faq"), does("utter_faq"))

    assert next_of([heard("faq/ask_hours")], [faq]) == "utter_faq"
    assert next_of([heard("faqs")], [faq]) is None


SUBMIT = rule(
    does("order_form"),
    LoopStep(loop=None),
    SlotStep(slot="requested_slot", value=None),
    does("utter_submit"),
    conditions=(LoopStep(loop="order_form"),),
)


def test_a_rule_that_begins_with_a_form_says_what_follows_its_end() -> None:
    assert next_of([heard("order"), after("order_form", "order")], [SUBMIT]) == "utter_submit"
    assert next_of([heard("order"), after("order_form", "order", loop="order_form")], [SUBMIT]) is None
    assert next_of([heard("order")], [SUBMIT]) is None


def test_a_rule_that_speaks_of_no_form_lets_the_one_under_way_go_on() -> None:
    policy = FlowPolicy([GREET, SUBMIT], (), SLOTS, max_history=5)

    found = policy.next((), after("utter_menu", "greet", loop="order_form"), from_start=False)
    assert found is None  # what went before does not fit
    history = (heard("greet", loop="order_form"), after("utter_greet", "greet", loop="order_form"))
    found = policy.next(history, after("utter_menu", "greet", loop="order_form"), from_start=False)
    assert found is not None
    assert (found.action, found.policy, found.general) == (LISTEN, RULES, True)


MOOD = Story(
    name="mood",
    steps=(says("greet"), does("utter_greet"), says("sad"), does("utter_cheer"), says("yes"), does("utter_bye")),
)
TALK = [heard("greet"), after("utter_greet", "greet"), heard("sad"), after("utter_cheer", "sad"), heard("yes")]


@pytest.mark.parametrize("length", range(1, 6))
def test_a_story_is_followed_to_its_end(length: int) -> None:
    expected = ["utter_greet", LISTEN, "utter_cheer", LISTEN, "utter_bye"][length - 1]

    assert next_of(TALK[:length], stories=[MOOD], from_start=True) == expected


def test_a_story_goes_on_from_the_middle_where_the_bot_last_did_what_it_says() -> None:
    assert next_of([heard("other"), *TALK[3:]], stories=[MOOD]) == "utter_bye"
    assert next_of([after("utter_other", "sad"), heard("yes")], stories=[MOOD]) is None
    assert next_of([heard("yes")], stories=[MOOD]) is None


def test_of_two_stories_the_one_that_fits_further_back_is_followed() -> None:
    other = Story(name="other", steps=(says("bad"), does("utter_cheer"), says("yes"), does("utter_other")))

    assert next_of(TALK, stories=[other, MOOD]) == "utter_bye"
    assert next_of([heard("bad"), after("utter_cheer", "bad"), heard("yes")], stories=[MOOD, other]) == "utter_other"


def test_stories_branch_on_slots() -> None:
    plain = Story(name="plain", steps=(says("greet"), does("utter_plain")))
    vip = Story(name="vip", steps=(says("greet"), SlotStep(slot="vip", value=True), does("utter_vip")))

    assert next_of([heard("greet", slots={"vip": True})], stories=[plain, vip]) == "utter_vip"
    assert next_of([heard("greet")], stories=[plain, vip]) == "utter_plain"


def test_rules_are_asked_before_stories() -> None:
    story = Story(name="s", steps=(says("greet"), does("utter_story")))
    policy = FlowPolicy([GREET], [story], SLOTS, max_history=5)

    found = policy.next((), heard("greet"), from_start=True)
    assert found is not None
    assert (found.action, found.policy) == ("utter_greet", RULES)
    found = FlowPolicy((), [story], SLOTS, max_history=5).next((), heard("greet"), from_start=True)
    assert found is not None
    assert (found.action, found.policy) == ("utter_story", STORIES)


def test_stories_leave_out_the_turns_that_a_form_took() -> None:
    story = Story(
        name="order",
        steps=(says("order"), does("order_form"), LoopStep(loop="order_form"), LoopStep(loop=None), does("utter_done")),
    )
    asked, filled = after("order_form", "order", loop="order_form"), heard("inform", loop="order_form")
    talk = [heard("order"), asked, filled, asked, filled, after("order_form", "inform")]

    assert without_form_turns(talk) == [heard("order"), after("order_form", "order")]
    assert next_of(talk, stories=[story]) == "utter_done"


@pytest.mark.parametrize(
    ("slot", "value", "seen"),
    [
        (SLOTS["name"], "Ann", True),
        (SLOTS["name"], None, None),
        (SLOTS["vip"], "true", True),
        (SLOTS["vip"], "no", False),
        (SLOTS["plan"], " PRO ", "pro"),
        (SLOTS["plan"], "gold", "__other__"),
        (Slot(name="n", type=SlotType.FLOAT, min_value=0, max_value=10), 2.5, 0.25),
        (Slot(name="n", type=SlotType.FLOAT, min_value=0, max_value=10), 99, 1.0),
        (Slot(name="n", type=SlotType.FLOAT), "many", None),
        (Slot(name="l", type=SlotType.LIST), [], None),
        (Slot(name="l", type=SlotType.LIST), ["a"], True),
        (Slot(name="a", type=SlotType.ANY), {"a": 1}, None),
    ],
)
def test_of_a_value_rules_see_what_its_slots_type_shows(slot: Slot, value: Any, seen: Any) -> None:
    assert feature(slot, value) == seen
