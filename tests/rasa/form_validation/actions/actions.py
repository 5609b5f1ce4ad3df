"""Validates a pizza order."""

from rasa_sdk import Action, FormValidationAction
from rasa_sdk.events import SlotSet

SIZES = ("small", "large")


class ValidatePizzaForm(FormValidationAction):
    def name(self):
        return "validate_pizza_form"

    async def required_slots(self, domain_slots, dispatcher, tracker, domain):
        """Asks for the sauce before the topping where a pizza is large."""
        if tracker.get_slot("size") == "large":
            return [*domain_slots[:-1], "sauce", domain_slots[-1]]
        return domain_slots

    async def extract_note(self, dispatcher, tracker, domain):
        """Keeps what is said in a hurry."""
        return {"note": "quickly"} if "quick" in (tracker.latest_message.get("text") or "") else {}

    def validate_size(self, value, dispatcher, tracker, domain):
        """Turns sizes away that there are not; `all` says everything at once."""
        if value == "all":
            return {"size": "small", "count": 1, "topping": "everything"}
        if value == "none":
            return {"size": value, "requested_slot": None}
        if value.lower() not in SIZES:
            dispatcher.utter_message(response="utter_wrong_size", size=value)
            return {"size": None}
        return {"size": value.lower()}

    def validate_count(self, value, dispatcher, tracker, domain):
        """Turns words into numbers."""
        try:
            return {"count": int(value)}
        except ValueError:
            dispatcher.utter_message(text="A number, please.")
            return {"count": None}


class AskForCount(Action):
    def name(self):
        return "action_ask_count"

    def run(self, dispatcher, tracker, domain):
        """Asks with the size in it."""
        dispatcher.utter_message(
            text=f"How many {tracker.get_slot('size')} ones?",
            buttons=[{"title": "One", "payload": '/inform{"count": "1"}'}],
        )
        return []


class AskForTopping(Action):
    def name(self):
        return "action_ask_pizza_form_topping"

    def run(self, dispatcher, tracker, domain):
        """Asks, and notes that it has asked."""
        dispatcher.utter_message(text="Which topping?")
        return [SlotSet("note", "asked")]
