"""Rasa's HTTP API over conversations: trackers, events, stories, and what the bot is told to do."""

import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml
from aiohttp.test_utils import TestClient
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.actions.event_check import EVENT_TYPES
from configs import Assistant
from configs.yaml_file import parse_yaml

WEBHOOK = "/webhooks/rest/webhook"
TOKEN = "a token of 24 characters"  # noqa: S105
TRACKER_KEYS = {
    "sender_id",
    "slots",
    "latest_message",
    "latest_event_time",
    "followup_action",
    "paused",
    "events",
    "latest_input_channel",
    "active_loop",
    "latest_action",
    "latest_action_name",
}
in_shop = pytest.mark.asyncio(loop_scope="module")


async def call(client: TestClient, method: str, path: str, **options: Any) -> tuple[int, Any]:
    response = await client.request(method, path, **options)
    return response.status, await response.json() if response.content_type == "application/json" else None


async def ok(client: TestClient, method: str, path: str, **options: Any) -> Any:
    status, body = await call(client, method, path, **options)
    assert status == 200, body
    return body


async def say(client: TestClient, text: str, sender: str) -> Any:
    return await ok(client, "POST", WEBHOOK, json={"sender": sender, "message": text})


def kinds(tracker: Any) -> list[str]:
    return [event["event"] for event in tracker["events"]]


def actions(tracker: Any) -> list[str]:
    return [event["name"] for event in tracker["events"] if event["event"] == "action"]


def traces(folder: Path, words: bytes) -> list[str]:
    return [path.name for path in folder.glob("conversations.db*") if words in path.read_bytes()]


# Trackers


@in_shop
async def test_a_tracker_is_rasas(shop: TestClient) -> None:
    (reply,) = await say(shop, "when are you open", "tracked")

    tracker = await ok(shop, "GET", "/conversations/tracked/tracker")

    assert set(tracker) >= TRACKER_KEYS
    assert (tracker["sender_id"], tracker["latest_input_channel"], tracker["paused"]) == ("tracked", "rest", False)
    assert tracker["latest_message"]["text"] == "when are you open"
    assert tracker["latest_message"]["intent"]["name"] == "opening_hours"
    assert tracker["latest_action_name"] == "action_listen"
    assert actions(tracker)[-2:] == ["utter_opening_hours", "action_listen"]
    assert [event["text"] for event in tracker["events"] if event["event"] == "bot"] == [reply["text"]]
    assert tracker["latest_event_time"] == tracker["events"][-1]["timestamp"]
    assert set(kinds(tracker)) <= EVENT_TYPES


@in_shop
async def test_a_conversation_nobody_had_has_an_empty_tracker_and_is_not_begun(shop: TestClient) -> None:
    tracker = await ok(shop, "GET", "/conversations/nobody/tracker")

    assert (tracker["events"], tracker["latest_event_time"]) == ([], None)
    assert (await call(shop, "GET", "/conversations/nobody/story"))[0] == 404


@in_shop
async def test_an_id_may_hold_slashes_and_anything_that_is_encoded(shop: TestClient) -> None:
    for sender, path in (("a/b/c", "a/b/c"), ("tracker/events", "tracker/events"), ("li 你好", "li%20你好")):
        await say(shop, "hello", sender)
        assert (await ok(shop, "GET", f"/conversations/{path}/tracker"))["sender_id"] == sender


@in_shop
async def test_events_are_shown_as_asked_and_up_to_a_moment(shop: TestClient) -> None:
    await say(shop, "hello", "shown")
    await ok(shop, "POST", "/conversations/shown/tracker/events", json={"event": "restart"})
    await say(shop, "thanks", "shown")
    path = "/conversations/shown/tracker"

    everything = await ok(shop, "GET", f"{path}?include_events=ALL")
    after = await ok(shop, "GET", path)
    none = await ok(shop, "GET", f"{path}?include_events=NONE")
    restart = next(event for event in everything["events"] if event["event"] == "restart")
    before = await ok(shop, "GET", f"{path}?include_events=ALL&until={restart['timestamp'] - 1e-6}")

    place = everything["events"].index(restart)
    assert after["events"] == everything["events"][place + 1 :]
    assert none["events"] is None
    assert none["latest_message"]["text"] == "thanks"
    assert before["events"] == everything["events"][:place]
    assert before["latest_message"]["text"] == "hello"


@in_shop
@pytest.mark.parametrize(
    ("query", "field"),
    [("include_events=SOME", "include_events"), ("until=soon", "until"), ("until=inf", "until"), ("until=", "until")],
)
async def test_a_wrong_parameter_is_a_400(shop: TestClient, query: str, field: str) -> None:
    status, body = await call(shop, "GET", f"/conversations/x/tracker?{query}")

    assert (status, body["reason"], body["details"]) == (400, "InvalidField", {"field": field})


# Events


@in_shop
async def test_events_are_added_one_or_several(shop: TestClient) -> None:
    path = "/conversations/added/tracker/events"
    one = await ok(shop, "POST", path, json={"event": "slot", "name": "size", "value": 5, "timestamp": 12.5})
    two = await ok(shop, "POST", path, json=[{"event": "pause"}, {"event": "followup", "name": "utter_greet"}])

    assert one["events"] == [{"event": "slot", "name": "size", "value": 5, "timestamp": 12.5}]
    assert one["slots"]["size"] == 5
    assert kinds(two) == ["slot", "pause", "followup"]
    assert (two["paused"], two["followup_action"]) == (True, "utter_greet")
    assert two["events"][1]["timestamp"] > 1e9, "an event without a time happens now"
    assert await ok(shop, "GET", "/conversations/added/tracker") == two


@in_shop
async def test_a_tracker_put_back_is_the_same_tracker(shop: TestClient) -> None:
    for text in ("hello", "when are you open"):
        await say(shop, text, "copied")
    copied = await ok(shop, "GET", "/conversations/copied/tracker?include_events=ALL")

    await say(shop, "thanks", "other")
    put = await ok(shop, "PUT", "/conversations/other/tracker/events?include_events=ALL", json=copied["events"])

    assert put == {**copied, "sender_id": "other"}
    assert await ok(shop, "GET", "/conversations/other/tracker?include_events=ALL") == put
    await say(shop, "hello", "other")


@in_shop
@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    "sent",
    [
        [],
        {},
        "restart",
        {"event": "nothing"},
        {"event": "slot"},
        [{"event": "restart"}, {"event": "user", "text": 5}],
        {"event": "user", "text": "hi", "parse_data": {"intent": "greet"}},
        {"event": "bot", "data": {"buttons": "x"}},
        [{"event": "restart"}] * 1_001,
    ],
)
async def test_what_is_no_event_of_rasas_is_a_422_and_nothing_is_kept(shop: TestClient, method: str, sent: Any) -> None:
    status, body = await call(shop, method, "/conversations/refused/tracker/events", json=sent)

    assert (status, body["reason"]) == (422, "InvalidField")
    assert (await ok(shop, "GET", "/conversations/refused/tracker"))["events"] == []


@in_shop
async def test_side_effects_are_not_offered(shop: TestClient) -> None:
    path = "/conversations/x/tracker/events?execute_side_effects=true"
    status, body = await call(shop, "POST", path, json={"event": "restart"})

    assert (status, body["details"]["field"]) == (400, "execute_side_effects")


# Stories


@in_shop
async def test_a_story_tells_the_conversation(shop: TestClient) -> None:
    for text in ("hello", "when are you open"):
        await say(shop, text, "told")

    response = await shop.get("/conversations/told/story")

    assert (response.status, response.content_type) == (200, "application/x-yml")
    data = parse_yaml(await response.text(), Path("story.yml")).data
    assert data == {
        "version": "3.1",
        "stories": [
            {
                "story": "told",
                "steps": [
                    {"user": "hello", "intent": "greet"},
                    {"action": "utter_greet"},
                    {"user": "when are you open", "intent": "opening_hours"},
                    {"action": "utter_opening_hours"},
                ],
            }
        ],
    }


@in_shop
async def test_a_story_may_end_early_and_hold_all_sessions(shop: TestClient) -> None:
    await say(shop, "hello", "twice")
    first = (await ok(shop, "GET", "/conversations/twice/tracker?include_events=ALL"))["events"]
    again = [{**event, "timestamp": event["timestamp"] + 1e5} for event in first]
    await ok(shop, "POST", "/conversations/twice/tracker/events", json=again)

    async def stories(query: str) -> list[str]:
        text = await (await shop.get(f"/conversations/twice/story{query}")).text()
        return [story["story"] for story in yaml.safe_load(text)["stories"]]

    assert await stories("") == ["twice"]
    assert await stories("?all_sessions=true") == ["twice, story 1", "twice, story 2"]
    assert await stories(f"?all_sessions=true&until={first[-1]['timestamp']}") == ["twice"]


# What the bot is told to do


@in_shop
async def test_an_intent_from_outside_is_answered(shop: TestClient, minimal: Assistant) -> None:
    answered = await ok(
        shop, "POST", "/conversations/told-to/trigger_intent", json={"name": "opening_hours", "entities": {"day": "x"}}
    )

    texts = {variation.text for variation in minimal.domain.responses["utter_opening_hours"]}
    assert [message["recipient_id"] for message in answered["messages"]] == ["told-to"]
    assert answered["messages"][0]["text"] in texts
    tracker = answered["tracker"]
    assert tracker["latest_message"]["text"] == "EXTERNAL: opening_hours"
    assert tracker["latest_message"]["intent"] == {"name": "opening_hours", "confidence": 1.0}
    assert [(e["entity"], e["value"]) for e in tracker["latest_message"]["entities"]] == [("day", "x")]
    assert actions(tracker)[-2:] == ["utter_opening_hours", "action_listen"]


@in_shop
async def test_entities_may_be_a_list_and_the_channel_the_latest(shop: TestClient) -> None:
    sent = {"name": "greet", "entities": [{"entity": "day", "value": 1}, {"entity": "day", "value": 2}]}

    answered = await ok(shop, "POST", "/conversations/listed/trigger_intent?output_channel=latest", json=sent)

    assert [e["value"] for e in answered["tracker"]["latest_message"]["entities"]] == [1, 2]


@in_shop
async def test_an_action_is_run_in_a_conversation_that_is_there(shop: TestClient) -> None:
    path = "/conversations/run/execute"
    assert (await call(shop, "POST", path, json={"name": "utter_greet"}))[0] == 404
    await say(shop, "thanks", "run")

    done = await ok(shop, "POST", path, json={"name": "utter_greet", "policy": "mine", "confidence": 0.5})

    assert done["messages"][0]["text"]
    last = [event for event in done["tracker"]["events"] if event["event"] == "action"][-1]
    assert (last["name"], last["policy"]) == ("utter_greet", "mine")
    assert done["tracker"]["latest_action_name"] == "utter_greet"


@in_shop
@pytest.mark.parametrize("route", ["execute", "trigger_intent"])
async def test_a_name_that_is_not_in_the_domain_is_a_404(shop: TestClient, route: str) -> None:
    status, body = await call(shop, "POST", f"/conversations/run/{route}", json={"name": "launch_rocket"})

    assert (status, body["reason"], body["details"]) == (404, "NotFound", {"field": "name"})


@in_shop
async def test_a_prediction_names_every_action_and_says_nothing(shop: TestClient, minimal: Assistant) -> None:
    assert (await call(shop, "POST", "/conversations/unsaid/predict"))[0] == 404
    events = [
        {"event": "action", "name": "action_listen"},
        {"event": "user", "text": "hi", "parse_data": {"intent": {"name": "greet", "confidence": 1}, "entities": []}},
    ]
    await ok(shop, "POST", "/conversations/guessed/tracker/events", json=events)

    of_conversation = await ok(shop, "POST", "/conversations/guessed/predict")
    of_events = await ok(shop, "POST", "/model/predict", json=events)

    assert of_conversation["scores"][0] == {"action": "utter_greet", "score": 1.0}
    assert of_events["scores"] == of_conversation["scores"]
    assert {score["action"] for score in of_conversation["scores"]} >= set(minimal.domain.responses)
    assert (of_conversation["policy"], of_conversation["confidence"]) == ("RulePolicy", 1.0)
    assert of_events["tracker"]["latest_message"]["intent"]["name"] == "greet"
    assert len((await ok(shop, "GET", "/conversations/guessed/tracker"))["events"]) == 2


@in_shop
async def test_a_message_is_added_and_not_answered(shop: TestClient) -> None:
    path = "/conversations/noted/messages"
    read = await ok(shop, "POST", path, json={"text": "when are you open", "sender": "user"})
    told = {"intent": {"name": "thank", "confidence": 0.4}, "entities": [{"entity": "a", "value": 1}]}
    given = await ok(shop, "POST", path, json={"text": "ta", "sender": "user", "parse_data": told})

    assert read["latest_message"]["intent"]["name"] == "opening_hours"
    assert given["latest_message"]["intent"] == told["intent"]
    assert given["latest_message"]["entities"] == told["entities"]
    assert kinds(given).count("bot") == 0
    for wrong in ({"text": "x", "sender": "bot"}, {"text": "x"}, {"sender": "user"}, {"text": "", "sender": "user"}):
        assert (await call(shop, "POST", path, json=wrong))[0] == 422


# Erasing, explaining, feedback


@in_shop
async def test_a_conversation_is_erased_once(shop: TestClient, shop_data: Path) -> None:
    await say(shop, "my secret word is xylophone", "erased")

    assert (await call(shop, "DELETE", "/conversations/erased/tracker"))[0] == 204
    assert (await call(shop, "DELETE", "/conversations/erased/tracker"))[0] == 404
    assert (await ok(shop, "GET", "/conversations/erased/tracker"))["events"] == []
    assert not traces(shop_data, b"xylophone")


@in_shop
async def test_a_turn_says_why_and_takes_what_people_think_of_it(shop: TestClient) -> None:
    for method, path in (("GET", "explain"), ("POST", "feedback")):
        status, _ = await call(shop, method, f"/conversations/unexplained/{path}", json={"verdict": "right"})
        assert status == 404
    for text in ("hello", "thanks a lot"):
        await say(shop, text, "explained")

    explained = await ok(shop, "GET", "/conversations/explained/explain")
    newest = await ok(shop, "GET", "/conversations/explained/explain?limit=1")
    told = explained["turns"]

    assert [turn["reason"] for turn in told] == ["sure_intent", "sure_intent"]
    assert [turn["evidence"]["decision"]["intent"] for turn in told] == ["greet", "thank"]
    assert all(0 < turn["confidence"] <= 1 for turn in told)
    assert {turn["release"] for turn in told} == {(await ok(shop, "GET", "/status"))["model_id"]}
    assert newest["turns"] == told[1:]
    path = "/conversations/explained/feedback"
    for sent, turn in (
        ({"verdict": "right"}, told[1]["turn"]),
        ({"verdict": "wrong", "turn": told[0]["turn"], "comment": "No.", "by": "ann"}, told[0]["turn"]),
        ({"verdict": "corrected", "correction": "On Sundays too."}, told[1]["turn"]),
    ):
        status, given = await call(shop, "POST", path, json=sent)
        by = sent.get("by", "api")
        assert (status, given) == (
            201,
            {"sender_id": "explained", "turn": turn, "verdict": sent["verdict"], "by": by},
        )
    assert (await call(shop, "POST", path, json={"verdict": "right", "turn": 99}))[0] == 404


@in_shop
@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"verdict": "good"},
        {"verdict": "right", "turn": 0},
        {"verdict": "right", "turn": 2**70},
        {"verdict": "right", "correction": "x"},
        {"verdict": "corrected"},
        {"verdict": "wrong", "comment": "x" * 4_001},
        {"verdict": "wrong", "comment": "a\x00"},
        {"verdict": "wrong", "by": ""},
    ],
)
async def test_feedback_that_says_nothing_is_a_422(shop: TestClient, sent: Any) -> None:
    await say(shop, "hello", "judged")

    assert (await call(shop, "POST", "/conversations/judged/feedback", json=sent))[0] == 422


@in_shop
async def test_the_log_names_no_conversation(shop: TestClient) -> None:
    name = "ann-4711-personal"
    asked = [
        ("GET", f"/conversations/{name}/tracker?token={name}", "/conversations/{id}/tracker"),
        ("POST", f"/conversations/{name}/execute", "/conversations/{id}/execute"),
        ("DELETE", f"/conversations/{name}/tracker", "/conversations/{id}/tracker"),
        ("GET", f"/conversations/{name}/nothing", "/conversations/"),
        ("PATCH", f"/conversations/{name}/tracker", "/conversations/"),
    ]

    with capture_logs() as logs:
        for method, path, _ in asked:
            await shop.request(method, path)

    assert [line["path"] for line in logs] == [shown for *_, shown in asked]
    assert name not in repr(logs)


# Bad input, whatever the route

BODIES = [
    "/conversations/x/tracker/events",
    "/conversations/x/execute",
    "/conversations/x/trigger_intent",
    "/conversations/x/messages",
    "/conversations/x/feedback",
    "/model/predict",
]
BAD_BODIES = {
    "empty": (b"", 400),
    "not UTF-8": (b"\xff\xfe", 400),
    "not JSON": (b"{", 400),
    "deep": (b"[" * 50_000, 400),
    "not finite": (b'{"event": NaN}', 400),
    "too large a number": (b'{"event": 1e999}', 400),
    "null": (b"null", 422),
    "a number": (b"3", 422),
    "a text": (b'"x"', 422),
    "half a surrogate": (b'[{"event": "slot", "name": "a", "value": "\\ud800"}]', 422),
    "a megabyte": (b" " * 1_000_000, 413),
}


@in_shop
@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(("raw", "expected"), BAD_BODIES.values(), ids=BAD_BODIES)
async def test_a_body_that_cannot_be_used_is_refused(shop: TestClient, path: str, raw: bytes, expected: int) -> None:
    response = await shop.post(path, data=raw, headers={"Content-Type": "application/json"})

    body = await response.json()
    assert response.status == expected, body
    assert (body["version"], body["status"], body["code"]) == (version("kefu"), "failure", expected)
    assert "Traceback" not in body["message"]


@in_shop
@pytest.mark.parametrize("path", BODIES)
async def test_a_body_of_another_type_is_a_415(shop: TestClient, path: str) -> None:
    response = await shop.post(path, data=b"<x/>", headers={"Content-Type": "text/html"})

    assert response.status == 415


@in_shop
@pytest.mark.parametrize("identity", ["a%00b", "%1b[2J", "x" * 256, "%20", "a%20", "%E2%80%8B", "%F0%9F"])
async def test_an_id_that_cannot_be_kept_is_refused(shop: TestClient, identity: str) -> None:
    for method, path in (("GET", "tracker"), ("DELETE", "tracker"), ("GET", "story"), ("POST", "predict")):
        status, _ = await call(shop, method, f"/conversations/{identity}/{path}")
        assert status in (200, 404, 422)
        assert status != 200 or identity == "%F0%9F"


@in_shop
@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/conversations/x/tracker", {"GET", "HEAD", "DELETE"}),
        ("GET", "/conversations/x/tracker/events", {"POST", "PUT"}),
        ("GET", "/conversations/x/execute", {"POST"}),
        ("POST", "/domain", {"GET", "HEAD"}),
        ("GET", "/model", {"PUT", "DELETE"}),
        ("GET", "/model/train", {"POST"}),
    ],
)
async def test_a_wrong_method_names_the_right_ones(shop: TestClient, method: str, path: str, allowed: set[str]) -> None:
    response = await shop.request(method, path)

    assert response.status == 405
    assert set(response.headers["Allow"].replace(" ", "").split(",")) == allowed


# Who may call


async def test_every_route_but_the_open_ones_wants_a_secret(serve: Any, data_dir: Path) -> None:
    client = await serve(data_dir, api_token=SecretStr(TOKEN), jwt_secret=SecretStr("s" * 40))
    is_open = ("/", "/version", "/health", "/ready", "/chat")
    by_themselves = ("/webhooks/", "/chat", "/widget.js", "/handoff/ws", "/sign-in", "/pages/")
    asked = {
        (route.method, route.resource.canonical.replace("{id}", "x"))
        for route in client.app.router.routes()
        if route.method != "HEAD" and not route.resource.canonical.startswith(by_themselves)
    }

    assert len(asked) > 25
    for method, path in sorted(asked):
        response = await client.request(method, path, allow_redirects=False)
        asks_to_sign_in = response.headers.get("Location", "").startswith("/sign-in")
        is_shut = response.status in (401, 403) or asks_to_sign_in
        assert is_shut == (path not in is_open), (method, path, response.status)
    assert (await client.get(f"/status?token={TOKEN}")).status == 200


async def test_a_customer_with_a_token_of_her_own_sees_her_conversation_only(serve: Any, data_dir: Path) -> None:
    secret = "s" * 40
    client = await serve(data_dir, jwt_secret=SecretStr(secret))
    claims = {"user": {"username": "ann", "role": "user"}, "exp": time.time() + 60}
    headers = {"Authorization": f"Bearer {jwt.encode(claims, secret)}"}
    for sender in ("ann", "bob"):
        await say(client, "hello", sender)

    mine = await call(client, "GET", "/conversations/ann/tracker", headers=headers)
    others = [
        await call(client, method, path, headers=headers)
        for method, path in (
            ("GET", "/conversations/bob/tracker"),
            ("DELETE", "/conversations/bob/tracker"),
            ("GET", "/conversations/ann/x/tracker"),
            ("GET", "/status"),
            ("DELETE", "/model"),
        )
    ]

    assert (mine[0], mine[1]["sender_id"]) == (200, "ann")
    assert [(status, body["reason"]) for status, body in others] == [(403, "NotAuthorized")] * 5


async def test_an_api_that_is_switched_off_is_not_there(serve: Any, data_dir: Path) -> None:
    client = await serve(data_dir, enable_api=False, host="0.0.0.0")  # noqa: S104 - only set, not bound

    for method, path in (("GET", "/status"), ("GET", "/conversations/x/tracker"), ("POST", "/model/parse")):
        assert (await client.request(method, path)).status == 404
    assert (await client.get("/version")).status == 200
    assert (await client.post(WEBHOOK, json={"message": "hello"})).status == 200
