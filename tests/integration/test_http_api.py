"""The HTTP API as Rasa's clients know it, the chat page, and what a browser of another origin may do."""

import asyncio
import contextlib
import json
import re
import sqlite3
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from structlog.testing import capture_logs

from bot.middlewares import QUIET_PATHS
from configs import Assistant
from training.releases import Releases

GOOD_ORIGIN = "https://shop.example"
WEBHOOK = "/webhooks/rest/webhook"
in_shop = pytest.mark.asyncio(loop_scope="module")


async def get(client: TestClient, path: str) -> Any:
    response = await client.get(path)
    assert response.status == 200
    return await response.json()


async def say(client: TestClient, text: str, sender: str = "ann") -> Any:
    response = await client.post(WEBHOOK, json={"sender": sender, "message": text})
    assert response.status == 200, await response.text()
    return await response.json()


def rows(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])


def texts(assistant: Assistant, response: str) -> set[str | None]:
    return {variation.text for variation in assistant.domain.responses[response]}


@in_shop
async def test_hello_names_the_version(shop: TestClient) -> None:
    response = await shop.get("/")

    assert response.content_type == "text/plain"
    assert await response.text() == f"Hello from Kefu: {version('kefu')}"


@in_shop
async def test_version_is_what_rasas_clients_ask_for(shop: TestClient) -> None:
    assert await get(shop, "/version") == {"version": version("kefu"), "minimum_compatible_version": "3.0.0"}


@in_shop
async def test_status_names_the_release_that_serves(shop: TestClient, shop_data: Path) -> None:
    release = Releases(shop_data).current_id()

    status = await get(shop, "/status")
    promise = status.pop("promise")
    assert promise["max_wrong_rate"] is None
    assert promise["finding"].startswith("Not promised")
    assert status == {
        "model_file": release,
        "model_id": release,
        "num_active_training_jobs": 0,
        "waiting": 0,
        "refused_releases": {},
        "experiment": None,
        "mood": {"state": "learning", "looked_at": None, "learned_days": 0, "alerts": []},
        "suggestions": None,
    }


@in_shop
async def test_health_and_readiness(shop: TestClient, shop_data: Path) -> None:
    assert await get(shop, "/health") == {"status": "ok"}
    assert await get(shop, "/ready") == {"status": "ready", "model_id": Releases(shop_data).current_id()}
    assert await get(shop, "/webhooks/rest/") == {"status": "ok"}


@in_shop
async def test_parse_answers_in_rasas_form(shop: TestClient, shop_data: Path, minimal: Assistant) -> None:
    response = await shop.post("/model/parse", json={"text": " Do you deliver abroad? ", "message_id": "m1"})

    parsed = await response.json()
    assert response.status == 200
    assert parsed["text"] == "Do you deliver abroad?"
    assert set(parsed) == {"text", "intent", "entities", "text_tokens", "intent_ranking", "kefu"}
    assert parsed["intent"] == parsed["intent_ranking"][0]
    assert parsed["entities"] == []
    assert [parsed["text"][start:end] for start, end in parsed["text_tokens"]] == [
        "Do",
        "you",
        "deliver",
        "abroad",
        "?",
    ]
    assert {score["name"] for score in parsed["intent_ranking"]} == set(minimal.domain.intents)
    confidences = [score["confidence"] for score in parsed["intent_ranking"]]
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) == pytest.approx(1.0, abs=1e-6)
    assert parsed["kefu"]["release"] == Releases(shop_data).current_id()
    nearest, *others = parsed["kefu"]["past_answers"]
    assert (nearest["id"], nearest["question"], nearest["rank"]) == ("h01", "Do you deliver abroad?", 1)
    assert nearest["cosine"] == pytest.approx(1.0, abs=1e-3)
    assert [other["rank"] for other in others] == [2, 3]


@in_shop
async def test_an_english_assistant_does_not_pretend_to_read_chinese(shop: TestClient, minimal: Assistant) -> None:
    (reply,) = await say(shop, "\u4f60\u597d\uff0c\u6211\u7684\u5305\u88f9\u5728\u54ea\u91cc\uff1f", sender="li")

    assert reply["text"] in texts(minimal, "utter_default")
    assert "buttons" not in reply


@in_shop
async def test_parsing_leaves_no_conversation_behind(shop: TestClient) -> None:
    await shop.post("/model/parse", json={"text": "hello"})

    with capture_logs() as logs:
        await shop.post("/model/parse", json={"text": "hello"})

    assert "store" not in logs[-1]["stages"]


@in_shop
async def test_a_conversation_from_greeting_to_button(shop: TestClient, minimal: Assistant) -> None:
    (greeting,) = await say(shop, "hello", "bea")
    (hours,) = await say(shop, greeting["buttons"][2]["payload"], "bea")
    (abroad,) = await say(shop, "do you deliver abroad", "bea")

    assert greeting["recipient_id"] == "bea"
    assert greeting["text"] in texts(minimal, "utter_greet")
    assert hours == {"recipient_id": "bea", "text": hours["text"]}
    assert hours["text"] in texts(minimal, "utter_opening_hours")
    assert abroad["text"].startswith("Yes, to all EU countries")


@in_shop
async def test_a_command_typed_by_a_customer_is_words(shop: TestClient, minimal: Assistant) -> None:
    reply = await say(shop, "/talk_to_human", "mallory")

    with capture_logs():
        parsed = await (await shop.post("/model/parse", json={"text": "/talk_to_human"})).json()
    assert parsed["intent"]["confidence"] < 1.0
    assert reply


@in_shop
async def test_many_customers_at_once_each_get_their_own_answer(shop: TestClient, minimal: Assistant) -> None:
    questions = {"hello": "utter_greet", "when are you open": "utter_opening_hours", "thanks a lot": "utter_thank"}

    async def ask(number: int) -> None:
        text = list(questions)[number % 3]
        (reply,) = await say(shop, text, f"customer {number}")
        assert reply["recipient_id"] == f"customer {number}"
        assert reply["text"] in texts(minimal, questions[text])

    await asyncio.gather(*(ask(number) for number in range(60)))


@in_shop
async def test_the_chat_page_may_run_only_its_own_script(shop: TestClient) -> None:
    page = await shop.get("/chat")

    html = await page.text()
    assert page.status == 200
    assert page.content_type == "text/html"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert not re.search(r"<script(?![^>]*\bsrc=)", html), "no script in the page itself"
    assert not re.search(r"\son\w+=|style=", html)
    files = re.findall(r'(?:src|href)="(?!data:,)([^"]+)"', html)
    assert files == ["widget.js"]
    script = await shop.get("/widget.js")
    assert (script.status, script.content_type) == (200, "text/javascript")


@in_shop
async def test_errors_have_rasas_form(shop: TestClient) -> None:
    response = await shop.post(WEBHOOK, data=b"{")

    assert response.content_type == "application/json"
    reply = await response.json()
    assert {key: reply[key] for key in ("version", "status", "reason", "details", "help", "code")} == {
        "version": version("kefu"),
        "status": "failure",
        "reason": "InvalidJson",
        "details": {"field": "body"},
        "help": None,
        "code": 400,
    }
    assert isinstance(reply["message"], str)


@in_shop
async def test_a_page_of_an_allowed_origin_may_call_the_channel(shop: TestClient) -> None:
    asked = {
        "Origin": GOOD_ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    preflight = await shop.options(WEBHOOK, headers=asked)
    answer = await shop.post(WEBHOOK, json={"message": "hello"}, headers={"Origin": GOOD_ORIGIN})

    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == GOOD_ORIGIN
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert preflight.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == GOOD_ORIGIN
    assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in answer.headers


@in_shop
async def test_a_page_of_an_allowed_origin_may_read_streams_and_errors_too(shop: TestClient) -> None:
    headers = {"Origin": GOOD_ORIGIN}

    stream = await shop.post(f"{WEBHOOK}?stream=true", json={"message": "hello"}, headers=headers)
    error = await shop.post(WEBHOOK, json={"message": ""}, headers=headers)

    assert (stream.status, error.status) == (200, 422)
    assert json.loads((await stream.text()).splitlines()[0])["recipient_id"] == "default"
    assert stream.headers["Access-Control-Allow-Origin"] == GOOD_ORIGIN
    assert error.headers["Access-Control-Allow-Origin"] == GOOD_ORIGIN


@in_shop
@pytest.mark.parametrize(
    "origin",
    [
        "https://good.example.evil.com",
        "https://shop.example.evil.com",
        "https://evil-shop.example",
        "https://shop.example:8443",
        "http://shop.example",
        "https://SHOP.example.",
        "null",
        "*",
        "",
    ],
)
async def test_a_page_of_any_other_origin_gets_nothing(shop: TestClient, origin: str) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    preflight = await shop.options(WEBHOOK, headers=headers)
    answer = await shop.post(WEBHOOK, json={"message": "hello"}, headers=headers)

    assert preflight.status == 405
    for response in (preflight, answer):
        assert not [name for name in response.headers if name.lower().startswith("access-control-")]


@in_shop
@pytest.mark.parametrize("path", ["/status", "/model/parse", "/chat"])
async def test_no_other_page_may_call_what_is_not_a_channel(shop: TestClient, path: str) -> None:
    preflight = await shop.options(path, headers={"Origin": GOOD_ORIGIN, "Access-Control-Request-Method": "POST"})
    answer = await shop.get(path, headers={"Origin": GOOD_ORIGIN})

    assert preflight.status == 405
    assert "Access-Control-Allow-Origin" not in preflight.headers
    assert "Access-Control-Allow-Origin" not in answer.headers


@in_shop
async def test_each_request_is_one_log_line_with_its_stages_and_no_words(shop: TestClient) -> None:
    words = "my-secret-order-4711"
    requests = [
        shop.post(WEBHOOK, json={"sender": words, "message": f"where is {words}", "metadata": {"page": words}}),
        shop.post(f"{WEBHOOK}?stream={words}", json={"message": words}),
        shop.post(WEBHOOK, json={"message": f"\x00{words}"}),
        shop.post(WEBHOOK, json={words: words}),
        shop.post(WEBHOOK, data=words.encode()),
        shop.post("/model/parse", json={"text": words}),
        shop.get(f"/chat?text={words}"),
    ]

    with capture_logs() as logs:
        statuses = [(await request).status for request in requests]

    assert statuses == [200, 400, 422, 422, 400, 200, 200]
    assert [(line["event"], line["status"]) for line in logs] == [("request", status) for status in statuses]
    assert set(logs[0]["stages"]) == {"parse", "store", "encode", "search", "decide", "render"}
    assert sum(logs[0]["stages"].values()) > 0
    assert logs[0]["ms"] > 0
    assert words not in repr(logs)


@in_shop
@pytest.mark.parametrize("path", sorted(QUIET_PATHS))
async def test_questions_after_health_do_not_flood_the_log(shop: TestClient, path: str) -> None:
    with capture_logs() as logs:
        await shop.get(path)

    assert [line["log_level"] for line in logs] == ["debug"]


async def test_star_lets_every_page_call_the_channel(serve: Any, data_dir: Path) -> None:
    client = await serve(data_dir, cors_origins=("*",))

    response = await client.options(WEBHOOK, headers={"Origin": "https://anything.example"})

    assert response.headers["Access-Control-Allow-Origin"] == "https://anything.example"


async def test_limits_are_the_owners(serve: Any, data_dir: Path) -> None:
    client = await serve(data_dir, max_text_chars=5, max_body_bytes=1_024)

    statuses = [
        (await client.post(WEBHOOK, json={"message": message})).status for message in ("hello", "hello!", "x" * 1_024)
    ]

    assert statuses == [200, 422, 413]


async def test_who_comes_while_the_encoder_is_full_is_told_when_to_come_back(serve: Any, data_dir: Path) -> None:
    client = await serve(data_dir, max_waiting=1, max_batch=1)

    responses = await asyncio.gather(
        *(client.post(WEBHOOK, json={"sender": f"c{number}", "message": "hello"}) for number in range(30))
    )

    refused = [response for response in responses if response.status != 200]
    assert 0 < len(refused) < 30
    for response in refused:
        assert response.status == 503
        assert response.headers["Retry-After"] == "1"
        assert (await response.json())["reason"] == "Overloaded"
    assert (await client.post(WEBHOOK, json={"message": "hello"})).status == 200


async def test_an_answer_that_takes_too_long_is_a_503_and_leaves_nothing_behind(serve: Any, data_dir: Path) -> None:
    client = await serve(data_dir, request_timeout_s=1e-4)

    response = await client.post(WEBHOOK, json={"sender": "ann", "message": "hello"})

    assert response.status == 503
    assert response.headers["Retry-After"] == "5"
    assert (await response.json())["reason"] == "Timeout"
    assert rows(data_dir / "conversations.db") == 0
