"""Reminders."""

import time
from datetime import datetime, timedelta

from rasa_sdk import Action
from rasa_sdk.events import ReminderCancelled, ReminderScheduled


class Remind(Action):
    def name(self):
        return "action_remind"

    async def run(self, dispatcher, tracker, domain):
        """Reminds of `what` ten minutes after the message."""
        said_at = max(event["timestamp"] for event in tracker.events if event["event"] == "user")
        due = datetime.fromtimestamp(said_at or time.time()) + timedelta(minutes=10)
        dispatcher.utter_message(text="I will.")
        entities = [{"entity": "what", "value": "the " + (tracker.get_slot("what") or "thing")}]
        kept = "kept" in tracker.latest_message["text"]
        return [
            ReminderScheduled(
                "external_reminder",
                trigger_date_time=due,
                entities=entities,
                name="soon",
                kill_on_user_message=not kept,
            )
        ]


class CallOff(Action):
    def name(self):
        return "action_call_off"

    async def run(self, dispatcher, tracker, domain):
        """Forgets it."""
        return [ReminderCancelled(name="soon")]
