"""Asks in the shop's own words whether an intent is meant."""

from rasa_sdk import Action

TITLES = {"order": "order something", "bye": "leave"}


class AskAffirmation(Action):
    def name(self):
        return "action_default_ask_affirmation"

    async def run(self, dispatcher, tracker, domain):
        """Offers the two likeliest."""
        ranking = [each["name"] for each in tracker.latest_message["intent_ranking"] if each["name"] in TITLES]
        buttons = [{"title": TITLES[name], "payload": f"/{name}"} for name in ranking[:2]]
        dispatcher.utter_message(
            text="Do you want to", buttons=[*buttons, {"title": "neither", "payload": "/out_of_scope"}]
        )
        return []
