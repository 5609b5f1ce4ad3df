"""Tells a customer where an order is."""

import json
from datetime import date
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.types import DomainDict

from .shop_database import Order, ShopUnavailable, find_order


class ActionOrderStatus(Action):
    """Looks up the order whose number the customer gave."""

    def name(self) -> str:
        return "action_order_status"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        number = tracker.get_slot("order_number") or ""
        try:
            order = find_order(number)
        except ShopUnavailable:
            dispatcher.utter_message(response="utter_shop_unavailable")
            return []
        if order is None:
            dispatcher.utter_message(response="utter_order_unknown", order_number=number)
            return []
        dispatcher.utter_message(
            response=f"utter_order_{order.status}",
            order_number=order.number,
            carrier=order.carrier,
            day=in_words(order.delivery_day),
            buttons=buttons_for(order),
        )
        return []


def in_words(day: date) -> str:
    """5 March."""
    return f"{day.day} {day:%B}"


def buttons_for(order: Order) -> list[dict[str, str]]:
    """What a customer may do next with this order; the button brings the number along."""
    if not order.is_delivered or order.return_number or order.is_too_old(date.today()):
        return []
    number = json.dumps({"order_number": order.number})
    return [{"title": "Send it back", "payload": f"/return_item{number}"}]
