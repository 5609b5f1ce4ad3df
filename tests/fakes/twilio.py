"""A fake of Twilio: it signs what it brings as Twilio's own library does, and creates messages by the REST API's rules.

Source: https://www.twilio.com/docs/messaging/guides/webhook-request, https://www.twilio.com/docs/api/errors
"""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode

from aiohttp import web
from fakes.vendor import Fault, Request, Sent, Vendor, hang_up
from multidict import CIMultiDict
from twilio.request_validator import RequestValidator

ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN = "a-secret-of-the-account-at-twilio"  # noqa: S105
NUMBER = "+15005550006"
PATH = "/webhooks/twilio/webhook"
URL = f"https://bot.example{PATH}"
SIGNATURE = "X-Twilio-Signature"
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
MAX_BODY = 1_600


def digits(name: str) -> str:
    """A number of a telephone that stands for `name`."""
    return "+1415" + str(int.from_bytes(sha256(name.encode()).digest()[:4]) % 10**7).zfill(7)


def message_sid(name: str) -> str:
    return "SM" + sha256(name.encode()).hexdigest()[:32]


class FakeTwilio(Vendor):
    """Twilio with one account.

    Attributes:
        number: The account's number.
        unsubscribed: Customers who have written STOP.
        silent: Customers whose window at WhatsApp has passed.
    """

    channel = "twilio"
    accept_limit_s = 15.0

    def __init__(self) -> None:
        super().__init__()
        self.number = NUMBER
        self.unsubscribed: set[str] = set()
        self.silent: set[str] = set()
        self._users: dict[str, str] = {}

    def credentials(self) -> dict[str, Any]:
        return {
            "account_sid": ACCOUNT,
            "auth_token": TOKEN,
            "twilio_number": self.number,
            "webhook_url": URL,
            "api_url": self.url,
        }

    # What it brings

    def customer(self, user: str) -> str:
        """A customer's address, of the same kind as the account's number."""
        kind = "whatsapp:" if self.number.startswith("whatsapp:") else ""
        self._users[kind + digits(user)] = user
        return kind + digits(user)

    def conversation_of(self, user: str) -> str:
        return f"twilio:{self.customer(user)}"

    def form(self, *, user: str, text: str, id: str, **more: str) -> dict[str, str]:  # noqa: A002
        """What Twilio posts of a message."""
        return {
            "ToCountry": "US",
            "ToState": "",
            "SmsMessageSid": message_sid(id),
            "NumMedia": "0",
            "SmsSid": message_sid(id),
            "SmsStatus": "received",
            "Body": text,
            "To": self.number,
            "NumSegments": "1",
            "MessageSid": message_sid(id),
            "AccountSid": ACCOUNT,
            "From": self.customer(user),
            "ApiVersion": "2010-04-01",
        } | more

    def message(self, *, user: str, text: str, id: str) -> Request:  # noqa: A002
        return self.posted(self.form(user=user, text=text, id=id))

    def posted(self, form: Mapping[str, str], *, url: str = URL, token: str = TOKEN, **headers: str) -> Request:
        """A signed request."""
        signed = {SIGNATURE: RequestValidator(token).compute_signature(url, dict(form))}
        return Request(path=PATH, headers={**FORM, **signed, **headers}, body=urlencode(form).encode())

    def report(self, sent: Sent, status: str, code: str = "") -> Request:
        """What Twilio posts of what became of a message."""
        fields = dict(sent.raw)
        form = {
            "SmsSid": message_sid("out"),
            "SmsStatus": status,
            "MessageStatus": status,
            "To": fields["To"],
            "MessageSid": message_sid("out"),
            "AccountSid": ACCOUNT,
            "From": fields["From"],
            "ApiVersion": "2010-04-01",
        } | ({"ErrorCode": code} if code else {})
        url = fields["StatusCallback"]
        posted = self.posted(form, url=url)
        return Request(path=url.removeprefix("https://bot.example"), headers=posted.headers, body=posted.body)

    def bringing(self, body: bytes) -> Request:
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        signed = {SIGNATURE: RequestValidator(TOKEN).compute_signature(URL, form)}
        return Request(path=PATH, headers={**FORM, **signed}, body=body)

    def forgeries(self) -> dict[str, Request]:
        form = self.form(user="mallory", text="hello", id="forged")
        genuine = self.posted(form)
        right = genuine.headers[SIGNATURE]

        def with_signature(value: str) -> Request:
            return Request(path=PATH, headers={**FORM, SIGNATURE: value}, body=genuine.body)

        def with_form(**changed: str) -> Request:
            return Request(path=PATH, headers=genuine.headers, body=urlencode(form | changed).encode())

        hashed = RequestValidator(TOKEN).compute_signature(URL, form, "HMAC_SHA256")
        twice = CIMultiDict([*FORM.items(), (SIGNATURE, right), (SIGNATURE, right)])
        return {
            "no signature": Request(path=PATH, headers=FORM, body=genuine.body),
            "empty": with_signature(""),
            "cut off": with_signature(right[:-1]),
            "in small letters": with_signature(right.lower() if right.lower() != right else "x"),
            "with a scheme": with_signature(f"sha1={right}"),
            "not ASCII": with_signature("sígnature"),
            "another hash": with_signature(hashed),
            "two signatures": Request(path=PATH, headers=twice, body=genuine.body),
            "another secret": self.posted(form, token=TOKEN + "x"),
            "another address": self.posted(form, url="https://other.example" + PATH),
            "another scheme": self.posted(form, url=URL.replace("https", "http")),
            "an address that a proxy names": self.posted(
                form,
                url="https://evil.example" + PATH,
                **{"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Host": "evil.example"},
            ),
            "other words": with_form(Body="goodbye"),
            "another customer": with_form(From="+14155550000"),
            "one field more": with_form(Extra="1"),
            "another account": self.posted(form | {"AccountSid": "AC" + "f" * 32}),
            "JSON": Request(path=PATH, headers={**genuine.headers, "Content-Type": "application/x+json"}, body=b"{}"),
            "not UTF-8": Request(path=PATH, headers=genuine.headers, body=genuine.body + b"&a=%ff"),
        }

    # What it is told

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/2010-04-01/Accounts/{account}/Messages.json", self._create)
        return app

    async def _create(self, request: web.Request) -> web.StreamResponse:
        known = "Basic " + b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if request.headers.get("Authorization") != known or request.match_info["account"] != ACCOUNT:
            return failure(401, 20003, "Authenticate")
        form = await request.post()
        if broken := self._broken_rule(form):
            code, words = broken
            if code not in (21610, 63016):
                self.refused.append(words)
            return failure(400, code, words)
        return await self._taken(request, form)

    async def _taken(self, request: web.Request, form: Mapping[str, Any]) -> web.StreamResponse:
        fault = self.failed()
        if fault is Fault.TOO_MANY:
            return failure(429, 20429, "Too Many Requests")
        if fault is Fault.SERVER_ERROR:
            return failure(500, 20500, "An internal server error has occurred")
        if fault is not Fault.HANG_UP:
            shown = "\n".join(str(value) for name, value in form.items() if name in ("Body", "MediaUrl", "ContentSid"))
            self.sent.append(Sent(user=self._users[str(form["To"])], text=shown, raw=list(form.items())))
        if fault in (Fault.HANG_UP, Fault.LOST_ANSWER):
            return await hang_up(request)
        created = {"sid": message_sid(f"out-{len(self.sent)}"), "status": "queued", "error_code": None}
        return web.json_response({**created, "to": form["To"], "account_sid": ACCOUNT}, status=201)

    def _broken_rule(self, form: Mapping[str, Any]) -> tuple[int, str] | None:
        """What is wrong with a message: Twilio's code, and its words."""
        user = self._users.get(form.get("To", ""))
        body = form.get("Body", "")
        rules = {
            (21604, "A 'To' phone number is required."): "To" not in form,
            (21603, "A 'From' phone number is required."): "From" not in form and "MessagingServiceSid" not in form,
            (21606, "The 'From' phone number provided is not valid."): form.get("From", self.number) != self.number,
            (21211, "The 'To' number is not a valid phone number."): user is None,
            (21619, "A text message body or media urls must be specified."): not (
                body.strip() or "MediaUrl" in form or "ContentSid" in form
            ),
            (21617, "The concatenated message body exceeds the 1600 character limit"): len(body) > MAX_BODY,
            (21610, "Attempt to send to unsubscribed recipient"): user in self.unsubscribed,
            (63016, "Failed to send freeform message because you are outside the allowed window."): (
                user in self.silent and "ContentSid" not in form
            ),
        }
        return next((rule for rule, is_broken in rules.items() if is_broken), None)


def failure(status: int, code: int, message: str) -> web.Response:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return web.json_response({"code": code, "message": message, "more_info": more, "status": status}, status=status)
