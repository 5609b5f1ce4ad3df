"""A fake of Messenger: it brings events as Meta documents them, and holds the bot to the limits of the Send API.

Sources: https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events
https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages
"""

import hmac
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from aiohttp import web
from fakes.meta import SECRET, TOKEN, VERIFY, VERSION, MetaVendor, fail, graph_error
from fakes.vendor import Fault, Request, Sent

PAGE = "1234567890"
PROOF = hmac.new(SECRET.encode(), TOKEN.encode(), sha256).hexdigest()
FILES = {"image", "audio", "video", "file"}
SENDER_ACTIONS = {"typing_on", "typing_off", "mark_seen"}
_LINK = re.compile(r"https?://[^\s/]+")


class FakeMessenger(MetaVendor):
    """One page.

    Attributes:
        kind: What its notifications are about.
        account: The page's id.
        blocked: Customers that want to hear nothing.
        typing: Customers who have seen the typing sign, in order.
    """

    channel = "facebook"
    kind = "page"
    account = PAGE
    max_text = 2_000

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.blocked: set[str] = set()
        self.typing: list[str] = []

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post(f"/{VERSION}/me/messages", self._take)
        return app

    def credentials(self) -> dict[str, Any]:
        return {"verify": VERIFY, "secret": SECRET, "page-access-token": TOKEN, "api_url": self.api_url}

    def conversation_of(self, user: str) -> str:
        return f"{self.channel}:{self.account}:{self.id_of(user)}"

    def message(self, *, user: str, text: str, id: str) -> Request:  # noqa: A002
        return self.signed(self.update(self.event(user, message={"mid": f"m_{id}", "text": text})))

    def button(self, *, user: str, payload: str, id: str) -> Request:  # noqa: A002
        pressed = {"mid": f"m_{id}", "title": "Pressed", "payload": payload}
        return self.signed(self.update(self.event(user, postback=pressed)))

    def event(self, user: str, **content: Any) -> dict[str, Any]:
        """An event as it stands in a batch."""
        self.opened(user)
        sender, recipient = {"id": self.id_of(user)}, {"id": self.account}
        return {"sender": sender, "recipient": recipient, "timestamp": int(self.now() * 1_000), **content}

    def update(self, *events: Mapping[str, Any], under: str = "messaging") -> dict[str, Any]:
        """A whole notification."""
        return {"object": self.kind, "entry": [{"id": self.account, "time": 1, under: list(events)}]}

    def proves(self, request: web.Request) -> bool:
        return request.query.get("appsecret_proof") == PROOF

    async def _take(self, request: web.Request) -> web.Response:
        if not self.authorised(request):
            return self.refuse(401, 190, "Invalid OAuth access token.")
        if not self.proves(request):
            return self.refuse(400, 100, "API calls from the server require an appsecret_proof argument")
        body = await request.json()
        user = self.user_of(str(body.get("recipient", {}).get("id")))
        if "sender_action" in body:
            return self._acted(user, body)
        fault = self.failed()
        if fault is not None and fault is not Fault.LOST_ANSWER:
            busy = graph_error(400, 613, "Calls to this API have exceeded the rate limit.")
            return await fail(request, fault, busy)
        answer = self._taken(user, body)
        return answer if fault is None else await fail(request, fault, answer)

    def _acted(self, user: str | None, body: Mapping[str, Any]) -> web.Response:
        if user is None or body["sender_action"] not in SENDER_ACTIONS or "message" in body:
            return self.refuse(400, 100, "Cannot send both message and state at the same time.")
        self.typing.append(user)
        return web.json_response({"recipient_id": body["recipient"]["id"]})

    def _taken(self, user: str | None, body: Mapping[str, Any]) -> web.Response:
        if user is None:
            return self.refuse(400, 100, "No matching user found", error_subcode=2018001)
        if user in self.blocked:
            return self.refuse(400, 551, "This person isn't available right now.", error_subcode=1545041)
        if body.get("messaging_type") != "RESPONSE":
            return self.refuse(400, 100, "messaging_type")
        if (wrong := self.problem(body.get("message"))) is not None:
            return self.refuse(400, 100, f"Param message: {wrong}")
        if not self.is_open(user):
            return self.refuse(403, 10, "This message is sent outside of allowed window.", error_subcode=2018278)
        self.sent.append(Sent(user=user, text=shown(body["message"]), raw=body["message"]))
        return web.json_response({"recipient_id": body["recipient"]["id"], "message_id": f"m_{len(self.sent)}"})

    def problem(self, message: Any) -> str | None:
        """What of the documented form a message breaks."""
        if not isinstance(message, dict) or set(message) - {"text", "attachment", "quick_replies", "metadata"}:
            return "its fields"
        if ("text" in message) == ("attachment" in message):
            return "text or attachment, one of them"
        if "text" in message and not self.is_text(message["text"]):
            return "text"
        if "attachment" in message and not _is_attachment(message["attachment"]):
            return "attachment"
        replies = message.get("quick_replies")
        return None if replies is None or _are_replies(replies) else "quick_replies"

    def is_text(self, text: Any) -> bool:
        return _is_text(text, self.max_text)


def shown(message: Mapping[str, Any]) -> str:
    """What the customer reads."""
    match message:
        case {"text": text}:
            return str(text)
        case {"attachment": {"payload": {"template_type": "button", "text": text}}}:
            return str(text)
        case {"attachment": {"payload": {"elements": [{"title": title}, *_]}}}:
            return str(title)
        case {"attachment": {"payload": {"url": url}}}:
            return str(url)
    return ""


def _is_attachment(attachment: Mapping[str, Any]) -> bool:
    payload = attachment.get("payload", {})
    if attachment.get("type") in FILES:
        return bool(_LINK.match(payload.get("url", "")))
    match payload:
        case {"template_type": "button", "text": text, "buttons": buttons}:
            return _is_text(text, 640) and _are_buttons(buttons)
        case {"template_type": "generic", "elements": elements}:
            return 1 <= len(elements) <= 10 and all(map(_is_element, elements))
    return False


def _is_element(element: Mapping[str, Any]) -> bool:
    texts = [element.get("title"), *([element["subtitle"]] if "subtitle" in element else [])]
    has_more = bool(set(element) - {"title"})
    fits = all(_is_text(text, 80) for text in texts) and _LINK.match(element.get("image_url", "https://a"))
    action = element.get("default_action", {"type": "web_url", "url": "https://a"})
    opens = action.get("type") == "web_url" and "title" not in action and _LINK.match(action["url"])
    return bool(has_more and fits and opens) and ("buttons" not in element or _are_buttons(element["buttons"]))


def _are_buttons(buttons: list[Mapping[str, Any]]) -> bool:
    return 1 <= len(buttons) <= 3 and all(map(_is_button, buttons))


def _is_button(button: Mapping[str, Any]) -> bool:
    match button:
        case {"type": "postback", "title": title, "payload": payload}:
            return _is_text(title, 20) and _is_text(payload, 1_000)
        case {"type": "web_url", "title": title, "url": url}:
            return _is_text(title, 20) and bool(_LINK.match(url))
    return False


def _are_replies(replies: list[Mapping[str, Any]]) -> bool:
    return 1 <= len(replies) <= 13 and all(
        one.get("content_type") == "text" and _is_text(one.get("title"), 20) and _is_text(one.get("payload"), 1_000)
        for one in replies
    )


def _is_text(value: Any, most: int) -> bool:
    """Whether it is a text with something in it; characters are counted as UTF-16 does, which is the strictest."""
    return isinstance(value, str) and bool(value.strip()) and len(value.encode("utf-16-le")) // 2 <= most
