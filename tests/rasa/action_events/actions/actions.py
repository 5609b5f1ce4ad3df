"""One action for each kind of event."""

from rasa_sdk import Action
from rasa_sdk.events import (
    ActionReverted,
    ActiveLoop,
    AllSlotsReset,
    ConversationPaused,
    FollowupAction,
    Restarted,
    SlotSet,
    UserUtteranceReverted,
)


class Set(Action):
    def name(self):
        return "action_set"

    def run(self, dispatcher, tracker, domain):
        """Sets two slots, one of them by what it was."""
        return [SlotSet("name", "Bo"), SlotSet("count", tracker.get_slot("count") + 1)]


class Follow(Action):
    def name(self):
        return "action_follow"

    def run(self, dispatcher, tracker, domain):
        """Names what comes next."""
        dispatcher.utter_message(text="First.")
        return [FollowupAction("utter_after")]


class RestartIt(Action):
    def name(self):
        return "action_restart_it"

    def run(self, dispatcher, tracker, domain):
        """Starts the conversation over."""
        return [Restarted(), FollowupAction("action_session_start")]


class Rewind(Action):
    def name(self):
        return "action_rewind"

    def run(self, dispatcher, tracker, domain):
        """Takes the message back."""
        dispatcher.utter_message(text="Never mind.")
        return [UserUtteranceReverted()]


class Pause(Action):
    def name(self):
        return "action_pause"

    def run(self, dispatcher, tracker, domain):
        """Keeps silent from here on."""
        dispatcher.utter_message(text="I am quiet.")
        return [ConversationPaused()]


class BeginForm(Action):
    def name(self):
        return "action_begin_form"

    def run(self, dispatcher, tracker, domain):
        """Puts a form to work, which asks by itself."""
        return [ActiveLoop("name_form"), FollowupAction("name_form")]


class Reset(Action):
    def name(self):
        return "action_reset"

    def run(self, dispatcher, tracker, domain):
        """Empties every slot."""
        return [AllSlotsReset()]


class Say(Action):
    def name(self):
        return "action_say"

    def run(self, dispatcher, tracker, domain):
        """Says something in each way."""
        dispatcher.utter_message(text="Plain.", buttons=[{"title": "Two", "payload": "/bye"}])
        dispatcher.utter_message(response="utter_choice", what="one", buttons=[{"title": "Two", "payload": "/bye"}])
        dispatcher.utter_message(image="https://shop.example/a.png")
        dispatcher.utter_message(json_message={"kind": "map"})
        dispatcher.utter_message(attachment={"type": "file", "payload": {"src": "https://shop.example/a.pdf"}})
        dispatcher.utter_message(text="Cards.", elements=[{"title": "Card"}])
        return []


class Crash(Action):
    def name(self):
        return "action_crash"

    def run(self, dispatcher, tracker, domain):
        """Does not work."""
        raise RuntimeError("broken")


class Tell(Action):
    def name(self):
        return "action_tell"

    def run(self, dispatcher, tracker, domain):
        """Says what it sees of the conversation."""
        message = tracker.latest_message
        dispatcher.utter_message(
            text=f"{tracker.sender_id} {message['intent']['name']} {message['text']} {tracker.get_slot('count')} "
            f"{tracker.latest_action_name} {tracker.get_latest_input_channel()} "
            f"{next(tracker.get_latest_entity_values('name'), None)} {sorted(domain['forms'])}"
        )
        return []


class Undo(Action):
    def name(self):
        return "action_undo"

    def run(self, dispatcher, tracker, domain):
        """Takes itself back, and what it set."""
        return [SlotSet("name", "Cy"), ActionReverted(), FollowupAction("utter_after")]
