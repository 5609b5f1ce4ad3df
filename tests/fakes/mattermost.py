"""A fake of Mattermost, for the example channel of the documentation: outgoing webhooks, and one incoming.

Source: https://developers.mattermost.com/integrate/webhooks/outgoing/ and .../incoming/
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from aiohttp import web
from fakes.vendor import Fault, Request, Sent, Vendor, hang_up

EXAMPLES = str(Path(__file__).parents[2] / "docs" / "examples")
if EXAMPLES not in sys.path:  # as an owner's own package is installed
    sys.path.append(EXAMPLES)

PATH = "/webhooks/mattermost/webhook"
HOOK = "xyz7kq4w1pf3"
MAX_TEXT = 16_383


def named(name: str) -> str:
    """An id of Mattermost's form that is always the same for a name."""
    return hashlib.sha256(name.encode()).hexdigest()[:26]


class FakeMattermost(Vendor):
    """Mattermost, with a public channel for each customer."""

    channel, key = "mattermost", "shop_channels.mattermost"
    accept_limit_s = 30.0
    token = "zmigewsanbbsdf59xnmduzypjc"  # noqa: S105 - the documentation's

    def __init__(self) -> None:
        super().__init__()
        self._people: dict[str, str] = {}

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/hooks/{key}", self._post)
        return app

    def credentials(self) -> dict[str, Any]:
        return {"token": self.token, "incoming_url": f"{self.url}/hooks/{HOOK}"}

    def conversation_of(self, user: str) -> str:
        return f"mattermost:{named('c' + user)}:{named('u' + user)}"

    def message(self, *, user: str, text: str, id: str, **more: Any) -> Request:  # noqa: A002
        self._people[f"town-{user}"] = user
        post = {
            "channel_id": named("c" + user),
            "channel_name": f"town-{user}",
            "team_domain": "shop",
            "team_id": named("shop"),
            "post_id": named(id),
            "text": text,
            "timestamp": 1445532266000,
            "token": self.token,
            "trigger_word": "",
            "user_id": named("u" + user),
            "user_name": user,
            "file_ids": "",
        } | more
        sent = {key: value for key, value in post.items() if value is not None}
        return Request(path=PATH, headers={"Content-Type": "application/json"}, body=json.dumps(sent).encode())

    def bringing(self, body: bytes) -> Request:
        return Request(path=PATH, headers={"Content-Type": "application/json"}, body=body)

    def forgeries(self) -> dict[str, Request]:
        def with_(**more: Any) -> Request:
            return self.message(user="mallory", text="hello", id="forged", **more)

        return {
            "no token": with_(token=None),
            "an empty token": with_(token=""),
            "another token": with_(token=self.token[::-1]),
            "a token cut short": with_(token=self.token[:-1]),
            "a token and more": with_(token=self.token + "x"),
            "a token in capitals": with_(token=self.token.upper()),
            "a token with a space": with_(token=f" {self.token}"),
            "a list of tokens": with_(token=[self.token]),
            "half of a surrogate pair": with_(token=self.token[:-1] + "\ud800"),
            "a token elsewhere": Request(
                path=f"{PATH}?token={self.token}", headers=dict(with_().headers), body=with_(token=None).body
            ),
            "a list": Request(path=PATH, headers=dict(with_().headers), body=b"[" + with_().body + b"]"),
            "a form by the name of JSON": Request(
                path=PATH, headers=dict(with_().headers), body=f"token={self.token}&text=hello".encode()
            ),
            "no channel": with_(channel_id=None),
            "a channel that is a path": with_(channel_id="../admin"),
        }

    async def _post(self, request: web.Request) -> web.Response:
        fault = self.failed()
        if fault is Fault.TOO_MANY:
            limits = {"X-Ratelimit-Limit": "10", "X-Ratelimit-Remaining": "0"}
            return web.Response(status=429, headers={**limits, "X-Ratelimit-Reset": str(self.retry_after_s)})
        if fault is Fault.SERVER_ERROR:
            return web.Response(status=500)
        if fault is Fault.HANG_UP:
            return await hang_up(request)
        body = await request.json()
        why = self._problem(request.match_info["key"], body)
        if why is not None:
            self.refused.append(why)
            return web.json_response({"message": why}, status=400)
        self.sent.append(Sent(user=self._people[body["channel"]], text=body["text"], raw=body))
        return await hang_up(request) if fault is Fault.LOST_ANSWER else web.Response(text="ok")

    def _problem(self, key: str, body: dict[str, Any]) -> str | None:
        if key != HOOK:
            return "Invalid webhook."
        if not body.get("text") or len(body["text"]) > MAX_TEXT:
            return "No text specified."
        return None if body.get("channel") in self._people else "Couldn't find the channel."
