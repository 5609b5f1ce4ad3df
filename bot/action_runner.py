"""Runs what comes next: a response, a form, a default action, a custom action, or what Kefu decided on."""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import structlog

from bot.actions.result import ActionFailed, ActionRejected, CustomActions
from bot.answers import option_button, past_answer
from bot.conversation import ASK_BACK, PAST_ANSWER, Conversation
from bot.default_actions import SESSION_START, default_action
from bot.events import LISTEN, Event, action_event, rejected_event
from bot.flow_policy import KEFU, NextAction
from bot.form_action import asking, run_form
from bot.handoff import ACTION_HANDOFF, UTTER_CLOSED, HandoffReason, hand_over, handoff_slots
from bot.messages import BotMessage
from bot.policy import AskBack, PastAnswer
from bot.responses import Responses
from bot.slot_filling import custom_extractions, filled_slots
from bot.tracker import tracker_json
from bot.turn import TurnUnderWay
from configs.forms import Form
from configs.rasa_names import DEFAULT_ACTIONS

VALIDATE_SLOTS = "action_validate_slot_mappings"
EVENTS_FOR_ACTIONS = 200  # of a conversation, so that a long one does not make its actions slow

RecentEvents: TypeAlias = Callable[[str, int], Awaitable[Sequence[Event]]]

_log = structlog.get_logger()


class ActionRunner:
    """Runs actions.

    Args:
        recent_events: A conversation's last events before this turn.
        custom: The owner's actions; None where there are none.
        choose: Picks response variations.
    """

    def __init__(self, recent_events: RecentEvents, custom: CustomActions | None, choose: random.Random) -> None:
        self._recent_events, self._custom, self._choose = recent_events, custom, choose

    async def run(self, turn: TurnUnderWay, action: NextAction) -> None:
        """Runs `action`; one that fails says so to the customer and ends the turn."""
        name = action.action
        confidence = turn.decision.confidence if turn.decision is not None and not turn.answered else 1.0
        done = action_event(name, turn.now, policy=action.policy, confidence=confidence, is_hidden=action.is_hidden)
        try:
            events = await self._events(turn, name)
        except ActionRejected:
            turn.happen([rejected_event(name, turn.now, policy=action.policy, confidence=confidence)])
            turn.rejected = name
            return
        except ActionFailed as error:
            _log.error("action_failed", action=name, reason=str(error), turn=turn.message_id)
            turn.happen([done, *self._say(turn, "utter_action_failed")])
            turn.ended = True
            return
        turn.happen([done, *events])
        turn.rejected = None
        clarified = any(event["event"] == "user" for event in events)  # what was meant is known now: answer it
        turn.answered = not clarified and (turn.answered or name not in turn.domain.forms)
        taken_back = any(event["event"] == "rewind" for event in events) and not clarified
        turn.ended = turn.ended or name in (LISTEN, SESSION_START) or taken_back

    def hand_over(self, turn: TurnUnderWay, reason: HandoffReason) -> None:
        """Calls a person, or says that nobody is there; the turn ends with it."""
        events, said = hand_over(turn.engine.spec.handoff, reason, turn.now)
        done = action_event(ACTION_HANDOFF, turn.now, policy=KEFU, confidence=1.0)
        turn.happen([done, *self._say(turn, said), *events])
        turn.answered = turn.ended = True

    async def fill_slots(self, turn: TurnUnderWay) -> None:
        """Fills slots from the message, by the domain's mappings and by the owner's own extractions."""
        events = filled_slots(turn.conversation, turn.domain, turn.now)
        names = [name for name in custom_extractions(turn.conversation, turn.domain) if name != VALIDATE_SLOTS]
        for name in names:
            events += await self._custom_or_nothing(turn, name, events)
        if VALIDATE_SLOTS in turn.domain.actions:
            checked = await self._custom_or_nothing(turn, VALIDATE_SLOTS, events)
            named = {event["name"] for event in checked if event["event"] == "slot"}
            events = [*checked, *(event for event in events if event.get("name") not in named)]
        turn.happen(events)

    async def _events(self, turn: TurnUnderWay, name: str) -> list[Event]:
        domain = turn.domain
        is_custom = name in domain.actions and name not in domain.responses and not name.startswith("utter_")
        if name in (PAST_ANSWER, ASK_BACK):
            return self._decided(turn, name)
        if name in domain.forms:
            return await self._form(turn, domain.forms[name])
        if name in DEFAULT_ACTIONS and not (is_custom and self._custom):
            done = default_action(name, turn.conversation, turn.engine.spec, turn.last_message(), turn.now)
            ran = [event for other in done.runs for event in await self._events(turn, other)]
            said = [] if done.says is None else self._say(turn, done.says)
            return [*done.before, *ran, *said, *done.events]
        return await self._run_custom(turn, name, turn.conversation) if is_custom else self._say(turn, name)

    def _say(self, turn: TurnUnderWay, said: str | BotMessage) -> list[Event]:
        """Says a response or a message; nothing where the domain has no such response."""
        if isinstance(said, BotMessage):
            return [turn.say(said)]
        conversation = turn.conversation
        responses = self._responses(turn)
        values = handoff_slots(turn.engine.spec.handoff, turn.now) if said == UTTER_CLOSED else None
        message = responses.say(said, conversation.slots, turn.channel, intent=conversation.intent, values=values)
        return [] if message is None else [turn.say(message, responses.full_name(said, conversation.intent))]

    def _responses(self, turn: TurnUnderWay) -> Responses:
        return Responses(turn.domain, self._choose)

    def _decided(self, turn: TurnUnderWay, name: str) -> list[Event]:
        match turn.decision:
            case PastAnswer(pair=pair):
                return [turn.say(message, name) for message in past_answer(pair)]
            case AskBack(options=options):
                responses = self._responses(turn)
                question = responses.say("utter_clarify", turn.conversation.slots, turn.channel) or BotMessage()
                buttons = tuple(option_button(turn.engine.spec.titles, option) for option in options)
                return [turn.say(replace(question, buttons=buttons), name)]
        return []

    async def _form(self, turn: TurnUnderWay, form: Form) -> list[Event]:
        async def validate(conversation: Conversation, events: list[Event]) -> list[Event] | None:
            name = f"validate_{form.name}"
            if name not in turn.domain.actions:
                return None
            return await self._run_custom(turn, name, conversation.after(events, turn.domain), since=events)

        run = await run_form(form, turn.conversation, turn.since_message(), turn.domain, validate, turn.now)
        if run.asked is None:
            return run.events
        return [*run.events, *await self._ask(turn, form.name, run.asked, run.events)]

    async def _ask(self, turn: TurnUnderWay, form: str, slot: str, events: list[Event]) -> list[Event]:
        domain = turn.domain
        name = next((n for n in asking(form, slot) if n in domain.responses or n in domain.actions), None)
        if name is None:
            _log.warning("nothing_asks_for_slot", form=form, slot=slot)
            return []
        asked = turn.conversation.after(events, domain)
        if name in domain.responses:
            message = Responses(domain, self._choose).say(name, asked.slots, turn.channel)
            return [] if message is None else [turn.say(message, name)]
        return await self._run_custom(turn, name, asked, since=events)

    async def _custom_or_nothing(self, turn: TurnUnderWay, name: str, events: list[Event]) -> list[Event]:
        """What an extraction or a check of slots makes of them; where it fails, nothing, and the turn goes on."""
        try:
            return await self._run_custom(turn, name, turn.conversation.after(events, turn.domain), since=events)
        except (ActionFailed, ActionRejected) as error:
            _log.error("action_failed", action=name, reason=str(error), turn=turn.message_id)
            return []

    async def _run_custom(
        self, turn: TurnUnderWay, name: str, conversation: Conversation, since: Sequence[Event] = ()
    ) -> list[Event]:
        """Runs one of the owner's actions.

        Args:
            conversation: The state it is to see.
            since: What has led to that state and has not happened in the turn yet.

        Raises:
            ActionRejected: It would not run.
            ActionFailed: It crashed, took too long, or is not there.
        """
        if self._custom is None:
            raise ActionFailed(name, "there is neither an actions folder nor an action_endpoint")
        earlier = await self._recent_events(conversation.id, EVENTS_FOR_ACTIONS)
        events = [*earlier, *turn.events, *since][-EVENTS_FOR_ACTIONS:]
        tracker: dict[str, Any] = tracker_json(conversation, events, turn.domain)
        result = await self._custom.run(name, tracker, turn.domain.source)
        responses = self._responses(turn)
        said = [
            turn.say(message, item.get("response") or item.get("template"))
            for item in result.responses
            if (message := responses.of_action(item, conversation.slots, turn.channel)) is not None
        ]
        return [*said, *result.events]
