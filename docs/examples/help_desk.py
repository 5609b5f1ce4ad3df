"""A help desk with one person: she takes every customer, says each message back, and gives back who says thanks."""

import os
from typing import Any
from urllib.parse import quote

import aiohttp
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError
from yarl import URL


def help_desk(kefu: str, token: str, secret: str) -> web.Application:
    """Takes Kefu's events at `/kefu`, and answers by Kefu's HTTP API."""
    seen: set[str] = set()  # a real one keeps these on disk

    async def act(conversation: str, action: str, **more: str) -> None:
        url = URL(f"{kefu}/conversations/{quote(conversation, safe='')}/handoff/{action}", encoded=True)
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
            answer = await session.post(url, json={"agent": "Ann", **more})
            if answer.status != 409:  # 409: the bot has taken the customer back meanwhile
                answer.raise_for_status()

    async def follow(kind: str, data: dict[str, Any]) -> None:
        conversation = data["conversation_id"]
        if kind == "handoff.requested":
            await act(conversation, "claim")
            asked = data["summary"]["turns"][-1]["asked"]
            await act(conversation, "reply", text=f"Hello, this is Ann. You wrote: {asked}")
        elif kind == "message.created" and data["from"] == "customer":
            is_done = data["text"] == "thanks"
            await (act(conversation, "return") if is_done else act(conversation, "reply", text=f"Yes: {data['text']}"))

    async def take(request: web.Request) -> web.Response:
        try:
            event = Webhook(secret).verify(await request.read(), dict(request.headers))
        except WebhookVerificationError:
            return web.Response(status=401)
        if request.headers["webhook-id"] not in seen:
            await follow(event["type"], event["data"])
            seen.add(request.headers["webhook-id"])
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/kefu", take)
    return app


if __name__ == "__main__":
    desk = help_desk("http://127.0.0.1:5005", os.environ["KEFU_API_TOKEN"], os.environ["KEFU_HELPDESK_SECRET"])
    web.run_app(desk, host="127.0.0.1", port=8900)
