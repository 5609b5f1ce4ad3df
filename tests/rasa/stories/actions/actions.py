"""Look things up."""

from rasa_sdk import Action
from rasa_sdk.events import SlotSet


class Stock(Action):
    def name(self):
        return "action_stock"

    def run(self, dispatcher, tracker, domain):
        """Only desks are sold out."""
        return [SlotSet("in_stock", "desk" not in (tracker.latest_message.get("text") or ""))]


class Tier(Action):
    def name(self):
        return "action_tier"

    def run(self, dispatcher, tracker, domain):
        """The text says which."""
        text = tracker.latest_message.get("text") or ""
        return [SlotSet("tier", next((tier for tier in ("gold", "silver", "bronze") if tier in text), None))]
