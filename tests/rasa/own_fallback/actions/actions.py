"""Falls back in its own way."""

from rasa_sdk import Action
from rasa_sdk.events import SlotSet, UserUtteranceReverted


class DefaultFallback(Action):
    def name(self):
        return "action_default_fallback"

    async def run(self, dispatcher, tracker, domain):
        """Says that somebody is called; the message is taken back before the slot is set, so that the slot stays."""
        dispatcher.utter_message(text="I call somebody.")
        return [UserUtteranceReverted(), SlotSet("lost", (tracker.get_slot("lost") or 0) + 1)]
