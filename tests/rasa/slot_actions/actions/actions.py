"""Fill and check slots outside of forms."""

from rasa_sdk import Action, ValidationAction
from rasa_sdk.events import SlotSet


class Measure(Action):
    def name(self):
        return "action_measure"

    def run(self, dispatcher, tracker, domain):
        """Counts the letters of the message."""
        return [SlotSet("length", len(tracker.latest_message.get("text") or ""))]


class Validate(ValidationAction):
    def validate_email(self, value, dispatcher, tracker, domain):
        """Turns away what is none."""
        if "@" not in value:
            dispatcher.utter_message(text="That is no address.")
            return {"email": None}
        return {"email": value.lower()}
