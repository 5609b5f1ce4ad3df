"""A follow-up is read in one go with what it may mean, by one release, and keeps what the customer really wrote."""

import asyncio
from typing import Any

import numpy as np
import pytest

from bot.context import follow_up
from bot.engine import Reading
from bot.errors import Overloaded
from bot.policy import Decision, FallBack, Reason, Template
from bot.read_in_context import ReadInContext, read_in_context
from bot.topic import Topic
from configs.assistant_config import ContextConfig
from nlu import IntentScore, Understanding
from nlu.entities import Entity

TOPIC = Topic(question="How do I earn points?", intent="points", answer="Points lapse after two years.", at=1.0)
SAID = "and when do they lapse?"
JOINED = "How do I earn points? and when do they lapse?"
RELEASE: Any = object()


def reading(text: str, release: Any = RELEASE) -> Reading:
    entities = (Entity(entity="word", start=0, end=3, value=text[:3], extractor="test"),)
    understanding = Understanding(
        text=text,
        ranking=(IntentScore(name=text, probability=0.9),),
        embedding=np.zeros(2, np.float32),
        entities=entities,
    )
    return Reading(understanding=understanding, hits=(), engine=release)


def decide(found: Reading) -> Decision:
    """Only the joined text is understood."""
    if found.understanding.text == JOINED:
        return Template(intent="points", confidence=0.9, reason=Reason.SURE_INTENT)
    return FallBack(confidence=0.1)


async def heard(read: Any, text: str = SAID) -> ReadInContext:
    return await read_in_context(read, decide, text, TOPIC, follow_up(text, TOPIC, ContextConfig(), 2.0))


async def test_the_better_reading_is_kept_with_the_words_that_were_said() -> None:
    asked = []

    async def read(text: str) -> Reading:
        asked.append(text)
        await asyncio.sleep(0)
        return reading(text)

    found = await heard(read)
    assert asked == [SAID, JOINED]
    assert (found.text, found.decision.confidence) == (JOINED, 0.9)
    assert found.reading.understanding.text == SAID
    assert found.reading.understanding.intent.name == JOINED
    assert [entity.value for entity in found.reading.understanding.entities] == ["and"]


async def test_what_follows_nothing_is_read_once() -> None:
    asked = []

    async def read(text: str) -> Reading:
        asked.append(text)
        return reading(text)

    found = await heard(read, "where is my order?")
    assert asked == ["where is my order?"]
    assert (found.text, found.decision) == ("where is my order?", FallBack(confidence=0.1))


async def test_an_overload_is_passed_on() -> None:
    async def read(text: str) -> Reading:
        raise Overloaded("1 message waits")

    with pytest.raises(Overloaded):
        await heard(read)
