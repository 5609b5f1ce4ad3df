"""A fake of Chatwoot: conversations with a status, what its agent bot is brought, and the API that a bot may call.

Shapes and rules as in the repository chatwoot/chatwoot: `lib/webhooks/trigger.rb`, `app/models/message.rb`,
`app/presenters/conversations/event_data_presenter.rb`, `app/models/concerns/content_attribute_validator.rb`,
`app/controllers/concerns/access_token_auth_helper.rb` and `config/initializers/rack_attack.rb`.
"""

import hashlib
import hmac
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from fakes.vendor import Fault, Request, Sent, Vendor, hang_up

ACCOUNT, INBOX = 7, 3
PATH = "/webhooks/chatwoot/webhook"
MAX_CONTENT = 150_000
A_MINUTE, LIMIT = 60.0, 3_000  # requests that one address may make
ALLOWED = {"input_select": {"title", "value"}, "cards": {"title", "description", "media_url", "actions"}}
ALLOWED_ACTIONS = {"text", "type", "payload", "uri"}
STATUSES = {"open", "resolved", "pending", "snoozed"}


def number(name: str) -> int:
    """An id that is always the same for a name."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) + 1


def invalid(body: dict[str, Any]) -> str | None:
    """Why a message cannot be kept; None where it can."""
    kind, items = body.get("content_type", "text"), (body.get("content_attributes") or {}).get("items") or []
    actions = [action for item in items for action in item.get("actions", ())]
    if len(body.get("content") or "") > MAX_CONTENT:
        return "Content is too long (maximum is 150000 characters)"
    if kind in ALLOWED and not items:
        return "At least one item is required."
    if any(set(item) - ALLOWED.get(kind, set()) for item in items):
        return "contains invalid keys for items"
    if kind == "cards" and (not actions or any(set(action) - ALLOWED_ACTIONS for action in actions)):
        return "contains invalid keys for actions"
    return None


@dataclass(kw_only=True)
class Conversation:
    """A conversation of one customer.

    Attributes:
        notes: What only persons see.
        statuses: All that it has had, in order.
    """

    id: int
    user: str
    status: str = "pending"
    assignee: str = ""
    updated_at: float = 0.0
    notes: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)


class FakeChatwoot(Vendor):
    """Chatwoot, with one account, one inbox and one agent bot.

    Attributes:
        signs: Whether this version signs what it brings.
        says_when: Whether this version tells when a conversation was changed.
        now: Unix time.
    """

    channel = "chatwoot"
    accept_limit_s = 5.0
    token, secret, path_token = "bot-token-1", "hK3v9wQ2aZ", "9f31c2f0a7c94d1e"

    def __init__(self) -> None:
        super().__init__()
        self.signs, self.says_when = True, True
        self.now: Callable[[], float] = time.time
        self.conversations: dict[int, Conversation] = {}
        self._asked: deque[float] = deque()

    def app(self) -> web.Application:
        app = web.Application()
        place = "/api/v1/accounts/{account}/conversations/{conversation}"
        app.router.add_post(f"{place}/messages", self._messages)
        app.router.add_post(f"{place}/toggle_status", self._toggle_status)
        return app

    def credentials(self) -> dict[str, Any]:
        secret = {"webhook_secret": self.secret} if self.signs else {"path_token": self.path_token}
        return {"url": self.url, "access_token": self.token, "account_id": ACCOUNT, **secret}

    def conversation_of(self, user: str) -> str:
        return f"chatwoot:{ACCOUNT}:{number(user)}"

    def of(self, user: str) -> Conversation:
        """A customer's conversation, begun where there is none."""
        return self.conversations.setdefault(number(user), Conversation(id=number(user), user=user))

    # What it brings

    def message(self, *, user: str, text: str, id: str, **more: Any) -> Request:  # noqa: A002
        """A customer's message; `more` goes into it."""
        conversation = self.of(user)
        if conversation.status == "resolved":
            self._becomes(conversation, "pending")
        if conversation.status == "snoozed":
            self._becomes(conversation, "open")
        return self.posted(self.event(conversation, text, id, **more))

    def button(self, *, user: str, payload: str, id: str) -> Request:  # noqa: A002
        """A choice below one of the bot's messages: it is written into the message, which has changed then."""
        chosen = {"submitted_values": [{"title": "Yes", "value": payload}], "items": []}
        more = {"event": "message_updated", "message_type": "outgoing", "content_type": "input_select"}
        return self.posted(self.event(self.of(user), "Is it?", id, content_attributes=chosen, **more))

    def opened(self, user: str, by: str = "") -> Request:
        """A person has opened a conversation, or `by` has taken it."""
        conversation = self.of(user)
        conversation.assignee = by or conversation.assignee
        return self._status_event(conversation, "open", "conversation_opened")

    def resolved(self, user: str) -> Request:
        """A person has ended a conversation."""
        return self._status_event(self.of(user), "resolved", "conversation_resolved")

    def given_back(self, user: str) -> Request:
        """A person has put a conversation back, as versions tell that have an event for it."""
        return self._status_event(self.of(user), "pending", "conversation_status_changed")

    def answered(self, user: str, by: str, text: str, id: str, **more: Any) -> Request:  # noqa: A002
        """A person has written to a customer."""
        sender = {"id": 1, "name": by, "email": "agent@example.com", "type": "user"}
        return self.posted(self.event(self.of(user), text, id, message_type="outgoing", sender=sender, **more))

    def event(self, conversation: Conversation, text: str, id: str, **more: Any) -> dict[str, Any]:  # noqa: A002
        """A `message_created` as Chatwoot puts it."""
        return {
            "account": {"id": ACCOUNT, "name": "Shop"},
            "additional_attributes": {},
            "content_attributes": {},
            "content_type": "text",
            "content": text,
            "conversation": self._data(conversation),
            "created_at": "2026-11-20T09:00:00.000Z",
            "id": number(id),
            "inbox": {"id": INBOX, "name": "Website"},
            "message_type": "incoming",
            "private": False,
            "sender": {"account": {"id": ACCOUNT}, "id": conversation.id, "name": conversation.user, "type": "contact"},
            "source_id": None,
            "event": "message_created",
        } | more

    def posted(self, payload: Any, **headers: str) -> Request:
        """`payload` as a request of this version."""
        body = json.dumps(payload, ensure_ascii=False).encode()
        if not self.signs:
            return Request(path=f"{PATH}/{self.path_token}", headers={"Content-Type": "application/json"}, body=body)
        at = str(int(self.now()))
        own = {"Content-Type": "application/json", "X-Chatwoot-Delivery": "e5e1c4a2-0001-4000-8000-000000000000"}
        signed = {"X-Chatwoot-Timestamp": at, "X-Chatwoot-Signature": self.sign(at, body)}
        return Request(path=PATH, headers=own | signed | headers, body=body)

    def sign(self, at: str, body: bytes, secret: str | None = None) -> str:
        signed = at.encode() + b"." + body
        return "sha256=" + hmac.new((secret or self.secret).encode(), signed, hashlib.sha256).hexdigest()

    def bringing(self, body: bytes) -> Request:
        at = str(int(self.now()))
        signed = {"X-Chatwoot-Timestamp": at, "X-Chatwoot-Signature": self.sign(at, body)}
        return Request(path=PATH, headers={"Content-Type": "application/json"} | signed, body=body)

    def forgeries(self) -> dict[str, Request]:
        genuine = self.message(user="mallory", text="hello", id="forged")
        body, at = genuine.body, genuine.headers["X-Chatwoot-Timestamp"]
        right = genuine.headers["X-Chatwoot-Signature"]

        def with_(signature: str | None, when: str | None = at, sent: bytes = body, path: str = PATH) -> Request:
            headers = {"X-Chatwoot-Signature": signature, "X-Chatwoot-Timestamp": when}
            given = {name: value for name, value in headers.items() if value is not None}
            return Request(path=path, headers={"Content-Type": "application/json"} | given, body=sent)

        old, ahead = str(int(self.now()) - 301), str(int(self.now()) + 302)
        unlike = self.posted(json.loads(body) | {"account": {"id": ACCOUNT + 1}})
        return {
            "no signature": with_(None),
            "no timestamp": with_(right, None),
            "an empty signature": with_(""),
            "another bot's secret": with_(self.sign(at, body, "another")),
            "another body": with_(right, sent=body.replace(b"hello", b"hallo")),
            "another timestamp": with_(right, str(int(at) - 1)),
            "upper-case digits": with_(right.upper()),
            "no prefix": with_(right.removeprefix("sha256=")),
            "a signature cut short": with_(right[:-1]),
            "a signature of the body alone": with_(
                "sha256=" + hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
            ),
            "a stale one": with_(self.sign(old, body), old),
            "one of the future": with_(self.sign(ahead, body), ahead),
            "a timestamp with a point": with_(self.sign(f"{at}.0", body), f"{at}.0"),
            "a timestamp of words": with_(self.sign("now", body), "now"),
            "a timestamp of other digits": with_(right, "１７００００００００"),
            "a body that is no text": with_(right, sent=b"\xff\xfe"),
            "a token in the path, where none is set": with_(None, path=f"{PATH}/{self.path_token}"),
            "another account": unlike,
        }

    # Its API

    async def _messages(self, request: web.Request) -> web.Response:
        fault = self.failed()
        if (answer := await self._faulty(request, fault)) is not None:
            return answer
        body = await request.json()
        problem = self._problem(request, body)
        if problem is not None:
            return problem
        self._show(self.conversations[int(request.match_info["conversation"])], body)
        return await hang_up(request) if fault is Fault.LOST_ANSWER else web.json_response({"id": 1})

    async def _toggle_status(self, request: web.Request) -> web.Response:
        fault = self.failed()
        if (answer := await self._faulty(request, fault)) is not None:
            return answer
        problem = self._stranger(request)
        if problem is not None:
            return problem
        wanted = (await request.json()).get("status")
        if wanted not in STATUSES:
            return self._refuse(f"status {wanted}", 422)
        self._becomes(self.conversations[int(request.match_info["conversation"])], wanted)
        return await hang_up(request) if fault is Fault.LOST_ANSWER else web.json_response({"payload": {}})

    async def _faulty(self, request: web.Request, fault: Fault | None) -> web.Response | None:
        if fault is Fault.TOO_MANY or not self._has_room():
            return web.Response(status=429, text="Retry later\n")
        if fault is Fault.SERVER_ERROR:
            return web.Response(status=500, text="<html>oops</html>", content_type="text/html")
        return await hang_up(request) if fault is Fault.HANG_UP else None

    def _has_room(self) -> bool:
        now = self.now()
        while self._asked and self._asked[0] <= now - A_MINUTE:
            self._asked.popleft()
        self._asked.append(now)
        return not self.paced or len(self._asked) <= LIMIT

    def _stranger(self, request: web.Request) -> web.Response | None:
        if request.headers.get("api_access_token") != self.token:
            return self._refuse("Invalid Access Token", 401)
        if request.match_info["account"] != str(ACCOUNT):
            return self._refuse("Account is suspended or not this bot's", 401)
        if int(request.match_info["conversation"]) not in self.conversations:
            return self._refuse("Resource could not be found", 404)
        return None

    def _problem(self, request: web.Request, body: dict[str, Any]) -> web.Response | None:
        if (stranger := self._stranger(request)) is not None:
            return stranger
        if body.get("message_type") != "outgoing":
            return self._refuse("Incoming messages are only allowed in Api inboxes", 500)
        why = invalid(body)
        return None if why is None else self._refuse(why, 422)

    def _refuse(self, why: str, status: int) -> web.Response:
        self.refused.append(why)
        return web.json_response({"error": why}, status=status)

    def _show(self, conversation: Conversation, body: dict[str, Any]) -> None:
        if body.get("private"):
            conversation.notes.append(body["content"])
        else:
            self.sent.append(Sent(user=conversation.user, text=body["content"], raw=body))

    def _becomes(self, conversation: Conversation, status: str) -> None:
        conversation.status = status
        conversation.updated_at = max(self.now(), conversation.updated_at + 0.001)
        conversation.statuses.append(status)

    def _status_event(self, conversation: Conversation, status: str, event: str) -> Request:
        self._becomes(conversation, status)
        return self.posted(self._data(conversation) | {"event": event})

    def _data(self, conversation: Conversation) -> dict[str, Any]:
        agent = {"id": 1, "name": conversation.assignee, "type": "user"} if conversation.assignee else None
        when = {"updated_at": conversation.updated_at or self.now()} if self.says_when else {}
        return {
            "additional_attributes": {},
            "can_reply": True,
            "channel": "Channel::WebWidget",
            "id": conversation.id,
            "inbox_id": INBOX,
            "messages": [{"id": 1, "account_id": ACCOUNT, "content": "…", "message_type": 0}],
            "meta": {"sender": {"id": conversation.id, "name": conversation.user}, "assignee": agent},
            "status": conversation.status,
            "snoozed_until": None,
            "unread_count": 1,
            "timestamp": int(self.now()),
            **when,
        }
