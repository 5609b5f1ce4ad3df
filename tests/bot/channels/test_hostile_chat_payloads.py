"""Whatever stands in a payload of Slack, Teams or Discord, it is a message that can be kept, or it is passed over."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fakes.botframework import FakeBotFramework
from fakes.discord import BOT, FakeDiscord
from fakes.slack import FakeSlack
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.channels.botframework.activities import Activity, parse_activity
from bot.channels.discord.config import Config as DiscordConfig
from bot.channels.discord.interactions import Interaction, parse_interaction
from bot.channels.discord.written import Written, parse_written
from bot.channels.intake import readable
from bot.channels.slack import events, interactions
from bot.channels.slack.config import Config as SlackConfig
from bot.messages import UserMessage

SLACK = SlackConfig.model_validate({"slack_token": "x", "slack_signing_secret": "y"})
DISCORD = DiscordConfig.model_validate({"application_id": "1", "bot_token": "x"})
HOSTILE = st.sampled_from(
    ["", " ", "\x00", "\ud83d", "a:b", "../..", "<@U0KEFUBOT>", "\u202ehello", "{0.__class__}", "/restart", "x" * 5_000]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | HOSTILE
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
Parse = Callable[[Any], Any]


class PlacedDiscord(FakeDiscord):
    """The fake, which needs no server for its payloads."""

    url = "http://127.0.0.1"


class PlacedBotFramework(FakeBotFramework):
    """The fake, which needs no server for its payloads."""

    url = "http://127.0.0.1"


GENUINE: dict[str, tuple[Any, Parse]] = {
    "slack event": (
        FakeSlack().mention(user="ann", text="hello", id="1", files=[{"id": "F1", "mimetype": "image/png"}]),
        lambda raw: events.parse_event(events.EventCallback.model_validate(raw), SLACK),
    ),
    "slack button": (
        FakeSlack().action(user="ann", payload="/hours", id="1"),
        lambda raw: interactions.parse_interaction(raw, SLACK),
    ),
    "activity": (
        PlacedBotFramework().activity(user="ann", text="<at>Shop</at> hello", id="1", value={"payload": "x"}),
        lambda raw: parse_activity(Activity.model_validate(raw)),
    ),
    "discord interaction": (
        PlacedDiscord().interaction(user="ann", id="1", data={"name": "a", "options": [{"value": "b"}]}),
        lambda raw: parse_interaction(Interaction.model_validate(raw), 0.0),
    ),
    "discord message": (
        PlacedDiscord().written(user="ann", text="hello", id="1", mentions=[{"id": BOT}], attachments=[{"id": "1"}]),
        lambda raw: parse_written(Written.model_validate(raw), DISCORD, BOT),
    ),
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in `value`."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


def put(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """A copy of `value` in which `other` stands at `path`."""
    if not path:
        return other
    changed = value.copy()
    changed[path[0]] = put(value[path[0]], path[1:], other)
    return changed


@pytest.mark.parametrize("name", GENUINE)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_changed_payload_is_kept_or_passed_over(name: str, data: st.DataObject) -> None:
    payload, parse = GENUINE[name]
    for _ in range(data.draw(st.integers(1, 3))):
        payload = put(payload, data.draw(st.sampled_from(places(payload))), data.draw(VALUES))

    try:
        found = parse(payload)
    except ValidationError:
        return
    if found is not None:
        check(*found)


@pytest.mark.parametrize("name", GENUINE)
def test_the_payload_itself_is_a_message(name: str) -> None:
    payload, parse = GENUINE[name]

    check(*parse(payload))


def check(message: UserMessage, address: Any) -> None:
    """Its ids can be kept in any database, and nothing in it is longer than what came."""
    for kept in (message.conversation_id, message.account, message.external_id or ""):
        assert kept.encode("utf-8")
        assert "\x00" not in kept
    assert message.conversation_id.startswith(f"{message.channel}:")
    assert message.external_id
    assert len(readable(message.text, 100)) <= 100
    json.dumps([dict(message.metadata), dict(address)])
