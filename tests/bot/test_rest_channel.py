"""Rasa's REST channel, to the letter."""

import json
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from pydantic import SecretStr
from scripted_bot import DOMAIN, Bot, MakeBot

from bot.api.auth import Access
from bot.channels import rest
from bot.errors import Overloaded
from bot.messages import BotMessage
from bot.middlewares import errors_as_json
from bot.request_body import MAX_BODY_BYTES
from configs import Button, Settings, Variation

WEBHOOK = "/webhooks/rest/webhook"
API_TOKEN, JWT_KEY = "a-token-of-some-length", "k" * 40
EVERYTHING = Variation(
    text="One.\n\nTwo.",
    buttons=(Button(title="Hours", payload="/hours"),),
    image="https://shop.example/a.png",
    attachment={"type": "file"},
    custom={"rating": [1, 2]},
    elements=(
        {"title": "Lamp", "subtitle": "12 EUR", "buttons": [{"title": "Buy", "payload": "/order"}]},
        {"title": "Rug"},
    ),
)


@pytest.fixture
def bot(scripted: MakeBot) -> Bot:
    return scripted({"responses": {**DOMAIN.responses, "utter_greet": (EVERYTHING,)}})


@pytest.fixture
async def client(bot: Bot) -> AsyncIterator[TestClient]:
    app = web.Application(middlewares=[errors_as_json], client_max_size=65_536)
    app[MAX_BODY_BYTES] = 65_536
    access = Access(Settings(api_token=SecretStr(API_TOKEN), jwt_secret=SecretStr(JWT_KEY)))
    app.add_routes(rest.routes(bot.dialogue, max_text_chars=4_000, served={"telegram"}, may_name=access.may_name))
    async with TestClient(TestServer(app)) as client:
        yield client


async def post(client: TestClient, **body: Any) -> Any:
    response = await client.post(WEBHOOK, json=body)
    assert response.status == 200
    return await response.json()


def items(*messages: BotMessage) -> list[dict[str, Any]]:
    return rest.render("ann", messages)


def test_a_text_is_split_at_empty_lines() -> None:
    assert items(BotMessage(text="\n\nOne.\n\nTwo,\nstill two.\n\nThree.\n\n")) == [
        {"recipient_id": "ann", "text": "One."},
        {"recipient_id": "ann", "text": "Two,\nstill two."},
        {"recipient_id": "ann", "text": "Three."},
    ]


def test_a_text_with_buttons_is_not_split() -> None:
    assert items(BotMessage(text="One.\n\nTwo.", buttons=(Button(title="A", payload="/a"),))) == [
        {"recipient_id": "ann", "text": "One.\n\nTwo.", "buttons": [{"title": "A", "payload": "/a"}]}
    ]


def test_keys_without_a_value_are_dropped() -> None:
    assert items(BotMessage(buttons=(Button(title="A", payload="/a"),))) == [
        {"recipient_id": "ann", "buttons": [{"title": "A", "payload": "/a"}]}
    ]
    assert items(BotMessage(image="i.png")) == [{"recipient_id": "ann", "image": "i.png"}]


@pytest.mark.parametrize("message", [BotMessage(), BotMessage(text=""), BotMessage(custom={}, attachment={})])
def test_a_message_of_nothing_is_no_item(message: BotMessage) -> None:
    assert items(message) == []


def test_items_come_in_the_order_of_the_messages() -> None:
    assert [
        item.get("text") or item.get("image")
        for item in items(BotMessage(text="1", image="2"), BotMessage(text="3"), BotMessage(image="4"))
    ] == ["1", "2", "3", "4"]


async def test_a_reply_has_every_part_in_rasas_order(client: TestClient) -> None:
    assert await post(client, sender="ann", message="hello") == [
        {"recipient_id": "ann", "text": "One.\n\nTwo.", "buttons": [{"title": "Hours", "payload": "/hours"}]},
        {"recipient_id": "ann", "custom": {"rating": [1, 2]}},
        {"recipient_id": "ann", "image": "https://shop.example/a.png"},
        {"recipient_id": "ann", "attachment": {"type": "file"}},
        {"recipient_id": "ann", "text": "Lamp : 12 EUR", "buttons": [{"title": "Buy", "payload": "/order"}]},
        {"recipient_id": "ann", "text": "Rug : ", "buttons": []},
    ]


async def test_a_button_on_a_card_works_when_it_is_pressed(client: TestClient) -> None:
    await post(client, sender="ann", message="hello")

    assert [item["text"] for item in await post(client, sender="ann", message="/order")] == [
        "On its way.",
        "Here is the link.",
    ]


async def test_several_responses_are_several_items(client: TestClient) -> None:
    assert await post(client, sender="ann", message="when are you open") == [
        {"recipient_id": "ann", "text": "We open at nine."},
        {"recipient_id": "ann", "text": "We close at five."},
    ]


@pytest.mark.parametrize("body", [{}, {"sender": None}], ids=["missing", "null"])
async def test_a_sender_who_is_not_named_is_default(client: TestClient, bot: Bot, body: dict[str, Any]) -> None:
    reply = await post(client, message="where is it", **body)

    assert {item["recipient_id"] for item in reply} == {"default"}
    assert len(await bot.events("default")) > 0


async def test_the_message_is_stripped(client: TestClient, bot: Bot) -> None:
    await post(client, sender="ann", message="  where is it \n")

    assert bot.inference.asked == ["where is it"]


async def test_input_channel_and_metadata_reach_the_user_event(client: TestClient, bot: Bot) -> None:
    await post(client, sender="ann", message="hello", input_channel="website", metadata={"page": "/a"})
    await post(client, sender="bob", message="hello", input_channel="", metadata=None)

    (ann,) = [event for event in await bot.events("ann") if event["event"] == "user"]
    (bob,) = [event for event in await bot.events("bob") if event["event"] == "user"]
    assert (ann["input_channel"], ann["metadata"]) == ("website", {"page": "/a"})
    assert (bob["input_channel"], bob["metadata"]) == ("rest", {})


@pytest.mark.parametrize("value", ["true", "TRUE", "True"])
async def test_a_stream_is_json_objects_line_by_line(client: TestClient, value: str) -> None:
    response = await client.post(f"{WEBHOOK}?stream={value}", json={"sender": "ann", "message": "when are you open"})

    assert response.status == 200
    assert response.content_type == "text/event-stream"
    raw = await response.text()
    assert raw.endswith("\n")
    assert "data:" not in raw
    assert [json.loads(line) for line in raw.splitlines()] == [
        {"recipient_id": "ann", "text": "We open at nine."},
        {"recipient_id": "ann", "text": "We close at five."},
    ]


@pytest.mark.parametrize("query", ["", "?stream=false", "?stream=False", "?other=true"])
async def test_without_a_stream_the_reply_is_one_array(client: TestClient, query: str) -> None:
    response = await client.post(WEBHOOK + query, json={"message": "where is it"})

    assert response.content_type == "application/json"
    assert len(await response.json()) == 2


@pytest.mark.parametrize("value", ["yes", "1", "", "truefalse"])
async def test_a_wrong_stream_value_is_refused_before_anything_is_done(
    client: TestClient, bot: Bot, value: str
) -> None:
    response = await client.post(f"{WEBHOOK}?stream={value}", json={"sender": "ann", "message": "hello"})

    assert response.status == 400
    assert (await response.json())["details"] == {"field": "stream"}
    assert await bot.events("ann") == []


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "text/plain",
        "text/plain;charset=UTF-8",
        "application/vnd.api+json",
        "application/octet-stream",
        None,
    ],
)
async def test_json_is_json_whatever_a_widget_calls_it(client: TestClient, content_type: str | None) -> None:
    body = json.dumps({"sender": "ann", "message": "where is it"}).encode()
    headers = {} if content_type is None else {"Content-Type": content_type}

    response = await client.post(WEBHOOK, data=body, headers=headers, skip_auto_headers=["Content-Type"])

    assert response.status == 200
    assert (await response.json())[0] == {"recipient_id": "ann", "text": "On its way."}


async def test_a_stream_says_nothing_of_a_turn_that_is_not_kept(client: TestClient, bot: Bot) -> None:
    bot.inference.fails_with = Overloaded("too many")

    response = await client.post(f"{WEBHOOK}?stream=true", json={"sender": "ann", "message": "where is it"})

    assert response.status == 503
    assert (await response.json())["reason"] == "Overloaded"
    assert await bot.events("ann") == []


async def test_the_first_word_of_a_stream_comes_after_the_turn_is_on_disk(client: TestClient, bot: Bot) -> None:
    kept: list[int] = []
    bot.dialogue.on_commit = lambda _, events: kept.append(len(events))

    async with client.post(f"{WEBHOOK}?stream=true", json={"sender": "ann", "message": "where is it"}) as response:
        assert json.loads(await response.content.readline())["text"] == "On its way."
        assert kept == [len(await bot.events("ann"))]


SOME_CHANNELS = ["telegram", "slack", "whatsapp", "widget", "socketio", "openai", "wechat"]


@pytest.mark.parametrize("name", SOME_CHANNELS)
@pytest.mark.parametrize("form", ["{}:1", "  {}:1 ", "{}:", "{}:1:2"])
async def test_a_sender_cannot_name_a_conversation_of_another_channel(
    client: TestClient, bot: Bot, name: str, form: str
) -> None:
    sender = form.format(name)
    for query in ("", "?stream=true"):
        response = await client.post(WEBHOOK + query, json={"sender": sender, "message": "hello"})
        assert response.status == 403
        error = await response.json()
        assert (error["reason"], error["details"]) == ("NotAuthorized", {"field": "sender"})
    assert await bot.events(sender.strip()) == []


@pytest.mark.parametrize(
    "sender", ["telegram", "telegrams:1", "my telegram:1", "Telegram:1", "rest:1", "shop:telegram:1"]
)
async def test_other_senders_may_look_alike(client: TestClient, sender: str) -> None:
    assert await post(client, sender=sender, message="where is it")


async def test_a_sender_cannot_write_as_if_on_a_channel_that_is_served(client: TestClient, bot: Bot) -> None:
    body = {"sender": "ann", "message": "hello", "input_channel": "telegram"}
    response = await client.post(WEBHOOK, json=body)

    assert response.status == 403
    assert (await response.json())["details"] == {"field": "input_channel"}
    assert await bot.events("ann") == []
    assert await post(client, **{**body, "input_channel": "slack"})


@pytest.mark.parametrize(
    ("token", "status"),
    [
        (API_TOKEN, 200),
        (jwt.encode({"user": {"username": "telegram:1", "role": "user"}, "exp": 9_999_999_999}, JWT_KEY), 200),
        (jwt.encode({"user": {"username": "telegram:2", "role": "user"}, "exp": 9_999_999_999}, JWT_KEY), 403),
        ("wrong" * 8, 403),
        ("", 403),
    ],
)
async def test_who_is_signed_in_may_name_what_the_token_allows(client: TestClient, token: str, status: int) -> None:
    body = {"sender": "telegram:1", "message": "hello", "input_channel": "telegram"}
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    assert (await client.post(WEBHOOK, json=body, headers=headers)).status == status


def test_where_there_is_no_token_nobody_is_signed_in() -> None:
    request = make_mocked_request("POST", WEBHOOK, headers={"Host": "localhost", "Authorization": "Bearer x"})

    assert not Access(Settings()).may_name(request, "telegram:1")


async def test_the_channel_says_that_it_is_there(client: TestClient) -> None:
    response = await client.get("/webhooks/rest/")

    assert response.status == 200
    assert await response.json() == {"status": "ok"}


async def test_text_in_any_script_comes_back_as_it_was_sent(client: TestClient, bot: Bot) -> None:
    for text in ("你好，几点开门？", "👩‍👩‍👧 🇩🇪", "<script>alert(1)</script>", "{user.__class__} {0} %s", "مرحبا"):
        await post(client, sender="ann", message=text)

    said = [event["text"] for event in await bot.events("ann") if event["event"] == "user"]
    assert said == ["你好，几点开门？", "👩‍👩‍👧 🇩🇪", "<script>alert(1)</script>", "{user.__class__} {0} %s", "مرحبا"]


async def test_a_sender_may_hold_anything_printable(client: TestClient, bot: Bot) -> None:
    sender = "../../etc/passwd '; DROP TABLE events; -- 小明"

    reply = await post(client, sender=sender, message="where is it")

    assert {item["recipient_id"] for item in reply} == {sender}
    assert len(await bot.events(sender)) > 0
