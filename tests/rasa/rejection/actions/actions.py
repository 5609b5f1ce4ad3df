"""Refuse to run."""

from rasa_sdk import Action, FormValidationAction
from rasa_sdk.events import ActionExecutionRejected
from rasa_sdk.interfaces import ActionExecutionRejection


class Status(Action):
    def name(self):
        return "action_status"

    def run(self, dispatcher, tracker, domain):
        """Always refuses."""
        raise ActionExecutionRejection(self.name(), "not now")


class ValidateShipForm(FormValidationAction):
    def name(self):
        return "validate_ship_form"

    async def run(self, dispatcher, tracker, domain):
        """Lets other intents answer, even where a slot was filled."""
        done = [
            event["name"] for event in tracker.events if event["event"] == "action" and event["name"] != "ship_form"
        ]
        if tracker.latest_message["intent"]["name"] == "other" and done[-1] == "action_listen":
            return [ActionExecutionRejected("ship_form")]
        return await super().run(dispatcher, tracker, domain)
