"""Opens the return of an order: checks what the form return_form asks for, and then writes the return down."""

from datetime import date
from typing import Any

from rasa_sdk import Action, FormValidationAction, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.types import DomainDict

from .shop_database import Order, ShopUnavailable, find_order, open_return

ASK_AGAIN = {"order_number": None}
END_THE_FORM = {"order_number": None, "requested_slot": None}
MAX_REASON_CHARS = 500


class ValidateReturnForm(FormValidationAction):
    """Takes only an order that can be sent back, and a reason in words."""

    def name(self) -> str:
        return "validate_return_form"

    def validate_order_number(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> dict[str, Any]:
        try:
            order = find_order(str(value))
        except ShopUnavailable:
            dispatcher.utter_message(response="utter_shop_unavailable")
            return END_THE_FORM
        if order is None:
            dispatcher.utter_message(response="utter_order_unknown", order_number=value)
            return ASK_AGAIN
        if obstacle := what_prevents_a_return(order):
            dispatcher.utter_message(response=obstacle, order_number=order.number, return_number=order.return_number)
            return END_THE_FORM
        return {"order_number": order.number}

    def validate_return_reason(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> dict[str, Any]:
        reason = str(value).strip()[:MAX_REASON_CHARS]
        return {"return_reason": reason if any(sign.isalpha() for sign in reason) else None}


class ActionOpenReturn(Action):
    """Opens the return once the form has all that it asks for."""

    def name(self) -> str:
        return "action_open_return"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        number, reason = tracker.get_slot("order_number"), tracker.get_slot("return_reason")
        if number and reason:  # else the form ended early, and has said why
            try:
                return_number = open_return(number, reason)
                dispatcher.utter_message(
                    response="utter_return_opened", order_number=number, return_number=return_number
                )
            except ShopUnavailable:
                dispatcher.utter_message(response="utter_shop_unavailable")
        return [SlotSet("order_number", None), SlotSet("return_reason", None)]


def what_prevents_a_return(order: Order) -> str | None:
    """The response that says why an order cannot be sent back, or None if it can."""
    if order.return_number:
        return "utter_return_exists"
    if not order.is_delivered:
        return "utter_return_too_early"
    return "utter_return_too_late" if order.is_too_old(date.today()) else None
