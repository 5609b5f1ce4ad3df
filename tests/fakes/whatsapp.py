"""A fake of WhatsApp's Cloud API: it brings messages as Meta documents them, and holds the bot to the API's limits.

Sources: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web
from fakes.meta import SECRET, TOKEN, VERIFY, VERSION, MetaVendor, fail, graph_error
from fakes.vendor import Fault, Request, Sent

NUMBERS = ("106540352242922", "106540352242933")
ACCOUNT = "102290129340398"
DISPLAY_NUMBER = "15550783881"
TEMPLATE = ("reopen", "en")  # approved, without a variable
TEMPLATE_WITH_TEXT = ("answer", "en")  # approved, with one
PAIR_GAP_S, PAIR_BURST = 6.0, 45
MEDIA = {"image", "video", "audio", "document", "sticker"}
_LINK = re.compile(r"https?://[^\s/]+")


class FakeWhatsApp(MetaVendor):
    """Two numbers of one business.

    Attributes:
        hides_numbers: Whether customers have usernames and keep their phone numbers to themselves.
    """

    channel = "whatsapp"
    hides_numbers = False

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        super().__init__(now)
        self._due_at: dict[str, float] = {}

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post(f"/{VERSION}/{{number}}/messages", self._take)
        return app

    def credentials(self) -> dict[str, Any]:
        return {"verify": VERIFY, "secret": SECRET, "access_token": TOKEN, "api_url": self.api_url}

    def user_id(self, user: str) -> str:
        """Meta's id of a customer for this business."""
        return f"US.{self.id_of(user)}"

    def conversation_of(self, user: str) -> str:
        return f"whatsapp:{NUMBERS[0]}:{self.user_id(user)}"

    def message(self, *, user: str, text: str, id: str) -> Request:  # noqa: A002
        return self.signed(self.update(self.item(user, id, type="text", text={"body": text})))

    def button(self, *, user: str, payload: str, id: str) -> Request:  # noqa: A002
        chosen = {"type": "button_reply", "button_reply": {"id": payload, "title": "Pressed"}}
        return self.signed(self.update(self.item(user, id, type="interactive", interactive=chosen)))

    def item(self, user: str, id: str, **content: Any) -> dict[str, Any]:  # noqa: A002
        """A message as it stands in a batch."""
        self.opened(user)
        number = {} if self.hides_numbers else {"from": self.id_of(user)}
        item = {**number, "from_user_id": self.user_id(user), "id": f"wamid.{id}", "timestamp": str(int(self.now()))}
        return {**item, **content}

    def update(
        self, *items: Mapping[str, Any], number: str = NUMBERS[0], statuses: Sequence[Mapping[str, Any]] = ()
    ) -> dict[str, Any]:
        """A whole notification."""
        value: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": DISPLAY_NUMBER, "phone_number_id": number},
        }
        value["contacts"] = [self._contact(one) for one in (*items, *statuses)]
        value |= {"messages": list(items)} if items else {}
        value |= {"statuses": list(statuses)} if statuses else {}
        changes = [{"field": "messages", "value": value}]
        return {"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT, "changes": changes}]}

    def status(self, user: str, status: str, *, key: str, code: int | None = None) -> dict[str, Any]:
        """News of something that was sent, as it stands in a batch."""
        error = {"code": code, "title": "Failed", "message": "Failed", "error_data": {"details": "It did not arrive."}}
        return {
            "id": "wamid.sent1",
            "status": status,
            "timestamp": str(int(self.now())),
            "recipient_id": self.id_of(user),
            "recipient_user_id": self.user_id(user),
            "biz_opaque_callback_data": key,
            **({} if code is None else {"errors": [error]}),
        }

    def _contact(self, item: Mapping[str, Any]) -> dict[str, Any]:
        number, user_id = item.get("from", item.get("recipient_id")), item.get("from_user_id")
        known = {} if number is None else {"wa_id": number}
        return {"profile": {"name": "Ann"}, **known, "user_id": user_id or item.get("recipient_user_id")}

    async def _take(self, request: web.Request) -> web.Response:
        number = request.match_info["number"]
        if not self.authorised(request):
            return self.refuse(401, 190, "Invalid OAuth access token.")
        if number not in NUMBERS:
            return self.refuse(400, 100, "Unsupported post request.", error_subcode=33)
        fault = self.failed()
        if fault is not None and fault is not Fault.LOST_ANSWER:
            return await fail(request, fault, graph_error(429, 130429, "Rate limit hit"))
        answer = self._taken(number, await request.json())
        return answer if fault is None else await fail(request, fault, answer)

    def _taken(self, number: str, body: Mapping[str, Any]) -> web.Response:
        to = body.get("to") or str(body.get("recipient", "")).removeprefix("US.")
        user = self.user_of(to)
        if user is None or (wrong := problem(body)) is not None:
            return self.refuse(400, 131009, f"Parameter value is not valid: {wrong if user else 'to'}")
        if refusal := self._not_now(body, number, user):
            return refusal
        self.sent.append(Sent(user=user, text=shown(body), raw=body))
        contacts = [{"input": to, "wa_id": to}]
        messages = [{"id": f"wamid.sent{len(self.sent)}"}]
        return web.json_response({"messaging_product": "whatsapp", "contacts": contacts, "messages": messages})

    def _not_now(self, body: Mapping[str, Any], number: str, user: str) -> web.Response | None:
        """The refusal of what would be right at another time, or in another form."""
        if body["type"] == "template":
            if (why := template_problem(body["template"])) is not None:
                return self.refuse(*why)
        elif not self.is_open(user):
            return self.refuse(400, 131047, "Re-engagement message")
        if self.paced and not self._has_room(f"{number} {user}"):
            return self.refuse(400, 131056, "(Business Account, Consumer Account) pair rate limit hit")
        return None

    def _has_room(self, pair: str) -> bool:
        """A message each six seconds on the whole, and up to 45 ahead of their time."""
        due = max(self._due_at.get(pair, 0.0), self.now())
        if due - self.now() > (PAIR_BURST - 1) * PAIR_GAP_S:
            return False
        self._due_at[pair] = due + PAIR_GAP_S
        return True


def problem(body: Mapping[str, Any]) -> str | None:
    """What of the documented form a message breaks."""
    kind, content = body.get("type"), body.get(str(body.get("type")))
    if body.get("messaging_product") != "whatsapp" or body.get("recipient_type", "individual") != "individual":
        return "messaging_product or recipient_type"
    if not isinstance(content, dict) or len(body.get("biz_opaque_callback_data", "")) > 512:
        return "type or biz_opaque_callback_data"
    if kind == "text":
        return None if _is_text(content.get("body"), 4_096) else "text.body"
    if kind == "interactive":
        return _interactive_problem(content)
    if kind in MEDIA and not _LINK.match(content.get("link", "")):
        return f"{kind}.link"
    return None if kind in MEDIA | {"template", "location", "contacts"} else "type"


def template_problem(template: Mapping[str, Any]) -> tuple[int, int, str] | None:
    named = (template.get("name"), template.get("language", {}).get("code"))
    if named not in (TEMPLATE, TEMPLATE_WITH_TEXT):
        return 404, 132001, "Template name does not exist in the translation"
    texts = [one["text"] for part in template.get("components", ()) for one in part["parameters"]]
    if len(texts) != (named == TEMPLATE_WITH_TEXT):
        return 400, 132000, "Number of parameters does not match"
    if any(re.search(r"[\n\t]| {5}", text) for text in texts):
        return 400, 132012, "Parameter format does not match"
    return (400, 132005, "Translated text too long") if any(len(text) > 1_024 for text in texts) else None


def shown(body: Mapping[str, Any]) -> str:
    """What the customer reads."""
    match body:
        case {"type": "text", "text": {"body": text}}:
            return str(text)
        case {"type": "interactive", "interactive": {"body": {"text": text}}}:
            return str(text)
        case {"type": "template", "template": {"name": name}}:
            return f"[{name}]"
        case {"type": kind}:
            return str(body[kind].get("link", ""))
    return ""


def _interactive_problem(content: Mapping[str, Any]) -> str | None:
    text, action = content.get("body", {}).get("text"), content.get("action", {})
    if content.get("type") == "button":
        replies = [one["reply"] for one in action.get("buttons", ()) if one.get("type") == "reply"]
        fits = 1 <= len(replies) <= 3 and _are_choices(replies, 20, 256)
        return None if fits and _is_text(text, 1_024) else "interactive.button"
    if content.get("type") == "list":
        rows = [row for section in action.get("sections", ()) for row in section.get("rows", ())]
        fits = 1 <= len(rows) <= 10 and _are_choices(rows, 24, 200) and _is_text(action.get("button"), 20)
        return None if fits and _is_text(text, 4_096) else "interactive.list"
    if content.get("type") == "cta_url":
        parameters = action.get("parameters", {}) if action.get("name") == "cta_url" else {}
        opens = _is_text(parameters.get("display_text"), 20) and _LINK.match(parameters.get("url", ""))
        return None if opens and _is_text(text, 1_024) else "interactive.cta_url"
    return "interactive.type"


def _are_choices(choices: list[dict[str, Any]], title_chars: int, id_chars: int) -> bool:
    titles, ids = [one.get("title") for one in choices], [one.get("id") for one in choices]
    is_each_once = len(set(titles)) == len(titles) and len(set(ids)) == len(ids)
    return (
        is_each_once and all(_is_text(one, title_chars) for one in titles) and all(_is_id(one, id_chars) for one in ids)
    )


def _is_id(value: Any, most: int) -> bool:
    return _is_text(value, most) and value == value.strip()


def _is_text(value: Any, most: int) -> bool:
    """Whether it is a text with something in it; characters are counted as UTF-16 does, which is the strictest."""
    return isinstance(value, str) and bool(value.strip()) and len(value.encode("utf-16-le")) // 2 <= most
