"""Takes a conversation's turn: load, understand, decide, act, save. In order, and all or nothing."""

import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import structlog

from bot.abilities import Abilities
from bot.action_runner import ActionRunner
from bot.actions.result import CustomActions
from bot.context import FollowUp, follow_up
from bot.conversation import Conversation
from bot.default_actions import SESSION_START
from bot.engine import Engine
from bot.events import LISTEN, Event, action_event, slot_event, user_event
from bot.flow_policy import KEFU, NextAction
from bot.handoff import overdue, returned_events, wants_person
from bot.handoff_signs import signs_of
from bot.inference import Inference
from bot.meaning import decision_on, parsed, trusted_payload
from bot.messages import BotMessage, Standing, UserMessage
from bot.new_id import new_id
from bot.next_action import next_action
from bot.notices import MAX_EVENTS, NoticeType, followers, happenings, notices
from bot.parse_data import named_parse_data
from bot.payload import PAST_ANSWER, Payload, expanded
from bot.policy import FallBack, PastAnswer, Reason, Template
from bot.read_in_context import read_in_context
from bot.reminders import DueReminder, changes_reminders
from bot.responses import UTTER_MEDIA
from bot.standing import standing_events
from bot.stores.inbox import Claimed
from bot.stores.store import ConversationStore
from bot.stores.turn import Held, Loaded, Notice, TurnWrite
from bot.timing import add_stage, stage
from bot.turn import Turn, TurnUnderWay
from bot.turn_lock import TurnLock
from bot.turn_record import stored_reply, turn_write

MAX_ACTIONS = 10  # in one turn, as in Rasa: flows that never listen end here

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What would come next.

    Attributes:
        scores: Every action with its score, in [0, 1].
    """

    scores: tuple[tuple[str, float], ...]
    policy: str
    confidence: float


class DialogueManager:
    """Answers messages.

    Args:
        actions: The owner's custom actions; None where there are none.
        sends_to: Channels whose customers can be written to, and what these can show; on others only an answer reaches
            them.
        engine_for: Which release takes a conversation's turns; the one that serves if left out.
        now: Unix time.
        choose: Picks response variations.
    """

    def __init__(
        self,
        inference: Inference,
        store: ConversationStore,
        *,
        actions: CustomActions | None = None,
        sends_to: Mapping[str, Abilities] | None = None,
        engine_for: Callable[[str], Engine] | None = None,
        now: Callable[[], float] = time.time,
        choose: random.Random | None = None,
    ) -> None:
        self._inference = inference
        self._store = store
        self._now = now
        self._sends_to = dict(sends_to or {})
        self._engine_for = engine_for or (lambda _: inference.host.engine)
        # Which wording is picked is no secret.
        self._runner = ActionRunner(store.recent_events, actions, choose or random.Random())  # noqa: S311
        self._lock = TurnLock()
        self.on_commit: Callable[[Conversation, Sequence[Event]], None] = lambda *_: None
        self.on_erase: Callable[[str], Awaitable[None]] = _nothing
        self.on_read: Callable[[TurnUnderWay], None] = lambda _: None
        self.suggest: Callable[[TurnUnderWay], Awaitable[None]] = _nothing

    async def handle(self, message: UserMessage, claimed: Claimed | None = None) -> Turn:
        """Takes one turn; when this returns, the turn is on disk. What was answered before is not answered again.

        Args:
            claimed: The message of the inbox that this is; its reply is left to the outbox.

        Raises:
            Refused: The server is overloaded or too slow; nothing was written.
        """
        async with self._turn(message.conversation_id, message.channel, claimed) as turn:
            if claimed is None and (given := await self._given_before(message)) is not None:
                turn.messages += given
                turn.reason = Reason.REPEATED
                return turn.done()
            if message.standing is not None:
                turn.happen(standing_events(message.standing, turn.conversation.handoff, turn.now))
            if late := overdue(turn.engine.spec.handoff, turn.conversation.handoff, turn.now):
                turn.happen(returned_events(late, turn.now))
            if not turn.sends:  # what was said out of turn comes now
                turn.messages += [BotMessage(text=said) for said in turn.conversation.handoff.unread]
            await self._open_session(turn, message.metadata)
            follow = _follow_up(turn, message.text)
            text = message.text if follow.chosen is None else follow.chosen.payload
            text = expanded(text, turn.conversation.offered)
            payload = trusted_payload(turn, text)
            if not text:
                parsed = named_parse_data("", None, {})
            elif payload is not None:
                await self._take_command(turn, payload)
                parsed = named_parse_data(message.text, payload.name, payload.entities)
            else:
                parsed = await self._understand(turn, text, follow)
            turn.happen([user_event(message, parsed, message.external_id or new_id(), turn.now)])
            await self._act(turn)
            await self.suggest(turn)
            return await self._save(turn, message, claimed)

    async def trigger_intent(
        self,
        conversation_id: str,
        name: str,
        entities: Mapping[str, Any],
        channel: str,
        claimed: Claimed | None = None,
    ) -> Turn:
        """Takes a turn as if the customer had meant the intent `name`: for what happens outside the chat.

        Args:
            claimed: The message of the inbox that says so.
        """
        async with self._turn(conversation_id, channel, claimed) as turn:
            turn.pushes = claimed is not None and not turn.sends
            await self._open_session(turn, {})
            text = f"EXTERNAL: {name}"
            message = UserMessage(
                conversation_id=conversation_id, text=text, channel=channel, metadata={"is_external": True}
            )
            turn.reason = Reason.EXTERNAL
            turn.happen([user_event(message, named_parse_data(text, name, entities), new_id(), turn.now)])
            await self._act(turn)
            return await self._save(turn, None, claimed)

    async def remind(self, conversation_id: str, due: DueReminder, channel: str, claimed: Claimed) -> None:
        """Takes the turn of a reminder, unless the customer has said something since and it was not to come then."""
        if due.kills_on_message:
            spoken_at = (await self._store.load(conversation_id)).message_at
            if spoken_at is not None and spoken_at > due.set_at:
                await self._store.inbox.give_up(claimed, "the customer spoke before it was due", state="expired")
                return
        await self.trigger_intent(conversation_id, due.intent, due.entities, channel, claimed)

    async def stand(self, conversation_id: str, standing: Standing, claimed: Claimed) -> None:
        """Takes note of who answers a customer, as the platform says; of nobody it has not heard of."""
        async with self._turn(conversation_id, claimed.message.channel, claimed) as turn:
            if turn.conversation.last_event_at is not None:
                turn.happen(standing_events(standing, turn.conversation.handoff, turn.now))
            await self._save(turn, None, claimed)
            if not turn.saved:
                await self._store.inbox.give_up(claimed, "it was known", state="done")

    async def execute(
        self, conversation_id: str, action: str, policy: str | None = None, confidence: float | None = None
    ) -> Turn:
        """Runs one action, whatever would come next."""
        del confidence  # Rasa's field; what is run on command is certain
        async with self._turn(conversation_id) as turn:
            turn.reason = Reason.EXTERNAL
            await self._runner.run(turn, NextAction(action=action, policy=policy or KEFU))
            return await self._save(turn)

    async def append_events(
        self, conversation_id: str, events: Sequence[Event], *, replace: bool = False
    ) -> Conversation:
        """Adds events that happened elsewhere; with `replace`, in the place of all that have happened."""
        if not replace:
            return await self.change(conversation_id, lambda _: events)
        async with self._turn(conversation_id) as turn:
            turn.conversation = Conversation(id=conversation_id)
            turn.happen(events)
            lease = turn.loaded.lease if isinstance(turn.loaded, Held) else None
            written = TurnWrite(lease=lease, version=turn.loaded.version)
            await self._store.replace(turn.conversation, turn.events, turn=written)
            turn.saved = True
            return turn.conversation

    async def erase(self, conversation_id: str) -> bool:
        """Deletes everything of a conversation; False where there was nothing."""
        async with self._lock.turn(conversation_id):
            was_there = await self._store.erase(conversation_id)
            await self.on_erase(conversation_id)
            return was_there

    async def change(self, conversation_id: str, make: Callable[[Conversation], Sequence[Event]]) -> Conversation:
        """Commits, in the conversation's turn, the events that `make` makes of its state; none is none."""
        async with self._turn(conversation_id) as turn:
            turn.happen(make(turn.conversation))
            return (await self._save(turn)).conversation

    async def add_message(
        self, conversation_id: str, text: str, parsed: Mapping[str, Any] | None, channel: str = "rest"
    ) -> Conversation:
        """Adds a customer's message without answering it."""
        async with self._turn(conversation_id, channel) as turn:
            await self._open_session(turn, {})
            found = await self._understand(turn, text) if parsed is None else parsed
            message = UserMessage(conversation_id=conversation_id, text=text, channel=channel)
            turn.happen([user_event(message, found, new_id(), turn.now)])
            return (await self._save(turn)).conversation

    async def tracker(self, conversation_id: str) -> Conversation:
        """The conversation's state."""
        return await self._store.load(conversation_id)

    async def predict(self, conversation_id: str) -> Prediction:
        """What would come next, as things stand."""
        return self.prediction(await self._store.load(conversation_id))

    def prediction(self, conversation: Conversation) -> Prediction:
        """What would come next in `conversation`, stored or not."""
        engine = self._inference.host.engine
        answered = conversation.now.action not in (LISTEN, None)
        found = next_action(conversation, engine.spec, engine.flows, None, answered=answered)
        domain = engine.spec.domain
        names = dict.fromkeys((found.action, *domain.actions, *domain.responses, *domain.forms))
        scores = tuple((name, 1.0 if name == found.action else 0.0) for name in names)
        return Prediction(scores=scores, policy=found.policy, confidence=1.0)

    @asynccontextmanager
    async def _turn(
        self, conversation_id: str, channel: str | None = None, claimed: Claimed | None = None
    ) -> AsyncIterator[TurnUnderWay]:
        """A turn that nobody else takes meanwhile, in this process or another."""
        async with self._lock.turn(conversation_id):
            with stage("store"):
                loaded = await self._load(conversation_id, claimed)
            channel = channel or loaded.conversation.channel or ""
            turn = TurnUnderWay(
                engine=self._engine_for(conversation_id),
                loaded=loaded,
                conversation=loaded.conversation,
                channel=channel,
                now=self._now(),
                abilities=self._sends_to.get(channel),
            )
            try:
                yield turn
            finally:
                if isinstance(loaded, Held) and not turn.saved:
                    await self._store.release(loaded.lease)

    async def _load(self, conversation_id: str, claimed: Claimed | None) -> Loaded:
        if claimed is not None or not self._store.is_shared:
            return await self._store.load_versioned(conversation_id)
        return await self._store.hold(conversation_id)

    async def _given_before(self, message: UserMessage) -> tuple[BotMessage, ...] | None:
        """The reply to a message that has been answered before, where its sender gave it an id."""
        if message.external_id is None:
            return None
        parts = await self._store.reply_of(message.channel, message.account, message.external_id)
        return None if parts is None else stored_reply(parts)

    async def _open_session(self, turn: TurnUnderWay, metadata: Mapping[str, Any]) -> None:
        """Opens a session, where this message begins one."""
        last_event_at, minutes = turn.conversation.last_event_at, turn.domain.session_minutes
        silent_minutes = 0.0 if last_event_at is None else (turn.now - last_event_at) / 60
        if last_event_at is not None and (not minutes or silent_minutes < minutes):
            return
        if metadata:
            turn.happen([slot_event("session_started_metadata", dict(metadata), turn.now)])
        await self._runner.run(turn, NextAction(action=SESSION_START, policy=KEFU))
        if turn.conversation.now.action != LISTEN:
            turn.happen([action_event(LISTEN, turn.now)])
        turn.answered = turn.ended = False

    async def _take_command(self, turn: TurnUnderWay, payload: Payload) -> None:
        """Decides what a button says is to be done."""
        if payload.name != PAST_ANSWER:
            turn.decision = Template(intent=payload.name, confidence=1.0, reason=Reason.BUTTON)
        elif (pair := await self._inference.pair(str(payload.entities.get("pair")), turn.engine)) is not None:
            turn.decision = PastAnswer(pair=pair, confidence=1.0, reason=Reason.BUTTON)
        else:  # it has gone since its button was shown
            turn.decision = FallBack(confidence=0.0)
        turn.reason = turn.decision.reason

    async def _understand(self, turn: TurnUnderWay, text: str, follow: FollowUp | None = None) -> dict[str, Any]:
        """Reads the message and decides on it; gives Rasa's parse data of it."""
        topic, follow = turn.conversation.topic, follow or FollowUp()
        turn.heard_in = turn.conversation
        found = await read_in_context(
            lambda said: self._inference.read(said, turn.engine),
            lambda reading: decision_on(turn, reading),
            text,
            topic,
            follow,
        )
        reading = found.reading
        add_stage("encode", reading.encode_ms)
        add_stage("search", reading.search_ms)
        turn.reading, turn.read_as = reading, found.text
        turn.decision, turn.reason = found.decision, found.decision.reason
        with stage("decide"):
            data = parsed(turn, reading, found.decision, text)
        if found.text != text:
            data["kefu"]["read_as"] = found.text
        return data

    async def _act(self, turn: TurnUnderWay) -> None:
        """Acts until the bot listens again."""
        if turn.conversation.is_silent:
            turn.reason = Reason.PERSON
            return
        if (message := turn.last_message()) is not None and not message["text"]:
            turn.reason = Reason.MEDIA
            await self._runner.run(turn, NextAction(action=UTTER_MEDIA, policy=KEFU))
        else:
            await self._answer(turn)
        if turn.conversation.now.action != LISTEN and not turn.conversation.is_silent:
            turn.happen([action_event(LISTEN, turn.now)])

    async def _answer(self, turn: TurnUnderWay) -> None:
        """Fills slots from the message, and runs what comes next until nothing does."""
        await self._runner.fill_slots(turn)
        signs = signs_of(turn.decision, turn.conversation.intent, in_form=turn.conversation.loop is not None)
        if reason := wants_person(turn.engine.spec.handoff, turn.conversation.handoff, signs):
            self._runner.hand_over(turn, reason)
        for _ in range(MAX_ACTIONS):
            if turn.ended or turn.conversation.is_silent:
                break
            found = next_action(
                turn.conversation,
                turn.engine.spec,
                turn.engine.flows,
                turn.decision,
                answered=turn.answered,
                rejected=turn.rejected,
            )
            decided, takes_first = turn.reason, found.action in turn.domain.forms and not turn.answered
            if takes_first and turn.reading is not None:
                turn.reason = Reason.FORM
            await self._runner.run(turn, found)
            if turn.rejected:  # others answer
                turn.reason = decided
        else:
            _log.error("turn_cut_off", actions=MAX_ACTIONS, turn=turn.message_id)

    async def _save(
        self, turn: TurnUnderWay, message: UserMessage | None = None, claimed: Claimed | None = None
    ) -> Turn:
        if not turn.events:
            return turn.done()
        with stage("store"):
            about_reminders = changes_reminders(turn.events)
            waiting = await self._store.reminders(turn.conversation.id) if about_reminders else ()
            written = replace(turn_write(turn, waiting, message, claimed), notices=await self._notices(turn))
            await self._store.append(turn.conversation, turn.events, turn=written)
        turn.saved = True
        self.on_commit(turn.conversation, turn.events)
        if turn.reading is not None:
            self.on_read(turn)
        return turn.done()

    async def _notices(self, turn: TurnUnderWay) -> tuple[Notice, ...]:
        """What channels are told of persons who take over."""
        told = followers(self._sends_to, turn.channel)
        found = happenings(turn.loaded.conversation.handoff, turn.events) if told else []
        if not any(one.type is NoticeType.REQUESTED for one in found):
            return notices(told, found, turn.conversation)
        earlier = await self._store.recent_events(turn.conversation.id, MAX_EVENTS)
        return notices(told, found, turn.conversation, [*earlier, *turn.events])


async def _nothing(_: object) -> None:
    """What is done besides where nobody wants to know."""


def _follow_up(turn: TurnUnderWay, text: str) -> FollowUp:
    conversation = turn.conversation
    if conversation.is_silent:
        return FollowUp()
    in_form = conversation.loop is not None
    return follow_up(text, conversation.topic, turn.engine.spec.context, turn.now, in_form=in_form)
