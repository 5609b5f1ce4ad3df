"""Starts sessions in its own way."""

from rasa_sdk import Action
from rasa_sdk.events import ActionExecuted, SessionStarted, SlotSet


class SessionStart(Action):
    def name(self):
        return "action_session_start"

    async def run(self, dispatcher, tracker, domain):
        """Welcomes, counts visits and carries nothing else over."""
        visits = (tracker.get_slot("visits") or 0) + 1
        dispatcher.utter_message(text=f"This is visit {visits}.")
        return [SessionStarted(), SlotSet("visits", visits), ActionExecuted("action_listen")]
