"""Pays, and looks a level up."""

from rasa_sdk import Action
from rasa_sdk.events import SlotSet


class Pay(Action):
    def name(self):
        return "action_pay"

    def run(self, dispatcher, tracker, domain):
        """Members pay; others would not get here."""
        return [SlotSet("paid", True)]


class Level(Action):
    def name(self):
        return "action_level"

    def run(self, dispatcher, tracker, domain):
        """Long numbers are gold."""
        number = tracker.get_slot("member_number") or ""
        return [SlotSet("level", "gold" if len(number) > 3 else "silver")]
