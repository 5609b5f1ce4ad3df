"""Slots are filled by the domain's mappings, as Rasa fills them."""

from typing import Any

import pytest

from bot.conversation import ActiveLoop, Conversation, Moment
from bot.slot_filling import custom_extractions, filled_slots
from configs.domain import Domain
from configs.forms import Form
from configs.slots import MappingCondition, MappingType, Slot, SlotMapping, SlotType

FORM = Form(name="trip_form", required_slots=("origin", "target", "note"), ignored_intents=("chitchat",))


def slot(name: str, *mappings: SlotMapping, kind: SlotType = SlotType.TEXT) -> Slot:
    return Slot(name=name, type=kind, mappings=mappings)


def entity(name: str, **more: Any) -> SlotMapping:
    return SlotMapping(type=MappingType.FROM_ENTITY, entity=name, **more)


def found(name: str, value: str, **more: str) -> dict[str, Any]:
    return {"entity": name, "value": value, **more}


def filled(
    *slots: Slot,
    text: str = "hi",
    intent: str = "inform",
    entities: list[dict[str, Any]] | None = None,
    loop: str | None = None,
    requested: str | None = None,
) -> dict[str, Any]:
    message = {"text": text, "intent": {"name": intent}, "entities": entities or []}
    moment = Moment(
        message=message,
        loop=ActiveLoop(name=loop) if loop else None,
        slots={"requested_slot": requested} if requested else {},
    )
    domain = Domain(slots={s.name: s for s in slots}, forms={FORM.name: FORM})
    events = filled_slots(Conversation(id="c", now=moment), domain, 1.0)
    assert all(event["event"] == "slot" and event["timestamp"] == 1.0 for event in events)
    return {event["name"]: event["value"] for event in events}


CITY = slot("city", entity("city"))


def test_an_entity_fills_its_slot_with_the_last_value_and_a_list_with_all() -> None:
    entities = [found("city", "Bath"), found("city", "York"), found("day", "Monday")]

    assert filled(CITY, entities=entities) == {"city": "York"}
    assert filled(slot("cities", entity("city"), kind=SlotType.LIST), entities=entities) == {"cities": ["Bath", "York"]}
    assert filled(CITY, entities=[found("day", "Monday")]) == {}


def test_roles_and_groups_tell_entities_apart() -> None:
    slots = (slot("origin", entity("city", role="from")), slot("target", entity("city", role="to", group="1")))
    entities = [found("city", "Bath", role="from"), found("city", "York", role="to", group="1")]

    assert filled(*slots, entities=entities) == {"origin": "Bath", "target": "York"}
    assert filled(*slots, entities=[found("city", "Bath"), found("city", "York", role="to", group="2")]) == {}
    assert filled(CITY, entities=[found("city", "Bath", role="from")]) == {}


@pytest.mark.parametrize(
    ("mapping", "intent", "value"),
    [
        (SlotMapping(type=MappingType.FROM_INTENT, value=True, intents=("affirm",)), "affirm", True),
        (SlotMapping(type=MappingType.FROM_INTENT, value=True, intents=("affirm",)), "deny", None),
        (SlotMapping(type=MappingType.FROM_INTENT, value=False, not_intents=("affirm",)), "deny", False),
        (SlotMapping(type=MappingType.FROM_INTENT, value=False, not_intents=("affirm",)), "affirm", None),
        (SlotMapping(type=MappingType.FROM_INTENT, value=1, intents=("faq",)), "faq/hours", 1),
        (SlotMapping(type=MappingType.FROM_TEXT), "inform", "hi"),
        (SlotMapping(type=MappingType.FROM_TEXT, not_intents=("inform",)), "inform", None),
        (SlotMapping(type=MappingType.FROM_TRIGGER_INTENT, value=1), "inform", None),
        (SlotMapping(type=MappingType.CUSTOM), "inform", None),
    ],
)
def test_intents_and_text_fill_slots(mapping: SlotMapping, intent: str, value: Any) -> None:
    assert filled(slot("s", mapping), intent=intent) == ({} if value is None else {"s": value})


def test_the_first_mapping_that_gives_a_value_counts() -> None:
    both = slot("city", entity("city"), SlotMapping(type=MappingType.FROM_TEXT))

    assert filled(both, text="to York", entities=[found("city", "York")]) == {"city": "York"}
    assert filled(both, text="to York") == {"city": "to York"}


@pytest.mark.parametrize(
    ("conditions", "loop", "requested", "holds"),
    [
        ((MappingCondition(active_loop="trip_form"),), "trip_form", "note", True),
        ((MappingCondition(active_loop="trip_form"),), None, None, False),
        ((MappingCondition(active_loop="trip_form", requested_slot="note"),), "trip_form", "note", True),
        ((MappingCondition(active_loop="trip_form", requested_slot="note"),), "trip_form", "origin", False),
        ((MappingCondition(active_loop=None),), None, None, True),
        ((MappingCondition(active_loop=None),), "trip_form", "note", False),
        ((MappingCondition(active_loop="other"), MappingCondition(active_loop="trip_form")), "trip_form", None, True),
    ],
)
def test_a_mapping_holds_where_one_of_its_conditions_does(
    conditions: tuple[MappingCondition, ...], loop: str | None, requested: str | None, holds: bool
) -> None:
    mapping = SlotMapping(type=MappingType.FROM_TEXT, conditions=conditions)

    assert filled(slot("note", mapping), loop=loop, requested=requested) == ({"note": "hi"} if holds else {})


def test_an_entity_that_could_fill_two_slots_of_a_form_fills_the_one_that_is_asked_for() -> None:
    slots = (slot("origin", entity("city")), slot("target", entity("city")), slot("elsewhere", entity("city")))
    entities = [found("city", "York")]

    asked = filled(*slots, entities=entities, loop="trip_form", requested="target")
    assert asked == {"target": "York", "elsewhere": "York"}
    assert filled(*slots, entities=entities) == {"origin": "York", "target": "York", "elsewhere": "York"}


def test_messages_of_ignored_intents_fill_no_slot_of_the_form() -> None:
    slots = (slot("note", SlotMapping(type=MappingType.FROM_TEXT)), CITY)
    entities = [found("city", "York")]

    assert filled(*slots, intent="chitchat", entities=entities, loop="trip_form") == {"city": "York"}
    assert filled(*slots, intent="chitchat", entities=entities) == {"note": "hi", "city": "York"}


def test_a_trigger_intent_fills_within_a_form_and_nowhere_else() -> None:
    trigger = SlotMapping(type=MappingType.FROM_TRIGGER_INTENT, value="rail", intents=("book_rail",))

    assert filled(slot("note", trigger), intent="book_rail", loop="trip_form") == {"note": "rail"}
    assert filled(slot("note", trigger), intent="book_bus", loop="trip_form") == {}
    assert filled(slot("note", trigger), intent="book_rail") == {}


def test_custom_extractions_are_named_once_where_their_conditions_hold() -> None:
    def custom(action: str | None, *conditions: MappingCondition) -> SlotMapping:
        return SlotMapping(type=MappingType.CUSTOM, action=action, conditions=conditions)

    slots = (
        slot("a", custom("action_x")),
        slot("b", custom("action_x"), custom("action_y")),
        slot("c", custom(None)),
        slot("d", custom("action_z", MappingCondition(active_loop="trip_form"))),
    )
    domain = Domain(slots={s.name: s for s in slots})

    assert custom_extractions(Conversation(id="c"), domain) == ("action_x", "action_y")
