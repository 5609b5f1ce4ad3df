"""A fake of Telegram's Bot API: one bot, whose updates are brought by webhook or fetched, and the rules of sending.

Source: https://core.telegram.org/bots/api, https://core.telegram.org/bots/faq
"""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import aiogram.methods
from aiogram.types import Update
from aiohttp import web
from fakes.vendor import Fault, Request, Sent, Vendor, hang_up
from multidict import CIMultiDict
from pydantic import ValidationError

TOKEN = "4242:AAFakeTokenOfABotThatIsNotThere"  # noqa: S105
BOT_ID, BOT_NAME = 4242, "kefu_shop_bot"
SECRET = "a-secret-that-telegram-sends-along"  # noqa: S105
HEADER = "X-Telegram-Bot-Api-Secret-Token"
PATH = "/webhooks/telegram/webhook"
MAX_TEXT, MAX_CALLBACK_BYTES, MAX_BUTTONS = 4_096, 64, 100
BURST, PER_SECOND, OVERALL_PER_SECOND = 5.0, 1.0, 30.0
FETCHED = (".gif", ".pdf", ".zip")


def number(name: str) -> int:
    """A number that stands for `name`, the same in every process."""
    return int.from_bytes(sha256(name.encode()).digest()[:6])


class Bucket:
    """How many calls are allowed: so many at once, so many a second in the long run."""

    def __init__(self, burst: float, per_second: float) -> None:
        self._left, self._burst, self._per_second, self._at = burst, burst, per_second, time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class FakeTelegram(Vendor):
    """The Bot API, with one bot.

    Attributes:
        webhook: The arguments of the last `setWebhook`; empty while none is set.
        waiting: Updates that wait to be fetched.
        acknowledged: Buttons whose press was acknowledged.
        blocked: Customers who have blocked the bot.
        conflicts: How often `getUpdates` is to be told that another process polls.
        outages: How often what is not a send is to be answered with an error of the server.
        asked: The sends that were tried, by method.
        moved: New ids of groups.
    """

    channel = "telegram"
    accept_limit_s = 60.0

    def __init__(self) -> None:
        super().__init__()
        self.webhook: dict[str, Any] = {}
        self.waiting: dict[int, dict[str, Any]] = {}
        self.acknowledged: list[str] = []
        self.blocked: set[str] = set()
        self.conflicts, self.outages = 0, 0
        self.asked: list[str] = []
        self.moved: dict[int, int] = {}
        self._users: dict[int, str] = {}
        self._overall = Bucket(OVERALL_PER_SECOND, OVERALL_PER_SECOND)
        self._chats: dict[int, Bucket] = defaultdict(lambda: Bucket(BURST, PER_SECOND))
        self._arrived = asyncio.Event()

    # What it brings

    def credentials(self) -> dict[str, Any]:
        return {
            "access_token": TOKEN,
            "verify": BOT_NAME,
            "webhook_url": f"https://bot.example{PATH}",
            "secret_token": SECRET,
            "api_url": self.url,
        }

    def polling_credentials(self) -> dict[str, Any]:
        return {"access_token": TOKEN, "verify": f"@{BOT_NAME}", "api_url": self.url}

    def conversation_of(self, user: str) -> str:
        return f"telegram:{number(user)}"

    def message(self, *, user: str, text: str, id: str) -> Request:  # noqa: A002
        return self.request(self.update(user=user, text=text, id=id))

    def button(self, *, user: str, payload: str, id: str) -> Request:  # noqa: A002
        return self.request(self.press(user=user, payload=payload, id=id))

    def request(self, update: Any, **headers: str) -> Request:
        """What brings an update."""
        raw = json.dumps(update).encode()
        return Request(path=PATH, headers={"Content-Type": "application/json", HEADER: SECRET, **headers}, body=raw)

    def update(self, *, user: str, text: str, id: str, **changed: Any) -> dict[str, Any]:  # noqa: A002
        """An update with a message in a private chat."""
        message = {
            "message_id": number(id) % 2**31,
            "date": int(time.time()),
            "chat": {"id": self.chat(user), "type": "private", "first_name": user},
            "from": self.person(user),
            "text": text,
        }
        update = {"update_id": number(id), "message": {**message, **changed}}
        Update.model_validate(update)
        return update

    def press(self, *, user: str, payload: str, id: str) -> dict[str, Any]:  # noqa: A002
        """An update that tells of a button."""
        shown = {
            "message_id": 1,
            "date": int(time.time()),
            "chat": {"id": self.chat(user), "type": "private", "first_name": user},
            "from": {"id": BOT_ID, "is_bot": True, "first_name": "Kefu", "username": BOT_NAME},
            "text": "Which is it?",
        }
        pressed = {"id": f"q-{id}", "from": self.person(user), "chat_instance": "77", "message": shown, "data": payload}
        update = {"update_id": number(id), "callback_query": pressed}
        Update.model_validate(update)
        return update

    def chat(self, user: str) -> int:
        """The id of a customer, which is that of the chat with them too."""
        self._users[number(user)] = user
        return number(user)

    def person(self, user: str) -> dict[str, Any]:
        return {"id": self.chat(user), "is_bot": False, "first_name": user, "language_code": "en"}

    def offer(self, update: dict[str, Any]) -> None:
        """Lets an update be fetched."""
        self.waiting[update["update_id"]] = update
        self._arrived.set()

    def bringing(self, body: bytes) -> Request:
        return Request(path=PATH, headers={"Content-Type": "application/json", HEADER: SECRET}, body=body)

    def forgeries(self) -> dict[str, Request]:
        genuine = self.message(user="mallory", text="hello", id="forged")
        body = genuine.body
        kinds = {
            "empty": "",
            "another secret": "another-secret-of-another-bot",
            "the beginning of the secret": SECRET[:-1],
            "the secret and more": SECRET + "x",
            "the secret in capitals": SECRET.upper(),
            "the secret twice in a line": f"{SECRET}, {SECRET}",
            "the access token": TOKEN,
            "the secret with a scheme": f"Bearer {SECRET}",
            "not ASCII": "sécret-that-telegram-sends-along",
        }
        plain = {"Content-Type": "application/json"}
        forged = {
            name: Request(path=PATH, headers={**plain, HEADER: value}, body=body) for name, value in kinds.items()
        }
        twice = CIMultiDict([*plain.items(), (HEADER, SECRET), (HEADER, SECRET)])
        return {
            **forged,
            "no header": Request(path=PATH, headers=plain, body=body),
            "two headers": Request(path=PATH, headers=twice, body=body),
            "another header": Request(path=PATH, headers={**plain, "Authorization": SECRET}, body=body),
            "the secret in the address": Request(path=f"{PATH}?secret_token={SECRET}", headers=plain, body=body),
            "no JSON": Request(path=PATH, headers=genuine.headers, body=body[:-1]),
            "not UTF-8": Request(path=PATH, headers=genuine.headers, body=b'{"update_id": "\xff"}'),
            "no update": Request(path=PATH, headers=genuine.headers, body=b"[]"),
        }

    # What it is told

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/bot{token}/{method}", self._called)
        return app

    async def _called(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["token"] != TOKEN:
            return failure(401, "Unauthorized")
        name, body = request.match_info["method"], await request.json()
        try:
            method = getattr(aiogram.methods, name[0].upper() + name[1:])
            method.model_validate(body)  # what aiogram would not send, Telegram need not understand
        except (AttributeError, ValidationError) as error:
            return self._refuse(400, f"Bad Request: {name}: {type(error).__name__}")
        if name.startswith("send"):
            self.asked.append(name)
            return await self._send(request, name, body)
        if self.outages:
            self.outages -= 1
            return failure(502, "Bad Gateway")
        handlers = {
            "getMe": self._get_me,
            "setWebhook": self._set_webhook,
            "getUpdates": self._get_updates,
            "answerCallbackQuery": self._answer,
        }
        return await handlers[name](body) if name in handlers else failure(404, "Not Found")

    async def _get_me(self, _: dict[str, Any]) -> web.Response:
        me = {"id": BOT_ID, "is_bot": True, "first_name": "Kefu", "username": BOT_NAME}
        return success({**me, "can_join_groups": True, "can_read_all_group_messages": False})

    async def _answer(self, body: dict[str, Any]) -> web.Response:
        self.acknowledged.append(body["callback_query_id"])
        return success(True)

    async def _set_webhook(self, body: dict[str, Any]) -> web.Response:
        if not body["url"].startswith("https://"):
            return self._refuse(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        self.webhook = body
        return success(True)

    async def _get_updates(self, body: dict[str, Any]) -> web.Response:
        if self.webhook:
            return failure(409, "Conflict: can't use getUpdates method while webhook is active; delete it first")
        if self.conflicts:
            self.conflicts -= 1
            return failure(409, "Conflict: terminated by other getUpdates request")
        offset = body.get("offset", 0)
        self.waiting = {at: update for at, update in self.waiting.items() if at >= offset}
        if not self.waiting:
            self._arrived.clear()
            try:
                async with asyncio.timeout(min(body.get("timeout", 0), 5)):
                    await self._arrived.wait()
            except TimeoutError:
                pass
        return success([self.waiting[at] for at in sorted(self.waiting)[: body.get("limit", 100)]])

    async def _send(self, request: web.Request, name: str, body: dict[str, Any]) -> web.StreamResponse:
        refusal = self._refusal(name, body)
        if refusal is not None:
            return refusal
        fault = self.failed()
        if fault is Fault.TOO_MANY:
            wait = {"retry_after": self.retry_after_s}
            return failure(429, f"Too Many Requests: retry after {self.retry_after_s}", wait)
        if fault is Fault.SERVER_ERROR:
            return failure(500, "Internal Server Error")
        if fault is Fault.HANG_UP:
            return await hang_up(request)
        chat = body["chat_id"]
        self.sent.append(Sent(user=self._users[chat], text=text_of(name, body), raw={"method": name, **body}))
        if fault is Fault.LOST_ANSWER:
            return await hang_up(request)
        shown = {"message_id": len(self.sent), "date": int(time.time()), "chat": {"id": chat, "type": "private"}}
        return success({**shown, "text": body.get("text")})

    def _refusal(self, name: str, body: dict[str, Any]) -> web.Response | None:
        """The answer to what is not taken, whatever else is wrong."""
        chat = body["chat_id"]
        if chat in self.moved:
            found = {"migrate_to_chat_id": self.moved[chat]}
            return failure(400, "Bad Request: group chat was upgraded to a supergroup chat", found)
        if chat not in self._users:
            return failure(400, "Bad Request: chat not found")
        if self._users[chat] in self.blocked:
            return failure(403, "Forbidden: bot was blocked by the user")
        if wrong := broken_rule(name, body):
            return self._refuse(400, f"Bad Request: {wrong}")
        if self.paced and not (self._overall.take() and self._chats[chat].take()):
            return self._refuse(429, "Too Many Requests: retry after 1", {"retry_after": 1})
        return None

    def _refuse(self, code: int, description: str, parameters: Mapping[str, Any] | None = None) -> web.Response:
        self.refused.append(description)
        return failure(code, description, parameters)


def broken_rule(name: str, body: Mapping[str, Any]) -> str | None:
    """What is wrong with a message, in Telegram's words."""
    rules = {"sendMessage": wrong_text, "sendPhoto": wrong_media, "sendDocument": wrong_media}
    return rules.get(name, lambda _: None)(body) or wrong_keyboard(body)


def wrong_text(body: Mapping[str, Any]) -> str | None:
    if not body["text"].strip():
        return "message text is empty"
    return "message is too long" if len(body["text"].encode("utf-16-le")) // 2 > MAX_TEXT else None


def wrong_media(body: Mapping[str, Any]) -> str | None:
    address = body.get("photo") or body["document"]
    if not address.startswith(("https://", "http://")):
        return "wrong remote file identifier specified"
    is_fetched = "photo" in body or address.endswith(FETCHED)
    return None if is_fetched and ".missing" not in address else "failed to get HTTP URL content"


def wrong_keyboard(body: Mapping[str, Any]) -> str | None:
    rows = (body.get("reply_markup") or {}).get("inline_keyboard") or []
    buttons = [button for row in rows for button in row]
    if len(buttons) > MAX_BUTTONS:
        return "reply markup is too long"
    lengths = [len(button["callback_data"].encode()) for button in buttons if "url" not in button]
    return None if all(1 <= length <= MAX_CALLBACK_BYTES for length in lengths) else "BUTTON_DATA_INVALID"


def text_of(name: str, body: Mapping[str, Any]) -> str:
    """What the customer sees of it."""
    return str(body.get("text") or body.get("photo") or body.get("document") or name)


def success(result: Any) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def failure(code: int, description: str, parameters: Mapping[str, Any] | None = None) -> web.Response:
    body = {"ok": False, "error_code": code, "description": description}
    return web.json_response(body | ({"parameters": parameters} if parameters else {}), status=code)
