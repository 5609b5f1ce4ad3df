"""Offers questions under an answer, and knows a button that was pressed. A turn never fails for it."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

import structlog

from bot.answers import option_button
from bot.errors import Refused
from bot.inference import Inference
from bot.policy import Answer, PastAnswer, Reason, Template
from bot.stores.errors import StoreError
from bot.stores.store import ConversationStore
from bot.stores.suggestions import Clicks, click_rates, own_topics
from bot.suggestions.counting import count_topics
from bot.suggestions.next_topic import NextTopics
from bot.suggestions.offer import (
    Candidate,
    answer_named,
    chosen,
    place_for_buttons,
    related_pairs,
    topic_of,
    would_be_given,
)
from bot.turn import TurnUnderWay
from configs.assistant_config import SuggestionsConfig

EVERY_S = 3_600.0
MONTH_S = 30 * 86_400.0
MAX_HISTORY = 20  # topics of one customer that are gone by
NOT_AGAIN = 5  # of the last ones none is offered
MAX_LOOKED_AT = 12
MIN_CHANCE = 0.03  # what hardly ever comes next is not offered

_log = structlog.get_logger()


class Suggester:
    """Suggests questions, where the release in use says so."""

    def __init__(self, store: ConversationStore, inference: Inference, *, now: Callable[[], float] = time.time) -> None:
        self._store, self._inference, self._now = store, inference, now
        self._next = NextTopics()

    async def run(self) -> None:
        """Counts anew every hour, until it is cancelled."""
        while True:
            try:
                await self.refresh()
            except (StoreError, Refused) as error:
                _log.warning("suggestions_not_counted", reason=str(error))
            except Exception:  # the edge of the loop
                _log.exception("suggestions_not_counted")
            await asyncio.sleep(EVERY_S)

    async def refresh(self) -> None:
        """Counts anew what is asked one after another; what was erased meanwhile is gone then."""
        is_wanted = self._inference.host.is_loaded and self._inference.host.engine.spec.suggestions.next
        self._next = await count_topics(self._store, self._now()) if is_wanted else NextTopics()

    async def shown(self) -> dict[str, dict[str, int]] | None:
        """What `/status` says: how often each kind was shown and pressed in a month; None where none is suggested."""
        config = self._inference.host.engine.spec.suggestions
        if not (config.related or config.next):
            return None
        found = await clicks(self._store, self._now() - MONTH_S, self._now())
        return {one.kind: {"shown": one.shown, "clicked": one.clicked} for one in found}

    async def suggest(self, turn: TurnUnderWay) -> None:
        """Puts questions under the answer of a turn that is about to be saved."""
        config, given = turn.engine.spec.suggestions, turn.decision
        if not (config.related or config.next) or not isinstance(given, Template | PastAnswer):
            return
        if turn.reason == Reason.BUTTON:
            turn.taken = topic_of(given)
        place = place_for_buttons(turn)
        if place is None:
            return
        try:
            found = await self._found(turn, given, config)
        except (StoreError, Refused) as error:
            _log.info("nothing_suggested", reason=str(error), turn=turn.message_id)
            return
        buttons = [option_button(turn.engine.spec.titles, one.answer) for one in found]
        if found and turn.put_under(place, buttons):
            turn.suggested = tuple(one.suggested for one in found)

    async def _found(self, turn: TurnUnderWay, given: Answer, config: SuggestionsConfig) -> list[Candidate]:
        nexts = await self._nexts(turn, given, config) if config.next else []
        related = await self._related(turn, given) if config.related else []
        return chosen(nexts, related, given, config)

    async def _nexts(self, turn: TurnUnderWay, given: Answer, config: SuggestionsConfig) -> list[Answer]:
        own = partial(own_topics, conversation_id=turn.conversation.id, count=MAX_HISTORY)
        history = [*await self._store.read(own), topic_of(given)]
        found: list[Answer] = []
        for topic, chance in self._next.likely(history)[:MAX_LOOKED_AT]:
            if chance < MIN_CHANCE or len(found) == config.most:
                break
            if topic in history[-NOT_AGAIN:]:
                continue
            answer = await self._answer(turn, topic)
            if answer is not None and would_be_given(turn, answer):
                found.append(answer)
        return found

    async def _answer(self, turn: TurnUnderWay, topic: str) -> Answer | None:
        kind, _, name = topic.partition(":")
        return answer_named(topic, await self._inference.pair(name, turn.engine) if kind == "pair" else None)

    async def _related(self, turn: TurnUnderWay, given: Answer) -> list[PastAnswer]:
        reading = turn.reading
        if reading is None and isinstance(given, PastAnswer):  # a button asked for it, and was not read
            reading = await self._inference.read(given.pair.question, turn.engine)
        if reading is None:
            return []
        threshold = turn.engine.spec.policy.answer_threshold
        near = related_pairs(reading.hits, given, answer_threshold=threshold)
        return [answer for answer in near if would_be_given(turn, answer)]


async def clicks(store: ConversationStore, since: float, until: float) -> list[Clicks]:
    """How often questions were offered from `since` until before `until`, and taken since, by kind."""
    return await store.read(partial(click_rates, since=since, until=until))
